/**
 * One queue of the server as a program sees it: push jobs, pull or work on them, look after it.
 *
 * It is a name and nothing else: it costs nothing, is never closed, and the queue comes into being with its
 * first push or pull. `NAME.dead` is the queue of its dead letters: everything but pushing works there too.
 */
import type {
  DescMessage,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { Queues as QueueMethods } from "../../gen/parley/v1/queue_pb.ts";
import { invalidArgument } from "../program_error.ts";
import { MAX_REDRIVEN_IDS } from "../../base/limits.ts";
import { type PeekedJobs, peekedJobs, type QueueInfo, queueInfo } from "./info.ts";
import { type JobFilter, wireFilter } from "./filter.ts";
import { checkHandler } from "../arguments.ts";
import { Puller, type PullerOwner, type PullOptions } from "./puller.ts";
import type { PushAck, PushOptions } from "./push.ts";
import {
  concurrencyOf,
  type JobHandler,
  Worker,
  type WorkerOwner,
  type WorkOptions,
} from "./worker.ts";
import type { RequestOptions } from "../settings.ts";

/** How to remove a queue. */
export interface RemoveOptions extends RequestOptions {
  /** Whether to drop the jobs that it holds. Default: false, and then it stays. */
  force?: boolean;
}

/** The options of `peek`. */
export interface PeekOptions extends RequestOptions {
  /** Only jobs behind this id. Default: from the first. */
  after?: bigint | number;
  /** The most jobs, from 1 to 1,000; fewer are given when they are large. Default: 10. */
  limit?: number;
  /** Only jobs that fit. */
  filter?: JobFilter;
}

/** The number of jobs that fit a filter. */
export interface JobCount {
  /** Those that nobody holds. */
  readonly matched: number;
  /** Those that a consumer holds: nothing is done with these. */
  readonly held: number;
  /** The id of the newest job of the queue when the count began. */
  readonly newest: bigint;
}

const MAX_PREFETCH = 10_000;
const MAX_PEEK = 1000;

/** What a queue needs of its client. */
export interface QueueOwner extends PullerOwner, WorkerOwner {
  push(queue: string, data: Uint8Array | string, options: PushOptions): Promise<PushAck>;
  /** Calls one of the methods that look after queues. */
  ask<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options: RequestOptions,
  ): Promise<MessageShape<O>>;
}

/** A queue; `client.queue` makes them. */
export class Queue {
  /** Its name. */
  readonly name: string;
  readonly #queues: QueueOwner;

  /**
   * Made by the client only.
   *
   * @internal
   */
  constructor(queues: QueueOwner, name: string) {
    this.#queues = queues;
    this.name = name;
  }

  /**
   * Pushes a job, in the order of the calls, and resolves when it is as safe as the answer's `level` says.
   * Rejects with the server's refusal (RESOURCE_EXHAUSTED when the queue is full), and with UNAVAILABLE
   * when the connection was lost before the answer: pushed again with the same `messageId`, it is there once.
   */
  push(data: Uint8Array | string, options: PushOptions = {}): Promise<PushAck> {
    return this.#queues.push(this.name, data, options);
  }

  /**
   * Takes jobs: `for await (const job of queue.pull()) { …; await job.ack(); }`. Nothing is asked for before
   * the loop begins; leaving it gives back what is not settled. Of that an attempt counts for what the loop had,
   * and for nothing else; of a program that dies, for all that was fetched ahead. Raises INVALID_ARGUMENT
   * for an option.
   */
  pull(options: PullOptions = {}): Puller {
    return new Puller(this.#queues, this.name, options);
  }

  /**
   * Runs `handler` for each job from now on, so many side by side, and says what became of it. Raises
   * INVALID_ARGUMENT for an option.
   */
  work(handler: JobHandler, options: WorkOptions = {}): Worker {
    checkHandler(handler, `work on "${this.name}" with`, "(job) => …");
    const concurrency = concurrencyOf(this.name, options);
    const prefetch = options.prefetch ?? Math.min(MAX_PREFETCH, 2 * concurrency);
    return new Worker(this.#queues, this.pull({ prefetch }), handler, options);
  }

  /** What the queue holds and how it is set up. */
  async info(options: RequestOptions = {}): Promise<QueueInfo> {
    const { info } = await this.#queues.ask(
      QueueMethods.method.info,
      { queue: this.name },
      options,
    );
    return queueInfo(info);
  }

  /** Looks at jobs without taking them. */
  async peek(
    { after = 0n, limit = 10, filter, ...options }: PeekOptions = {},
  ): Promise<PeekedJobs> {
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PEEK) {
      throw invalidArgument(`cannot peek at ${limit} jobs of "${this.name}"`, {
        accepted: `a whole number from 1 to ${MAX_PEEK}`,
      });
    }
    const from = BigInt(after);
    const { jobs, more, next, looked } = await this.#queues.ask(
      QueueMethods.method.peek,
      { queue: this.name, after: from, limit, filter: wireFilter(filter) },
      options,
    );
    const peeked = peekedJobs(jobs);
    // A server of an older version does not say where to go on.
    const behind = next > from ? next : peeked.at(-1)?.id ?? from;
    return { jobs: peeked, more, next: behind, looked: Number(looked) };
  }

  /**
   * Counts the jobs that fit, or all: looks at the whole queue, in many requests for a long one. `newest` is the id of the
   * newest job when the count began; as `upTo` it leaves those alone that come later.
   */
  async countMatching(filter?: JobFilter, options: RequestOptions = {}): Promise<JobCount> {
    let after = 0n;
    let matched = 0;
    let held = 0;
    let newest = 0n;
    for (let more = true; more;) {
      const upTo = newest === 0n ? filter?.upTo : filter?.upTo ?? newest;
      const answer = await this.#queues.ask(
        QueueMethods.method.countMatching,
        { queue: this.name, filter: wireFilter({ ...filter, upTo }), after },
        options,
      );
      matched += Number(answer.matched);
      held += Number(answer.held);
      if (newest === 0n) newest = answer.newest;
      more = answer.more && answer.next > after;
      after = answer.next;
    }
    return { matched, held, newest };
  }

  /** Drops the jobs that fit and that nobody holds, for good; gives how many. */
  async dropMatching(filter: JobFilter, options: RequestOptions = {}): Promise<number> {
    return await this.#each(async (after) => {
      const request = { queue: this.name, filter: wireFilter(filter), after };
      const answer = await this.#queues.ask(QueueMethods.method.dropMatching, request, options);
      return { ...answer, done: answer.dropped };
    });
  }

  /** Puts the dead letters that fit and that nobody holds back into the queue they came from; gives how many. */
  async redriveMatching(filter: JobFilter, options: RequestOptions = {}): Promise<number> {
    return await this.#each(async (after) => {
      const request = { queue: this.name, filter: wireFilter(filter), after };
      const answer = await this.#queues.ask(QueueMethods.method.redriveMatching, request, options);
      return { ...answer, done: answer.redriven };
    });
  }

  /** Asks until all jobs were looked at; gives what was done together. */
  async #each(
    ask: (after: bigint) => Promise<{ done: bigint; next: bigint; more: boolean }>,
  ): Promise<number> {
    let sum = 0;
    for (let after = 0n;;) {
      const { done, next, more } = await ask(after);
      sum += Number(done);
      if (!more || next <= after) return sum;
      after = next;
    }
  }

  /** Drops all jobs that nobody holds, for good; gives how many. */
  async purge(options: RequestOptions = {}): Promise<number> {
    const { dropped } = await this.#queues.ask(
      QueueMethods.method.purge,
      { queue: this.name },
      options,
    );
    return Number(dropped);
  }

  /**
   * Removes the queue with its dead letters and its name; gives how many jobs were dropped. Rejects with
   * FAILED_PRECONDITION while somebody pulls from it, or when it holds jobs and `force` is not set.
   */
  async remove({ force = false, ...options }: RemoveOptions = {}): Promise<number> {
    const { dropped } = await this.#queues.ask(
      QueueMethods.method.remove,
      { queue: this.name, force },
      options,
    );
    return Number(dropped);
  }

  /**
   * Puts dead letters back into the queue they came from, as new jobs: those with these ids, or all that
   * nobody holds. The queue may be that of the dead letters, or the one they came from. Gives how many.
   */
  async redrive(
    ids?: readonly (bigint | number)[],
    options: RequestOptions = {},
  ): Promise<number> {
    if (ids === undefined) return await this.#redrive([], options);
    let redriven = 0;
    // On the wire, no ids mean all.
    for (let from = 0; from < ids.length; from += MAX_REDRIVEN_IDS) {
      const some = ids.slice(from, from + MAX_REDRIVEN_IDS).map(BigInt);
      redriven += await this.#redrive(some, options);
    }
    return redriven;
  }

  async #redrive(ids: bigint[], options: RequestOptions): Promise<number> {
    const request = { queue: this.name, ids };
    const { redriven } = await this.#queues.ask(QueueMethods.method.redrive, request, options);
    return Number(redriven);
  }

  /** Stops it from handing out jobs; it goes on taking them, and stays so when the server starts again. */
  async pause(options: RequestOptions = {}): Promise<QueueInfo> {
    const { info } = await this.#queues.ask(
      QueueMethods.method.pause,
      { queue: this.name },
      options,
    );
    return queueInfo(info);
  }

  /** Lets it hand out jobs again. */
  async resume(options: RequestOptions = {}): Promise<QueueInfo> {
    const { info } = await this.#queues.ask(
      QueueMethods.method.resume,
      { queue: this.name },
      options,
    );
    return queueInfo(info);
  }
}
