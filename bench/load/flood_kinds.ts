/**
 * The floods: what each of them prepares, what it sends over and over, and what it does with what comes.
 *
 * Each connection is one that no server should have to fear: it follows the protocol and reads its answers.
 * Bytes are made beforehand, as far as they do not depend on what comes.
 */
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { nats, natsMessage } from "./dialect_nats.ts";
import { call, callFrame, fields, frame, hello, register, subscribe } from "./dialect_parley.ts";
import { ParleyConsumer, pullFrame } from "./queue_parley.ts";
import { concat, repeated, type Setup } from "./target.ts";

/** What a server may be flooded with. */
export const FLOODS = [
  "publish",
  "acknowledged publish",
  "kept publish",
  "push",
  "pull and settle",
  "echo",
  "call",
  "subscribe and unsubscribe",
  "room say",
  "history",
  "peek",
  "1 MiB messages",
] as const;
/** One of them. */
export type FloodName = typeof FLOODS[number];

/** Those of them that nats-server has the like of. */
export const FLOODS_OF_NATS: readonly FloodName[] = [
  "publish",
  "echo",
  "subscribe and unsubscribe",
  "1 MiB messages",
];

/** How much there is to read for those who read. */
export interface Amounts {
  /** Events of the history. */
  readonly events: number;
  /** Jobs of the queue that is peeked at. */
  readonly jobs: number;
}

/** One flooding connection that is ready. */
export interface Flood {
  /** What is written again and again; empty when only `came` sends. */
  readonly bytes: Uint8Array;
  /** Called with what came; gives what is to be sent for it. */
  readonly came?: (chunk: Uint8Array) => Uint8Array | null;
  /** Sent every so often, besides. */
  readonly nowAndThen?: Uint8Array;
}

const CHUNK_BYTES = 64 * 1024;
const PAYLOAD = new Uint8Array(16).fill(0x78);
/** Members of ClientMessage. */
const FIELD = { echo: 1, event: 3, subscribe: 5, unsubscribe: 6, job: 14 } as const;
const LARGE_BYTES = 1024 * 1024 - 64;
const HISTORY = "bench.history";
const PEEKED = "bench.peeked";
const METHOD = "bench.Flood/Echo";
const ROOM = "bench";
const PREFETCH = 1000;
const encoder = new TextEncoder();

/** Prepares a flood of a server of ours; `number` tells the flooders apart. */
export async function parleyFlood(
  setup: Setup,
  name: FloodName,
  number: number,
  amounts: Amounts,
): Promise<Flood> {
  await hello(setup);
  switch (name) {
    case "publish":
      return { bytes: chunkOf(frame(FIELD.event, fields("flood.plain", PAYLOAD), 0)) };
    case "acknowledged publish":
      return { bytes: chunkOf(frame(FIELD.event, fields("flood.plain", PAYLOAD), 1)) };
    case "kept publish":
      return { bytes: chunkOf(frame(FIELD.event, fields("bench.kept", PAYLOAD), 1)) };
    case "push":
      return { bytes: chunkOf(frame(FIELD.job, fields(`bench.pushed-${number}`, PAYLOAD), 1)) };
    case "pull and settle":
      return await pullAndSettle(setup, number);
    case "echo":
      return { bytes: chunkOf(frame(FIELD.echo, fields("flood"), 1)) };
    case "call":
      return await callOneself(setup, number);
    case "subscribe and unsubscribe":
      return { bytes: comeAndGo() };
    case "room say":
      await call(setup, "parley.v1.Rooms/ClaimName", fields(`flooder-${number}`));
      await call(setup, "parley.v1.Rooms/Join", fields(ROOM));
      await subscribe(setup, `room.${ROOM}`, { echo: true });
      return { bytes: chunkOf(callFrame("parley.v1.Rooms/Say", fields(ROOM, "flood"))) };
    case "history":
      return await readHistory(setup, number, amounts.events);
    case "peek":
      return await peek(setup, number, amounts.jobs);
    case "1 MiB messages":
      return { bytes: frame(FIELD.echo, fields("x".repeat(LARGE_BYTES)), 1) };
  }
}

/** Prepares a flood of nats-server. Raises for one that it has not the like of. */
export async function natsFlood(setup: Setup, name: FloodName): Promise<Flood> {
  await nats.open(setup);
  switch (name) {
    case "publish":
      return { bytes: chunkOf(nats.publish("flood.plain", PAYLOAD)) };
    case "echo":
      return { bytes: chunkOf(encoder.encode("PING\r\n")) };
    case "subscribe and unsubscribe":
      return {
        bytes: concat(
          Array.from(
            { length: 1000 },
            (_, index) =>
              encoder.encode(`SUB flood.${index} ${index + 1}\r\nUNSUB ${index + 1}\r\n`),
          ),
        ),
      };
    case "1 MiB messages":
      return { bytes: natsMessage(`PUB flood.large ${LARGE_BYTES}`, new Uint8Array(LARGE_BYTES)) };
    default:
      throw new Error(`nats-server has nothing like a flood of ${name}`);
  }
}

function chunkOf(message: Uint8Array): Uint8Array {
  return repeated(message, CHUNK_BYTES);
}

/** Pushes to a queue of its own, and is its only consumer. */
async function pullAndSettle(setup: Setup, number: number): Promise<Flood> {
  const queue = `bench.pulled-${number}`;
  const job = frame(FIELD.job, fields(queue, PAYLOAD), 1);
  await setup.write(pullFrame(queue, PREFETCH));
  const consumer = new ParleyConsumer(PREFETCH);
  let held = 0;
  const came = (chunk: Uint8Array): Uint8Array | null => {
    for (let rest = chunk; rest.length > 0;) {
      const space = consumer.space();
      const part = rest.subarray(0, space.length);
      space.set(part);
      held += consumer.filled(part.length);
      rest = rest.subarray(part.length);
    }
    if (held === 0) return null;
    held = 0;
    return consumer.settle();
  };
  return { bytes: repeated(job, 8 * 1024), came };
}

/** Calls a method that it serves itself: every call comes back to it, and its answer, too. */
async function callOneself(setup: Setup, number: number): Promise<Flood> {
  const method = `${METHOD}${number}`;
  await register(setup, method);
  return { bytes: chunkOf(callFrame(method, PAYLOAD)), came: new Responder().came };
}

function comeAndGo(): Uint8Array {
  return concat(Array.from({ length: 1000 }, (_, index) => {
    const pattern = fields(`flood.*.${index}`);
    return concat([frame(FIELD.subscribe, pattern, 1), frame(FIELD.unsubscribe, pattern, 1)]);
  }));
}

async function readHistory(setup: Setup, number: number, events: number): Promise<Flood> {
  if (number === 0) await fill(setup, frame(FIELD.event, fields(HISTORY, PAYLOAD), 0), events);
  const start = new BinaryWriter().tag(4, 0).bool(true).finish();
  const body = new BinaryWriter().tag(1, 2).string(HISTORY).tag(6, 2).bytes(start).finish();
  // Asking again begins anew, so the end is never reached.
  return { bytes: new Uint8Array(0), nowAndThen: frame(FIELD.subscribe, body, 0) };
}

async function peek(setup: Setup, number: number, jobs: number): Promise<Flood> {
  if (number === 0) await fill(setup, frame(FIELD.job, fields(PEEKED, PAYLOAD), 0), jobs);
  const body = new BinaryWriter().tag(1, 2).string(PEEKED).tag(3, 0).uint32(1000).finish();
  return { bytes: chunkOf(callFrame("parley.v1.Queues/Peek", body)) };
}

/** Sends so many messages, and waits until all are taken. */
async function fill(setup: Setup, message: Uint8Array, count: number): Promise<void> {
  const batch = chunkOf(message);
  const most = batch.length / message.length;
  for (let left = count; left > 0; left -= Math.min(left, most)) {
    await setup.write(batch.subarray(0, Math.min(left, most) * message.length));
  }
  // A connection's messages are taken in order, and what it keeps is committed in order.
  await call(setup, "parley.v1.Demo/Echo", new Uint8Array(0));
}

/** Answers calls that come, with nothing; what else comes is passed over. */
class Responder {
  readonly #waiting: Uint8Array[] = [];
  readonly came = (chunk: Uint8Array): Uint8Array | null => {
    const bytes = this.#waiting.length === 0 ? chunk : concat([...this.#waiting.splice(0), chunk]);
    const answers: Uint8Array[] = [];
    let at = 0;
    for (;;) {
      const message = messageAt(bytes, at);
      if (message === undefined) break;
      at = message.end;
      if (bytes[message.start] === CALL_TAG) {
        // Behind the body stands the id, as it is to come back.
        answers.push(answerWithId(bytes.subarray(idStart(bytes, message.start), message.end)));
      }
    }
    if (at < bytes.length) this.#waiting.push(bytes.slice(at));
    return answers.length === 0 ? null : concat(answers);
  };
}

const CALL_TAG = 0x4a;
const EMPTY_ANSWER = Uint8Array.of(0x52, 0);

function answerWithId(id: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(EMPTY_ANSWER.length + id.length), EMPTY_ANSWER, id]);
}

/** Where a message lies whose prefix stands at `at`, when all of it is there. */
function messageAt(bytes: Uint8Array, at: number): { start: number; end: number } | undefined {
  const length = varintAt(bytes, at);
  if (length === undefined) return undefined;
  const end = length.end + length.value;
  return end <= bytes.length ? { start: length.end, end } : undefined;
}

/** Where the id of a message begins, behind its one member. */
function idStart(bytes: Uint8Array, start: number): number {
  const body = varintAt(bytes, start + 1)!;
  return body.end + body.value;
}

function varintAt(bytes: Uint8Array, from: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let at = from, scale = 1; at < bytes.length; at++, scale *= 128) {
    value += (bytes[at] & 0x7f) * scale;
    if (bytes[at] < 0x80) return { value, end: at + 1 };
  }
  return undefined;
}
