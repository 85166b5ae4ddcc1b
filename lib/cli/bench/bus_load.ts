/**
 * The load generator for the bus: plain sockets, prebuilt publishes out, deliveries counted in.
 *
 * Every subscriber is there before the first event. Publishers send as fast as events are delivered: they
 * wait while more than a window is under way to the subscribers, so that the rate is one that the server can
 * hold and nobody is cut off. At a given rate each event carries the time when it was due, so that the
 * latency of a server that falls behind shows in full. All deliveries are awaited in the end.
 */
import { create } from "@bufbuild/protobuf";
import { handled } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { OverflowPolicy, SubscribeSchema } from "../../gen/parley/v1/event_pb.ts";
import { PingSchema } from "../../gen/parley/v1/session_pb.ts";
import {
  type EventFrame,
  eventFrame,
  FrameCounter,
  requestFrame,
  STAMP_BYTES,
} from "./bus_frames.ts";
import { dialAll, dialer, hangUp, shownServer } from "./dial.ts";
import { type Durations, Histogram } from "./histogram.ts";
import { PROGRESS_INTERVAL_MS, repeated, watchStall, writeAll } from "./load_run.ts";

/** What load to make. */
export interface BusLoad {
  /** `parley://host:port` or `unix:///path`. */
  readonly server: string;
  readonly publishers: number;
  readonly subscribers: number;
  /** Bytes of each payload; at least 8 when there is a rate. */
  readonly sizeBytes: number;
  readonly seconds: number;
  /** Events a second over all publishers; without it as many as can be, and no latency. */
  readonly rate?: number;
  /** The type of the events; subscribers then ask for it too. */
  readonly type?: string;
  /** The group that all subscribers join: each event then goes to one of them. */
  readonly group?: string;
  /** Called about five times a second with the number of deliveries so far. */
  readonly onProgress?: (deliveries: number) => void;
}

/** What came of it. */
export interface BusResult {
  /** Events that were published. */
  readonly events: number;
  /** Events that subscribers got, together. */
  readonly deliveries: number;
  /** From the first publish to the last delivery. */
  readonly seconds: number;
  readonly eventsPerSecond: number;
  readonly deliveriesPerSecond: number;
  /** Bytes of payload delivered a second, in units of 10⁶. */
  readonly megabytesPerSecond: number;
  /** From when an event was due to its delivery, in milliseconds; null without a rate. */
  readonly latencyMs: Durations | null;
}

/** What one write holds. */
const BATCH_BYTES = 64 * 1024;
/** What may be under way to each subscriber: far below what makes a server call one slow. */
const WINDOW_BYTES = 3 * 1024 * 1024;
const READ_BUFFER_BYTES = 256 * 1024;
/** With many connections their buffers are smaller, so that all together stay small. */
const MANY_CONNECTIONS = 64;
const TICK_MS = 1;

/** Makes the load and waits for its end. Rejects when a connection fails or something is not delivered. */
export async function runBusLoad(load: BusLoad): Promise<BusResult> {
  const links = await dialAll(dialer(load.server), load.publishers + load.subscribers);
  const run = new BusRun(load, links);
  const timers = [
    setInterval(() => load.onProgress?.(run.deliveries), PROGRESS_INTERVAL_MS),
    watchStall(() => run.progress, (seconds) => {
      if (!run.isOwed) return;
      const came = `${run.deliveries} of ${run.expected} deliveries`;
      run.fail(
        new ParleyError(ErrorCode.DEADLINE_EXCEEDED, `nothing came for ${seconds} s: ${came}`),
      );
    }),
  ];
  const readers = run.read();
  const whole = run.whole();
  try {
    await Promise.race([run.failed, whole]);
    return run.result();
  } catch (error) {
    throw ParleyError.from(
      error,
      ErrorCode.UNAVAILABLE,
      `the load on ${shownServer(load.server)} failed`,
    );
  } finally {
    timers.forEach(clearInterval);
    run.end();
    links.forEach(hangUp);
    await Promise.allSettled([readers, whole]);
  }
}

/** The state that the connections of one load share. */
class BusRun {
  /** Rejects with the first failure. */
  readonly failed: Promise<never>;
  fail!: (reason: unknown) => void;
  readonly #load: BusLoad;
  readonly #publishers: readonly Deno.Conn[];
  readonly #subscribers: readonly Deno.Conn[];
  readonly #counters: readonly FrameCounter[];
  readonly #frame: EventFrame;
  readonly #topic = `parley.bench.${crypto.randomUUID().slice(0, 8)}`;
  readonly #histogram: Histogram | null;
  readonly #window: number;
  #events = 0;
  #seconds = 0;
  /** Whether events are sent by the clock, so that silence can be right. */
  #pacing = false;
  #over = false;
  #wake: (() => void)[] = [];

  constructor(load: BusLoad, links: readonly Deno.Conn[]) {
    this.#load = load;
    this.#publishers = links.slice(0, load.publishers);
    this.#subscribers = links.slice(load.publishers);
    this.#frame = eventFrame(this.#topic, load.type ?? "", load.sizeBytes);
    this.#histogram = load.rate === undefined ? null : new Histogram();
    this.failed = new Promise((_, reject) => this.fail = reject);
    handled(this.failed);
    const onStamp = this.#histogram === null ? null : (view: DataView, at: number) => {
      this.#histogram!.record(performance.now() - view.getFloat64(at));
    };
    const bufferBytes = links.length > MANY_CONNECTIONS ? 0 : READ_BUFFER_BYTES;
    const { payloadInBody } = this.#frame;
    this.#counters = links.map(() => new FrameCounter({ onStamp, payloadInBody, bufferBytes }));
    this.#window = Math.max(2, Math.floor(WINDOW_BYTES / this.#frame.bytes.length)) * this.#copies;
  }

  /** Into how many deliveries an event turns. */
  get #copies(): number {
    const { subscribers, group } = this.#load;
    return group === undefined ? subscribers : Math.min(1, subscribers);
  }

  get deliveries(): number {
    return this.#sum((counter) => counter.events);
  }

  get expected(): number {
    return this.#events * this.#copies;
  }

  /** Changes as long as anything goes on. */
  get progress(): number {
    return this.#events + this.#sum((counter) => counter.events + counter.answers);
  }

  /** Whether something has to arrive, or to be sent, at once. */
  get isOwed(): boolean {
    return !this.#pacing || this.deliveries < this.expected;
  }

  /** The connections are going to be closed on purpose: everything that waits goes on to its end. */
  end(): void {
    this.#over = true;
    this.#tell();
  }

  /** Reads all connections to their end. */
  async read(): Promise<void> {
    const links = [...this.#publishers, ...this.#subscribers];
    await Promise.all(links.map((link, index) => this.#read(link, this.#counters[index])));
  }

  /** Subscribes, publishes, and waits for the last delivery. */
  async whole(): Promise<void> {
    const { group = "", type = "", subscribers, publishers } = this.#load;
    const value = create(SubscribeSchema, {
      pattern: this.#topic,
      type,
      group,
      overflow: OverflowPolicy.DISCONNECT,
    });
    const subscribe = requestFrame({ case: "subscribe", value }, 1n);
    await Promise.all(this.#subscribers.map((link) => writeAll(link, subscribe)));
    await this.#until(() => this.#sum((counter) => counter.answers) === subscribers);
    const startMs = performance.now();
    const endMs = startMs + this.#load.seconds * 1000;
    await Promise.all(
      this.#publishers.map((link, index) =>
        this.#load.rate === undefined
          ? this.#flood(link, endMs)
          : this.#pace(link, startMs + index * 1000 / this.#load.rate, endMs)
      ),
    );
    this.#pacing = false;
    // When a ping is answered, everything that was published before it has been taken.
    const ping = requestFrame({ case: "ping", value: create(PingSchema) }, 2n);
    await Promise.all(this.#publishers.map((link) => writeAll(link, ping)));
    await this.#until(() =>
      this.deliveries >= this.expected &&
      this.#sum((counter) => counter.answers) === subscribers + publishers
    );
    this.#seconds = (performance.now() - startMs) / 1000;
  }

  result(): BusResult {
    const [events, deliveries, seconds] = [this.#events, this.deliveries, this.#seconds];
    return {
      events,
      deliveries,
      seconds,
      eventsPerSecond: events / seconds,
      deliveriesPerSecond: deliveries / seconds,
      megabytesPerSecond: deliveries * this.#load.sizeBytes / seconds / 1e6,
      latencyMs: this.#histogram?.summary() ?? null,
    };
  }

  /** Publishes as fast as it is delivered. */
  async #flood(link: Deno.Conn, endMs: number): Promise<void> {
    const { bytes } = this.#frame;
    const count = Math.max(1, Math.floor(BATCH_BYTES / bytes.length));
    const batch = repeated(bytes, count);
    while (performance.now() < endMs && !this.#over) {
      if (this.#copies > 0) await this.#until(() => this.expected - this.deliveries < this.#window);
      this.#events += count;
      await writeAll(link, batch);
    }
  }

  /** Publishes at this connection's part of the rate, from `dueMs` on: each event with the time when it was due. */
  async #pace(link: Deno.Conn, dueMs: number, endMs: number): Promise<void> {
    const { bytes, payloadAt } = this.#frame;
    const most = Math.max(1, Math.floor(BATCH_BYTES / bytes.length));
    const batch = repeated(bytes, most);
    const view = new DataView(batch.buffer);
    const intervalMs = 1000 * this.#publishers.length / this.#load.rate!;
    while (dueMs < endMs && !this.#over) {
      const nowMs = performance.now();
      let count = 0;
      for (; count < most && dueMs <= nowMs && dueMs < endMs; count++, dueMs += intervalMs) {
        view.setFloat64(count * bytes.length + payloadAt, dueMs);
      }
      if (count === 0) {
        await new Promise((resolve) => setTimeout(resolve, Math.max(TICK_MS, dueMs - nowMs)));
        continue;
      }
      this.#events += count;
      await writeAll(link, batch.subarray(0, count * bytes.length));
    }
  }

  async #read(link: Deno.Conn, counter: FrameCounter): Promise<void> {
    try {
      for (let count; (count = await link.read(counter.space)) !== null;) {
        counter.filled(count);
        if (counter.missed > 0) throw new Error(`the server dropped ${counter.missed} events`);
        this.#tell();
      }
      if (!this.#over) this.fail(new Error("the server closed a connection"));
    } catch (error) {
      if (!this.#over) this.fail(error);
    }
  }

  /** Waits until something has arrived that makes `condition` hold, or until the run is over. */
  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#over) {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  #tell(): void {
    if (this.#wake.length === 0) return;
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  #sum(of: (counter: FrameCounter) => number): number {
    let sum = 0;
    for (const counter of this.#counters) sum += of(counter);
    return sum;
  }
}

/** Raises INVALID_ARGUMENT for a load that cannot be made. */
export function checkBusLoad(load: Pick<BusLoad, "rate" | "sizeBytes">): void {
  if (load.rate === undefined || load.sizeBytes >= STAMP_BYTES) return;
  throw new ParleyError(
    ErrorCode.INVALID_ARGUMENT,
    `cannot measure latency with payloads of ${load.sizeBytes} bytes: they carry a time`,
    { accepted: `at least ${STAMP_BYTES} bytes` },
  );
}
