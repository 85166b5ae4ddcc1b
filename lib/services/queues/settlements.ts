/**
 * Settlements that wait for the batch that their changes leave with, and what else is in that batch.
 */
import { guard } from "../../base/defects.ts";
import type { ParleyError } from "../../base/errors.ts";
import type { Queue } from "./queue.ts";

/** A settlement that waits for its batch. */
export interface Settlement {
  committed(): void;
  failed(error: ParleyError): void;
}

/** The queues and settlements of one batch that has left. */
export interface Sealed {
  readonly queues: readonly Queue[];
  readonly settlements: readonly Settlement[];
}

/** What a batch has when it has none of them. */
export const NOTHING_SEALED: Sealed = Object.freeze({ queues: [], settlements: [] });

/** Tells settlements that they are committed; a defect in one keeps no other from being told. */
export function tellAll(settlements: readonly Settlement[]): void {
  for (const settlement of settlements) {
    guard("tell that jobs are settled", () => settlement.committed());
  }
}
