/**
 * Runs a handler for the jobs of a queue, so many side by side, and says what became of each.
 *
 * A handler that returns is done with its job: it is acked. One that throws is not: the job is nacked and
 * comes again after a while, or, for a Reject or INVALID_ARGUMENT, becomes a dead letter at once. A handler
 * that has settled its job itself is left to that. The next handler does not wait for the server's answer.
 * A verdict that fails leaves its lease to end, so that the job is delivered again: nothing is lost.
 */
import { handled, whenOver } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { invalidArgument } from "../program_error.ts";
import type { ErrorReports } from "../error_reports.ts";
import type { Job } from "./job.ts";
import { nameOf } from "./job_record.ts";
import type { Puller } from "./puller.ts";
import { joinSignal, leaveSignal } from "../connection/signal_group.ts";

/** Does a job. `signal` is that of the job: aborted when the lease is lost. */
export type JobHandler = (job: Job, signal: AbortSignal) => void | Promise<void>;

/** The options of `work`. */
export interface WorkOptions {
  /** Handlers that run side by side, from 1. Default: 1. */
  concurrency?: number;
  /**
   * How many jobs may be held at once, those that no handler has begun with them, to 10,000. Jobs held here
   * wait for this worker while others may be idle. Default: twice the concurrency.
   */
  prefetch?: number;
  /** Stops the worker when aborted, as `stop` does. */
  signal?: AbortSignal;
  /**
   * Told what handlers threw, and the verdicts that failed. Default: the client's `onError`, except for what
   * a handler threw to have its job rejected.
   */
  onError?: (error: unknown, job: Job) => void;
}

/** What a worker has done so far. */
export interface WorkerStats {
  /** Handlers that run now. */
  readonly running: number;
  /** Jobs whose handlers returned, and that have left the queue. */
  readonly acked: number;
  /** Jobs whose handlers threw, and that come again after a while. */
  readonly nacked: number;
  /** Jobs that were made dead letters. */
  readonly rejected: number;
  /** Jobs whose lease was lost before their handler was done, and verdicts that failed. */
  readonly failed: number;
}

/** Thrown by a handler, it makes the job a dead letter at once. Its message is kept with that. */
export class Reject extends Error {
  /** Always `Reject`. */
  override readonly name = "Reject";
}

/** The owner of a worker. */
export interface WorkerOwner {
  readonly reports: ErrorReports;
  /** The worker has begun. */
  begun(worker: Worker): void;
  /** The worker is done. */
  ended(worker: Worker): void;
}

/** Runs a handler for jobs; `queue.work` makes them. */
export class Worker implements AsyncDisposable {
  /** The name of the queue. */
  readonly queue: string;
  /**
   * Resolves when it has stopped; rejects with the server's refusal, or when the client has given up. Who
   * does not look here learns of that from the client's `onError`; with neither, it is an unhandled rejection.
   */
  readonly done: Promise<void>;
  readonly #owner: WorkerOwner;
  readonly #puller: Puller;
  readonly #handler: JobHandler;
  readonly #signal: AbortSignal | undefined;
  readonly #onError: WorkOptions["onError"];
  /** Verdicts that are not answered. */
  readonly #verdicts = new Set<Promise<void>>();
  #running = 0;
  #acked = 0;
  #nacked = 0;
  #rejected = 0;
  #failed = 0;

  /**
   * Made by the client only. Raises INVALID_ARGUMENT for an option.
   *
   * @internal
   */
  constructor(owner: WorkerOwner, puller: Puller, handler: JobHandler, options: WorkOptions) {
    this.#owner = owner;
    this.#puller = puller;
    this.queue = puller.queue;
    this.#handler = handler;
    this.#signal = options.signal;
    this.#onError = options.onError;
    if (this.#signal?.aborted) puller.stop();
    else if (this.#signal !== undefined) joinSignal(this.#signal, this);
    owner.begun(this);
    this.done = this.#run(concurrencyOf(puller.queue, options));
  }

  /** What the worker has done so far. */
  get stats(): WorkerStats {
    return {
      running: this.#running,
      acked: this.#acked,
      nacked: this.#nacked,
      rejected: this.#rejected,
      failed: this.#failed,
    };
  }

  /**
   * Takes no more jobs, gives back those that no handler has begun, and resolves when those that run are
   * done and settled. Calling it again changes nothing.
   */
  async stop(): Promise<void> {
    this.#puller.stop();
    await whenOver(this.done);
  }

  /** Stops the worker, as `stop` does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /**
   * The signal was aborted. Called by the client only.
   *
   * @internal
   */
  aborted(): void {
    this.#puller.stop();
  }

  async #run(concurrency: number): Promise<void> {
    try {
      const turns = Array.from({ length: concurrency }, () => this.#turns());
      const outcomes = await Promise.allSettled(turns);
      while (this.#verdicts.size > 0) await Promise.all(this.#verdicts);
      await this.#puller.close();
      const failure = outcomes.find((outcome) => outcome.status === "rejected");
      if (failure !== undefined) this.#fail(failure.reason);
    } finally {
      if (this.#signal !== undefined) leaveSignal(this.#signal, this);
      this.#owner.ended(this);
    }
  }

  #fail(reason: unknown): never {
    const told = this.#owner.reports.tellThrown(`the worker of "${this.queue}" has ended`, reason);
    if (told) handled(this.done);
    throw reason;
  }

  /** Does one job after the other. */
  async #turns(): Promise<void> {
    for (;;) {
      const { done, value: job } = await this.#puller.next();
      if (done) return;
      this.#running++;
      const verdict = await this.#verdictOf(job);
      this.#running--;
      if (verdict === null) continue;
      const given = this.#give(job, verdict).finally(() => this.#verdicts.delete(given));
      this.#verdicts.add(given);
    }
  }

  /** Runs the handler; gives what is to be said of the job, null when the handler has said it. */
  async #verdictOf(job: Job): Promise<(() => Promise<void>) | null> {
    try {
      await this.#handler(job, job.signal);
    } catch (thrown) {
      const rejects = isRejection(thrown);
      this.#tell(`the handler of ${nameOf(job)} failed`, thrown, job, rejects);
      if (job.settled) return null;
      const error = textOf(thrown);
      return rejects
        ? () => job.reject({ error }).then(() => void this.#rejected++)
        : () => job.nack({ error }).then(() => void this.#nacked++);
    }
    return job.settled ? null : () => job.ack().then(() => void this.#acked++);
  }

  async #give(job: Job, verdict: () => Promise<void>): Promise<void> {
    try {
      await verdict();
    } catch (reason) {
      this.#failed++;
      job.keep = false;
      this.#tell(`cannot settle what the handler of ${nameOf(job)} did`, reason, job, false);
    }
  }

  #tell(what: string, thrown: unknown, job: Job, onPurpose: boolean): void {
    const onError = this.#onError;
    if (onError !== undefined) queueMicrotask(() => onError(thrown, job));
    else if (!onPurpose) this.#owner.reports.tellThrown(what, thrown);
  }
}

/** How many handlers run side by side. Raises INVALID_ARGUMENT. */
export function concurrencyOf(queue: string, { concurrency = 1 }: WorkOptions): number {
  if (Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= MAX_CONCURRENCY) {
    return concurrency;
  }
  throw invalidArgument(`cannot work on "${queue}" with concurrency ${concurrency}`, {
    accepted: `a whole number from 1 to ${MAX_CONCURRENCY}`,
  });
}

/** The most jobs at once: as many as one consumer can hold. */
const MAX_CONCURRENCY = 10_000;

/** Whether the job will never be done, because it is wrong by itself. */
function isRejection(thrown: unknown): boolean {
  return thrown instanceof Reject ||
    (thrown instanceof ParleyError && thrown.code === ErrorCode.INVALID_ARGUMENT);
}

/** Anything may be thrown, also what has no text. */
function textOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message : String(thrown);
  } catch {
    return "something without a text was thrown";
  }
}
