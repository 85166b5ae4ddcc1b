/**
 * Parley's own wire for the load generator, made with the protobuf runtime alone and not with the
 * server's code: a mistake of the server would else be made here again.
 */
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import type { BusDialect } from "./bus_dialect.ts";
import { concat, type Setup } from "./target.ts";

/** Members of ClientMessage and ServerMessage, by field number. */
const FIELD = {
  event: 3,
  hello: 4,
  welcome: 4,
  subscribe: 5,
  ack: 5,
  unsubscribe: 6,
  call: 9,
  answer: 10,
  register: 12,
} as const;
const ID_FIELD = 15;
/** The longest prefix of a frame. */
const MAX_PREFIX_BYTES = 5;

/** The field number, and the body, of one delimited message, with an id unless that is 0. */
export function frame(field: number, body: Uint8Array, id: number): Uint8Array {
  const message = new BinaryWriter().tag(field, 2).bytes(body);
  if (id > 0) message.tag(ID_FIELD, 0).uint32(id);
  return new BinaryWriter().bytes(message.finish()).finish();
}

/** A message whose first fields are texts or bytes. */
export function fields(...values: readonly (string | Uint8Array)[]): Uint8Array {
  const body = new BinaryWriter();
  for (const [index, value] of values.entries()) {
    body.tag(index + 1, 2);
    if (typeof value === "string") body.string(value);
    else body.bytes(value);
  }
  return body.finish();
}

/** The length of the frame that `bytes` begin with, with its prefix, when it has come whole. */
export function frameBytes(bytes: Uint8Array): number | undefined {
  let length = 0;
  for (let at = 0; at < Math.min(bytes.length, MAX_PREFIX_BYTES); at++) {
    length += (bytes[at] & 0x7f) * 2 ** (7 * at);
    if (bytes[at] < 0x80) return at + 1 + length <= bytes.length ? at + 1 + length : undefined;
  }
  return undefined;
}

/** Sends one message with an id, and waits for the answer, which must be of `answerField`. */
export async function request(
  setup: Setup,
  field: number,
  body: Uint8Array,
  answerField: number,
): Promise<void> {
  await setup.write(frame(field, body, 1));
  const answer = await setup.take(frameBytes, "an answer");
  const found = new BinaryReader(new BinaryReader(answer).bytes()).tag()[0];
  if (found === answerField) return;
  throw new Error(`the server refused: ${new TextDecoder().decode(answer)}`);
}

/** Gets acquainted, as clients do. */
export function hello(setup: Setup): Promise<void> {
  return request(setup, FIELD.hello, new Uint8Array(0), FIELD.welcome);
}

const TOKEN_FIELD = 7;

/** Gets acquainted as the user whose token that is. */
function helloWith(setup: Setup, token: string): Promise<void> {
  const body = new BinaryWriter().tag(TOKEN_FIELD, 2).string(token).finish();
  return request(setup, FIELD.hello, body, FIELD.welcome);
}

/** Offers a method. */
export function register(setup: Setup, method: string): Promise<void> {
  return request(setup, FIELD.register, fields(method), FIELD.ack);
}

/** The bytes that call a method and want an answer. */
export function callFrame(method: string, payload: Uint8Array): Uint8Array {
  return frame(FIELD.call, fields(method, payload), 1);
}

/** Calls a method, and waits for the answer. */
export function call(setup: Setup, method: string, payload: Uint8Array): Promise<void> {
  return request(setup, FIELD.call, fields(method, payload), FIELD.answer);
}

/** Subscribes to a pattern, if wanted with one's own events, or from a Start in the history on. */
export function subscribe(
  setup: Setup,
  pattern: string,
  { echo = false, start }: { readonly echo?: boolean; readonly start?: Uint8Array } = {},
): Promise<void> {
  const body = new BinaryWriter().tag(1, 2).string(pattern);
  if (echo) body.tag(4, 0).bool(true);
  if (start !== undefined) body.tag(6, 2).bytes(start);
  return request(setup, FIELD.subscribe, body.finish(), FIELD.ack);
}

/** Ends the subscription to a pattern. */
export function unsubscribe(setup: Setup, pattern: string): Promise<void> {
  return request(setup, FIELD.unsubscribe, fields(pattern), FIELD.ack);
}

/** Publish and subscribe. */
export const parley: BusDialect = {
  open: (setup, token) => token === undefined ? Promise.resolve() : helloWith(setup, token),
  subscribe: (setup, pattern) => subscribe(setup, pattern),
  publish: (topic, payload) => frame(FIELD.event, fields(topic, payload), 0),
  deliveryBytes: frameBytes,
  replyBytes: () => 0,
  unaskedBytes: 0,
};

/** The bytes that subscribe to each of these patterns, without asking for answers. */
export function subscribeAll(patterns: readonly string[]): Uint8Array {
  return concat(patterns.map((pattern) => frame(FIELD.subscribe, fields(pattern), 0)));
}
