/**
 * What a consumer holds: a list through the columns of the table, so that a job enters and leaves it at once.
 */
import type { Consumer } from "./consumer.ts";
import { type JobTable } from "./job_table.ts";
import { NONE } from "./slot_list.ts";

/** Puts a job among those that `consumer` holds. */
export function link<T>(table: JobTable<T>, slot: number, consumer: Consumer<T>): void {
  const { next, previous, consumers } = table;
  consumers.set(slot, consumer);
  next[slot] = consumer.first;
  previous[slot] = NONE;
  if (consumer.first !== NONE) previous[consumer.first] = slot;
  consumer.first = slot;
  consumer.inFlight++;
}

/** Takes it out again. */
export function unlink<T>(table: JobTable<T>, slot: number, consumer: Consumer<T>): void {
  const { next, previous } = table;
  if (previous[slot] === NONE) consumer.first = next[slot];
  else next[previous[slot]] = next[slot];
  if (next[slot] !== NONE) previous[next[slot]] = previous[slot];
  consumer.inFlight--;
}
