/**
 * Work queues: jobs that are pushed, confirmed, pulled and settled, by producers and consumers in this
 * one process, each with a connection of its own; the same program for every server.
 *
 * Three loads: to fill a queue; to keep it busy, with a backlog that stays or without one; and one job at
 * a time on a server that has nothing else to do. A server that is silent while something is due fails the load.
 */
import { Histogram } from "../../lib/cli/bench/histogram.ts";
import { cpuSeconds } from "../harness/process_facts.ts";
import { Consumer, Producer, type Shared } from "./queue_connection.ts";
import { queueDialect } from "./queue_dialect.ts";
import { QueueFlow } from "./queue_flow.ts";
import { serverSeconds, Setup, type Target, writeAll } from "./target.ts";

/** Where, and with what. */
interface QueuePlace {
  readonly target: Target;
  readonly queue: string;
  readonly payloadBytes: number;
}

/** Fills a queue that nobody pulls from. */
export interface QueueFillLoad extends QueuePlace {
  readonly kind: "queue-fill";
  readonly jobs: number;
}

/** Keeps a queue busy. */
export interface QueueFlowLoad extends QueuePlace {
  readonly kind: "queue-flow";
  readonly producers: number;
  /** The most jobs of one producer that are not confirmed. */
  readonly window: number;
  readonly consumers: number;
  /** The most jobs that one consumer holds. */
  readonly prefetch: number;
  /** Whether what waits in the queue is to stay as many. */
  readonly keepsBacklog: boolean;
  readonly seconds: number;
}

/** One job at a time. */
export interface QueueDelayLoad extends QueuePlace {
  readonly kind: "queue-delay";
  readonly seconds: number;
}

/** What came of a busy queue. */
export interface QueueFlowResult {
  /** Jobs that were pushed, confirmed, and done. */
  readonly jobs: number;
  readonly seconds: number;
  readonly serverCpuSeconds: number;
  readonly loadCpuSeconds: number;
}

/** What came of single jobs: the time from the sending of the push until the job is there. */
export interface QueueDelayResult {
  readonly jobs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const WARM_UP = 0.2;
const STALL_MS = 20_000;
/** Producers of a fill, and their windows. */
const FILLERS = 8;
const FILL_WINDOW = 256;
/**
 * The most jobs that are pushed and not done: twice what 8 producers may have unconfirmed. A server whose
 * consumers keep up never feels it.
 */
const AHEAD = 4096;

/** Fills it. */
export async function runQueueFill(load: QueueFillLoad): Promise<{ jobs: number }> {
  await queueDialect(load.target.dialect).make(load.target, load.queue);
  const jobs = new QueueFlow({ ahead: Infinity, pullsNothing: true, keepsBacklog: false });
  await using running = new Running(jobs);
  await running.addProducers(load, FILLERS, FILL_WINDOW);
  return { jobs: await running.phase(Infinity, load.jobs) };
}

/** Keeps it busy: first to warm up, then to measure. */
export async function runQueueFlow(load: QueueFlowLoad): Promise<QueueFlowResult> {
  await queueDialect(load.target.dialect).make(load.target, load.queue);
  const flow = new QueueFlow({
    ahead: AHEAD,
    pullsNothing: false,
    keepsBacklog: load.keepsBacklog,
  });
  await using running = new Running(flow);
  await running.addProducers(load, load.producers, load.window);
  await running.addConsumers(load, load.consumers, load.prefetch);
  await running.phase(load.seconds * WARM_UP);
  const before = [serverSeconds(load.target), cpuSeconds(Deno.pid)];
  const startMs = performance.now();
  const jobs = await running.phase(load.seconds);
  const seconds = (performance.now() - startMs) / 1000;
  const after = [serverSeconds(load.target), cpuSeconds(Deno.pid)];
  return {
    jobs,
    seconds,
    serverCpuSeconds: after[0] - before[0],
    loadCpuSeconds: after[1] - before[1],
  };
}

/** Pushes a job, waits for it, settles it and waits until all of that is answered; then the next. */
export async function runQueueDelay(load: QueueDelayLoad): Promise<QueueDelayResult> {
  const dialect = queueDialect(load.target.dialect);
  await dialect.make(load.target, load.queue);
  const [pushing, pulling] = [await Setup.open(load.target), await Setup.open(load.target)];
  const producer = await dialect.producer(pushing, load.queue, payloadOf(load), 0);
  const consumer = await dialect.consumer(pulling, load.queue, 1, 0);
  const read = async ({ connection }: Setup, wire: typeof producer | typeof consumer) => {
    const count = await connection.read(wire.space());
    if (count === null) throw new Error("the server ended a connection");
    return wire.filled(count);
  };
  const confirmed = async () => {
    while (await read(pushing, producer) === 0);
  };
  const delays = [new Histogram(), new Histogram()];
  const one = async (histogram: Histogram) => {
    const answer = confirmed();
    const sentMs = performance.now();
    await writeAll(pushing.connection, producer.job);
    while (await read(pulling, consumer) === 0);
    histogram.record(performance.now() - sentMs);
    await writeAll(pulling.connection, consumer.settle());
    for (let done = consumer.takeDone(); done === 0; done = consumer.takeDone()) {
      await read(pulling, consumer);
    }
    await answer;
  };
  try {
    for (const [histogram, share] of [[delays[0], WARM_UP], [delays[1], 1]] as const) {
      const until = performance.now() + load.seconds * 1000 * share;
      do await one(histogram); while (performance.now() < until);
    }
  } finally {
    for (const { connection } of [pushing, pulling]) connection.close();
  }
  const [, { count: jobs }] = delays;
  return { jobs, p50Ms: delays[1].quantileMs(0.5), p99Ms: delays[1].quantileMs(0.99) };
}

function payloadOf({ payloadBytes }: QueuePlace): Uint8Array {
  return new Uint8Array(payloadBytes).fill("x".charCodeAt(0));
}

/** All connections of a load, until it is disposed of. */
class Running implements Shared, AsyncDisposable {
  readonly flow: QueueFlow;
  readonly #producers: Producer[] = [];
  readonly #consumers: Consumer[] = [];
  readonly #receiving: Promise<void>[] = [];
  readonly #failed = Promise.withResolvers<never>();

  constructor(flow: QueueFlow) {
    this.flow = flow;
    // Who runs a phase is told.
    this.#failed.promise.catch(() => {});
  }

  async addProducers(place: QueuePlace, count: number, window: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      const setup = await Setup.open(place.target);
      const wire = await queueDialect(place.target.dialect)
        .producer(setup, place.queue, payloadOf(place), index);
      const producer = new Producer(setup, wire, window, this);
      this.#producers.push(producer);
      this.#receiving.push(producer.receive());
    }
  }

  async addConsumers(place: QueuePlace, count: number, prefetch: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      const setup = await Setup.open(place.target);
      const wire = await queueDialect(place.target.dialect)
        .consumer(setup, place.queue, prefetch, index);
      const consumer = new Consumer(setup, wire, prefetch, this);
      this.#consumers.push(consumer);
      this.#receiving.push(consumer.receive());
    }
  }

  /** Loads for so long, or for so many jobs, and until all of them are done; gives how many. */
  async phase(seconds: number, jobs?: number): Promise<number> {
    const until = performance.now() + seconds * 1000;
    const over = this.flow.begin(until, jobs);
    this.changed();
    let seen = "";
    const timers = [
      setInterval(() => {
        const now = this.flow.toString();
        if (now === seen) this.fail(new Error(`nothing came for ${STALL_MS / 1000} s: ${now}`));
        seen = now;
      }, STALL_MS),
      // With nothing under way the end of the time is no event of any connection.
      ...(Number.isFinite(until) ? [setTimeout(() => this.changed(), seconds * 1000 + 1)] : []),
    ];
    try {
      return await Promise.race([over, this.#failed.promise]);
    } finally {
      timers.forEach(clearTimeout);
    }
  }

  changed(): void {
    // What consumers have done makes room for producers.
    for (const each of this.#consumers) each.act();
    for (const each of this.#producers) each.act();
    this.flow.look(performance.now());
  }

  fail(reason: Error): void {
    this.#failed.reject(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of [...this.#consumers, ...this.#producers]) each.close();
    await Promise.all(this.#receiving);
  }
}
