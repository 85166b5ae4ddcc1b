/**
 * The message_ids of one commit as bytes: the form in which the database holds them, and in which they are posted
 * at start.
 *
 * Each is: varint number of the topic, varint seq, varint length, the id's UTF-8.
 */
import { copyBytes } from "../../wire/frame_writer.ts";
import { putVarint, putVarint53 } from "../../wire/varint.ts";
import { decodeText } from "../../base/utf8_text.ts";
import type { OperationCursor } from "../store/operations.ts";

/** The most bytes in front of an id. */
const MAX_PREFIX_BYTES = 5 + 8 + 5;

/** Gathers the ids of a commit. */
export class IdsBuilder {
  #data = new Uint8Array(4096);
  #length = 0;

  get data(): Uint8Array {
    return this.#data.subarray(0, this.#length);
  }

  /** Adds the message_id of the event that `cursor` stands at. */
  add(cursor: OperationCursor): void {
    const { a: topic, b: idAt, c: idLength, number: seq } = cursor;
    const start = cursor.start + idAt;
    const needed = this.#length + MAX_PREFIX_BYTES + idLength;
    if (needed > this.#data.length) {
      const larger = new Uint8Array(2 * needed);
      larger.set(this.data);
      this.#data = larger;
    }
    let at = putVarint(this.#data, this.#length, topic);
    at = putVarint53(this.#data, at, seq);
    at = putVarint(this.#data, at, idLength);
    this.#length = copyBytes(this.#data, at, cursor.bytes, start, start + idLength);
  }

  clear(): void {
    this.#length = 0;
  }
}

/** An id of a commit. */
export interface KeptId {
  readonly topic: number;
  readonly seq: number;
  readonly messageId: string;
}

/** The ids in `data`, which was verified. */
export function* idsIn(data: Uint8Array): Generator<KeptId> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1;; scale *= 128) {
      const byte = data[at++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < data.length) {
    const topic = varint();
    const seq = varint();
    const length = varint();
    const messageId = decodeText(data.subarray(at, at + length));
    at += length;
    yield { topic, seq, messageId };
  }
}
