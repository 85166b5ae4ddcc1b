/**
 * One consumer of one connection: the jobs that it holds, their leases, and the verdicts on them.
 *
 * It belongs to a puller, which has a new one on each connection. Verdicts of one turn leave as one Settle
 * for each kind, on the connection that brought the jobs, also while that is draining: it stays until the
 * program has settled what it got. When the connection ends, or the consumer is closed, the server has
 * taken everything back, and the jobs are lost. An end in order has two steps, so that no attempt is counted
 * for a job that the program never got: first no more jobs are asked for, and what has not been handed over
 * is released, also what was on its way until the server has confirmed that; only then the consumer is
 * closed. Leases are looked after by one timer for all: those that are half over are extended together,
 * unless the puller does not want that.
 */
import { detached, mayFail, settled } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { type Job as WireJob, Verdict } from "../../gen/parley/v1/queue_pb.ts";
import { readAck } from "../connection/answers.ts";
import type { ClientConnection } from "../connection/client_connection.ts";
import type { ConnectionPool } from "../connection/pool.ts";
import type { Expirable } from "../connection/deadline_queue.ts";
import { Job, type JobHolder, type VerdictDetails } from "./job.ts";
import { QueueSettles, type SettleOutcome } from "./settles.ts";
import { encodeRequest } from "../connection/requests.ts";

/** Whose consumer it is. */
export interface ConsumerOwner {
  /** The queue. */
  readonly queue: string;
  /** How many jobs it may hold. */
  readonly prefetch: number;
  /** Whether leases are extended. */
  readonly autoExtend: boolean;
  /** A job has come. */
  deliver(job: Job): void;
  /** The consumer holds no jobs any more, and gets none. */
  over(consumer: QueueConsumer): void;
}

/** The longest time a request may take; the link itself is watched. */
const NO_TIMEOUT_MS = 0x7fffffff;
/** The pause before jobs are asked for again that could not be had. */
const AGAIN_MS = 250;
/** Why jobs are lost that the program had when its puller was closed. */
const CLOSED = "its puller was closed";
/** Leases are looked at so many times in the time of the shortest one, at most. */
const LOOKS_PER_LEASE = 16;

/** What one connection knows as a consumer. */
export class QueueConsumer implements JobHolder {
  /** Its number on the wire: no other consumer of the client ever has it. */
  readonly number: number;
  readonly connection: ClientConnection;
  readonly #owner: ConsumerOwner;
  readonly #pool: ConnectionPool;
  readonly #settles: QueueSettles;
  readonly #held = new Map<bigint, Job>();
  #watch: (Expirable & { done: boolean }) | null = null;
  #shortestLeaseMs = Infinity;
  /** Resolves when the server gives it no more jobs, all that it gave before having come; null before that is asked. */
  #retired: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  /** Why nothing is sent for its jobs any more. */
  #overWhy: string | null = null;

  constructor(
    owner: ConsumerOwner,
    pool: ConnectionPool,
    connection: ClientConnection,
    number: number,
  ) {
    this.#owner = owner;
    this.#pool = pool;
    this.connection = connection;
    this.number = number;
    this.#settles = new QueueSettles(pool, connection, number);
  }

  /**
   * Asks for jobs. Rejects with the server's refusal, or with why the connection was lost. What may be asked again, as
   * while no node of a cluster leads, is asked again.
   */
  async pull(): Promise<void> {
    while (this.#wants) {
      try {
        return await this.#pull(this.#owner.prefetch, NO_TIMEOUT_MS);
      } catch (reason) {
        const { code, retryable } = ParleyError.from(reason);
        const mayPass = retryable && code === ErrorCode.UNAVAILABLE;
        if (!mayPass || this.connection.state !== "open") throw reason;
      }
      await this.#pause();
    }
  }

  /** A job came. */
  take(wire: WireJob): void {
    if (this.#overWhy !== null) return;
    const job = new Job(this, wire, performance.now());
    // Whoever has it from before was too late, and it came round again.
    if (job.redelivered) this.#loseFormer(job.id);
    this.#held.set(job.token, job);
    if (this.#retired !== null) return this.#giveBack(job);
    this.#shortestLeaseMs = Math.min(this.#shortestLeaseMs, job.leaseMs);
    this.#arm(this.#dueMs(job));
    this.#owner.deliver(job);
    if (this.#held.size > 2 * this.#owner.prefetch) this.#relieve(job);
  }

  handOver(): void {
    this.connection.hold();
  }

  async settle(job: Job, verdict: Verdict, details: VerdictDetails): Promise<void> {
    const sentMs = performance.now();
    let outcome: SettleOutcome;
    try {
      outcome = await this.#settles.add(job, verdict, details);
    } catch (reason) {
      if (verdict !== Verdict.EXTEND) job.unsettled();
      if (this.#overWhy !== null) job.lose(this.#overWhy);
      // Its lease was let be meanwhile.
      else if (this.#held.has(job.token)) this.#arm(this.#dueMs(job));
      throw reason;
    }
    if (outcome.late !== null) {
      job.lose(this.#overWhy ?? "its lease is over");
      this.#remove(job);
      throw outcome.late;
    }
    if (verdict !== Verdict.EXTEND) return this.#remove(job);
    job.leaseEndsMs = sentMs + (details.delayMs ?? job.leaseMs);
    if (this.#held.has(job.token)) this.#arm(this.#dueMs(job));
  }

  /** Gets no more jobs, and gives those back that the program has not got. */
  retire(): void {
    if (this.#retired !== null || this.#overWhy !== null) return;
    // First: what is given back must not come here again.
    this.#retired = settled(this.#pull(0, this.#pool.requestTimeoutMs), "pull no more");
    for (const job of this.#held.values()) if (!job.handed && !job.settled) this.#giveBack(job);
    this.#endIfDone();
  }

  /**
   * Gives everything back; resolves when the server knows. What was said of jobs before is sent before, and
   * of what the program has, nothing can be said any more.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** The server has taken everything back. */
  end(why: string): void {
    if (this.#overWhy !== null) return;
    this.#overWhy = why;
    this.#settles.close(why);
    if (this.#watch !== null) this.#watch.done = true;
    for (const job of [...this.#held.values()]) {
      if (!job.settled) job.lose(why);
      this.#letGo(job);
    }
    this.#owner.over(this);
  }

  async #close(): Promise<void> {
    if (this.#overWhy !== null) return;
    this.#settles.flush();
    this.retire();
    for (const job of [...this.#held.values()]) {
      if (job.settled) continue;
      job.lose(CLOSED);
      this.#letGo(job);
    }
    await this.#retired;
    if (this.#isOver) return;
    this.#settles.flush();
    const { state } = this.connection;
    const closing = state === "closed" ? null : this.#send({ close: true }, undefined);
    this.end(CLOSED);
    // With the connection lost, everything went back as well.
    if (closing !== null) await settled(closing, "close a consumer");
  }

  /** Whether the server has taken everything back. */
  get #isOver(): boolean {
    return this.#overWhy !== null;
  }

  /** Whether it is to get jobs. */
  get #wants(): boolean {
    return this.#retired === null && this.#overWhy === null;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#pool.timer.add({ done: false, deadlineMs: 0, expire: resolve }, AGAIN_MS);
    });
  }

  #loseFormer(id: bigint): void {
    for (const job of this.#held.values()) {
      if (job.id !== id || job.settled) continue;
      job.lose("its lease is over");
      this.#letGo(job);
    }
  }

  /** More is held than the server can have given: some of it is late, most likely the oldest. */
  #relieve(newest: Job): void {
    for (const job of this.#held.values()) {
      if (job.handed || job.done) continue;
      return this.#giveBack(job);
    }
    this.#giveBack(newest);
  }

  /** Gives back what the program has not got. */
  #giveBack(job: Job): void {
    job.keep = false;
    mayFail(job.release(), "give a job back");
  }

  #remove(job: Job): void {
    this.#letGo(job);
    this.#endIfDone();
  }

  /** Holds the job no more; nothing happens when it was let go before. */
  #letGo(job: Job): void {
    if (this.#held.get(job.token) !== job) return;
    this.#held.delete(job.token);
    if (job.handed) this.connection.release();
  }

  #endIfDone(): void {
    // An open connection may still bring jobs: they are given back until `close`.
    const last = this.#retired !== null && this.connection.state !== "open";
    if (last && this.#held.size === 0) this.#owner.over(this);
  }

  /** The time at which something is to be done about the lease of `job`. */
  #dueMs(job: Job): number {
    return this.#extends(job) ? job.leaseEndsMs - job.leaseMs / 2 : job.leaseEndsMs;
  }

  #extends(job: Job): boolean {
    return this.#owner.autoExtend && job.keep && job.leaseMs !== Infinity;
  }

  /** Looks after the leases at `dueMs`, or earlier. */
  #arm(dueMs: number): void {
    if (dueMs === Infinity || this.#overWhy !== null) return;
    const nowMs = performance.now();
    const soonestMs = nowMs + this.#shortestLeaseMs / LOOKS_PER_LEASE;
    const atMs = Math.max(dueMs, soonestMs);
    if (this.#watch !== null) {
      if (this.#watch.deadlineMs <= atMs) return;
      this.#watch.done = true;
    }
    const watch = { done: false, deadlineMs: 0, expire: () => this.#look(watch) };
    this.#watch = watch;
    this.#pool.timer.add(watch, atMs - nowMs);
  }

  #look(watch: Expirable & { done: boolean }): void {
    if (watch.done) return;
    this.#watch = null;
    const nowMs = performance.now();
    let nextMs = Infinity;
    for (const job of [...this.#held.values()]) {
      // What is under way is answered; until then nobody knows.
      if (job.settled || job.extending) continue;
      const dueMs = this.#dueMs(job);
      const extended = this.#extends(job);
      // Those that are due soon go along, so that the next time all are due at once.
      const soonMs = extended ? job.leaseMs / LOOKS_PER_LEASE : 0;
      if (dueMs > nowMs + soonMs) nextMs = Math.min(nextMs, dueMs);
      else if (extended) this.#extend(job);
      else this.#expire(job);
    }
    this.#arm(nextMs);
  }

  /** Extends the lease. That may be too late already; only the server knows. */
  #extend(job: Job): void {
    job.extending = true;
    const failed = () => {
      if (job.done) return;
      if (job.leaseEndsMs <= performance.now()) this.#expire(job);
    };
    const extending = job.extend().catch(failed).finally(() => job.extending = false);
    detached(extending, "extend the lease of a job");
  }

  #expire(job: Job): void {
    job.expire();
    this.#remove(job);
  }

  async #pull(prefetch: number, timeoutMs: number): Promise<void> {
    await this.#send({ prefetch }, timeoutMs);
  }

  #send(
    what: { prefetch: number } | { close: true },
    timeoutMs: number | undefined,
  ): Promise<unknown> {
    const value = { consumer: BigInt(this.number), queue: this.#owner.queue, ...what };
    const encode = () => encodeRequest({ case: "pull", value });
    return this.#pool.submit(encode, readAck, { timeoutMs }, { on: this.connection });
  }
}
