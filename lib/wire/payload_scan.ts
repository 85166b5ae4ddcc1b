/**
 * One pass over the body of an Event, a Call or a Job: where its name and type lie, and whether it may be
 * handed on as it came.
 *
 * What is forwarded without decoding must be sound, or one sender could break every receiver's parser. So
 * the pass checks structure, wire types, the UTF-8 of headers and ids, and the limits on headers; the
 * name (topic or method) and the type are checked by those who look them up, once a name and not once a
 * message. Fields that only the server sets are refused. The payload is never looked into.
 */
import { ErrorCode, invalidArgument, ParleyError, protocolError } from "../base/errors.ts";
import type { Limits } from "../base/limits.ts";
import { FieldCursor } from "./field_cursor.ts";
import { overlong, truncated, wrongWireType } from "./message_scan.ts";
import { GROUP_PATTERN_FIELD } from "./stamp.ts";
import { isUtf8 } from "./utf8.ts";

const NAME_TAG = 0x0a;
const PAYLOAD_TAG = 0x12;
const TYPE_TAG = 0x1a;
const HEADER_TAG = 0x22;
/** Field 5 is the message_id (a string) of an Event or a Job, and a Call's timeout_ms (a varint). */
const EXTRA_FIELD = 5;
/** The first field that only the server sets, which is the sender, and the last of each kind of message. */
const FIRST_STAMP = 11;
const LAST_STAMP = { event: 14, call: 14, job: 31, stampedEvent: 0, stampedCall: 0 } as const;
/** The field with the name of a group. */
const GROUP_FIELD = 14;

/** The kinds of messages that are scanned; those that are stamped come from a server. */
type ScannedKind = keyof typeof LAST_STAMP;

/** The findings of a pass. One object is reused for every message of a server. */
export class PayloadScan {
  /** The offset at which the name begins: the topic of an Event, the method of a Call, the queue of a Job. */
  nameStart = 0;
  nameEnd = 0;
  /** The offset at which the message type begins; equal to `typeEnd` when there is none. */
  typeStart = 0;
  typeEnd = 0;
  /** The offset at which the payload begins; equal to `payloadEnd` when there is none. */
  payloadStart = 0;
  payloadEnd = 0;
  /** The offset at which the message_id of an Event or a Job begins; equal to `messageIdEnd` when there is none. */
  messageIdStart = 0;
  messageIdEnd = 0;
  /** A Call's timeout_ms; 0 when it has none. */
  timeoutMs = 0;
  /** Whether a Job has any of the fields 6 to 10; they are not looked at here. */
  hasOptions = false;
  /**
   * Of a stamped event for a group: the offset at which the stamp of the group begins, which is the last; those of the
   * name in it, and of the pattern. Ends equal starts when there is none.
   */
  groupAt = 0;
  /** Of a stamped event: the offsets of the name of who published it. */
  senderStart = 0;
  senderEnd = 0;
  groupStart = 0;
  groupEnd = 0;
  patternStart = 0;
  patternEnd = 0;

  readonly #limits: Limits;
  readonly #field = new FieldCursor();
  readonly #entry = new FieldCursor();
  #headers = 0;
  #headersBytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Scans the body from `start` to `end`. Raises a ParleyError. */
  scan(bytes: Uint8Array, start: number, end: number, kind: ScannedKind): void {
    this.nameStart =
      this.nameEnd =
      this.typeStart =
      this.typeEnd =
        start;
    this.payloadStart = this.payloadEnd = start;
    this.messageIdStart = this.messageIdEnd = start;
    this.timeoutMs = this.#headers = this.#headersBytes = 0;
    this.hasOptions = false;
    this.senderStart = this.senderEnd = start;
    this.groupStart =
      this.groupEnd =
      this.patternStart =
      this.patternEnd =
        start;
    let at = start;
    while (at < end) {
      const tag = bytes[at];
      if (tag !== NAME_TAG && tag !== PAYLOAD_TAG && tag !== TYPE_TAG && tag !== HEADER_TAG) {
        at = this.#rare(bytes, at, end, kind);
        continue;
      }
      at++;
      let length = at < end ? bytes[at++] : fail(truncated());
      if (length >= 0x80) {
        // Lengths of two bytes are common; longer ones can afford the loop.
        let shift = 7;
        length &= 0x7f;
        for (;; shift += 7) {
          if (at >= end) throw truncated();
          const byte = bytes[at++];
          if (shift > 21) throw overlong();
          length |= (byte & 0x7f) << shift;
          if (byte < 0x80) {
            if (byte === 0) throw overlong();
            break;
          }
        }
      }
      const behind = at + length;
      if (behind > end) throw truncated();
      if (tag === NAME_TAG) {
        if (this.nameEnd > this.nameStart) checkSuperseded(bytes, this.nameStart, this.nameEnd);
        this.nameStart = at;
        this.nameEnd = behind;
      } else if (tag === PAYLOAD_TAG) {
        this.payloadStart = at;
        this.payloadEnd = behind;
      } else if (tag === TYPE_TAG) {
        if (this.typeEnd > this.typeStart) checkSuperseded(bytes, this.typeStart, this.typeEnd);
        this.typeStart = at;
        this.typeEnd = behind;
      } else this.#header(bytes, at, behind);
      at = behind;
    }
  }

  /** Checks one entry of the headers. */
  #header(bytes: Uint8Array, start: number, end: number): void {
    const limits = this.#limits;
    this.#headersBytes += end - start;
    if (++this.#headers > limits.maxHeaders) {
      throw new ParleyError(ErrorCode.RESOURCE_EXHAUSTED, `cannot take ${this.#headers} headers`, {
        accepted: `at most ${limits.maxHeaders} headers`,
        limit: "headers",
      });
    }
    if (this.#headersBytes > limits.maxHeadersBytes) {
      throw new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `cannot take headers of ${this.#headersBytes} bytes`,
        {
          accepted: `at most ${limits.maxHeadersBytes} bytes of headers`,
          limit: "headers",
        },
      );
    }
    this.#entry.open(bytes, start, end);
    while (this.#entry.next()) {
      if (this.#entry.field > 2) continue;
      this.#entry.expect(2);
      if (!isUtf8(bytes, this.#entry.start, this.#entry.end)) {
        throw protocolError("cannot read a header that is not UTF-8");
      }
    }
  }

  /** Passes over a field that is not one of the first four, and gives the offset behind it. */
  #rare(bytes: Uint8Array, at: number, end: number, kind: ScannedKind): number {
    const cursor = this.#field;
    cursor.open(bytes, at, end);
    cursor.next();
    const { field } = cursor;
    const last = LAST_STAMP[kind];
    if (field >= FIRST_STAMP && field <= last) {
      throw invalidArgument(
        `cannot take a message with field ${field} set: only the server sets it`,
        {
          accepted: `no fields from ${FIRST_STAMP} to ${last}`,
        },
      );
    }
    if (field < EXTRA_FIELD) throw wrongWireType(field, cursor.wireType);
    if (field === EXTRA_FIELD) {
      if (kind === "call" || kind === "stampedCall") this.timeoutMs = cursor.int32() >>> 0;
      else this.#messageId(bytes, cursor);
    } else if (kind === "job" && field < FIRST_STAMP) this.hasOptions = true;
    else if (kind === "stampedEvent") this.#stamp(cursor, at);
    return cursor.end;
  }

  /** Notes the stamp that begins at `at`, of a sender or of a group. */
  #stamp(cursor: FieldCursor, at: number): void {
    if (cursor.field === FIRST_STAMP) {
      this.senderStart = cursor.start;
      this.senderEnd = cursor.end;
    } else if (cursor.field === GROUP_FIELD) {
      this.groupAt = at;
      this.groupStart = cursor.start;
      this.groupEnd = cursor.end;
    } else if (cursor.field === GROUP_PATTERN_FIELD) {
      this.patternStart = cursor.start;
      this.patternEnd = cursor.end;
    }
  }

  #messageId(bytes: Uint8Array, cursor: FieldCursor): void {
    cursor.expect(2);
    const limit = this.#limits.maxMessageIdBytes;
    if (cursor.end - cursor.start > limit) {
      throw invalidArgument(
        `cannot take a message_id of ${cursor.end - cursor.start} bytes`,
        { accepted: `at most ${limit} bytes` },
      );
    }
    if (!isUtf8(bytes, cursor.start, cursor.end)) {
      throw protocolError("cannot read a message_id that is not UTF-8");
    }
    this.messageIdStart = cursor.start;
    this.messageIdEnd = cursor.end;
  }
}

/**
 * Checks a name or type that a later one takes the place of: nobody looks it up, but every receiver's
 * parser still reads it.
 */
function checkSuperseded(bytes: Uint8Array, start: number, end: number): void {
  if (!isUtf8(bytes, start, end)) throw protocolError("cannot read a name that is not UTF-8");
}

function fail(error: ParleyError): never {
  throw error;
}
