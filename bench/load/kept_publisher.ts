/**
 * Publishers of events that are kept: each a connection that keeps a number of events under way, and counts what is
 * acknowledged.
 *
 * Ours acknowledges after its fsync. JetStream, with file storage, acknowledges when it has written, up to
 * two minutes before its fsync. Acknowledgements are counted one by one, since their length varies.
 */
import { FrameReader } from "../../lib/wire/frame_reader.ts";
import { nats, natsMessage } from "./dialect_nats.ts";
import { fields, frame, hello } from "./dialect_parley.ts";
import { askJetStream } from "./jetstream_api.ts";
import { type Connection, repeated, Setup, type Target, writeAll } from "./target.ts";

/** What publishers publish. */
export interface KeptShape {
  readonly target: Target;
  /** The most events of one publisher that are not acknowledged. */
  readonly inFlight: number;
  readonly payloadBytes: number;
}

/** The topic that is kept. */
export const KEPT_TOPIC = "bench.kept";
/** The stream of JetStream that keeps it. */
export const KEPT_STREAM = "BENCH";
const BUFFER_BYTES = 256 * 1024;
const EVENT_FIELD = 3;
/** Tag of ServerMessage.ack. */
const ACK_TAG = 0x2a;

/** Connects so many publishers; JetStream gets its stream first. */
export async function openPublishers(shape: KeptShape, count: number): Promise<KeptPublisher[]> {
  const isNats = shape.target.dialect === "nats";
  if (isNats) await makeStream(shape.target);
  const publishers: KeptPublisher[] = [];
  for (let index = 0; index < count; index++) {
    publishers.push(await (isNats ? natsPublisher(shape, index) : parleyPublisher(shape)));
  }
  return publishers;
}

/** One connection that publishes; `count` says how many acknowledgements its bytes hold. */
export class KeptPublisher {
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

  /** Publishes one event, and waits until it is acknowledged. */
  async publishOne(): Promise<void> {
    await writeAll(this.#connection, this.#event);
    for (let acknowledged = 0; acknowledged < 1;) acknowledged += await this.#read();
  }

  /** Ends its connection. */
  close(): void {
    this.#connection.close();
  }

  /** Keeps as many events under way as there may be, and waits for the last ones. */
  async publishUntil(until: number): Promise<number> {
    let acknowledged = 0;
    let underWay = this.#inFlight;
    await writeAll(this.#connection, this.#events);
    while (underWay > 0) {
      const count = await this.#read();
      acknowledged += count;
      underWay -= count;
      if (count === 0 || performance.now() >= until) continue;
      await writeAll(this.#connection, this.#events.subarray(0, count * this.#event.length));
      underWay += count;
    }
    return acknowledged;
  }

  /** Reads what comes; gives how much is acknowledged by it. */
  async #read(): Promise<number> {
    const read = await this.#connection.read(this.#buffer);
    if (read === null) throw new Error("the server ended the connection of a publisher");
    return this.#count(this.#buffer.subarray(0, read));
  }
}

async function parleyPublisher(shape: KeptShape): Promise<KeptPublisher> {
  const setup = await Setup.open(shape.target);
  await hello(setup);
  const payload = new Uint8Array(shape.payloadBytes).fill("x".charCodeAt(0));
  const event = frame(EVENT_FIELD, fields(KEPT_TOPIC, payload), 1);
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
  return new KeptPublisher(setup, event, shape.inFlight, count);
}

function refused(reader: FrameReader): Error {
  const bytes = reader.buffer.subarray(reader.messageStart, reader.messageEnd);
  return new Error(`an event was refused: ${new TextDecoder().decode(bytes)}`);
}

/** Makes the stream that keeps the topic, in files; one that is there is as good. */
export async function makeStream(target: Target): Promise<void> {
  await askJetStream(target, `STREAM.CREATE.${KEPT_STREAM}`, {
    name: KEPT_STREAM,
    subjects: [KEPT_TOPIC],
    storage: "file",
    retention: "limits",
    num_replicas: target.replicas ?? 1,
  });
}

async function natsPublisher(shape: KeptShape, index: number): Promise<KeptPublisher> {
  const setup = await Setup.open(shape.target);
  await nats.open(setup);
  await nats.subscribe(setup, `_INBOX.kept.${index}`);
  const payload = new Uint8Array(shape.payloadBytes).fill("x".charCodeAt(0));
  const line = `PUB ${KEPT_TOPIC} _INBOX.kept.${index} ${payload.length}`;
  return new KeptPublisher(setup, natsMessage(line, payload), shape.inFlight, natsAcks());
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
