/**
 * Durable publishing: publishers that each keep a number of events under way and count what is
 * acknowledged; and the reading of all that was kept.
 *
 * Ours acknowledges after its fsync. JetStream, with file storage, acknowledges when it has written, up to
 * two minutes before its fsync. Acknowledgements are counted one by one, since their length varies.
 */
import { FrameReader } from "../../lib/wire/frame_reader.ts";
import { cpuSeconds } from "../harness/process_facts.ts";
import { nats, natsMessage } from "./dialect_nats.ts";
import { fields, frame, hello } from "./dialect_parley.ts";
import { concat, type Connection, repeated, Setup, type Target, writeAll } from "./target.ts";

/** What to publish. */
export interface KeptLoad {
  readonly kind: "kept";
  readonly target: Target;
  readonly publishers: number;
  readonly inFlight: number;
  readonly payloadBytes: number;
  readonly seconds: number;
  /** Whether all that was kept is then read from the start; ours only. */
  readonly replay: boolean;
}

/** What came of it. */
export interface KeptLoadResult {
  readonly acknowledged: number;
  readonly seconds: number;
  readonly serverCpuSeconds: number;
  readonly loadCpuSeconds: number;
  /** Events read from the start, and how long that took; 0 without a replay. */
  readonly replayed: number;
  readonly replaySeconds: number;
}

const TOPIC = "bench.kept";
const WARM_UP = 0.2;
const BUFFER_BYTES = 256 * 1024;

/** Runs the load. */
export async function runKeptLoad(load: KeptLoad): Promise<KeptLoadResult> {
  const isNats = load.target.dialect === "nats";
  if (isNats) await makeStream(load.target);
  const publishers: Publisher[] = [];
  for (let index = 0; index < load.publishers; index++) {
    publishers.push(await (isNats ? natsPublisher(load, index) : parleyPublisher(load)));
  }
  const phase = async (seconds: number) => {
    const until = performance.now() + seconds * 1000;
    const counts = await Promise.all(publishers.map((each) => each.publishUntil(until)));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  const warm = await phase(load.seconds * WARM_UP);
  const before = [cpuSeconds(load.target.pid), cpuSeconds(Deno.pid)];
  const startMs = performance.now();
  const acknowledged = await phase(load.seconds);
  const seconds = (performance.now() - startMs) / 1000;
  const after = [cpuSeconds(load.target.pid), cpuSeconds(Deno.pid)];
  const replayStartMs = performance.now();
  const replayed = load.replay ? await replay(load.target, warm + acknowledged) : 0;
  return {
    acknowledged,
    seconds,
    serverCpuSeconds: after[0] - before[0],
    loadCpuSeconds: after[1] - before[1],
    replayed,
    replaySeconds: (performance.now() - replayStartMs) / 1000,
  };
}

/** One connection that publishes; `count` says how many acknowledgements its bytes hold. */
class Publisher {
  readonly #connection: Connection;
  readonly #event: Uint8Array;
  readonly #events: Uint8Array;
  readonly #inFlight: number;
  readonly #count: (bytes: Uint8Array) => number;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);

  constructor(
    setup: Setup,
    event: Uint8Array,
    inFlight: number,
    count: (bytes: Uint8Array) => number,
  ) {
    this.#connection = setup.connection;
    this.#event = event;
    this.#events = repeated(event, event.length * inFlight);
    this.#inFlight = inFlight;
    this.#count = count;
  }

  /** Keeps as many events under way as there may be, and waits for the last ones. */
  async publishUntil(until: number): Promise<number> {
    let acknowledged = 0;
    let underWay = this.#inFlight;
    await writeAll(this.#connection, this.#events);
    while (underWay > 0) {
      const read = await this.#connection.read(this.#buffer);
      if (read === null) throw new Error("the server ended the connection of a publisher");
      const count = this.#count(this.#buffer.subarray(0, read));
      acknowledged += count;
      underWay -= count;
      if (count === 0 || performance.now() >= until) continue;
      await writeAll(this.#connection, this.#events.subarray(0, count * this.#event.length));
      underWay += count;
    }
    return acknowledged;
  }
}

async function parleyPublisher(load: KeptLoad): Promise<Publisher> {
  const setup = await Setup.open(load.target);
  await hello(setup);
  const payload = new Uint8Array(load.payloadBytes).fill("x".charCodeAt(0));
  const event = frame(EVENT_FIELD, fields(TOPIC, payload), 1);
  const reader = new FrameReader("delimited", 1 << 20);
  const count = (bytes: Uint8Array) => {
    let acks = 0;
    for (let from = 0; from < bytes.length;) {
      const space = reader.space();
      const part = bytes.subarray(from, from + space.length);
      space.set(part);
      reader.filled(part.length);
      from += part.length;
      while (reader.next()) {
        if (reader.buffer[reader.messageStart] !== ACK_TAG) throw refused(reader);
        acks++;
      }
    }
    return acks;
  };
  return new Publisher(setup, event, load.inFlight, count);
}

/** Members of ClientMessage, by field number. */
const EVENT_FIELD = 3;
const SUBSCRIBE_FIELD = 5;
/** Subscribe.start, with everything that there is. */
const START_ALL = new Uint8Array([0x32, 0x02, 0x20, 0x01]);
/** Tag of ServerMessage.ack and of ServerMessage.event. */
const ACK_TAG = 0x2a;
const EVENT_TAG = 0x1a;

function refused(reader: FrameReader): Error {
  const bytes = reader.buffer.subarray(reader.messageStart, reader.messageEnd);
  return new Error(`an event was refused: ${new TextDecoder().decode(bytes)}`);
}

/** Subscribes from the first event on, and waits until `events` have come. */
async function replay(target: Target, events: number): Promise<number> {
  const setup = await Setup.open(target);
  await hello(setup);
  await setup.write(frame(SUBSCRIBE_FIELD, concat([fields(TOPIC), START_ALL]), 2));
  const reader = new FrameReader("delimited", 1 << 20);
  let seen = 0;
  while (seen < events) {
    const count = await setup.connection.read(reader.space());
    if (count === null) throw new Error(`the replay ended after ${seen} of ${events} events`);
    reader.filled(count);
    while (reader.next()) if (reader.buffer[reader.messageStart] === EVENT_TAG) seen++;
  }
  return seen;
}

/** Makes the stream that keeps the topic, in files. */
async function makeStream(target: Target): Promise<void> {
  const setup = await Setup.open(target);
  await nats.open(setup);
  await nats.subscribe(setup, "_INBOX.made");
  const stream = { name: "BENCH", subjects: ["bench.>"], storage: "file", retention: "limits" };
  const request = new TextEncoder().encode(JSON.stringify(stream));
  const line = `PUB $JS.API.STREAM.CREATE.BENCH _INBOX.made ${request.length}`;
  await setup.write(natsMessage(line, request));
  const answer = await setup.take(nats.deliveryBytes, "the new stream");
  const text = new TextDecoder().decode(answer);
  // A stream that is there from the run before is as good as a new one.
  if (text.includes('"error"') && !text.includes("already in use")) throw new Error(text);
  setup.connection.close();
}

async function natsPublisher(load: KeptLoad, index: number): Promise<Publisher> {
  const setup = await Setup.open(load.target);
  await nats.open(setup);
  await nats.subscribe(setup, `_INBOX.kept.${index}`);
  const payload = new Uint8Array(load.payloadBytes).fill("x".charCodeAt(0));
  const line = `PUB ${TOPIC} _INBOX.kept.${index} ${payload.length}`;
  return new Publisher(setup, natsMessage(line, payload), load.inFlight, natsAcks());
}

/** Counts acknowledgements: messages whose text has a seq; what is cut off waits for the next bytes. */
function natsAcks(): (bytes: Uint8Array) => number {
  let state = 0;
  // Every acknowledgement has this text once, and nothing else that comes has it.
  const mark = new TextEncoder().encode('"seq":');
  return (bytes) => {
    let acks = 0;
    for (let index = 0; index < bytes.length; index++) {
      state = bytes[index] === mark[state] ? state + 1 : bytes[index] === mark[0] ? 1 : 0;
      if (state < mark.length) continue;
      acks++;
      state = 0;
    }
    return acks;
  };
}
