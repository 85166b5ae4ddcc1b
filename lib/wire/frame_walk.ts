/**
 * Walks over delimited frames that the server itself encoded: those that wait in an outbox.
 *
 * For the rare moments in which waiting events must be told apart: to drop the oldest, or to hand a
 * group's share on. Not for bytes of peers; what is malformed here is a defect.
 */
import { assert } from "../base/errors.ts";
import { decodeText } from "../base/utf8_text.ts";
import { EVENT_TAG } from "./fanout.ts";
import { FieldCursor } from "./field_cursor.ts";
import { varintSize } from "./varint.ts";

/** A place among frames. */
export class FrameWalk {
  /** The offset at which the present frame begins, with its prefix. */
  start = 0;
  /** The offset behind the present frame. */
  end = 0;
  /** Whether it is an event. */
  isEvent = false;
  /** The event's topic, type, group and sender, once it is read. */
  topic = "";
  type = "";
  group = "";
  sender = "";
  /** Once it is read: the offset at which the event begins, and that at which the stamp of its group does, which is the last. */
  eventStart = 0;
  groupAt = 0;
  /** The event's seq, once it is read; 0 when its topic is not kept. */
  seq = 0;

  readonly #fields = new FieldCursor();
  /** The last topic that `readTopic` decoded, for the many events in a row that share one. */
  #topicBytes: Uint8Array = new Uint8Array(0);
  #topicText = "";
  #bytes: Uint8Array = new Uint8Array(0);
  #limit = 0;

  /** Starts in front of the first of the frames that lie from `start` to `end`. */
  open(bytes: Uint8Array, end: number, start = 0): void {
    this.#bytes = bytes;
    this.#limit = end;
    this.end = start;
  }

  /** Moves to the next frame; false behind the last one. */
  next(): boolean {
    if (this.end >= this.#limit) return false;
    const bytes = this.#bytes;
    this.start = this.end;
    let at = this.start;
    let length = 0;
    for (let scale = 1;; scale *= 128) {
      const byte = bytes[at++];
      length += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    this.end = at + length;
    assert(this.end <= this.#limit, "an outbox holds whole frames");
    this.isEvent = bytes[at] === EVENT_TAG;
    return true;
  }

  /** Reads topic, type, group and sender of the present frame, which is an event. */
  readEvent(): void {
    this.topic =
      this.type =
      this.group =
      this.sender =
        "";
    this.seq = 0;
    const fields = this.#fields;
    // Behind the prefix stands the envelope with one field, and in that the event.
    fields.open(this.#bytes, this.#bodyStart(), this.end);
    fields.next();
    this.eventStart = fields.start;
    fields.open(this.#bytes, fields.start, fields.end);
    while (fields.next()) {
      if (fields.field === 1) this.topic = this.#text();
      else if (fields.field === 3) this.type = this.#text();
      else if (fields.field === 11) this.sender = this.#text();
      else if (fields.field === 12) this.seq = fields.uint53();
      else if (fields.field === 14) {
        this.group = this.#text();
        const length = fields.end - fields.start;
        this.groupAt = fields.start - varintSize(length) - 1;
      }
    }
  }

  /** The offset at which the event of the present frame begins; it ends with the frame. */
  eventBegin(): number {
    // Behind the tag and the length.
    let at = this.#bodyStart() + 1;
    while (this.#bytes[at++] >= 0x80);
    return at;
  }

  /** Reads the topic alone. */
  readTopic(): string {
    const fields = this.#fields;
    fields.open(this.#bytes, this.#bodyStart(), this.end);
    fields.next();
    fields.open(this.#bytes, fields.start, fields.end);
    let start = 0;
    let end = 0;
    while (fields.next()) {
      if (fields.field !== 1) continue;
      start = fields.start;
      end = fields.end;
    }
    const last = this.#topicBytes;
    let same = end - start === last.length;
    for (let index = 0; same && index < last.length; index++) {
      same = last[index] === this.#bytes[start + index];
    }
    if (!same) {
      this.#topicBytes = this.#bytes.slice(start, end);
      this.#topicText = decodeText(this.#topicBytes);
    }
    return this.topic = this.#topicText;
  }

  #bodyStart(): number {
    let at = this.start;
    while (this.#bytes[at++] >= 0x80);
    return at;
  }

  #text(): string {
    return decodeText(this.#bytes.subarray(this.#fields.start, this.#fields.end));
  }
}
