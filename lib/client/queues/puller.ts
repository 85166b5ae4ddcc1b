/**
 * Jobs for a program, in the order they came: one consumer of a queue, on whichever connection there is.
 *
 * Nothing is asked for before the first job is wanted. What has come and is not taken yet waits here; the
 * server sends no more than `prefetch`. After a reconnect it pulls again by itself; jobs of the lost
 * connection are lost leases, and those that nobody had taken are dropped, because they come again. It ends
 * when it is closed, which gives every job back, and with an error when the server refuses it or the client
 * gives up.
 */
import { detached } from "../../base/detached.ts";
import { invalidArgument } from "../program_error.ts";
import type { ClientConnection } from "../connection/client_connection.ts";
import { Fifo } from "../fifo.ts";
import type { Job } from "./job.ts";
import { LazyFifo } from "../lazy_fifo.ts";
import type { QueueConsumer } from "./consumer.ts";
import { joinSignal, leaveSignal } from "../connection/signal_group.ts";

/** The options of `pull`. */
export interface PullOptions {
  /** How many jobs may be held at once, those that wait here with them, from 1 to 10,000. Default: 64. */
  prefetch?: number;
  /**
   * Whether the lease of a held job is extended when half of it is over, for as long as the job is not
   * settled and the puller is open. Default: true.
   */
  autoExtend?: boolean;
  /** Closes the puller when aborted; its iterator ends without an error. */
  signal?: AbortSignal;
}

/** Where a puller gets its consumers. */
export interface PullerOwner {
  /** The connection to pull on; null while there is none. */
  readonly connection: ClientConnection | null;
  /** The puller wants jobs from now on, on this connection and those that follow it. Raises when there are none. */
  join(puller: Puller): void;
  /** The puller wants no jobs any more. */
  leave(puller: Puller): void;
  /** A new consumer. */
  consumer(puller: Puller, connection: ClientConnection): QueueConsumer;
  /** Told that nothing will come for this consumer any more. */
  over(consumer: QueueConsumer): void;
}

/** Someone who waits for the next job. */
interface Taker {
  readonly resolve: (result: IteratorResult<Job, undefined>) => void;
  readonly reject: (reason: unknown) => void;
}

const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });
const MAX_PREFETCH = 10_000;

/** Takes the jobs of a queue; `queue.pull` makes them. */
export class Puller implements AsyncIterable<Job>, AsyncDisposable {
  /** The name of the queue. */
  readonly queue: string;
  /** How many jobs may be held at once. */
  readonly prefetch: number;
  /** Whether leases are extended. */
  readonly autoExtend: boolean;
  readonly #owner: PullerOwner;
  readonly #signal: AbortSignal | undefined;
  readonly #waiting = new LazyFifo<Job>();
  readonly #takers = new Fifo<Taker>();
  /** The consumer of this connection, and those of draining ones. */
  readonly #consumers = new Set<QueueConsumer>();
  #started = false;
  /** Whether nothing more is taken: what is held stays until `close`. */
  #stopping = false;
  #closed: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;

  /**
   * Made by the client only. Raises INVALID_ARGUMENT for an option.
   *
   * @internal
   */
  constructor(owner: PullerOwner, queue: string, options: PullOptions) {
    this.#owner = owner;
    this.queue = queue;
    this.prefetch = checkPrefetch(queue, options.prefetch ?? 64);
    this.autoExtend = options.autoExtend ?? true;
    this.#signal = options.signal;
    if (this.#signal?.aborted) this.aborted();
    else if (this.#signal !== undefined) joinSignal(this.#signal, this);
  }

  /** Whether the puller takes no more jobs. */
  get closed(): boolean {
    return this.#stopping;
  }

  /** Takes no more jobs, and gives back those that are not settled. Calling it again changes nothing. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  /** Closes the puller, as `close` does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * The jobs, as they come. Raises the server's refusal; leaving the loop closes the puller. Several loops
   * share the jobs: each job goes to one of them.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Job> {
    const iterator: AsyncIterableIterator<Job> = {
      next: () => this.next(),
      return: async () => {
        await this.close();
        return DONE;
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /**
   * The next job. Called by the client only.
   *
   * @internal
   */
  next(): Promise<IteratorResult<Job, undefined>> {
    this.#start();
    const job = this.#waiting.shift();
    if (job !== undefined) return Promise.resolve(this.#handOver(job));
    if (this.#failure !== null) return Promise.reject(this.#failure.error);
    if (this.#stopping) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
  }

  /**
   * Takes no more jobs, gives back what is not taken, and keeps what is. Called by the client only.
   *
   * @internal
   */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    for (const consumer of [...this.#consumers]) consumer.retire();
    this.#endTakers();
  }

  /**
   * Pulls on this connection, the first one or a new one. Called by the client only.
   *
   * @internal
   */
  attach(connection: ClientConnection): void {
    if (this.#stopping) return;
    const consumer = this.#owner.consumer(this, connection);
    this.#consumers.add(consumer);
    const pulling = consumer.pull().catch((reason) => {
      // Lost: the next connection pulls again.
      if (connection.state !== "open") return;
      consumer.end("its pull was refused");
      this.fail(reason);
    });
    detached(pulling, "pull from a queue");
  }

  /**
   * Ends the puller with an error: there will be no more jobs. Called by the client only.
   *
   * @internal
   */
  fail(error: unknown): void {
    if (this.#stopping) return;
    this.#failure = { error };
    this.aborted();
  }

  /**
   * Takes a job from the connection. Called by the client only.
   *
   * @internal
   */
  deliver(job: Job): void {
    const taker = this.#takers.shift();
    if (taker === undefined) this.#waiting.push(job);
    else taker.resolve(this.#handOver(job));
  }

  /**
   * Nothing will come for a consumer any more. Called by the client only.
   *
   * @internal
   */
  over(consumer: QueueConsumer): void {
    this.#consumers.delete(consumer);
    this.#owner.over(consumer);
  }

  /**
   * The signal was aborted. Called by the client only.
   *
   * @internal
   */
  aborted(): void {
    detached(this.close(), "end the pulling from a queue");
  }

  #start(): void {
    if (this.#started || this.#stopping) return;
    this.#started = true;
    try {
      this.#owner.join(this);
    } catch (error) {
      return this.fail(error);
    }
    const { connection } = this.#owner;
    if (connection !== null) this.attach(connection);
  }

  #handOver(job: Job): IteratorResult<Job, undefined> {
    job.handOver();
    return { done: false, value: job };
  }

  async #close(): Promise<void> {
    this.#stopping = true;
    if (this.#signal !== undefined) leaveSignal(this.#signal, this);
    const closing = [...this.#consumers].map((consumer) => consumer.close());
    this.#endTakers();
    await Promise.all(closing);
    // Only now: until the server knows, a client that is closed waits for it.
    this.#owner.leave(this);
  }

  #endTakers(): void {
    for (let taker = this.#takers.shift(); taker !== undefined; taker = this.#takers.shift()) {
      if (this.#failure === null) taker.resolve(DONE);
      else taker.reject(this.#failure.error);
    }
  }
}

function checkPrefetch(queue: string, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= MAX_PREFETCH) return value;
  throw invalidArgument(`cannot pull "${queue}" with prefetch ${value}`, {
    accepted: `a whole number from 1 to ${MAX_PREFETCH}`,
  });
}
