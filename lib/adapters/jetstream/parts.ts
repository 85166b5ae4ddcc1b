/**
 * Entries in parts: a message of NATS has a greatest size, and a batch of the store may be larger.
 *
 * The parts of an entry follow each other without a gap, since each expects the one before as the log's last. When an
 * entry was begun and not finished, because its writer is gone, the next entry begins with a part 0, and the
 * begun one is never read. Pure.
 */
import { assert } from "../../base/errors.ts";
import { joinBytes } from "../../base/join_bytes.ts";

/** The place of a part in its entry, as the text of a header: `2/5`. The whole entry in one part needs none. */
export function partText(index: number, count: number): string | null {
  return count === 1 ? null : `${index}/${count}`;
}

/** The number of parts of at most `partBytes` that an entry of `bytes` takes; an empty one takes one. */
export function partsOf(bytes: number, partBytes: number): number {
  return Math.max(1, Math.ceil(bytes / partBytes));
}

/** Joins parts to entries. */
export class PartJoiner {
  #parts: Uint8Array[] = [];
  #count = 0;

  /** Takes the next part of the log; gives the entry that it completes, else null. `text` is null for a whole entry. */
  take(text: string | null, bytes: Uint8Array): Uint8Array | null {
    const [index, count] = text === null ? [0, 1] : placeIn(text);
    if (index === 0) {
      this.#parts = [];
      this.#count = count;
    }
    // The end of an entry whose beginning nobody can read any more: it cannot come from a writer that was fenced.
    assert(index === this.#parts.length && count === this.#count, `part ${text} is the next one`);
    if (count === 1) return bytes;
    this.#parts.push(bytes);
    if (this.#parts.length < count) return null;
    const entry = joinBytes(this.#parts);
    this.#parts = [];
    this.#count = 0;
    return entry;
  }
}

function placeIn(text: string): [index: number, count: number] {
  const found = /^(\d{1,6})\/(\d{1,6})$/.exec(text);
  assert(found !== null, `${JSON.stringify(text)} is the place of a part`);
  const [index, count] = [Number(found[1]), Number(found[2])];
  assert(index < count, `part ${text} is one of its entry`);
  return [index, count];
}
