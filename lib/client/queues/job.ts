/**
 * One delivery of a job: its lease, and the verbs that say what becomes of it.
 *
 * A job is settled at most once, by `ack`, `nack`, `reject` or `release`. A verb that fails without the
 * job being late (no answer in time, a disk that fails) changed nothing here, and may be tried again. What
 * is late is refused with FAILED_PRECONDITION: by the server, which alone knows, or here at once when the
 * link or the puller is gone, because its jobs went back with it. How verbs travel is the affair of
 * queue_consumer.ts.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { invalidArgument } from "../program_error.ts";
import { type Job as WireJob, Verdict } from "../../gen/parley/v1/queue_pb.ts";
import { JobRecord, nameOf } from "./job_record.ts";

/** What goes with a verdict. */
export interface VerdictDetails {
  /** For NACK: when to try again; for EXTEND: how long the lease is from now on. Undefined: as usual. */
  readonly delayMs?: number;
  /** For NACK and REJECT: what went wrong, or empty. */
  readonly error: string;
}

/** The consumer that a job was delivered to. */
export interface JobHolder {
  /** Sends a verdict. The job is told the outcome before the promise settles. */
  settle(job: Job, verdict: Verdict, details: VerdictDetails): Promise<void>;
  /** The program gets a job: the connection stays until it is settled or lost. */
  handOver(): void;
}

/** The options of `nack`. */
export interface NackOptions {
  /** When to try again, in milliseconds from now. Default: the queue's backoff. */
  delayMs?: number;
  /** What went wrong, for the dead letter; past 1 KiB it is cut. */
  error?: string;
}

/** The options of `reject`. */
export interface RejectOptions {
  /** What went wrong, for the dead letter; past 1 KiB it is cut. */
  error?: string;
}

const NO_DETAILS: VerdictDetails = { error: "" };
const MAX_ERROR_BYTES = 1024;
/** The most that a delay or lease may be, so that nothing else than a mistake is refused here. */
const MAX_DELAY_MS = Number.MAX_SAFE_INTEGER;
const DONE_BY: Readonly<Record<number, string>> = {
  [Verdict.ACK]: "acked",
  [Verdict.NACK]: "nacked",
  [Verdict.REJECT]: "rejected",
  [Verdict.RELEASE]: "released",
};
const encoder = new TextEncoder();

/** A job that this client holds; pullers and workers give them. */
export class Job extends JobRecord {
  /** How long the first lease is, in milliseconds. */
  readonly leaseMs: number;
  /**
   * What every verb carries. Read by the client only.
   *
   * @internal
   */
  readonly token: bigint;
  /**
   * When the lease ends, by `performance.now()`. Set by the client only.
   *
   * @internal
   */
  leaseEndsMs: number;
  /**
   * Whether the lease is extended, if the puller does that. Set by the client only.
   *
   * @internal
   */
  keep = true;
  /**
   * Whether an extension is under way that the client began. Set by the client only.
   *
   * @internal
   */
  extending = false;
  readonly #holder: JobHolder;
  #handed = false;
  #settling: { readonly verdict: Verdict; readonly promise: Promise<void> } | null = null;
  /** Why no verb is sent any more. */
  #lostWhy: string | null = null;
  #controller: AbortController | null = null;
  #abortReason: ParleyError | null = null;

  /**
   * Made by the client only.
   *
   * @internal
   */
  constructor(holder: JobHolder, wire: WireJob, nowMs: number) {
    super(wire);
    this.#holder = holder;
    this.token = wire.token;
    this.leaseMs = wire.leaseMs > 0 ? wire.leaseMs : Infinity;
    this.leaseEndsMs = nowMs + this.leaseMs;
  }

  /** When its lease ends, as far as is known here; extensions move it. */
  get leaseEndsAt(): Date {
    return new Date(Date.now() + this.leaseEndsMs - performance.now());
  }

  /** Aborted when the lease is lost: the link or the puller was closed, or the lease is over. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#abortReason !== null) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  /** Whether a verb has said, or is saying, what becomes of it. */
  get settled(): boolean {
    return this.#settling !== null;
  }

  /** Whether its lease is lost. */
  get lost(): boolean {
    return this.#abortReason !== null;
  }

  /** Whether the program has got it. */
  get handed(): boolean {
    return this.#handed;
  }

  /** Whether the job is over for this program: settled or lost. */
  get done(): boolean {
    return this.settled || this.lost;
  }

  /** Says that the job is done: it leaves the queue. Resolves when that is as safe as the push was. */
  ack(): Promise<void> {
    return this.#settle(Verdict.ACK, NO_DETAILS);
  }

  /** Says that the job could not be done now, and is to be tried again later. */
  async nack({ delayMs, error = "" }: NackOptions = {}): Promise<void> {
    if (delayMs !== undefined) checkDelay("nack", this, delayMs, 0);
    await this.#settle(Verdict.NACK, { delayMs, error: cutError(error) });
  }

  /** Says that the job can never be done: it becomes a dead letter at once. */
  async reject({ error = "" }: RejectOptions = {}): Promise<void> {
    await this.#settle(Verdict.REJECT, { error: cutError(error) });
  }

  /** Says that the job was not tried: it goes back to its place, and this delivery does not count. */
  release(): Promise<void> {
    return this.#settle(Verdict.RELEASE, NO_DETAILS);
  }

  /** Says that the job is still under way: the lease begins anew, for `ms` milliseconds or as long as usual. */
  async extend(ms?: number): Promise<void> {
    if (ms !== undefined) checkDelay("extend", this, ms, 1);
    const refusal = this.#refusal(Verdict.EXTEND);
    if (refusal !== null) throw refusal;
    await this.#holder.settle(this, Verdict.EXTEND, { delayMs: ms, error: "" });
  }

  /**
   * The program gets it. Called by the client only.
   *
   * @internal
   */
  handOver(): void {
    this.#handed = true;
    this.#holder.handOver();
  }

  /**
   * What was tried to settle it failed, and changed nothing. Called by the client only.
   *
   * @internal
   */
  unsettled(): void {
    this.#settling = null;
  }

  /**
   * The lease is over, as far as is known here; only the server can tell. Called by the client only.
   *
   * @internal
   */
  expire(): void {
    this.#abort("its lease is over");
  }

  /**
   * Ends the job for this program: no verb can change anything any more. Called by the client only.
   *
   * @internal
   */
  lose(why: string): void {
    this.#lostWhy ??= why;
    this.#abort(why);
  }

  #settle(verdict: Verdict, details: VerdictDetails): Promise<void> {
    if (this.#settling?.verdict === verdict) return this.#settling.promise;
    const refusal = this.#refusal(verdict);
    if (refusal !== null) return Promise.reject(refusal);
    const promise = this.#holder.settle(this, verdict, details);
    this.#settling = { verdict, promise };
    return promise;
  }

  /** Why a verb is refused here; null when it is sent. */
  #refusal(verdict: Verdict): ParleyError | null {
    const by = this.#settling?.verdict;
    if (by !== undefined) return refused(this, verdict, `it was ${DONE_BY[by]} already`);
    return this.#lostWhy === null ? null : tooLate(this, verdict, this.#lostWhy);
  }

  #abort(why: string): void {
    if (this.#abortReason !== null) return;
    const message = `lost ${nameOf(this)}: ${why}; it will be delivered again`;
    const reason = new ParleyError(ErrorCode.FAILED_PRECONDITION, message);
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }
}

/** The refusal of a verb after the lease was lost. */
export function tooLate(job: JobRecord, verdict: Verdict, why: string): ParleyError {
  return refused(job, verdict, `${why}; the job will be delivered again`);
}

function refused(job: JobRecord, verdict: Verdict, why: string): ParleyError {
  const verb = (Verdict[verdict] ?? "settle").toLowerCase();
  return new ParleyError(ErrorCode.FAILED_PRECONDITION, `cannot ${verb} ${nameOf(job)}: ${why}`);
}

function checkDelay(verb: string, job: JobRecord, ms: number, least: number): void {
  if (ms >= least && ms <= MAX_DELAY_MS) return;
  throw invalidArgument(`cannot ${verb} ${nameOf(job)} for ${ms} ms`, {
    accepted: `a number of milliseconds from ${least}`,
  });
}

/** What of a text fits where the server keeps errors. */
function cutError(text: string): string {
  if (text.length * 3 <= MAX_ERROR_BYTES) return text.toWellFormed();
  const whole = text.slice(0, MAX_ERROR_BYTES).toWellFormed();
  const { read } = encoder.encodeInto(whole, new Uint8Array(MAX_ERROR_BYTES));
  return whole.slice(0, read);
}
