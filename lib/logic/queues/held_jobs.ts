/**
 * The jobs that each consumer holds: one list a consumer, linked through columns of the table, so that a job
 * enters and leaves its list in constant time.
 */
import type { Consumer } from "./consumer.ts";
import { type JobTable } from "./job_table.ts";
import { NONE } from "./slot_list.ts";

/** Enters a job among those that `consumer` holds. */
export function link<T>(table: JobTable<T>, slot: number, consumer: Consumer<T>): void {
  const { next, previous } = table.links;
  table.consumers.set(slot, consumer);
  next[slot] = consumer.first;
  previous[slot] = NONE;
  if (consumer.first !== NONE) previous[consumer.first] = slot;
  consumer.first = slot;
  consumer.inFlight++;
}

/** Takes a job out of those that `consumer` holds. */
export function unlink<T>(table: JobTable<T>, slot: number, consumer: Consumer<T>): void {
  const { next, previous } = table.links;
  if (previous[slot] === NONE) consumer.first = next[slot];
  else next[previous[slot]] = next[slot];
  if (next[slot] !== NONE) previous[next[slot]] = previous[slot];
  consumer.inFlight--;
}
