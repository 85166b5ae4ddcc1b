/**
 * The bytes of the load on the bus: prebuilt publishes, and a counter that walks over what comes back.
 *
 * The counter looks at the length and the first bytes of each frame and decodes no more, so that it costs
 * far less than what it measures. Frames may be cut anywhere; its memory is one buffer, however large they are.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import {
  type ClientMessage,
  ClientMessageSchema,
  ServerMessageSchema,
} from "../../gen/parley/v1/envelope_pb.ts";
import { EVENT_TAG } from "../../wire/fanout.ts";

/** Tag of ServerMessage.ack: field 5, length-delimited. */
export const ACK_TAG = 0x2a;
/** The bytes at the front of a payload that tell when it was due, when latency is measured. */
export const STAMP_BYTES = 8;
/** A frame's head is looked at once as much of it is there; it holds a stamp at any offset that is used. */
const HEAD_BYTES = 1024;
/** Messages that are no events are short; one that is not is none that is expected. */
const MAX_OTHER_BYTES = 64 * 1024;

/** One publish, ready to be sent. */
export interface EventFrame {
  readonly bytes: Uint8Array;
  /** Where the payload begins in `bytes`. */
  readonly payloadAt: number;
  /** Where the payload begins in the event's body, which is what a delivery begins with. */
  readonly payloadInBody: number;
}

/** Builds a publish of `sizeBytes` bytes of payload without an id, so that nothing answers it. */
export function eventFrame(topic: string, type: string, sizeBytes: number): EventFrame {
  const head = new BinaryWriter().tag(1, 2).string(topic);
  if (type !== "") head.tag(3, 2).string(type);
  const front = head.finish();
  const body = new BinaryWriter().raw(front).tag(2, 2).bytes(new Uint8Array(sizeBytes).fill(0x78))
    .finish();
  const message = new BinaryWriter().tag(3, 2).bytes(body).finish();
  const bytes = new BinaryWriter().bytes(message).finish();
  return {
    bytes,
    payloadAt: bytes.length - sizeBytes,
    payloadInBody: body.length - sizeBytes,
  };
}

/** Encodes a request with its id, with its length before it. */
export function requestFrame(message: ClientMessage["message"], id: bigint): Uint8Array {
  const body = toBinary(ClientMessageSchema, create(ClientMessageSchema, { message, id }));
  return new BinaryWriter().bytes(body).finish();
}

/** What a counter tells of. */
interface FrameCounterOptions {
  /** Called with the bytes of the payload's stamp; null when latency is not measured. */
  readonly onStamp: ((stamp: DataView, at: number) => void) | null;
  /** Where the payload begins in an event's body. */
  readonly payloadInBody: number;
  readonly bufferBytes: number;
}

/** Counts the events of one connection. */
export class FrameCounter {
  /** Events whose last byte has arrived. */
  events = 0;
  /** Answers that are no errors: to what was asked with an id. */
  answers = 0;
  /** Events that the server says it dropped. */
  missed = 0;

  readonly #options: FrameCounterOptions;
  readonly #buffer: Uint8Array;
  readonly #view: DataView;
  #end = 0;
  /** Bytes of an event that are still to come and need not be looked at. */
  #skip = 0;

  constructor(options: FrameCounterOptions) {
    this.#options = options;
    this.#buffer = new Uint8Array(Math.max(options.bufferBytes, 2 * MAX_OTHER_BYTES));
    this.#view = new DataView(this.#buffer.buffer);
  }

  /** Where the next read puts its bytes. */
  get space(): Uint8Array {
    return this.#buffer.subarray(this.#end);
  }

  /** Looks at `count` more bytes. Raises the server's error when there is one among them. */
  filled(count: number): void {
    const end = this.#end + count;
    const buffer = this.#buffer;
    let at = 0;
    if (this.#skip > 0) {
      at = Math.min(this.#skip, end);
      this.#skip -= at;
      if (this.#skip === 0) this.events++;
    }
    while (at < end) {
      let length = buffer[at];
      let body = at + 1;
      if (length >= 0x80) {
        [length, body] = this.#length(at, end);
        if (body < 0) break;
      }
      const behind = body + length;
      if (behind > end && end - at < Math.min(HEAD_BYTES, behind - at)) break;
      if (buffer[body] === EVENT_TAG) {
        if (this.#options.onStamp !== null) this.#stamp(body);
        if (behind > end) {
          this.#skip = behind - end;
          at = end;
          break;
        }
        this.events++;
      } else {
        if (length > MAX_OTHER_BYTES) throw new Error("the server sent what nobody asked for");
        if (behind > end) break;
        this.#other(body, behind);
      }
      at = behind;
    }
    if (at > 0) buffer.copyWithin(0, at, end);
    this.#end = end - at;
  }

  /** Reads the varint at `at`; the offset behind it is -1 when it is not all there. */
  #length(at: number, end: number): [length: number, behind: number] {
    let length = 0;
    let scale = 1;
    for (let index = at; index < Math.min(end, at + 5); index++) {
      const byte = this.#buffer[index];
      length += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) return [length, index + 1];
    }
    return [0, -1];
  }

  /** Hands on the stamp of the event whose message begins at `body`. */
  #stamp(body: number): void {
    let at = body + 1;
    while (this.#buffer[at] >= 0x80) at++;
    this.#options.onStamp?.(this.#view, at + 1 + this.#options.payloadInBody);
  }

  #other(start: number, end: number): void {
    const { message } = fromBinary(ServerMessageSchema, this.#buffer.slice(start, end));
    if (message.case === "error") {
      throw new ParleyError(message.value.code, message.value.message);
    }
    if (message.case === "missed") this.missed += Number(message.value.count);
    else if (message.case === "ack" || message.case === "pong") this.answers++;
    else throw new ParleyError(ErrorCode.INTERNAL, `the server sent ${message.case} unasked`);
  }
}
