/**
 * What is pushed, confirmed, settled and done, over all connections of one load, and who has to wait for
 * whom.
 *
 * Producers stay at most `ahead` jobs ahead of what is done, so that no server has to store up more than
 * another; each has at most its window unconfirmed. Where a backlog is to stay, a job is settled only once
 * another one was confirmed for it. A phase is over when all that was pushed in it is confirmed and
 * done: nothing is put off. Pure: time is an argument.
 */

/** What bounds a load. */
export interface FlowRules {
  /** The most jobs that are pushed and not done. */
  readonly ahead: number;
  /** Whether nobody pulls, so that a job is done when it is confirmed. */
  readonly pullsNothing: boolean;
  /** Whether as many jobs are to wait at the end as at the start. */
  readonly keepsBacklog: boolean;
}

/** The counts of one load. */
export class QueueFlow {
  /** Jobs whose push was sent. */
  pushed = 0;
  /** Jobs whose push was answered. */
  confirmed = 0;
  /** Jobs that consumers have said to be done. */
  settled = 0;
  /** Jobs that are done. */
  done = 0;
  readonly #rules: FlowRules;
  #until = -Infinity;
  #mostPushed = 0;
  #finish: (() => void) | null = null;

  constructor(rules: FlowRules) {
    this.#rules = rules;
  }

  /** Begins a phase: until that time, or for so many jobs. Resolves when it is over, with its jobs. */
  begin(until: number, jobs = Infinity): Promise<number> {
    const before = this.pushed;
    this.#until = until;
    this.#mostPushed = before + jobs;
    const over = new Promise<void>((resolve) => this.#finish = resolve);
    return over.then(() => this.pushed - before);
  }

  /** How many jobs a producer may push that has `unconfirmed` ones under way, of at most `window`. */
  pushable(unconfirmed: number, window: number, nowMs: number): number {
    if (nowMs >= this.#until) return 0;
    const left = Math.min(
      window - unconfirmed,
      this.#rules.ahead - (this.pushed - this.done),
      this.#mostPushed - this.pushed,
    );
    return Math.max(0, left);
  }

  /** Whether a consumer may say that jobs are done. */
  get settleable(): boolean {
    return !this.#rules.keepsBacklog || this.settled < this.confirmed;
  }

  /** Counts. Raises when more is confirmed or done than can be. */
  count(what: "pushed" | "confirmed" | "settled" | "done", jobs: number): void {
    this[what] += jobs;
    if (what === "confirmed" && this.#rules.pullsNothing) {
      this.settled += jobs;
      this.done += jobs;
    }
    const most = this.#rules.keepsBacklog ? Infinity : this.pushed;
    if (this.confirmed > this.pushed || this.settled > most || this.done > this.settled) {
      throw new Error(`the counts cannot be: ${this}`);
    }
  }

  /** Looks whether the phase is over, which it may be by time alone. */
  look(nowMs: number): void {
    const open = nowMs < this.#until && this.pushed < this.#mostPushed;
    if (open || this.confirmed < this.pushed || this.done < this.pushed) return;
    this.#finish?.();
    this.#finish = null;
  }

  /** All counts, for messages. */
  toString(): string {
    const { pushed, confirmed, settled, done } = this;
    return `${pushed} pushed, ${confirmed} confirmed, ${settled} settled, ${done} done`;
  }
}
