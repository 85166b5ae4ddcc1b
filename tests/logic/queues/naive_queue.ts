/**
 * What a work queue has to do, said as simply as can be: jobs are objects in a list, every question goes
 * through all of them, and a decision knows itself how it is carried out and taken back.
 *
 * It is slow, keeps nothing twice and shares no code with the machine. What it tells its host is a list of
 * notes to be compared with what the machine told.
 */
import {
  type KeptJob,
  type NaiveConsumer,
  type NaiveJob,
  type NaiveOptions,
  newJob,
  type Note,
  oldest,
} from "./naive_job.ts";

interface Decision {
  readonly commit: (nowMs: number) => void;
  readonly takeBack: () => void;
}

const nothing = () => {};

/** The model. */
export class NaiveQueue {
  jobs: NaiveJob[] = [];
  consumers: NaiveConsumer[] = [];
  paused = false;
  notes: Note[] = [];
  /** Whether the host moves a job out within the call that tells it of a death. */
  movesAtOnce = false;
  readonly #options: NaiveOptions;
  #gathering: Decision[] = [];
  #sealed: Decision[][] = [];
  #lastServed: NaiveConsumer | null = null;
  #passes = 0;

  constructor(options: NaiveOptions) {
    this.#options = options;
  }

  // Questions.

  isBlocked(job: NaiveJob): boolean {
    return this.#options.ordered && job.key !== 0 &&
      this.jobs.some((other) => other.key === job.key && other.id < job.id);
  }

  /** The name of the machine's state. */
  stateOf(job: NaiveJob): string {
    if (job.standing === "doomed") return "DELAYED";
    if (job.standing !== "waiting") return job.standing.toUpperCase();
    if (this.isBlocked(job)) return "BLOCKED";
    return job.dueMs > 0 ? "DELAYED" : "READY";
  }

  isLeaving(job: NaiveJob): boolean {
    return job.standing === "done" || job.standing === "moving" || job.standing === "dropping";
  }

  isFree(job: NaiveJob): boolean {
    return job.standing === "waiting" || job.standing === "doomed";
  }

  isMarked(job: NaiveJob): boolean {
    return job.marked || job.standing === "retrying" || job.standing === "releasing";
  }

  /** What must be kept of a job once all that was decided is durable. */
  kept(job: NaiveJob): KeptJob {
    const { id, bytes, priority, key, standing, dueMs } = job;
    const all = { id, bytes, priority, key, attempts: job.attempts, marked: this.isMarked(job) };
    const ends = standing === "dying" || standing === "doomed";
    if (this.isLeaving(job)) return { ...all, state: "GONE", dueMs: 0 };
    if (ends) return { ...all, state: job.reason === 2 ? "REJECTED" : "LEASED", dueMs: 0 };
    if (standing === "leasing" || standing === "leased") {
      return { ...all, state: "LEASED", dueMs: 0 };
    }
    if (standing === "releasing") {
      return { ...all, state: "READY", attempts: job.attempts - 1, dueMs: 0 };
    }
    if (standing === "retrying" || dueMs > 0) return { ...all, state: "DELAYED", dueMs };
    return { ...all, state: "READY", dueMs: 0 };
  }

  /** How many this consumer holds. */
  inFlight(consumer: NaiveConsumer): number {
    return this.jobs.filter(({ standing, holder }) =>
      holder === consumer && (standing === "leasing" || standing === "leased")
    ).length;
  }

  get nextMs(): number {
    let nextMs = Infinity;
    for (const job of this.jobs) {
      if (job.standing === "leased") nextMs = Math.min(nextMs, job.endMs);
      if (this.stateOf(job) === "DELAYED") nextMs = Math.min(nextMs, job.dueMs);
    }
    return nextMs;
  }

  // Pushing.

  /** Whether a job was let in; jobs may have been dropped for it. */
  admit(bytes: number): boolean {
    const { maxJobs, maxBytes, whenFull } = this.#options;
    const staying = this.jobs.filter((job) => !this.isLeaving(job));
    const fits = (left: readonly NaiveJob[]) =>
      left.length < maxJobs && left.reduce((sum, job) => sum + job.bytes, bytes) <= maxBytes;
    if (fits(staying)) return true;
    if (whenFull === "refuse" || !fits(staying.filter((job) => !this.isFree(job)))) return false;
    const places = ["READY", "DELAYED", "BLOCKED"];
    const rank = (job: NaiveJob) => places.indexOf(this.stateOf(job));
    const order = (job: NaiveJob) => this.stateOf(job) === "DELAYED" ? job.dueMs : job.id;
    const free = staying.filter((job) => this.isFree(job));
    free.sort((a, b) => rank(a) - rank(b) || order(a) - order(b));
    for (const job of free) {
      this.drop(job);
      if (fits(this.jobs.filter((other) => !this.isLeaving(other)))) break;
    }
    return true;
  }

  push(pushed: Pick<NaiveJob, "id" | "bytes" | "priority" | "key" | "dueMs">): void {
    const job = newJob({ ...pushed, attempts: 0, marked: false });
    this.jobs.push(job);
    this.#decide(nothing, () => this.#remove(job));
  }

  restore(kept: KeptJob, nowMs: number): void {
    const out = kept.state === "LEASED";
    const job = newJob({ ...kept, marked: kept.marked || out });
    job.dueMs = kept.dueMs > nowMs ? kept.dueMs : 0;
    this.jobs.push(job);
    const rejected = kept.state === "REJECTED";
    if (!rejected && !(out && this.#isLast(job))) return;
    job.standing = "dying";
    job.reason = rejected ? 2 : 1;
  }

  restored(): void {
    for (const job of this.jobs.filter(({ standing }) => standing === "dying")) {
      this.#tellDying(job);
    }
  }

  // Consuming.

  addConsumer(name: number, prefetch: number): NaiveConsumer {
    const consumer = { name, prefetch, held: false, removed: false };
    this.consumers.push(consumer);
    return consumer;
  }

  removeConsumer(consumer: NaiveConsumer): void {
    const at = this.consumers.indexOf(consumer);
    if (this.#lastServed === consumer) this.#lastServed = this.consumers[at - 1] ?? null;
    this.consumers.splice(at, 1);
    consumer.removed = true;
    for (const job of this.jobs.filter(({ holder }) => holder === consumer)) {
      if (job.standing === "leasing") job.holder = null;
      else if (job.standing === "leased") this.#comeBack(job);
    }
  }

  dispatch(most: number): number {
    let leases = 0;
    while (!this.paused && leases < most) {
      const ready = this.jobs.filter((job) => this.stateOf(job) === "READY");
      const consumer = this.#nextConsumer();
      if (ready.length === 0 || consumer === null) break;
      this.#lastServed = consumer;
      this.#lease(this.#pick(ready), consumer);
      leases++;
    }
    return leases;
  }

  #nextConsumer(): NaiveConsumer | null {
    const behind = this.consumers.indexOf(this.#lastServed!) + 1;
    const inTurn = [...this.consumers.slice(behind), ...this.consumers.slice(0, behind)];
    return inTurn.find((each) => !each.held && this.inFlight(each) < each.prefetch) ?? null;
  }

  #pick(ready: readonly NaiveJob[]): NaiveJob {
    const top = Math.max(...ready.map(({ priority }) => priority));
    const highest = ready.filter(({ priority }) => priority === top);
    const lower = ready.filter(({ priority }) => priority < top);
    if (lower.length === 0) this.#passes = 0;
    else if (this.#passes === 15) {
      this.#passes = 0;
      return oldest(lower);
    } else this.#passes++;
    return oldest(highest);
  }

  #lease(job: NaiveJob, consumer: NaiveConsumer): void {
    job.standing = "leasing";
    job.holder = consumer;
    job.attempts++;
    const undone = () => {
      job.attempts--;
      this.#wait(job, 0);
    };
    const commit = (nowMs: number) => {
      if (job.holder === null) {
        undone();
        return void this.notes.push(["changed", job.id, 0]);
      }
      job.standing = "leased";
      job.endMs = nowMs + this.#options.leaseMs;
      job.delivery++;
      this.notes.push(["deliver", job.id, job.holder.name]);
    };
    this.#decide(commit, undone);
    this.notes.push(["changed", job.id, 0]);
  }

  // Settling, of jobs that are leased.

  ack(job: NaiveJob): void {
    job.standing = "done";
    this.#decide(() => this.#remove(job), () => {
      this.notes.push(["staying", job.id, 0]);
      this.#resume(job);
    });
    this.notes.push(["leaving", job.id, 0]);
  }

  /** `chance` counts where the wait is left to the queue. */
  nack(job: NaiveJob, delayMs: number, chance: number, nowMs: number): void {
    if (this.#isLast(job)) return this.#die(job, 1);
    const { backoffMinMs, backoffMaxMs } = this.#options;
    let wholeMs = backoffMinMs;
    for (let attempt = 1; attempt < job.attempts; attempt++) wholeMs *= 2;
    wholeMs = Math.min(wholeMs, backoffMaxMs);
    const waitMs = delayMs >= 0 ? delayMs : wholeMs / 2 + wholeMs / 2 * chance;
    job.standing = "retrying";
    job.dueMs = nowMs + waitMs;
    const commit = (laterMs: number) => {
      job.marked = true;
      this.#wait(job, job.dueMs > laterMs ? job.dueMs : 0);
    };
    this.#decide(commit, () => this.#resume(job));
    this.notes.push(["changed", job.id, 0]);
  }

  reject(job: NaiveJob): void {
    this.#die(job, 2);
  }

  release(job: NaiveJob): void {
    job.standing = "releasing";
    const commit = () => {
      job.marked = true;
      job.attempts--;
      this.#wait(job, 0);
    };
    this.#decide(commit, () => this.#resume(job));
    this.notes.push(["changed", job.id, 0]);
  }

  extend(job: NaiveJob, leaseMs: number, nowMs: number): void {
    job.endMs = nowMs + (leaseMs === 0 ? this.#options.leaseMs : leaseMs);
  }

  // Ends.

  moveOut(job: NaiveJob): void {
    job.standing = "moving";
    this.#decide(() => this.#remove(job), () => {
      job.standing = "dying";
      this.notes.push(["staying", job.id, 0]);
    });
    this.notes.push(["leaving", job.id, 0]);
  }

  putOff(job: NaiveJob, delayMs: number, nowMs: number): void {
    job.standing = "doomed";
    job.dueMs = nowMs + delayMs;
  }

  /** Whether it could be dropped. */
  drop(job: NaiveJob): boolean {
    if (!this.isFree(job)) return false;
    const { standing } = job;
    job.standing = "dropping";
    this.#decide(() => this.#remove(job), () => {
      job.standing = standing;
      this.notes.push(["staying", job.id, 0]);
    });
    this.notes.push(["leaving", job.id, 0]);
    return true;
  }

  tick(nowMs: number): void {
    for (const job of this.jobs) {
      if (job.standing === "leased" && job.endMs <= nowMs) this.#comeBack(job);
    }
    for (const job of this.jobs) {
      if (this.stateOf(job) !== "DELAYED" || job.dueMs > nowMs) continue;
      job.dueMs = 0;
      if (job.standing === "doomed") this.#tellDying(job);
    }
  }

  // Transactions.

  seal(): void {
    this.#sealed.push(this.#gathering);
    this.#gathering = [];
  }

  committed(nowMs: number): void {
    for (const { commit } of this.#sealed.shift() ?? []) commit(nowMs);
  }

  failed(): void {
    const all = [...this.#sealed.flat(), ...this.#gathering];
    this.#sealed = [];
    this.#gathering = [];
    for (const { takeBack } of all.reverse()) takeBack();
  }

  #decide(commit: (nowMs: number) => void, takeBack: () => void): void {
    this.#gathering.push({ commit, takeBack });
  }

  #wait(job: NaiveJob, dueMs: number): void {
    job.standing = "waiting";
    job.holder = null;
    job.dueMs = dueMs;
  }

  #remove(job: NaiveJob): void {
    this.notes.push(["freed", job.id, 0]);
    this.jobs.splice(this.jobs.indexOf(job), 1);
  }

  #isLast({ attempts }: NaiveJob): boolean {
    return this.#options.maxDeliveries > 0 && attempts >= this.#options.maxDeliveries;
  }

  /** A settlement was taken back. */
  #resume(job: NaiveJob): void {
    job.reason = 0;
    job.dueMs = 0;
    job.standing = "leased";
    if (job.holder!.removed) this.#comeBack(job);
  }

  #comeBack(job: NaiveJob): void {
    job.marked = true;
    if (!this.#isLast(job)) return this.#wait(job, 0);
    job.reason = 1;
    this.#tellDying(job);
  }

  #die(job: NaiveJob, reason: number): void {
    job.reason = reason;
    this.#decide(nothing, () => this.#resume(job));
    this.notes.push(["changed", job.id, 0]);
    this.#tellDying(job);
  }

  #tellDying(job: NaiveJob): void {
    job.standing = "dying";
    this.notes.push(["dying", job.id, job.reason]);
    if (this.movesAtOnce) this.moveOut(job);
  }
}
