/**
 * The options of a pushed job: priority, key, and a time to wait for.
 *
 * Only jobs that have any options are read. One object is filled by all pushes, and holds the last job's.
 */
import { invalidArgument } from "../../base/errors.ts";
import { fnv1a, FNV1A_START } from "../../base/fnv1a.ts";
import { MAX_PRIORITY } from "../../logic/queues/work_queue.ts";
import { FieldCursor } from "../../wire/field_cursor.ts";
import { isUtf8 } from "../../wire/utf8.ts";

const PRIORITY_FIELD = 6;
const KEY_FIELD = 7;
const DELAY_FIELD = 8;
const RUN_AT_FIELD = 9;
/** The longest key, in bytes. */
export const MAX_JOB_KEY_BYTES = 256;
/** The longest delay of a job. */
export const MAX_JOB_DELAY_MS = 366 * 24 * 3600 * 1000;

/** The options of one job. */
export class JobOptions {
  priority = 0;
  /** A number that stands for the key; 0 when there is none. */
  key = 0;
  delayMs = 0;
  readonly #fields = new FieldCursor();

  clear(): void {
    this.priority = this.key = this.delayMs = 0;
  }

  /** Reads the options of the job from `start` to `end`. Raises INVALID_ARGUMENT. */
  read(bytes: Uint8Array, start: number, end: number, wallMs: number): void {
    this.clear();
    const fields = this.#fields;
    let runAtMs = 0;
    fields.open(bytes, start, end);
    while (fields.next()) {
      if (fields.field === PRIORITY_FIELD) this.priority = fields.uint53();
      else if (fields.field === DELAY_FIELD) this.delayMs = fields.uint53();
      else if (fields.field === RUN_AT_FIELD) runAtMs = fields.uint53() / 1000;
      else if (fields.field === KEY_FIELD) {
        fields.expect(2);
        this.key = keyOf(bytes, fields.start, fields.end);
      }
    }
    if (this.priority > MAX_PRIORITY) {
      throw invalidArgument(`cannot push with priority ${this.priority}`, {
        accepted: `0 to ${MAX_PRIORITY}`,
      });
    }
    if (runAtMs > 0) {
      if (this.delayMs > 0) {
        throw invalidArgument("cannot push with both delay_ms and run_at_unix_micros", {
          accepted: "one of the two",
        });
      }
      this.delayMs = Math.max(0, runAtMs - wallMs);
    }
    if (this.delayMs > MAX_JOB_DELAY_MS) {
      throw invalidArgument(`cannot push with a delay of ${Math.round(this.delayMs)} ms`, {
        accepted: `at most ${MAX_JOB_DELAY_MS} ms, 366 days`,
      });
    }
  }
}

/**
 * The number that stands for a key, the same on every machine: 52 bits of two FNV-1a hashes. Should two keys
 * ever share one, their jobs wait for each other as if they had one key.
 */
function keyOf(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return 0;
  if (end - start > MAX_JOB_KEY_BYTES) {
    throw invalidArgument(`cannot push with a key of ${end - start} bytes`, {
      accepted: `at most ${MAX_JOB_KEY_BYTES} bytes`,
    });
  }
  if (!isUtf8(bytes, start, end)) throw invalidArgument("cannot push with a key that is not UTF-8");
  let low = FNV1A_START;
  let high = 0x01000193;
  for (let at = start; at < end; at++) {
    low = fnv1a(low, bytes[at]);
    high = Math.imul(high ^ bytes[at], 0x85ebca6b);
    high ^= high >>> 13;
  }
  return (high >>> 6) * 2 ** 26 + (low >>> 6) + 1;
}
