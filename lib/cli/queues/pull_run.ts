/**
 * One run of `queue pull`: hands jobs to whoever prints or executes them, and counts.
 *
 * No more jobs are begun than are wanted; what comes beyond is given back untried. The first failure that is
 * not a job's own ends the run.
 */
import { settled } from "../../base/detached.ts";
import type { Job } from "../../client/mod.ts";

/** Who does something with jobs. */
export interface JobTaker {
  /**
   * Does what is to be done with a job and settles it. Rejects only when nothing more can be done with any
   * job, as when the output is closed.
   */
  take(job: Job): Promise<void>;
  /** What is said of all jobs in the end, in lines. */
  summary(): string[];
}

/** Counts jobs, and knows when there were enough. */
export class PullRun {
  /** Resolves when the last job that is wanted is settled, or something failed. */
  readonly enough: Promise<void>;
  /** Jobs that were begun. */
  begun = 0;
  /** Jobs that were begun and are not settled. */
  inHand = 0;
  readonly #taker: JobTaker;
  readonly #most: number;
  #finish!: () => void;
  #stop: () => void = () => {};
  #failure: { readonly error: unknown } | null = null;
  #idle: (() => void)[] = [];

  constructor(taker: JobTaker, most = Infinity) {
    this.#taker = taker;
    this.#most = most;
    this.enough = new Promise((resolve) => this.#finish = resolve);
  }

  /** Says what is done as soon as no further job is wanted. */
  onEnough(stop: () => void): void {
    this.#stop = stop;
  }

  /** Does one job. Never rejects. */
  async take(job: Job): Promise<void> {
    if (this.begun >= this.#most || this.#failure !== null) {
      await settled(job.release(), "give a job back");
      return;
    }
    this.begun++;
    this.inHand++;
    // Before the last job is settled, so that its place is not given to another one.
    if (this.begun === this.#most) this.#stop();
    try {
      await this.#taker.take(job);
    } catch (error) {
      this.#failure ??= { error };
      await settled(job.release(), "give a job back");
    }
    this.inHand--;
    if (this.inHand > 0) return;
    this.#idle.forEach((wake) => wake());
    this.#idle = [];
    if (this.begun >= this.#most || this.#failure !== null) this.#finish();
  }

  /** Resolves when no job is in hand. */
  async untilIdle(): Promise<void> {
    while (this.inHand > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Raises what ended the run early. */
  throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }
}
