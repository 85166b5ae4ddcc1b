/**
 * Settlements that wait for the batch that their changes leave with.
 */
import { guard } from "../../base/defects.ts";
import type { ParleyError } from "../../base/errors.ts";

/** A settlement that waits for its batch. */
export interface Settlement {
  committed(): void;
  failed(error: ParleyError): void;
}

/** Tells settlements that they are committed; a defect in one keeps no other from being told. */
export function tellAll(settlements: readonly Settlement[]): void {
  for (const settlement of settlements) {
    guard("tell that jobs are settled", () => settlement.committed());
  }
}
