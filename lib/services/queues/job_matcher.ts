/**
 * Which jobs a filter means: by their ids, where they stand, what they hold and why they were given up.
 *
 * What the queue knows of a job decides first, so that bodies are read only where they matter.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { indexOfBytes } from "../../logic/find_bytes.ts";
import { DeathReason, JobSchema, JobState } from "../../gen/parley/v1/queue_pb.ts";

/** What a filter says. */
interface Wanted {
  /** Bytes that the body has somewhere; empty for any. */
  readonly text: Uint8Array;
  readonly state: JobState;
  /** Empty for all. */
  readonly ids: readonly number[];
  readonly upTo: number;
  readonly reason: DeathReason;
}

/** Says which jobs are meant. */
export class JobMatcher {
  readonly #wanted: Wanted;
  /** The ids that are meant, in order; null for all. */
  readonly #ids: readonly number[] | null;
  readonly #idSet: ReadonlySet<number> | null;

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
    const { ids } = wanted;
    this.#ids = ids.length === 0 ? null : ids.toSorted((one, other) => one - other);
    this.#idSet = this.#ids === null ? null : new Set(this.#ids);
  }

  /** Whether the body of a job decides. */
  get needsBody(): boolean {
    const { text, reason } = this.#wanted;
    return text.length > 0 || reason !== DeathReason.UNSPECIFIED;
  }

  /** Whether no job from `first` on is meant. */
  endsBefore(first: number): boolean {
    const last = this.#ids?.at(-1) ?? Infinity;
    return first > Math.min(last, this.#wanted.upTo);
  }

  /** Whether jobs from `first` to before `end` may be meant. */
  mayBeWithin(first: number, end: number): boolean {
    if (first > this.#wanted.upTo) return false;
    const ids = this.#ids;
    if (ids === null) return true;
    let low = 0;
    let high = ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ids[middle] < first) low = middle + 1;
      else high = middle;
    }
    return low < ids.length && ids[low] < end;
  }

  /** Whether what the queue knows of a job fits. */
  fitsStanding(id: number, state: JobState): boolean {
    const { state: wanted, upTo } = this.#wanted;
    return id <= upTo && (wanted === JobState.UNSPECIFIED || wanted === state) &&
      (this.#idSet === null || this.#idSet.has(id));
  }

  /** Whether the body of a job fits. */
  fitsBody(bytes: Uint8Array, start: number, end: number): boolean {
    const { text, reason } = this.#wanted;
    if (text.length > 0 && indexOfBytes(bytes.subarray(start, end), text) < 0) return false;
    if (reason === DeathReason.UNSPECIFIED) return true;
    return fromBinary(JobSchema, bytes.subarray(start, end)).death?.reason === reason;
  }
}
