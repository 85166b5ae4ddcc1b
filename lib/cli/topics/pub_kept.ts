/**
 * Sums up what was published on kept topics: how many events, and which numbers they got.
 *
 * Numbers are told only while all events went to one topic: each topic counts for itself.
 */
import type { PublishAck } from "../../client/mod.ts";
import { count, countOf } from "../terminal/summary.ts";

/** The events of one run that were kept. */
export class KeptSummary {
  #kept = 0;
  #duplicates = 0;
  #topic: string | null = null;
  #severalTopics = false;
  #first = 0n;
  #last = 0n;

  /** Counts an acknowledged event. */
  add(topic: string, { seq, duplicate }: PublishAck): void {
    if (seq === 0n) return;
    if (duplicate) this.#duplicates++;
    else this.#kept++;
    this.#topic ??= topic;
    if (topic !== this.#topic) this.#severalTopics = true;
    if (this.#first === 0n || seq < this.#first) this.#first = seq;
    if (seq > this.#last) this.#last = seq;
  }

  /** For people, to be put behind other words; empty when nothing was kept. */
  text(): string {
    if (this.#kept + this.#duplicates === 0) return "";
    const seqs = this.#first === this.#last ? `${this.#first}` : `${this.#first} to ${this.#last}`;
    const place = this.#severalTopics ? "" : ` as seq ${seqs}`;
    const again = this.#duplicates === 0
      ? ""
      : `, ${countOf(this.#duplicates, "duplicate")} not kept again`;
    return `, ${count(this.#kept)} kept${place}${again}`;
  }

  /** Members for an object of JSON; none when nothing was kept. */
  json() {
    if (this.#kept + this.#duplicates === 0) return {};
    return {
      kept: this.#kept,
      duplicates: this.#duplicates,
      ...(this.#severalTopics
        ? {}
        : { first_seq: Number(this.#first), last_seq: Number(this.#last) }),
    };
  }
}
