/**
 * A session that outlives the connections of its client: it holds the jobs that HTTP requests have pulled, until they
 * are settled by later requests or their leases end.
 *
 * Each pull is a consumer of its own, so that it holds exactly what it asked for; it is closed when it holds nothing
 * any more. A job that comes when its pull has been answered is released at once. Non-goals: whose session it is, and
 * when it goes (sessions).
 */
import { create } from "@bufbuild/protobuf";
import { type Job, PullSchema, SettleSchema, Verdict } from "../../../gen/parley/v1/queue_pb.ts";
import { mayFail } from "../../../base/detached.ts";
import type { MessageClient, Said } from "./message_client.ts";

/** The jobs of one pull. */
export class PulledJobs {
  readonly number: bigint;
  readonly queue: string;
  /** The jobs that came, until the pull is answered. */
  readonly jobs: Job[] = [];
  /** The tokens that are held, and when their leases end. */
  readonly held = new Map<bigint, number>();
  /** Whether jobs are still taken. */
  isOpen = true;
  /** How long its queue leases jobs. */
  leaseMs = 0;
  #wake: () => void = () => {};

  constructor(number: bigint, queue: string) {
    this.number = number;
    this.queue = queue;
  }

  /** Takes a job. */
  add(job: Job, nowMs: number): void {
    this.jobs.push(job);
    this.leaseMs = job.leaseMs;
    this.held.set(job.token, nowMs + job.leaseMs);
    this.#wake();
  }

  /** Waits no longer. */
  wake(): void {
    this.#wake();
  }

  /** Resolves when a job has come, after so long, when `gone` is aborted, or when it is woken. */
  async first(waitMs: number, gone: AbortSignal): Promise<void> {
    if (this.jobs.length > 0 || gone.aborted) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      gone.addEventListener("abort", () => resolve(), { once: true });
      timer = setTimeout(resolve, waitMs);
    });
    clearTimeout(timer);
  }
}

/** One session. */
export class LongSession {
  /** Names it in tokens. */
  readonly name: string;
  readonly client: MessageClient;
  readonly #nowMs: () => number;
  readonly #pulled = new Map<bigint, PulledJobs>();
  #lastNumber = 0n;
  #idleSinceMs: number;

  constructor(name: string, client: MessageClient, nowMs: () => number) {
    this.name = name;
    this.client = client;
    this.#nowMs = nowMs;
    this.#idleSinceMs = nowMs();
    client.deliver = (said) => this.#deliver(said);
    // Nothing more comes: nobody is kept waiting for it.
    client.onEnd = () => {
      for (const pulled of this.#pulled.values()) pulled.wake();
    };
  }

  /** The number of pulls that hold jobs or wait for some. */
  get pulls(): number {
    return this.#pulled.size;
  }

  /** How long it has held nothing. */
  get idleMs(): number {
    return this.#pulled.size > 0 ? 0 : this.#nowMs() - this.#idleSinceMs;
  }

  /** The pull of that number, if it holds anything. */
  pulled(number: bigint): PulledJobs | undefined {
    return this.#pulled.get(number);
  }

  /**
   * Pulls at most `most` jobs, and waits at most `waitMs` for the first; none when `gone` is aborted. Rejects with a
   * ParleyError.
   */
  async pull(
    queue: string,
    { most, waitMs, gone }: { most: number; waitMs: number; gone: AbortSignal },
  ): Promise<PulledJobs> {
    const pulled = new PulledJobs(++this.#lastNumber, queue);
    this.#pulled.set(pulled.number, pulled);
    try {
      await this.#ask(pulled, most);
      if (this.client.end === null) await pulled.first(waitMs, gone);
      // What has come by the answer to this is the pull's; what still comes behind it goes back.
      if (this.client.end === null) await this.#ask(pulled, 0);
    } catch (reason) {
      this.#close(pulled);
      throw reason;
    }
    pulled.isOpen = false;
    if (gone.aborted || pulled.jobs.length === 0) {
      this.#close(pulled);
      pulled.jobs.length = 0;
    }
    return pulled;
  }

  /** Takes note that these deliveries are settled; closes a pull that holds nothing any more. */
  settled(pulled: PulledJobs, tokens: readonly bigint[]): void {
    for (const token of tokens) pulled.held.delete(token);
    if (pulled.held.size === 0) this.#close(pulled);
  }

  /** Takes note that leases last so long from now on; 0 for as long as usual. */
  extended(pulled: PulledJobs, tokens: readonly bigint[], byMs: number): void {
    const untilMs = this.#nowMs() + (byMs || pulled.leaseMs);
    for (const token of tokens) if (pulled.held.has(token)) pulled.held.set(token, untilMs);
  }

  /** Closes pulls whose leases are over since `graceMs`. */
  sweep(graceMs: number): void {
    const before = this.#nowMs() - graceMs;
    for (const pulled of this.#pulled.values()) {
      if (pulled.isOpen) continue;
      if ([...pulled.held.values()].every((untilMs) => untilMs <= before)) this.#close(pulled);
    }
  }

  #ask({ number: consumer, queue }: PulledJobs, prefetch: number): Promise<Said> {
    const value = create(PullSchema, { consumer, queue, prefetch });
    return this.client.ask({ case: "pull", value });
  }

  /** Ends a pull: what it still holds goes back to its queue. */
  #close({ number: consumer, queue }: PulledJobs): void {
    if (!this.#pulled.delete(consumer)) return;
    this.#idleSinceMs = this.#nowMs();
    if (this.client.end !== null) return;
    const value = create(PullSchema, { consumer, queue, prefetch: 0, close: true });
    mayFail(this.client.ask({ case: "pull", value }), "close a consumer");
  }

  #deliver(said: Said): void {
    if (said.case !== "job") return;
    const job = said.value;
    const pulled = this.#pulled.get(job.consumer);
    if (pulled !== undefined && pulled.isOpen) return pulled.add(job, this.#nowMs());
    if (pulled === undefined || this.client.end !== null) return;
    const value = create(SettleSchema, {
      consumer: job.consumer,
      tokens: [job.token],
      verdict: Verdict.RELEASE,
    });
    mayFail(this.client.ask({ case: "settle", value }), "give back a job that came too late");
  }
}
