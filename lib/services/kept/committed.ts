/**
 * Waits for the commit of what the server hands to the store for itself: nobody's connection is told of it.
 */
import type { Ticket } from "../connection/ticket.ts";

/**
 * Has `handOver` hand something to the store with a ticket; resolves when it is committed, and rejects when it
 * failed or when `handOver` raises.
 */
export function committed(handOver: (ticket: Ticket) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    handOver({ session: null, committed: () => resolve(), failed: reject });
  });
}
