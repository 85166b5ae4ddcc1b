/**
 * The stored states of the jobs of a chunk, beside their bodies: 32 bytes a job, in the order of ids.
 *
 * | bytes | what |
 * |---|---|
 * | 0 | 0 ready, 1 leased, 2 delayed, 3 gone, 4 rejected |
 * | 1 | the priority; 128 more when it may have been delivered |
 * | 2, 3 | how often it was delivered |
 * | 4 to 7 | its bytes |
 * | 8 to 15 | delayed: until when, as a double in milliseconds since 1970 |
 * | 16 to 23 | the number that stands for its key, as a double; 0 when it has none |
 * | 24 to 27 | delayed: for how long, in whole seconds |
 * | 28, 29 | delayed: the milliseconds of that beyond the seconds |
 *
 * Numbers are little-endian. A clock that was set back between two starts makes no job wait longer than it was
 * told to.
 */
import type { DurableState } from "../../logic/queues/work_queue.ts";

const RECORD_BYTES = 32;
const REDELIVERED = 0x80;
const MAX_SECONDS = 0xffffffff;

/** A job as it is stored. */
export interface KeptJob {
  state: DurableState;
  priority: number;
  redelivered: boolean;
  attempts: number;
  bytes: number;
  /** The rest of the delay, in milliseconds; 0 when the job is not delayed. */
  delayMs: number;
  key: number;
}

/** A job without options that was never delivered. */
export const PLAIN_JOB: KeptJob = Object.freeze({
  state: 0,
  priority: 0,
  redelivered: false,
  attempts: 0,
  bytes: 0,
  delayMs: 0,
  key: 0,
});

/** Writes the states of one chunk. */
export class StatesWriter {
  #bytes = new Uint8Array(RECORD_BYTES * 16);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** The states that were written; good until the next `begin`. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  begin(): void {
    this.#length = 0;
  }

  add(job: KeptJob, wallMs: number): void {
    const at = this.#length;
    this.#length += RECORD_BYTES;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#bytes.length);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    const view = this.#view;
    const { delayMs } = job;
    view.setUint8(at, job.state);
    view.setUint8(at + 1, job.priority | (job.redelivered ? REDELIVERED : 0));
    view.setUint16(at + 2, Math.min(job.attempts, 0xffff), true);
    view.setUint32(at + 4, job.bytes, true);
    view.setFloat64(at + 8, delayMs > 0 ? wallMs + delayMs : 0, true);
    view.setFloat64(at + 16, job.key, true);
    const wholeMs = Math.ceil(delayMs);
    view.setUint32(at + 24, Math.min(Math.floor(wholeMs / 1000), MAX_SECONDS), true);
    view.setUint32(at + 28, wholeMs % 1000, true);
  }
}

/** The number of jobs that `states` has. */
export function jobsIn(states: Uint8Array): number {
  return states.length / RECORD_BYTES;
}

/** Reads the state of the job at `index` into `job`. */
export function readState(states: Uint8Array, index: number, wallMs: number, job: KeptJob): void {
  const view = new DataView(states.buffer, states.byteOffset + index * RECORD_BYTES, RECORD_BYTES);
  job.state = view.getUint8(0) as DurableState;
  const flags = view.getUint8(1);
  job.priority = flags & ~REDELIVERED;
  job.redelivered = (flags & REDELIVERED) !== 0;
  job.attempts = view.getUint16(2, true);
  job.bytes = view.getUint32(4, true);
  const remaining = view.getFloat64(8, true) - wallMs;
  const mostMs = 1000 * view.getUint32(24, true) + view.getUint16(28, true);
  job.delayMs = Math.max(0, Math.min(remaining, mostMs));
  job.key = view.getFloat64(16, true);
}
