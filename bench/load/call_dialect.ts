/**
 * How calls are made and answered in the two languages that have them, in bytes: nothing is decoded that
 * need not be, and what can be is made beforehand.
 */
import { nats, natsMessage, PING } from "./dialect_nats.ts";
import { fields, frame, frameBytes, register } from "./dialect_parley.ts";
import { indexOfText, type Setup } from "./target.ts";

/** What a responder has done with its input. */
export interface Answered {
  /** Bytes of the input that were whole calls. */
  readonly taken: number;
  /** Bytes of the output that answer them. */
  readonly written: number;
}

/** Answers the whole calls in `input` into `output`, which is twice as large. */
export type Answerer = (input: Uint8Array, output: Uint8Array) => Answered;

/** How a server is called. */
export interface CallDialect {
  /** Makes a connection one that answers. */
  respond(setup: Setup): Promise<void>;
  /** Makes the answers. */
  answerer(payload: Uint8Array): Answerer;
  /** Makes a connection one that calls. */
  prepare(setup: Setup, index: number): Promise<void>;
  /** The bytes of a call. */
  call(index: number, payload: Uint8Array): Uint8Array;
  /** The length of the answer that `bytes` begin with, when it has come whole. */
  answerBytes(bytes: Uint8Array): number | undefined;
  /** What the server may send now and then unasked. */
  readonly unasked: string;
}

const METHOD = "bench.Service/Answer";
const SUBJECT = "bench.call";
const CALL_FIELD = 9;
const ANSWER_FIELD = 10;
const CALL_TAG = CALL_FIELD << 3 | 2;
const ANSWER_TAG = ANSWER_FIELD << 3 | 2;

/** Calls of Parley. A caller has one call under way, so its id may always be the same. */
export const parleyCalls: CallDialect = {
  respond: (setup) => register(setup, METHOD),
  answerer: answerParley,
  prepare: () => Promise.resolve(),
  call: (_index, payload) => frame(CALL_FIELD, fields(METHOD, payload), 1),
  answerBytes: frameBytes,
  unasked: "",
};

/** Request and reply of NATS. */
export const natsCalls: CallDialect = {
  async respond(setup) {
    await nats.open(setup);
    await nats.subscribe(setup, SUBJECT);
  },
  answerer: answerNats,
  async prepare(setup, index) {
    await nats.open(setup);
    await nats.subscribe(setup, inboxOf(index));
  },
  call: (index, payload) =>
    natsMessage(`PUB ${SUBJECT} ${inboxOf(index)} ${payload.length}`, payload),
  answerBytes: (bytes) => nats.deliveryBytes(bytes),
  unasked: PING,
};

function inboxOf(index: number): string {
  return `_INBOX.${String(index).padStart(6, "0")}`;
}

/** A call is field 9 and, behind it, the id, which the answer has to repeat. */
function answerParley(payload: Uint8Array): Answerer {
  const value = fields(payload);
  const body = new Uint8Array([ANSWER_TAG, ...varint(value.length), ...value]);
  return (input, output) => {
    let [taken, written] = [0, 0];
    for (;;) {
      const [length, start] = readVarint(input, taken);
      const end = start + length;
      if (start < 0 || end > input.length) return { taken, written };
      if (input[start] !== CALL_TAG) throw new Error("a responder got something that is no call");
      const [callBytes, callStart] = readVarint(input, start + 1);
      const idStart = callStart + callBytes;
      written = putVarint(output, written, body.length + end - idStart);
      output.set(body, written);
      written += body.length;
      for (let at = idStart; at < end; at++) output[written++] = input[at];
      taken = end;
    }
  };
}

/** A call is `MSG subject sid inbox length`, and the payload behind it. */
function answerNats(payload: Uint8Array): Answerer {
  const head = new TextEncoder().encode("PUB ");
  const rest = natsMessage(` ${payload.length}`, payload);
  return (input, output) => {
    let [taken, written] = [0, 0];
    for (;;) {
      const lineEnd = indexOfText(input, "\r\n", taken);
      if (lineEnd < 0) return { taken, written };
      if (input[taken] !== "M".charCodeAt(0)) {
        taken = lineEnd + 2;
        continue;
      }
      const lengthStart = input.lastIndexOf(SPACE, lineEnd) + 1;
      const inboxStart = input.lastIndexOf(SPACE, lengthStart - 2) + 1;
      let length = 0;
      for (let at = lengthStart; at < lineEnd; at++) length = length * 10 + input[at] - ZERO;
      const end = lineEnd + 2 + length + 2;
      if (end > input.length) return { taken, written };
      output.set(head, written);
      written += head.length;
      for (let at = inboxStart; at < lengthStart - 1; at++) output[written++] = input[at];
      output.set(rest, written);
      written += rest.length;
      taken = end;
    }
  };
}

const SPACE = " ".charCodeAt(0);
const ZERO = "0".charCodeAt(0);

/** The value at `at` and where it ends; -1 when it does not. */
function readVarint(bytes: Uint8Array, at: number): [number, number] {
  let value = 0;
  for (let shift = 0; at < bytes.length; shift += 7) {
    const byte = bytes[at++];
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return [value, at];
  }
  return [0, -1];
}

function putVarint(bytes: Uint8Array, at: number, value: number): number {
  while (value > 0x7f) {
    bytes[at++] = value & 0x7f | 0x80;
    value >>>= 7;
  }
  bytes[at++] = value;
  return at;
}

function varint(value: number): Uint8Array {
  const bytes = new Uint8Array(5);
  return bytes.subarray(0, putVarint(bytes, 0, value));
}
