/**
 * The small records of a store: those that are committed, and the changes that were handed over.
 *
 * All of them are in memory, within the limits, so that a compare-and-set is decided at once and a batch
 * never fails because of one. Revisions count up over all records, so a key that is removed and made
 * again never has a revision twice.
 */
import { ErrorCode, invalidArgument, ParleyError } from "../../base/errors.ts";
import type { StoreLimits } from "../../base/store_limits.ts";
import type { StoreRecord, StoreRecordPage } from "../../ports/store.ts";

/** A change that is not committed; `value` is null for a removal. */
interface Change {
  readonly revision: number;
  readonly value: Uint8Array | null;
}

/** The state before a pending change, to take the change back with its group. */
export interface RecordUndo {
  readonly key: string;
  readonly former: Change | undefined;
  readonly revision: number;
  readonly bytes: number;
  readonly count: number;
}

const encoder = new TextEncoder();

/** The records of a store, and the changes that are not committed. */
export class RecordTable {
  readonly #limits: StoreLimits;
  readonly #committed = new Map<string, StoreRecord>();
  readonly #pending = new Map<string, Change>();
  #lastRevision: number;
  #committedRevision: number;
  #bytes = 0;
  #committedBytes = 0;
  #count = 0;
  #sorted: string[] | null = null;

  constructor(limits: StoreLimits, records: Iterable<StoreRecord>, lastRevision: number) {
    this.#limits = limits;
    this.#lastRevision = this.#committedRevision = lastRevision;
    for (const record of records) {
      this.#committed.set(record.key, record);
      this.#committedBytes += sizeOf(record.key, record.value);
    }
    this.#bytes = this.#committedBytes;
    this.#count = this.#committed.size;
  }

  get committed(): number {
    return this.#committed.size;
  }

  /** The revision of a record, with all changes that were handed over; 0 when there is no such record. */
  revision(key: string): number {
    const change = this.#pending.get(key);
    if (change !== undefined) return change.value === null ? 0 : change.revision;
    return this.#committed.get(key)?.revision ?? 0;
  }

  /** Checks and enters a change; gives its revision. A null `value` removes the record. Raises as the port says. */
  change(
    key: string,
    value: Uint8Array | null,
    expected: number,
    undo: RecordUndo[] | null,
  ): number {
    const present = this.revision(key);
    if (value !== null) this.#checkSizes(key, value, present);
    if (expected >= 0 && expected !== present) {
      throw new ParleyError(
        ErrorCode.FAILED_PRECONDITION,
        `cannot change record ${JSON.stringify(key)}: its revision is ${present}, not ${expected}`,
        { accepted: `revision ${present}` },
      );
    }
    if (value === null && present === 0) {
      const action = `cannot remove record ${JSON.stringify(key)}`;
      throw new ParleyError(ErrorCode.NOT_FOUND, `${action}: there is none`);
    }
    const revision = this.#lastRevision + 1;
    undo?.push({
      key,
      former: this.#pending.get(key),
      revision: this.#lastRevision,
      bytes: this.#bytes,
      count: this.#count,
    });
    this.#bytes += sizeOf(key, value) - this.#sizeNow(key);
    this.#count += (value === null ? 0 : 1) - (present === 0 ? 0 : 1);
    this.#lastRevision = revision;
    this.#pending.set(key, { revision, value });
    return revision;
  }

  /** Takes back the changes of a group, newest first. */
  undo(log: readonly RecordUndo[]): void {
    for (const { key, former, revision, bytes, count } of log.toReversed()) {
      if (former === undefined) this.#pending.delete(key);
      else this.#pending.set(key, former);
      this.#lastRevision = revision;
      this.#bytes = bytes;
      this.#count = count;
    }
  }

  /** Enters a committed change of `key`. */
  commit(key: string, value: Uint8Array | null, revision: number): void {
    const former = this.#committed.get(key);
    this.#committedBytes += sizeOf(key, value) - (former ? sizeOf(key, former.value) : 0);
    this.#committedRevision = revision;
    if ((former === undefined) !== (value === null)) this.#sorted = null;
    if (value === null) this.#committed.delete(key);
    else this.#committed.set(key, { key, value, revision });
    if (this.#pending.get(key)?.revision === revision) this.#pending.delete(key);
  }

  /** Forgets all changes that are not committed. */
  fallBack(): void {
    this.#pending.clear();
    this.#lastRevision = this.#committedRevision;
    this.#bytes = this.#committedBytes;
    this.#count = this.#committed.size;
  }

  /** The committed record, or null. */
  get(key: string): StoreRecord | null {
    return this.#committed.get(key) ?? null;
  }

  /** A page of the committed records. */
  list(prefix: string, after: string, maxRecords: number): StoreRecordPage {
    const keys = this.#sorted ??= [...this.#committed.keys()].sort(compareUtf8);
    let at = lowerBound(keys, compareUtf8(after, prefix) < 0 ? prefix : after);
    if (keys[at] === after && after !== "") at++;
    const records: StoreRecord[] = [];
    for (; at < keys.length && keys[at].startsWith(prefix); at++) {
      if (records.length === maxRecords) return { records, after: records.at(-1)?.key ?? after };
      records.push(this.#committed.get(keys[at])!);
    }
    return { records, after: null };
  }

  #sizeNow(key: string): number {
    const change = this.#pending.get(key);
    const value = change === undefined ? this.#committed.get(key)?.value ?? null : change.value;
    return sizeOf(key, value);
  }

  #checkSizes(key: string, value: Uint8Array, present: number): void {
    const { maxRecordKeyBytes, maxRecordValueBytes, maxRecords, maxRecordsBytes } = this.#limits;
    const keyBytes = encoder.encode(key).length;
    if (keyBytes === 0 || keyBytes > maxRecordKeyBytes) {
      throw invalidArgument(`cannot put a record with a key of ${keyBytes} bytes`, {
        accepted: `1 to ${maxRecordKeyBytes} bytes`,
      });
    }
    if (value.length > maxRecordValueBytes) {
      throw invalidArgument(`cannot put a record of ${value.length} bytes`, {
        accepted: `at most ${maxRecordValueBytes} bytes`,
      });
    }
    const bytes = this.#bytes + sizeOf(key, value) - this.#sizeNow(key);
    if ((present === 0 && this.#count >= maxRecords) || bytes > maxRecordsBytes) {
      throw new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `cannot put record ${JSON.stringify(key)}: there are ${this.#count} records`,
        {
          accepted: `at most ${maxRecords} records of ${maxRecordsBytes} bytes together`,
          limit: "records",
        },
      );
    }
  }
}

/** The bytes that a record counts for, with UTF-16 units for the bytes of its key; 0 when there is no value. */
function sizeOf(key: string, value: Uint8Array | null): number {
  return value === null ? 0 : key.length + value.length;
}

/** Compares two texts by their UTF-8 bytes: in UTF-16 only surrogates stand elsewhere in the order. */
export function compareUtf8(first: string, second: string): number {
  const length = Math.min(first.length, second.length);
  for (let at = 0; at < length; at++) {
    const [one, other] = [first.charCodeAt(at), second.charCodeAt(at)];
    if (one === other) continue;
    const [highOne, highOther] = [one >= 0xd800 && one < 0xe000, other >= 0xd800 && other < 0xe000];
    return highOne === highOther ? one - other : highOne ? 1 : -1;
  }
  return first.length - second.length;
}

/** The place of the first key that is `key` or comes behind it. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareUtf8(keys[middle], key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
