/**
 * The trimming of many old events, as a client feels it: pings all the while, and a look now and then
 * whether the trimming has begun and is over.
 *
 * The first step fills a topic, on a server that keeps everything. The second one watches a server on the
 * same data to which all of that is too old. A topic of one event, older than the others, is trimmed
 * first: when it is gone the trimming has begun, and with the last event of the large one it is over.
 */
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { Histogram } from "../../lib/cli/bench/histogram.ts";
import { fields, frame, frameBytes, hello, subscribe, unsubscribe } from "./dialect_parley.ts";
import { Pinger } from "./pinger.ts";
import type { Steps } from "./steps.ts";
import { repeated, Setup, type Target } from "./target.ts";

/** What to have trimmed. */
export interface TrimLoad {
  readonly kind: "trim";
  /** At least 1. */
  readonly events: number;
  readonly payloadBytes: number;
}

/** What the first step gives. */
export interface FillResult {
  /** The seq of the last event. */
  readonly lastSeq: number;
}

/** Round trips of a time. */
export interface RoundTrips {
  readonly seconds: number;
  readonly count: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** What the second step gives: the time before the trimming, and of the trimming. */
export interface TrimResult {
  readonly before: RoundTrips;
  readonly during: RoundTrips;
}

const FIRST_TOPIC = "bench.first";
const TOPIC = "bench.trim";
const BATCH_BYTES = 64 * 1024;
const PING_EVERY_MS = 1;
const LOOK_EVERY_MS = 10;
/** A trimming that takes longer fails the load. */
const PATIENCE_MS = 120_000;
/** Members of ClientMessage. */
const EVENT_FIELD = 3;
/** Tags of ServerMessage. */
const EVENT_TAG = 0x1a;
const ACK_TAG = 0x2a;
const MISSED_TAG = 0x62;
/** Field of Ack. */
const SEQ_FIELD = 3;

/** Takes the two steps; each is told its server, a Target as JSON. */
export async function runTrimLoad(load: TrimLoad, steps: Steps): Promise<void> {
  const filled = await steps.next();
  if (filled === undefined) return;
  steps.answer(await fill(load, JSON.parse(filled)));
  const watched = await steps.next();
  if (watched === undefined) return;
  steps.answer(await watch(load, JSON.parse(watched)));
}

/** Publishes without ids, but for the last: events of one connection are committed in order. */
async function fill(load: TrimLoad, target: Target): Promise<FillResult> {
  const setup = await Setup.open(target);
  await hello(setup);
  const payload = new Uint8Array(load.payloadBytes).fill("x".charCodeAt(0));
  await setup.write(frame(EVENT_FIELD, fields(FIRST_TOPIC, payload), 1));
  await acknowledged(setup);
  const body = fields(TOPIC, payload);
  const event = frame(EVENT_FIELD, body, 0);
  const batch = repeated(event, BATCH_BYTES);
  const most = batch.length / event.length;
  for (let left = load.events - 1; left > 0; left -= Math.min(left, most)) {
    await setup.write(batch.subarray(0, Math.min(left, most) * event.length));
  }
  await setup.write(frame(EVENT_FIELD, body, 1));
  const lastSeq = await acknowledged(setup);
  setup.connection.close();
  if (lastSeq !== load.events) throw new Error(`${lastSeq} of ${load.events} events were kept`);
  return { lastSeq };
}

/** Pings from before the trimming until it is over. */
async function watch(load: TrimLoad, target: Target): Promise<TrimResult> {
  const setup = await Setup.open(target);
  await hello(setup);
  const pinger = await Pinger.start(target, PING_EVERY_MS);
  const startMs = performance.now();
  let beganMs = startMs;
  for (let lookMs = startMs; await isThere(setup, FIRST_TOPIC, 1, startMs);) {
    beganMs = lookMs;
    await pause(LOOK_EVERY_MS);
    lookMs = performance.now();
  }
  if (beganMs === startMs) throw new Error("the trimming had begun before it could be measured");
  while (await isThere(setup, TOPIC, load.events, startMs)) await pause(LOOK_EVERY_MS);
  const endMs = performance.now();
  const trips = await pinger.stop();
  setup.connection.close();
  const before = trips.filter(({ sentMs, tookMs }) => sentMs + tookMs < beganMs);
  const during = trips.filter(({ sentMs, tookMs }) => sentMs + tookMs >= beganMs && sentMs < endMs);
  return {
    before: summaryOf(before, beganMs - startMs),
    during: summaryOf(during, endMs - beganMs),
  };
}

/** Whether the event is still kept: it is read, or said to be missed. */
async function isThere(
  setup: Setup,
  topic: string,
  seq: number,
  startMs: number,
): Promise<boolean> {
  if (performance.now() - startMs > PATIENCE_MS) {
    throw new Error(`the trimming was not over after ${PATIENCE_MS / 1000} s`);
  }
  const start = new BinaryWriter().tag(1, 0).uint64(seq).finish();
  await subscribe(setup, topic, { start });
  const tag = (await messageOf(setup))[0];
  if (tag !== EVENT_TAG && tag !== MISSED_TAG) {
    throw new Error(`cannot tell whether event ${seq} of ${topic} is there: got tag ${tag}`);
  }
  await unsubscribe(setup, topic);
  return tag === EVENT_TAG;
}

/** Waits for the acknowledgement of an event, and gives its seq. */
async function acknowledged(setup: Setup): Promise<number> {
  const message = await messageOf(setup);
  if (message[0] !== ACK_TAG) {
    throw new Error(`an event was refused: ${new TextDecoder().decode(message)}`);
  }
  const envelope = new BinaryReader(message);
  envelope.tag();
  const ack = new BinaryReader(envelope.bytes());
  while (ack.pos < ack.len) {
    const [field, type] = ack.tag();
    if (field === SEQ_FIELD) return Number(ack.uint64());
    ack.skip(type);
  }
  throw new Error("an event was acknowledged without a seq");
}

/** The next message of the server, without its prefix. */
async function messageOf(setup: Setup): Promise<Uint8Array> {
  return new BinaryReader(await setup.take(frameBytes, "a message")).bytes();
}

function summaryOf(trips: readonly { readonly tookMs: number }[], ms: number): RoundTrips {
  const histogram = new Histogram();
  for (const { tookMs } of trips) histogram.record(tookMs);
  return {
    seconds: ms / 1000,
    count: histogram.count,
    p99Ms: histogram.quantileMs(0.99),
    maxMs: histogram.maxMs,
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
