/**
 * The figures of queues over time: of all queues together, and of the busiest ones each by itself.
 *
 * At each tick a bounded number of queues is looked at; once all were, their sums count, and queues that hold jobs or had
 * some take the places of those that have been idle for longest. Memory is fixed: a queue has a place or it has none.
 */
import { DEAD_SUFFIX, isDeadName } from "../../logic/queues/policies.ts";
import type { Queue } from "../../services/queues/queue.ts";
import type { Queues } from "../../services/queues/queues.ts";
import { type Figure, FigureHistory, FINE_STEP } from "./figure_history.ts";

/** The most queues with a history of their own. */
export const MAX_QUEUE_HISTORIES = 64;
/** The most queues that one tick looks at. */
const LOOKED_AT_ONCE = 512;

/** The states of jobs that are summed up over all queues. */
export const QUEUE_SUMS = ["ready", "delayed", "leased", "blocked", "dead"] as const;

/** The sums of all queues by state. */
export type QueueSums = Record<typeof QUEUE_SUMS[number], number>;

/** A queue with a history. */
interface Place {
  readonly history: FigureHistory;
  /** When it had jobs last, by the monotonic clock. */
  activeMs: number;
}

/** Looks at the queues of a server, step by step. */
export class QueueHistory {
  readonly #queues: Queues;
  readonly #places = new Map<string, Place>();
  /** The walk that is under way, and what it has summed up. */
  #walk: Iterator<Queue> | null = null;
  #gathering = noSums();
  #sums = noSums();
  /** The sums of pushed and done jobs of queues at the last walk, by which activity is told. */
  #activity = new Map<string, number>();
  #seen = new Map<string, number>();

  constructor(queues: Queues) {
    this.#queues = queues;
  }

  /** The sums of all queues, as of the last walk that is complete. */
  get sums(): Readonly<QueueSums> {
    return this.#sums;
  }

  /** The history of a queue; null when it has no place. */
  of(name: string): FigureHistory | null {
    return this.#places.get(name)?.history ?? null;
  }

  /** Looks at some queues, and notes the figures of those with a place. */
  tick(nowMs: number): void {
    this.#look(nowMs);
    for (const [name, place] of this.#places) {
      if (this.#queues.find(name) === null) this.#places.delete(name);
      else place.history.tick(nowMs);
    }
  }

  #look(nowMs: number): void {
    const walk = this.#walk ??= this.#queues.all();
    for (let looked = 0; looked < LOOKED_AT_ONCE; looked++) {
      const { done, value } = walk.next();
      if (done) return this.#walked();
      this.#add(value, nowMs);
    }
  }

  #walked(): void {
    this.#walk = null;
    this.#sums = this.#gathering;
    this.#gathering = noSums();
    this.#activity = this.#seen;
    this.#seen = new Map();
  }

  #add(queue: Queue, nowMs: number): void {
    const { machine, name, pushed, done } = queue;
    const sums = this.#gathering;
    if (isDeadName(name)) {
      sums.dead += machine.jobs;
      return;
    }
    sums.ready += machine.ready;
    sums.delayed += machine.delayed;
    sums.leased += machine.leased;
    sums.blocked += machine.blocked;
    const activity = pushed + done;
    if (activity > 0) this.#seen.set(name, activity);
    const isActive = machine.jobs > 0 || activity !== (this.#activity.get(name) ?? 0);
    if (!isActive) return;
    const place = this.#places.get(name);
    if (place !== undefined) place.activeMs = nowMs;
    else if (this.#makeRoom(nowMs)) {
      // One whose jobs have all come since the last walk was empty then: its first jobs are part of its history.
      const isNew = activity > 0 && !this.#activity.has(name) && machine.jobs <= pushed;
      this.#place(name, nowMs, isNew);
    }
  }

  #place(name: string, nowMs: number, isNew: boolean): void {
    const sinceMs = isNew ? nowMs - FINE_STEP.stepMs : nowMs;
    const history = new FigureHistory(figuresOf(this.#queues, name), sinceMs, isNew);
    this.#places.set(name, { history, activeMs: nowMs });
  }

  /** Whether there is a place; the queue that was idle for longest gives its own up. */
  #makeRoom(nowMs: number): boolean {
    if (this.#places.size < MAX_QUEUE_HISTORIES) return true;
    let oldest: string | null = null;
    let oldestMs = nowMs;
    for (const [name, { activeMs }] of this.#places) {
      if (activeMs >= oldestMs || !this.#isIdle(name)) continue;
      oldest = name;
      oldestMs = activeMs;
    }
    if (oldest !== null) this.#places.delete(oldest);
    return oldest !== null;
  }

  #isIdle(name: string): boolean {
    return (this.#queues.find(name)?.machine.jobs ?? 0) === 0;
  }
}

function noSums(): QueueSums {
  return { ready: 0, delayed: 0, leased: 0, blocked: 0, dead: 0 };
}

/** The figures of one queue. */
function figuresOf(queues: Queues, name: string): Figure[] {
  const level = (figure: string, of: (queue: Queue) => number, queue = name): Figure => ({
    name: figure,
    kind: "level",
    read: () => {
      const found = queues.find(queue);
      return found === null ? 0 : of(found);
    },
  });
  const rate = (figure: string, of: (queue: Queue) => number): Figure => ({
    ...level(figure, of),
    kind: "rate",
  } as Figure);
  return [
    level("ready", ({ machine }) => machine.ready),
    level("delayed", ({ machine }) => machine.delayed),
    level("leased", ({ machine }) => machine.leased),
    level("blocked", ({ machine }) => machine.blocked),
    level("dead", ({ machine }) => machine.jobs, name + DEAD_SUFFIX),
    level("consumers", ({ consumers }) => consumers.size),
    rate("pushed", ({ pushed }) => pushed),
    rate("done", ({ done }) => done),
    rate("redelivered", ({ redelivered }) => redelivered),
  ];
}
