/**
 * Sums up what was pushed: how many jobs, which numbers they got, and how safe they are.
 *
 * Numbers are told only while all jobs went into one queue: each queue counts for itself.
 */
import { printable } from "../../base/printable.ts";
import { AckLevel } from "../../client/mod.ts";
import { countOf } from "../terminal/summary.ts";

/** What the server said of a push. */
interface PushAnswer {
  readonly id: bigint;
  readonly level: AckLevel;
  readonly duplicate: boolean;
}

const LEVELS: Readonly<Partial<Record<AckLevel, string>>> = {
  [AckLevel.ROUTED]: "in memory only",
  [AckLevel.FSYNCED]: "on disk",
  [AckLevel.REPLICATED]: "in the cluster",
};

/** The jobs of one run. */
export class PushSummary {
  #pushed = 0;
  #duplicates = 0;
  readonly #queues = new Set<string>();
  #first = 0n;
  #last = 0n;
  /** The least of all. */
  #level: AckLevel | null = null;

  /** Counts an acknowledged job. */
  add(queue: string, { id, level, duplicate }: PushAnswer): void {
    if (duplicate) this.#duplicates++;
    else this.#pushed++;
    this.#queues.add(queue);
    if (this.#first === 0n || id < this.#first) this.#first = id;
    if (id > this.#last) this.#last = id;
    if (this.#level === null || level < this.#level) this.#level = level;
  }

  /** For people, with its line feed. */
  text(): string {
    const [queue] = this.#queues;
    if (queue === undefined) return "pushed 0 jobs\n";
    const ids = this.#first === this.#last ? `${this.#first}` : `${this.#first} to ${this.#last}`;
    const isOne = this.#queues.size === 1;
    if (this.#pushed === 0 && this.#duplicates === 1) {
      return `not pushed again: ${printable(queue)} has this job as ${ids}\n`;
    }
    const place = isOne ? `${printable(queue)} as ${ids}` : countOf(this.#queues.size, "queue");
    const level = LEVELS[this.#level!];
    const again = this.#duplicates === 0
      ? ""
      : `, ${countOf(this.#duplicates, "duplicate")} not pushed again`;
    const what = countOf(this.#pushed, "job");
    return `pushed ${what} into ${place}${level === undefined ? "" : `, ${level}`}${again}\n`;
  }

  /** For an object of JSON. */
  json() {
    const isOne = this.#queues.size === 1;
    return {
      pushed: this.#pushed,
      duplicates: this.#duplicates,
      ...(isOne
        ? {
          queue: [...this.#queues][0],
          first_id: Number(this.#first),
          last_id: Number(this.#last),
        }
        : { queues: this.#queues.size }),
      level: this.#level === null ? null : AckLevel[this.#level],
    };
  }
}
