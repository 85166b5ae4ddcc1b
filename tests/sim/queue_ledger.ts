/**
 * What clients know of numbered jobs, over all connections and all runs of a server, held against each
 * answer and each delivery as it comes.
 *
 * A job has one id for ever. Its first delivery may be lost on the way; each one that is seen after another
 * one must be marked, with a higher attempt. After its acknowledgement was acknowledged it must never come.
 */
import assert from "node:assert/strict";
import type { Delivery } from "./queue_frames.ts";

/** What became of a job, as far as is known. */
const Fate = {
  /** It is to be done. */
  OPEN: 0,
  /** It was acknowledged, and the answer to that never came. */
  UNKNOWN: 1,
  /** That it is done was answered. */
  DONE: 2,
} as const;

/** All jobs of one history. */
export class QueueLedger {
  /** How many jobs there are. */
  readonly jobs: number;
  /** How many of them were pushed at all, from the first on; producers count it up. */
  begun = 0;
  /** Deliveries that were seen, and those of them that were not the first of their job. */
  deliveries = 0;
  repeats = 0;
  /** Jobs whose push is acknowledged, and pushes that were answered as duplicates. */
  pushed = 0;
  duplicates = 0;
  /** Jobs that are known to be done, and jobs of which that is not known although they were acknowledged. */
  done = 0;
  unknown = 0;
  readonly #ids: Float64Array;
  readonly #attempts: Uint16Array;
  readonly #fates: Uint8Array;
  readonly #acknowledged: Uint8Array;

  constructor(jobs: number) {
    this.jobs = jobs;
    this.#ids = new Float64Array(jobs);
    this.#attempts = new Uint16Array(jobs);
    this.#fates = new Uint8Array(jobs);
    this.#acknowledged = new Uint8Array(jobs);
  }

  /** Jobs with which nothing is to be done any more, unless they come again. */
  get through(): number {
    return this.done + this.unknown;
  }

  /** Whether those are all. */
  get isThrough(): boolean {
    return this.pushed === this.jobs && this.through === this.jobs;
  }

  /** A push was acknowledged. */
  takePush(number: number, id: number, duplicate: boolean): void {
    assert.equal(this.#acknowledged[number], 0, `the push of ${number} was answered before`);
    this.#acknowledged[number] = 1;
    this.pushed++;
    if (duplicate) this.duplicates++;
    this.#takeId(number, id);
  }

  /** A delivery came. */
  takeDelivery({ number, id, attempt, redelivered }: Delivery): void {
    this.deliveries++;
    this.#takeId(number, id);
    const former = this.#attempts[number];
    if (this.#fates[number] === Fate.DONE) {
      assert.fail(`${number} came again as attempt ${attempt}, after it was done by ${former}`);
    }
    if (former > 0) {
      this.repeats++;
      if (!redelivered || attempt <= former) {
        assert.fail(`${number} came again, after ${former}, as ${attempt} with ${redelivered}`);
      }
    }
    // The attempts before the first that is seen were lost on the way; what came of them is marked. A lease
    // that never left the server is marked as well, but counts no attempt.
    if (attempt > 1 && !redelivered) {
      assert.fail(`${number} came as attempt ${attempt}, redelivered: ${redelivered}`);
    }
    this.#attempts[number] = attempt;
    if (this.#fates[number] === Fate.UNKNOWN) {
      this.#fates[number] = Fate.OPEN;
      this.unknown--;
    }
  }

  /** It was answered that a job is done. */
  takeDone(number: number): void {
    assert.equal(this.#fates[number], Fate.OPEN, `${number} was done once`);
    this.#fates[number] = Fate.DONE;
    this.done++;
  }

  /** The answer to the acknowledgement of this delivery will never come. */
  takeUnknown(number: number, attempt: number): void {
    if (this.#fates[number] !== Fate.OPEN || this.#attempts[number] !== attempt) return;
    this.#fates[number] = Fate.UNKNOWN;
    this.unknown++;
  }

  /** Each job has an id, and no two have the same. */
  checkIds(): void {
    const ids = this.#ids.slice().sort();
    assert(ids[0] > 0, "every job has an id");
    for (let index = 1; index < ids.length; index++) {
      if (ids[index] === ids[index - 1]) assert.fail(`two jobs have the id ${ids[index]}`);
    }
  }

  #takeId(number: number, id: number): void {
    const known = this.#ids[number];
    if (known === 0) this.#ids[number] = id;
    else if (known !== id) assert.fail(`${number} has the id ${known}, and came with ${id}`);
  }
}
