/**
 * The load of `parley bench queue`: producers that each keep a number of acknowledged pushes under way, and
 * consumers that acknowledge what they get.
 *
 * Plain sockets and prebuilt bytes. Producers stay a bounded number of jobs ahead of what is done, so that
 * neither the queue nor the delays grow with the time that is measured. Everything that was pushed is
 * done before the load ends. Raises a ParleyError for a refusal, and for a job that came back.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { detached, handled } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { type ServerMessage, ServerMessageSchema } from "../../gen/parley/v1/envelope_pb.ts";
import { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import { FrameReader } from "../../wire/frame_reader.ts";
import { STAMP_BYTES } from "./bus_frames.ts";
import { dialAll, dialer, hangUp, shownServer } from "./dial.ts";
import { pullFrame, type PushFrame, pushFrame, QueueArrivals } from "./queue_frames.ts";
import { type Durations, Histogram } from "./histogram.ts";
import { PROGRESS_INTERVAL_MS, repeated, watchStall, writeAll } from "./load_run.ts";

/** What to push and pull. */
export interface QueueLoad {
  readonly server: string;
  /** The queue; it must be empty. */
  readonly queue: string;
  readonly producers: number;
  /** With none, jobs are pushed only and stay. */
  readonly consumers: number;
  readonly prefetch: number;
  readonly inFlight: number;
  readonly sizeBytes: number;
  /** How long jobs are pushed. */
  readonly seconds: number;
  /** How many jobs are pushed at most. */
  readonly jobs?: number;
  /** Whether a job is pushed only when the one before is done. */
  readonly oneAtATime: boolean;
  /** Called about five times a second with the number of jobs that are done, or pushed without consumers. */
  readonly onProgress?: (jobs: number) => void;
}

/** What came of it. */
export interface QueueResult {
  readonly pushed: number;
  readonly done: number;
  /** From the first push to the last answer. */
  readonly seconds: number;
  readonly pushesPerSecond: number;
  readonly donePerSecond: number;
  /** From the push of a job to its delivery; null without consumers, or when payloads hold no time. */
  readonly delayMs: Durations | null;
  /** How safe the jobs were when their pushes were acknowledged. */
  readonly level: AckLevel;
}

/** What one write holds, unless a single job is larger. */
const BATCH_BYTES = 64 * 1024;
/** The largest frame that can be configured; what is delivered is a little longer than what was pushed. */
const MAX_FRAME_BYTES = 65 * 1024 * 1024;

/** Runs the load. */
export async function runQueueLoad(load: QueueLoad): Promise<QueueResult> {
  const links = await dialAll(dialer(load.server), load.producers + load.consumers);
  const run = new QueueRun(load, links);
  const timers = [
    setInterval(() => load.onProgress?.(run.jobs), PROGRESS_INTERVAL_MS),
    watchStall(() => `${run}`, (seconds) => {
      run.fail(
        new ParleyError(ErrorCode.DEADLINE_EXCEEDED, `nothing came for ${seconds} s: ${run}`),
      );
    }),
  ];
  const reading = run.read();
  try {
    await Promise.race([run.failed, run.whole()]);
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
    await reading;
  }
}

/** One connection of the load. */
class QueueLink {
  readonly connection: Deno.Conn;
  readonly reader = new FrameReader("delimited", MAX_FRAME_BYTES);
  readonly arrivals: QueueArrivals;
  /** Pushes that are not acknowledged. */
  underWay = 0;
  /** How many jobs each settle is about that is not answered, by its id. */
  readonly settling = new Map<bigint, number>();
  lastId = 1;
  isWriting = false;
  #written: Promise<void> = Promise.resolve();

  constructor(connection: Deno.Conn, prefetch: number) {
    this.connection = connection;
    this.arrivals = new QueueArrivals(prefetch);
  }

  /** Writes behind what was written before. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#written = this.#written.then(() => writeAll(this.connection, bytes));
  }
}

/** The state that the connections of one load share. */
class QueueRun {
  /** Rejects with the first failure. */
  readonly failed: Promise<never>;
  fail!: (reason: unknown) => void;
  readonly #load: QueueLoad;
  readonly #producers: readonly QueueLink[];
  readonly #consumers: readonly QueueLink[];
  readonly #frame: PushFrame;
  readonly #batches = new Map<QueueLink, Uint8Array>();
  readonly #histogram: Histogram | null;
  /** The most jobs that are pushed and not done. */
  readonly #ahead: number;
  #level: AckLevel | null = null;
  #pushed = 0;
  #acknowledged = 0;
  #done = 0;
  #pulling = 0;
  /** Which producer has the first turn. */
  #turn = 0;
  #startMs = 0;
  #untilMs = -Infinity;
  #pushedMs = 0;
  #over = false;
  #wake: (() => void)[] = [];

  constructor(load: QueueLoad, connections: readonly Deno.Conn[]) {
    this.#load = load;
    const links = connections.map((each) => new QueueLink(each, load.prefetch));
    this.#producers = links.slice(0, load.producers);
    this.#consumers = links.slice(load.producers);
    this.#frame = pushFrame(load.queue, load.sizeBytes);
    const hasDelay = load.consumers > 0 && load.sizeBytes >= STAMP_BYTES;
    this.#histogram = hasDelay ? new Histogram() : null;
    const held = load.producers * load.inFlight + load.consumers * load.prefetch;
    this.#ahead = load.oneAtATime ? 1 : load.consumers === 0 ? Infinity : 2 * held;
    this.failed = new Promise((_, reject) => this.fail = reject);
    handled(this.failed);
  }

  /** The jobs that are over. */
  get jobs(): number {
    return this.#consumers.length === 0 ? this.#acknowledged : this.#done;
  }

  toString(): string {
    return `${this.#pushed} pushed, ${this.#acknowledged} acknowledged, ${this.#done} done`;
  }

  /** The connections are going to be closed on purpose. */
  end(): void {
    this.#over = true;
    this.#tell();
  }

  /** Reads all connections to their end. */
  async read(): Promise<void> {
    await Promise.all([...this.#producers, ...this.#consumers].map((link) => this.#read(link)));
  }

  /** Pulls, pushes, and waits until everything is done. */
  async whole(): Promise<void> {
    const { queue, prefetch, seconds } = this.#load;
    const pull = pullFrame(queue, prefetch);
    await Promise.all(this.#consumers.map((link) => link.write(pull)));
    await this.#until(() => this.#pulling === this.#consumers.length);
    this.#startMs = performance.now();
    this.#untilMs = this.#startMs + seconds * 1000;
    this.#pump();
    await this.#until(() => this.#isWhole());
  }

  result(): QueueResult {
    const seconds = (performance.now() - this.#startMs) / 1000;
    const pushSeconds = (this.#pushedMs - this.#startMs) / 1000;
    return {
      pushed: this.#acknowledged,
      done: this.#done,
      seconds,
      pushesPerSecond: this.#acknowledged / pushSeconds,
      donePerSecond: this.#done / seconds,
      delayMs: this.#histogram?.summary() ?? null,
      level: this.#level ?? AckLevel.UNSPECIFIED,
    };
  }

  #isWhole(): boolean {
    const left = this.#load.jobs ?? Infinity;
    const isPushed = this.#pushed >= left ||
      (this.#pushed > 0 && performance.now() >= this.#untilMs);
    return isPushed && this.#acknowledged === this.#pushed && this.#owed === 0;
  }

  /** Jobs that are pushed and not done. */
  get #owed(): number {
    return this.#consumers.length === 0 ? 0 : this.#pushed - this.#done;
  }

  /** Pushes as much as may be, on every connection that is not writing. */
  #pump(): void {
    const producers = this.#producers;
    this.#turn++;
    for (let index = 0; index < producers.length; index++) {
      this.#push(producers[(this.#turn + index) % producers.length]);
    }
  }

  #push(link: QueueLink): void {
    if (link.isWriting || this.#over) return;
    const nowMs = performance.now();
    if (nowMs >= this.#untilMs) return;
    const batch = this.#batchOf(link);
    const { bytes, payloadAt } = this.#frame;
    const count = Math.min(
      batch.length / bytes.length,
      this.#load.inFlight - link.underWay,
      this.#ahead - this.#owed,
      (this.#load.jobs ?? Infinity) - this.#pushed,
    );
    if (count <= 0) return;
    if (this.#histogram !== null) {
      const view = new DataView(batch.buffer);
      for (let job = 0; job < count; job++) view.setFloat64(job * bytes.length + payloadAt, nowMs);
    }
    link.underWay += count;
    this.#pushed += count;
    link.isWriting = true;
    const written = link.write(batch.subarray(0, count * bytes.length)).then(() => {
      link.isWriting = false;
      this.#push(link);
    }, (error) => this.#failed(error));
    detached(written, "push jobs");
  }

  /** A buffer full of pushes, the connection's own: it is changed while others are being written. */
  #batchOf(link: QueueLink): Uint8Array {
    const { bytes } = this.#frame;
    let batch = this.#batches.get(link);
    if (batch === undefined) {
      const most = Math.max(1, Math.floor(BATCH_BYTES / bytes.length));
      const count = Math.min(this.#load.inFlight, most);
      batch = repeated(bytes, count);
      this.#batches.set(link, batch);
    }
    return batch;
  }

  async #read(link: QueueLink): Promise<void> {
    const { connection, reader } = link;
    try {
      for (let count; (count = await connection.read(reader.space())) !== null;) {
        reader.filled(count);
        while (reader.next()) this.#take(link);
        if (link.arrivals.held > 0) this.#settle(link);
        if (this.#startMs > 0) this.#pump();
        this.#tell();
      }
      this.#failed(new Error("the server closed a connection"));
    } catch (error) {
      this.#failed(error);
    }
  }

  #take(link: QueueLink): void {
    const arrival = link.arrivals.take(link.reader);
    if (arrival === "job") {
      this.#record(link);
    } else if (arrival !== "ack") {
      this.#settled(link, arrival);
    } else if (link.underWay === 0) {
      this.#pulling++;
    } else {
      this.#level ??= levelOf(link.reader);
      link.underWay--;
      this.#acknowledged++;
      this.#pushedMs = performance.now();
    }
  }

  #record({ arrivals, reader }: QueueLink): void {
    if (this.#histogram === null) return;
    const { buffer } = reader;
    const view = new DataView(buffer.buffer, buffer.byteOffset + arrivals.payloadAt, STAMP_BYTES);
    this.#histogram.record(performance.now() - view.getFloat64(0));
  }

  #settle(link: QueueLink): void {
    const id = ++link.lastId;
    link.settling.set(BigInt(id), link.arrivals.held);
    const written = link.write(link.arrivals.settle(id)).catch((error) => this.#failed(error));
    detached(written, "settle jobs");
  }

  #settled(link: QueueLink, { id, message }: ServerMessage): void {
    const jobs = link.settling.get(id);
    if (message.case !== "settled" || jobs === undefined) {
      throw new ParleyError(ErrorCode.INTERNAL, `the server sent ${message.case} unasked`);
    }
    const late = message.value.lateTokens.length;
    if (late > 0) {
      const code = ErrorCode.FAILED_PRECONDITION;
      throw new ParleyError(code, `the leases of ${late} jobs were over before they were done`);
    }
    link.settling.delete(id);
    this.#done += jobs;
  }

  #failed(reason: unknown): void {
    if (!this.#over) this.fail(reason);
  }

  /** Waits until something has arrived that makes `condition` hold, or until the run is over. */
  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#over) {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  #tell(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}

function levelOf({ buffer, messageStart, messageEnd }: FrameReader): AckLevel {
  const { message } = fromBinary(ServerMessageSchema, buffer.slice(messageStart, messageEnd));
  return message.case === "ack" ? message.value.level : AckLevel.UNSPECIFIED;
}
