/**
 * Waits for the commit of what the server hands to the store for itself: nobody's connection is told of it.
 */
import type { ParleyError } from "../../base/errors.ts";

/** What the store's listener tells, as a Ticket that nobody published. */
interface OwnTicket {
  readonly session: null;
  committed(): void;
  failed(error: ParleyError): void;
}

/**
 * Has `handOver` hand something to the store with a ticket; resolves when it is committed, and rejects when it
 * failed or when `handOver` raises.
 */
export function committed(handOver: (ticket: OwnTicket) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    handOver({ session: null, committed: () => resolve(), failed: reject });
  });
}
