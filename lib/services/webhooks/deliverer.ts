/**
 * Delivers the jobs of one queue to its receiver: a consumer of the queue like any other, that posts what it is given.
 *
 * Invariants: a job is posted by whoever holds its lease, and the lease is extended until there is an answer; at most
 * `atOnce` jobs of the queue are posted at once; a deliverer that is stopped gives back what was not answered, and that
 * does not count as an attempt. What is committed of a verdict is the queue's business. Non-goals: what is posted (ports).
 */
import { fromBinary } from "@bufbuild/protobuf";
import { guard } from "../../base/defects.ts";
import { detached, mayFail } from "../../base/detached.ts";
import { logger } from "../../base/log.ts";
import { type Job, JobSchema, Verdict } from "../../gen/parley/v1/queue_pb.ts";
import type { QueueDelivery } from "../../logic/queues/policies.ts";
import { type WebhookOutcome, webhookOutcome } from "../../logic/webhooks/answer.ts";
import { HELD_BYTES, type OutgoingJob, QueueConsumer } from "../queues/consumer.ts";
import type { Queue } from "../queues/queue.ts";
import type { WebhookPoster } from "../../ports/webhooks.ts";

const log = logger("server");
const audit = logger("audit");

/** A lease is extended so often while it lasts. */
const EXTENSIONS_A_LEASE = 3;

/** How many jobs were posted, by what became of them. */
export interface WebhookCounts {
  acknowledged: number;
  failed: number;
  /** The receiver wants no more. */
  gone: number;
  /** Given back without an answer. */
  released: number;
}

/** What all deliverers of a server share. */
export interface DelivererOwner {
  readonly poster: WebhookPoster;
  readonly counts: WebhookCounts;
  readonly isStopping: boolean;
  /** Whether the jobs that are being posted are so many bytes that a deliverer takes no more of them. */
  isFull(deliverer: Deliverer): boolean;
  /** Notes that a deliverer posts so many bytes more, or less. */
  holds(deliverer: Deliverer, bytes: number): void;
  /** Waits until a deliverer may send one more request; false when `signal` is aborted before. To be ended by `turnOver`. */
  turn(deliverer: Deliverer, signal: AbortSignal): Promise<boolean>;
  turnOver(deliverer: Deliverer): void;
  /** A job is not under way any more. */
  settled(): void;
  /** Forgets a deliverer that has come to its end. */
  gone(deliverer: Deliverer): void;
  /** Pauses a queue, and stores that. */
  pause(queue: Queue): Promise<void>;
}

/** The consumer of the server itself: it is full while nothing may be sent. */
class OwnConsumer extends QueueConsumer {
  override readonly isOwn = true;
  readonly takesDeliveries = true;
  readonly #deliverer: Deliverer;

  constructor(deliverer: Deliverer) {
    super();
    this.#deliverer = deliverer;
  }

  get isFull(): boolean {
    return this.waitingBytes > HELD_BYTES || this.#deliverer.isHeld;
  }

  whenRead(): Promise<void> {
    return this.#deliverer.whenReleased();
  }

  send(job: Readonly<OutgoingJob>): void {
    this.#deliverer.take(job);
  }
}

/** A job that is being posted. */
interface Attempt {
  readonly slot: number;
  readonly generation: number;
  readonly number: number;
  readonly leaseMs: number;
  readonly body: Uint8Array;
}

/** The deliverer of one queue. */
export class Deliverer {
  readonly queue: Queue;
  /** Requests that are under way, and the bytes of all jobs that it has taken. Kept by its owner. */
  requests = 0;
  heldBytes = 0;
  readonly #webhooks: DelivererOwner;
  readonly #consumer: OwnConsumer;
  #delivery: QueueDelivery;
  readonly #underWay = new Set<AbortController>();
  #heldUntilMs = 0;
  #holding: ReturnType<typeof setTimeout> | undefined;
  #released = Promise.withResolvers<void>();
  /** Whether the last job was not taken: the log tells when that changes. */
  #fails = false;
  #isOver = false;

  constructor(queue: Queue, delivery: QueueDelivery, webhooks: DelivererOwner) {
    this.queue = queue;
    this.#delivery = delivery;
    this.#webhooks = webhooks;
    this.#consumer = queue.addConsumer(new OwnConsumer(this), delivery.atOnce);
  }

  /** Goes by other settings from the next job on. */
  configure(delivery: QueueDelivery): void {
    this.#delivery = delivery;
    this.#isOver = false;
    this.queue.setPrefetch(this.#consumer, delivery.atOnce);
  }

  /** Takes no more jobs, and goes once those under way are answered. */
  finish(): void {
    this.#isOver = true;
    this.queue.setPrefetch(this.#consumer, 0);
    this.#endIfOver();
  }

  /** Gives up what is under way: it goes back to the queue. */
  giveUp(): void {
    for (const attempt of this.#underWay) attempt.abort();
    clearTimeout(this.#holding);
  }

  /** The number of jobs that are being posted. */
  get underWay(): number {
    return this.#underWay.size;
  }

  /** Whether the receiver has asked to be left alone for a while, or too much is being posted. */
  get isHeld(): boolean {
    return this.#heldUntilMs > this.queue.nowMs || this.#webhooks.isFull(this);
  }

  /** Resolves when jobs may be taken again, perhaps. */
  whenReleased(): Promise<void> {
    return this.isHeld ? this.#released.promise : Promise.resolve();
  }

  /** Lets the queue hand out jobs again, if they may be taken. */
  release(): void {
    if (this.isHeld) return;
    this.#released.resolve();
    this.#released = Promise.withResolvers();
    const { handle } = this.#consumer;
    if (!handle.held || this.#consumer.isFull) return;
    this.queue.machine.hold(handle, false);
    this.queue.resume();
  }

  take(job: Readonly<OutgoingJob>): void {
    const { slot, generation, attempt: number, leaseMs } = job;
    const body = job.bytes.slice(job.start, job.end);
    detached(this.#run({ slot, generation, number, leaseMs, body }), "post a job");
  }

  async #run(attempt: Attempt): Promise<void> {
    const abort = new AbortController();
    this.#underWay.add(abort);
    this.#webhooks.holds(this, attempt.body.length);
    const extending = setInterval(
      () => guard("extend the lease of a job", () => this.#extend(attempt, abort)),
      Math.max(10, attempt.leaseMs / EXTENSIONS_A_LEASE),
    );
    let outcome: WebhookOutcome | null = null;
    try {
      outcome = await this.#post(attempt, abort.signal);
    } finally {
      clearInterval(extending);
      this.#underWay.delete(abort);
      this.#webhooks.holds(this, -attempt.body.length);
      this.#settle(attempt, outcome);
      this.#endIfOver();
      this.#webhooks.settled();
    }
  }

  /** What becomes of the job; null when the attempt was given up. */
  async #post(attempt: Attempt, signal: AbortSignal): Promise<WebhookOutcome | null> {
    const webhooks = this.#webhooks;
    const { body, number } = attempt;
    const job = fromBinary(JobSchema, body);
    if (!await webhooks.turn(this, signal)) return null;
    const { url, secrets } = this.#delivery;
    try {
      const answer = await webhooks.poster.post({
        ...{ url, secrets, signal },
        id: await idOf(this.queue.name, job),
        queue: this.queue.name,
        attempt: number,
        headers: job.headers,
        type: job.type,
        body: job.payload,
      });
      return webhookOutcome(answer.status, answer.retryAfter, this.queue.context.clock.wallMs());
    } catch (reason) {
      if (signal.aborted) return null;
      const error = (reason as Error).message;
      return { verdict: "nack", delayMs: -1, holdMs: 0, error };
    } finally {
      webhooks.turnOver(this);
    }
  }

  #extend({ slot, generation }: Attempt, abort: AbortController): void {
    const { machine, nowMs } = this.queue;
    // A job that was taken away meanwhile is somebody else's.
    if (!machine.extend(this.#consumer.tokenOf(slot, generation), 0, nowMs)) abort.abort();
  }

  #settle({ slot, generation }: Attempt, outcome: WebhookOutcome | null): void {
    const { queue } = this;
    const { machine } = queue;
    const counts = this.#webhooks.counts;
    const token = this.#consumer.tokenOf(slot, generation);
    if (machine.views.isHeld(token)) {
      queue.context.counters.traffic.jobsSettled++;
      if (outcome === null || outcome.verdict === "gone") {
        counts[outcome === null ? "released" : "gone"]++;
        machine.release(token);
        queue.attempts?.settled(slot, Verdict[Verdict.RELEASE]);
      } else if (outcome.verdict === "ack") {
        counts.acknowledged++;
        machine.ack(token);
        queue.attempts?.settled(slot, Verdict[Verdict.ACK]);
      } else {
        counts.failed++;
        queue.noteError(slot, outcome.error);
        machine.nack(token, outcome.delayMs, queue.nowMs);
        queue.attempts?.settled(slot, Verdict[Verdict.NACK]);
      }
    }
    if (outcome !== null) this.#note(outcome);
    this.queue.resume();
  }

  /** Takes note of how the receiver does. */
  #note({ verdict, holdMs, error }: WebhookOutcome): void {
    const { name } = this.queue;
    const { origin } = new URL(this.#delivery.url);
    const fails = verdict !== "ack";
    if (fails !== this.#fails) {
      this.#fails = fails;
      if (fails) log.warning("jobs are not delivered: {error}", { queue: name, origin, error });
      else log.info("jobs are delivered again", { queue: name, origin });
    }
    if (verdict === "gone" && !this.queue.machine.paused) {
      const outcome = "paused: the receiver answered 410";
      audit.info("{act} {target}: {outcome}", { act: "webhook", target: name, outcome, origin });
      mayFail(this.#webhooks.pause(this.queue), "pause a queue");
    }
    if (holdMs > 0) this.#hold(holdMs);
  }

  /** Sends nothing for a while. */
  #hold(holdMs: number): void {
    const untilMs = this.queue.nowMs + holdMs;
    if (untilMs <= this.#heldUntilMs || this.#webhooks.isStopping) return;
    this.#heldUntilMs = untilMs;
    this.queue.machine.hold(this.#consumer.handle, true);
    clearTimeout(this.#holding);
    this.#holding = setTimeout(() => {
      this.#heldUntilMs = 0;
      this.release();
    }, holdMs);
  }

  #endIfOver(): void {
    if (!this.#isOver || this.#underWay.size > 0) return;
    clearTimeout(this.#holding);
    this.#webhooks.gone(this);
    this.queue.removeConsumer(this.#consumer);
  }
}

/** The id of a job for its receiver: the same for each attempt, also after a restart. */
async function idOf(queue: string, { id, timeUnixMicros }: Job): Promise<string> {
  const text = new TextEncoder().encode(`${queue}\n${id}\n${timeUnixMicros}`);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return `job_${
    Array.from(hash.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("")
  }`;
}
