/**
 * Publishes as fast as the subscribers keep up, and counts what they get.
 *
 * Fair to every server: the same batches, the same number of events ahead, the same buffer to read into.
 * No publisher gets further ahead of the slowest subscriber than AHEAD_BYTES of deliveries, so that no
 * server has to cut one off; nothing else holds a publisher back. Work that is put off counts: the time
 * ends when the last delivery has come. Counts are exact: the length of a delivery is learned of each
 * publisher beforehand (stamps differ), and every byte must come.
 *
 * What comes is thrown away, so all connections read into one buffer: the memory of the generator is
 * then no part of what is measured.
 */
import { cpuSeconds } from "../harness/process_facts.ts";
import type { BusDialect } from "./bus_dialect.ts";
import { busDialect } from "./dialect.ts";
import {
  concat,
  type Connection,
  repeated,
  serverSeconds,
  Setup,
  type Target,
  writeAll,
} from "./target.ts";
import { receiveAll, Receiver } from "./receiver.ts";

/** What to publish. */
export interface BusLoad {
  readonly kind: "bus";
  readonly target: Target;
  readonly publishers: number;
  readonly subscribers: number;
  readonly payloadBytes: number;
  readonly seconds: number;
  /** How many topics are published to in turn; the subscribers subscribe to the one, or to all of them. */
  readonly topics: number;
  /** Where the subscribers connect, when that is another server of the same cluster. */
  readonly subscribersAt?: Target;
}

/** What came of it. */
export interface BusLoadResult {
  readonly deliveries: number;
  /** From the first publish to the last delivery. */
  readonly seconds: number;
  /** What the server has computed meanwhile. */
  readonly serverCpuSeconds: number;
  /** What the generator has. */
  readonly loadCpuSeconds: number;
}

const BATCH_BYTES = 64 * 1024;
/** Counted at the payload and EVENT_OVERHEAD_BYTES an event, whatever a server makes of it. */
const AHEAD_BYTES = 2 * 1024 * 1024;
const EVENT_OVERHEAD_BYTES = 64;
/** The part of the time that is loaded before it is measured. */
const WARM_UP = 0.2;
/** Servers of a cluster know of each other's subscriptions after so long. */
const LEARNED_MS = 500;

/** Runs the load: first to warm up, then to measure. Rejects unless every delivery came. */
export async function runBusLoad(load: BusLoad): Promise<BusLoadResult> {
  const run = await BusRun.open(load);
  try {
    await run.phase(load.seconds * WARM_UP);
    const before = [serverSeconds(load.target), cpuSeconds(Deno.pid)];
    const measured = await run.phase(load.seconds);
    const after = [serverSeconds(load.target), cpuSeconds(Deno.pid)];
    await run.verify();
    return {
      deliveries: measured.events * load.subscribers,
      seconds: measured.seconds,
      serverCpuSeconds: after[0] - before[0],
      loadCpuSeconds: after[1] - before[1],
    };
  } finally {
    await run.close();
  }
}

interface Publisher {
  readonly connection: Connection;
  readonly replies: Receiver;
  /** The length of one of its events when it is delivered. */
  deliveryBytes: number;
}

class BusRun {
  readonly #dialect: BusDialect;
  readonly #subscribers: Receiver[] = [];
  readonly #publishers: Publisher[] = [];
  readonly #batch: Uint8Array;
  readonly #batchEvents: number;
  readonly #aheadEvents: number;
  readonly #replyBytes: number;
  /** What each subscriber gets of everything that was published so far. */
  #dueBytes = 0;
  #counting: ReturnType<typeof receiveAll> | null = null;

  private constructor(load: BusLoad) {
    this.#dialect = busDialect(load.target.dialect);
    const payload = new Uint8Array(load.payloadBytes).fill("x".charCodeAt(0));
    const messages = publishAll(this.#dialect, load.topics, payload);
    this.#batch = repeated(messages, BATCH_BYTES);
    this.#batchEvents = this.#batch.length / messages.length * load.topics;
    this.#aheadEvents = Math.max(
      Math.floor(AHEAD_BYTES / (load.payloadBytes + EVENT_OVERHEAD_BYTES)),
      this.#batchEvents * load.publishers,
    );
    this.#replyBytes = this.#dialect.replyBytes(load.subscribers);
  }

  /** Connects everybody, and learns how long the deliveries are. */
  static async open(load: BusLoad): Promise<BusRun> {
    const run = new BusRun(load);
    const dialect = run.#dialect;
    const subscribers = [];
    for (let index = 0; index < load.subscribers; index++) {
      const setup = await Setup.open(load.subscribersAt ?? load.target);
      await dialect.open(setup, load.target.token);
      await dialect.subscribe(setup, load.topics === 1 ? topicOf(0) : "bench.>");
      subscribers.push(setup);
    }
    if (load.subscribersAt !== undefined) {
      // Servers of NATS do not say when the others have learned of a subscription.
      await new Promise((resolve) => setTimeout(resolve, LEARNED_MS));
    }
    const first = dialect.publish(topicOf(0), new Uint8Array(load.payloadBytes));
    for (let index = 0; index < load.publishers; index++) {
      const setup = await Setup.open(load.target);
      await dialect.open(setup, load.target.token);
      await setup.write(first);
      const lengths = await Promise.all(
        subscribers.map((each) => each.take((bytes) => dialect.deliveryBytes(bytes), "an event")),
      );
      const deliveryBytes = lengths[0].length;
      if (lengths.some(({ length }) => length !== deliveryBytes)) {
        throw new Error("cannot count deliveries of different length of one publisher");
      }
      await setup.take(
        ({ length }) => length < run.#replyBytes ? undefined : run.#replyBytes,
        "a reply",
      );
      const replies = new Receiver(setup.connection, "publisher");
      run.#publishers.push({ connection: setup.connection, replies, deliveryBytes });
    }
    run.#subscribers.push(
      ...subscribers.map((each) => new Receiver(each.connection, "subscriber")),
    );
    run.#counting = receiveAll([
      ...run.#subscribers,
      ...run.#publishers.map(({ replies }) => replies),
    ]);
    return run;
  }

  /** Publishes for some time, and waits until everything has come. */
  async phase(seconds: number): Promise<{ events: number; seconds: number }> {
    const startMs = performance.now();
    const until = startMs + seconds * 1000;
    const events = await Promise.all(this.#publishers.map((each) => this.#publish(each, until)));
    await Promise.all([
      ...this.#subscribers.map((each) => each.reached(this.#dueBytes)),
      ...this.#publishers.map(({ replies }) => replies.reached(replies.dueBytes)),
    ]);
    const sum = events.reduce((one, other) => one + other, 0);
    return { events: sum, seconds: (performance.now() - startMs) / 1000 };
  }

  /** Makes sure that each subscriber got exactly what was published. */
  async verify(): Promise<void> {
    // What came too much comes within this time; what came too little was waited for.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const unasked = this.#dialect.unaskedBytes;
    for (const { bytes } of this.#subscribers) {
      const excess = bytes - this.#dueBytes;
      if (excess === 0 || (unasked > 0 && excess % unasked === 0 && excess <= 4 * unasked)) {
        continue;
      }
      throw new Error(`a subscriber got ${bytes} bytes instead of ${this.#dueBytes}`);
    }
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await this.#counting?.stop();
  }

  async #publish(publisher: Publisher, until: number): Promise<number> {
    const { connection, replies, deliveryBytes } = publisher;
    const batchBytes = this.#batchEvents * deliveryBytes;
    const aheadBytes = this.#aheadEvents * deliveryBytes;
    let events = 0;
    // At least one batch, however short the time.
    while (events === 0 || performance.now() < until) {
      const least = this.#dueBytes + batchBytes - aheadBytes;
      const behind = this.#subscribers.find(({ bytes }) => bytes < least);
      if (behind !== undefined) {
        await behind.reached(least);
        continue;
      }
      this.#dueBytes += batchBytes;
      replies.dueBytes += this.#batchEvents * this.#replyBytes;
      events += this.#batchEvents;
      await writeAll(connection, this.#batch);
    }
    return events;
  }
}

/** One publish to each of `topics` topics, behind each other. */
function publishAll(dialect: BusDialect, topics: number, payload: Uint8Array): Uint8Array {
  return concat(
    Array.from({ length: topics }, (_, index) => dialect.publish(topicOf(index), payload)),
  );
}

/** Topics of the same length, so that their deliveries are, too. */
function topicOf(index: number): string {
  return `bench.t${String(index).padStart(4, "0")}`;
}
