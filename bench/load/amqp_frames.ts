/**
 * AMQP 0-9-1 in bytes: frames out, frames in, and the arguments of its methods. Only what the load
 * generator says and hears; tables are always empty. Pure.
 *
 * A frame is its type (1 octet), its channel (2), the length of its payload (4), the payload and 0xCE. The
 * payload of a method begins with the numbers of its class and of itself, two octets each.
 */
import { Inbox } from "./inbox.ts";
import { concat } from "./target.ts";

/** Types of frames. */
export const FRAME = { method: 1, header: 2, body: 3 } as const;
/** Methods, as class × 65,536 + number. */
export const METHOD = {
  connectionStart: 10 << 16 | 10,
  connectionStartOk: 10 << 16 | 11,
  connectionTune: 10 << 16 | 30,
  connectionTuneOk: 10 << 16 | 31,
  connectionOpen: 10 << 16 | 40,
  connectionOpenOk: 10 << 16 | 41,
  connectionClose: 10 << 16 | 50,
  channelOpen: 20 << 16 | 10,
  channelOpenOk: 20 << 16 | 11,
  channelClose: 20 << 16 | 40,
  queueDeclare: 50 << 16 | 10,
  queueDeclareOk: 50 << 16 | 11,
  basicQos: 60 << 16 | 10,
  basicQosOk: 60 << 16 | 11,
  basicConsume: 60 << 16 | 20,
  basicConsumeOk: 60 << 16 | 21,
  basicPublish: 60 << 16 | 40,
  basicDeliver: 60 << 16 | 60,
  basicAck: 60 << 16 | 80,
  basicNack: 60 << 16 | 120,
  confirmSelect: 85 << 16 | 10,
  confirmSelectOk: 85 << 16 | 11,
} as const;

/** What a connection begins with. */
export const PROTOCOL_HEADER = new Uint8Array([65, 77, 81, 80, 0, 0, 9, 1]);
/** A table without entries. */
export const EMPTY_TABLE = new Uint8Array(4);

const HEAD_BYTES = 7;
const FRAME_END = 0xce;
const BASIC_CLASS = 60;
/** Of the properties of a message only this one is set: it is to be kept on disk. */
const DELIVERY_MODE_FLAG = 0x1000;
const PERSISTENT = 2;
const encoder = new TextEncoder();

/** A frame. */
export function amqpFrame(type: number, channel: number, payload: Uint8Array): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES);
  const view = new DataView(head.buffer);
  view.setUint8(0, type);
  view.setUint16(1, channel);
  view.setUint32(3, payload.length);
  return concat([head, payload, new Uint8Array([FRAME_END])]);
}

/** The frame of a method with these arguments. */
export function amqpMethod(channel: number, method: number, ...args: Uint8Array[]): Uint8Array {
  return amqpFrame(FRAME.method, channel, concat([long(method), ...args]));
}

/** A number of one octet; bits of one method share one, the first in the lowest place. */
export function octet(value: number): Uint8Array {
  return new Uint8Array([value]);
}

/** A number of two octets. */
export function short(value: number): Uint8Array {
  return new Uint8Array([value >>> 8, value]);
}

/** A number of four octets. */
export function long(value: number): Uint8Array {
  return new Uint8Array([value >>> 24, value >>> 16, value >>> 8, value]);
}

/** A number of eight octets, below 2^53. */
export function longLong(value: number): Uint8Array {
  return concat([long(Math.floor(value / 2 ** 32)), long(value % 2 ** 32)]);
}

/** A text of at most 255 octets. */
export function shortText(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  return concat([octet(bytes.length), bytes]);
}

/** A text of any length. */
export function longText(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  return concat([long(bytes.length), bytes]);
}

/** The three frames that publish a message, to be kept on disk, straight to a queue. */
export function persistentMessage(channel: number, queue: string, body: Uint8Array): Uint8Array {
  return concat([
    amqpMethod(channel, METHOD.basicPublish, short(0), shortText(""), shortText(queue), octet(0)),
    amqpFrame(
      FRAME.header,
      channel,
      concat([
        ...[short(BASIC_CLASS), short(0), longLong(body.length)],
        ...[short(DELIVERY_MODE_FLAG), octet(PERSISTENT)],
      ]),
    ),
    amqpFrame(FRAME.body, channel, body),
  ]);
}

/** The length of the frame that begins at `at`, when all of it is there before `end`. */
export function amqpFrameBytes(bytes: Uint8Array, at = 0, end = bytes.length): number | undefined {
  if (end - at < HEAD_BYTES) return undefined;
  const length = HEAD_BYTES + readLong(bytes, at + 3) + 1;
  if (at + length > end) return undefined;
  if (bytes[at + length - 1] !== FRAME_END) throw new Error("a frame of AMQP does not end as one");
  return length;
}

/** The number of four octets at `at`. */
export function readLong(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]) >>> 0;
}

/** The number of eight octets at `at`; exact below 2^53. */
export function readLongLong(bytes: Uint8Array, at: number): number {
  return readLong(bytes, at) * 2 ** 32 + readLong(bytes, at + 4);
}

/** Cuts the bytes of one connection into frames. */
export class AmqpReader extends Inbox {
  /** The type of the present frame. */
  type = 0;
  /** Where its payload begins and ends. */
  payloadStart = 0;
  payloadEnd = 0;

  /** Moves on to the next whole frame and says whether there is one. */
  next(): boolean {
    const length = amqpFrameBytes(this.buffer, this.begin, this.end);
    if (length === undefined) return false;
    this.type = this.buffer[this.begin];
    this.payloadStart = this.begin + HEAD_BYTES;
    this.begin += length;
    this.payloadEnd = this.begin - 1;
    return true;
  }

  /** The method of the present frame; 0 when it is another kind of frame. */
  get method(): number {
    return this.type === FRAME.method ? readLong(this.buffer, this.payloadStart) : 0;
  }

  /** Where the arguments of the present method begin. */
  get argumentsStart(): number {
    return this.payloadStart + 4;
  }
}
