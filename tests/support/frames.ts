/**
 * Messages and frames as a client makes them, with the generated classes and protobuf's own framing.
 *
 * Nothing of lib/wire is used, so that a mistake there cannot hide itself.
 */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type ClientMessage,
  ClientMessageSchema,
  type ServerMessage,
  ServerMessageSchema,
} from "../../lib/gen/parley/v1/envelope_pb.ts";

/** How messages are told apart by the peer of a listener. */
export type ClientFraming = "delimited" | "bare" | "prefixed32";

/** Every framing, for tests that run over all of them. */
export const ALL_FRAMINGS: readonly ClientFraming[] = ["delimited", "bare", "prefixed32"];

/** What a client message is made of. */
export type ClientMessageInit = MessageInitShape<typeof ClientMessageSchema>;

/** An encoded client message. */
export function encode(message: ClientMessageInit): Uint8Array<ArrayBuffer> {
  return new Uint8Array(toBinary(ClientMessageSchema, create(ClientMessageSchema, message)));
}

/** Asks for an echo. An id of zero is not sent. */
export function echoMessage(content: string, id = 0n): ClientMessageInit {
  return { message: { case: "echoMessage", value: { content } }, id };
}

/** Asks for a sum. */
export function addMessage(a: number, b: number, id = 0n): ClientMessageInit {
  return { message: { case: "addRequest", value: { a, b } }, id };
}

/** Says Hello. */
export function helloMessage(
  hello: {
    clientName?: string;
    library?: string;
    answersPings?: boolean;
    user?: string;
    password?: string;
    token?: string;
  } = {},
  id = 1n,
): ClientMessageInit {
  return { message: { case: "hello", value: { protocolVersion: 1, ...hello } }, id };
}

/** A minimal varint. */
export function varint(value: number | bigint): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (let rest = BigInt(value);;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    if (rest === 0n) return new Uint8Array([...bytes, low]);
    bytes.push(low | 0x80);
  }
}

/** Joins byte arrays. */
export function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** The prefix that a framing puts before a message of `length` bytes. */
export function prefix(length: number, framing: ClientFraming): Uint8Array<ArrayBuffer> {
  if (framing === "bare") return new Uint8Array(0);
  if (framing === "delimited") return varint(length);
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, length);
  return bytes;
}

/** One message, encoded or not, behind its prefix. */
export function frame(
  message: Uint8Array | ClientMessageInit,
  framing: ClientFraming = "delimited",
): Uint8Array<ArrayBuffer> {
  const bytes = message instanceof Uint8Array ? message : encode(message);
  return join(prefix(bytes.length, framing), bytes);
}

/** A field of wire type 2. */
export function field(number: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  return join(varint(number * 8 + 2), varint(body.length), body);
}

/** Bytes from hexadecimal digits, with any white space between them. */
export function hex(digits: string): Uint8Array<ArrayBuffer> {
  const pairs = digits.replace(/\s/g, "").match(/../g) ?? [];
  return new Uint8Array(pairs.map((pair) => parseInt(pair, 16)));
}

/** A text of exactly `bytes` bytes, of letters and characters of two, three and four bytes. */
export function textOf(bytes: number): string {
  const pattern = "aé€𝄞Z";
  const patternBytes = new TextEncoder().encode(pattern).length;
  const whole = Math.floor(bytes / patternBytes);
  return pattern.repeat(whole) + "x".repeat(bytes - whole * patternBytes);
}

/**
 * Takes whole messages off the front of what a server sent, in the plainest way there is, and gives the
 * first with the number of bytes it took; undefined when it is not all there.
 */
export function takeServerMessage(
  bytes: Uint8Array,
  framing: ClientFraming,
): { message: ServerMessage; encoded: Uint8Array; taken: number } | undefined {
  const range = messageRange(bytes, framing);
  if (range === undefined || range.end > bytes.length) return undefined;
  const encoded = bytes.slice(range.start, range.end);
  return { message: fromBinary(ServerMessageSchema, encoded), encoded, taken: range.end };
}

/** Where the first message lies, as far as its prefix is there. */
function messageRange(
  bytes: Uint8Array,
  framing: ClientFraming,
): { start: number; end: number } | undefined {
  if (framing === "prefixed32") {
    if (bytes.length < 4) return undefined;
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    return { start: 4, end: 4 + length };
  }
  const at = framing === "bare" ? 1 : 0;
  let length = 0;
  for (let index = at; index < bytes.length; index++) {
    length += (bytes[index] & 0x7f) * 128 ** (index - at);
    if (bytes[index] < 0x80) {
      const behind = index + 1;
      return { start: framing === "bare" ? 0 : behind, end: behind + length };
    }
  }
  return undefined;
}

/** The contents of an answer of this kind; fails with what came instead. */
export function contentOf<C extends NonNullable<ServerMessage["message"]["case"]>>(
  message: ServerMessage,
  kind: C,
): Extract<ServerMessage["message"], { case: C }>["value"] {
  if (message.message.case !== kind) {
    const seen = JSON.stringify(
      message.message,
      (_, value) => typeof value === "bigint" ? `${value}` : value,
    );
    throw new Error(`expected ${kind}, got ${seen}`);
  }
  // The case was compared just now; the compiler cannot carry that over to C.
  return message.message.value as never;
}

export type { ClientMessage, ServerMessage };
