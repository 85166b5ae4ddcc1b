/**
 * The few messages of queues that a load of a million jobs is made of, written and read by hand: pushes and
 * settlements out, acknowledgements and deliveries in.
 *
 * Nothing of lib/wire is used, so that a mistake there cannot hide itself; the generated classes would take
 * longer than the server. A job is a number: its payload, its message_id and the id of its push. Anything
 * that comes and is none of these messages is given to `other`, decoded.
 */
import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import { type ServerMessage, ServerMessageSchema } from "../../lib/gen/parley/v1/envelope_pb.ts";
import { AckLevel } from "../../lib/gen/parley/v1/session_pb.ts";

const PAYLOAD_BYTES = 64;
const FIRST_BYTES = 64 * 1024;

/** A delivery. */
export interface Delivery {
  /** Which job. */
  number: number;
  /** Its id in the queue. */
  id: number;
  attempt: number;
  redelivered: boolean;
  /** Its token, as two numbers. */
  low: number;
  high: number;
}

/** What comes from a server. */
export interface QueueAnswers {
  /** The push of this job is acknowledged. */
  pushed(number: number, id: number, duplicate: boolean): void;
  /** A job came; the object is used again for the next. */
  delivered(delivery: Delivery): void;
  /** The Settle with this id was carried out; so many of its tokens were late. */
  settled(requestId: number, late: number): void;
  /** Anything else. */
  other(message: ServerMessage): void;
}

/** Gathers frames for one write. */
export class QueueFrames {
  readonly #name: Uint8Array;
  #bytes = new Uint8Array(FIRST_BYTES);
  #length = 0;

  constructor(queue: string) {
    this.#name = new TextEncoder().encode(queue);
    assert(this.#name.length < 0x80);
  }

  /** Gives what was gathered; it is good until the next frame. */
  take(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return bytes;
  }

  /** Pushes job `number`, with an id that is one more. */
  push(number: number): void {
    const name = this.#name;
    const messageId = String(number);
    const bodyBytes = 2 + name.length + 2 + PAYLOAD_BYTES + 2 + messageId.length;
    const idBytes = varintBytes(number + 1);
    this.#varint(1 + varintBytes(bodyBytes) + bodyBytes + 1 + idBytes);
    this.#byte(14 * 8 + 2);
    this.#varint(bodyBytes);
    this.#byte(1 * 8 + 2);
    this.#byte(name.length);
    this.#all(name);
    this.#byte(2 * 8 + 2);
    this.#byte(PAYLOAD_BYTES);
    const payload = this.#reserve(PAYLOAD_BYTES);
    new DataView(this.#bytes.buffer).setUint32(payload, number);
    this.#byte(5 * 8 + 2);
    this.#byte(messageId.length);
    for (let index = 0; index < messageId.length; index++) this.#byte(messageId.charCodeAt(index));
    this.#byte(15 * 8);
    this.#varint(number + 1);
  }

  /** Makes a consumer; asks for no answer. */
  pull(consumer: number, prefetch: number): void {
    const name = this.#name;
    const bodyBytes = 2 + 2 + name.length + 1 + varintBytes(prefetch);
    this.#varint(3 + bodyBytes);
    this.#varint(16 * 8 + 2);
    this.#varint(bodyBytes);
    this.#byte(1 * 8);
    this.#byte(consumer);
    this.#byte(2 * 8 + 2);
    this.#byte(name.length);
    this.#all(name);
    this.#byte(3 * 8);
    this.#varint(prefetch);
  }

  /** Settles deliveries, whose tokens are `tokens` two by two. */
  settle(
    requestId: number,
    consumer: number,
    tokens: readonly number[],
    { verdict, delayMs = -1 }: { verdict: number; delayMs?: number },
  ): void {
    const tokenBytes = 4 * tokens.length;
    const delayBytes = delayMs < 0 ? 0 : 1 + varintBytes(delayMs);
    const bodyBytes = 2 + 1 + varintBytes(tokenBytes) + tokenBytes + 2 + delayBytes;
    this.#varint(2 + varintBytes(bodyBytes) + bodyBytes + 1 + varintBytes(requestId));
    this.#varint(17 * 8 + 2);
    this.#varint(bodyBytes);
    this.#byte(1 * 8);
    this.#byte(consumer);
    this.#byte(2 * 8 + 2);
    this.#varint(tokenBytes);
    const at = this.#reserve(tokenBytes);
    const view = new DataView(this.#bytes.buffer, at, tokenBytes);
    for (const [index, half] of tokens.entries()) view.setUint32(4 * index, half, true);
    this.#byte(3 * 8);
    this.#byte(verdict);
    if (delayMs >= 0) {
      this.#byte(4 * 8);
      this.#varint(delayMs);
    }
    this.#byte(15 * 8);
    this.#varint(requestId);
  }

  #byte(value: number): void {
    this.#bytes[this.#reserve(1)] = value;
  }

  #all(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  #varint(value: number): void {
    for (; value >= 0x80; value = Math.floor(value / 128)) this.#byte(value % 128 | 0x80);
    this.#byte(value);
  }

  #reserve(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return at;
  }
}

/** Reads frames as they come, in whatever pieces. */
export class QueueReader {
  readonly #answers: QueueAnswers;
  readonly #delivery: Delivery = {
    number: 0,
    id: 0,
    attempt: 0,
    redelivered: false,
    low: 0,
    high: 0,
  };
  #bytes: Uint8Array = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  constructor(answers: QueueAnswers) {
    this.#answers = answers;
  }

  /** Takes a piece. */
  take(piece: Uint8Array): void {
    const left = this.#bytes;
    const bytes = left.length === 0 ? piece : new Uint8Array(left.length + piece.length);
    if (left.length > 0) {
      bytes.set(left);
      bytes.set(piece, left.length);
    }
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#at = 0;
    for (;;) {
      const begin = this.#at;
      if (!this.#hasVarint()) break;
      const length = this.#varint();
      if (this.#at + length > bytes.length) {
        this.#at = begin;
        break;
      }
      this.#message(this.#at, this.#at + length);
    }
    // The caller reads into the same buffer again.
    this.#bytes = bytes.slice(this.#at);
  }

  #message(start: number, end: number): void {
    let [field, from, to, requestId] = [0, 0, 0, 0];
    for (this.#at = start; this.#at < end;) {
      const tag = this.#varint();
      if (tag === 15 * 8) requestId = this.#varint();
      else {
        assert.equal(tag & 7, 2, "messages have nothing but messages in them");
        field = tag >>> 3;
        const length = this.#varint();
        [from, to] = [this.#at, this.#at + length];
        this.#at = to;
      }
    }
    if (field === 13) this.#job(from, to);
    else if (field === 5 && requestId > 0) this.#ack(from, to, requestId - 1);
    else if (field === 14) this.#settled(from, to, requestId);
    else this.#answers.other(fromBinary(ServerMessageSchema, this.#bytes.slice(start, end)));
    this.#at = end;
  }

  #job(from: number, to: number): void {
    const delivery = this.#delivery;
    delivery.redelivered = false;
    for (this.#at = from; this.#at < to;) {
      const tag = this.#varint();
      const [field, type] = [tag >>> 3, tag & 7];
      if (type === 0) {
        const value = this.#varint();
        if (field === 12) delivery.id = value;
        else if (field === 14) delivery.attempt = value;
        else if (field === 18) delivery.redelivered = value === 1;
      } else if (type === 1) {
        delivery.low = this.#view.getUint32(this.#at, true);
        delivery.high = this.#view.getUint32(this.#at + 4, true);
        this.#at += 8;
      } else {
        const length = this.#varint();
        if (field === 2) delivery.number = this.#view.getUint32(this.#at);
        this.#at += length;
      }
    }
    this.#answers.delivered(delivery);
  }

  #ack(from: number, to: number, number: number): void {
    let [level, seq, duplicate] = [0, 0, 0];
    for (this.#at = from; this.#at < to;) {
      const tag = this.#varint();
      assert.equal(tag & 7, 0, "the Ack of a push holds numbers only");
      const value = this.#varint();
      if (tag >>> 3 === 1) level = value;
      else if (tag >>> 3 === 3) seq = value;
      else if (tag >>> 3 === 4) duplicate = value;
    }
    assert.equal(level, AckLevel.FSYNCED, "the level of a push");
    this.#answers.pushed(number, seq, duplicate === 1);
  }

  #settled(from: number, to: number, requestId: number): void {
    let [level, late] = [0, 0];
    for (this.#at = from; this.#at < to;) {
      const tag = this.#varint();
      const value = this.#varint();
      if (tag === 2 * 8) level = value;
      else {
        assert.equal(tag, 1 * 8 + 2);
        late = value / 8;
        this.#at += value;
      }
    }
    assert.equal(level, AckLevel.FSYNCED, "the level of a settlement");
    this.#answers.settled(requestId, late);
  }

  #hasVarint(): boolean {
    for (let at = this.#at; at < this.#bytes.length; at++) if (this.#bytes[at] < 0x80) return true;
    return false;
  }

  #varint(): number {
    let value = 0;
    for (let scale = 1;; scale *= 128) {
      const byte = this.#bytes[this.#at++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (; value >= 0x80; bytes++) value = Math.floor(value / 128);
  return bytes;
}
