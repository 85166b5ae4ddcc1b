/**
 * The machine and the model side by side, each told the same, and the disk that both are restored from.
 *
 * After each step `compare` looks at all that a host can see of the machine. The disk gets with each
 * transaction what the model says is to be kept of the jobs that changed.
 */
import assert from "node:assert/strict";
import {
  type Consumer,
  DurableState,
  JobState,
  type WorkQueueEffects,
  type WorkQueueOptions,
} from "../../../lib/logic/queues/work_queue.ts";
import type { Ledger } from "./ledger.ts";
import type { KeptJob, NaiveConsumer, NaiveJob, Note } from "./naive_job.ts";
import { NaiveQueue } from "./naive_queue.ts";
import { SoundQueue } from "./sound_queue.ts";

/** A consumer on both sides. */
export interface Pair {
  readonly machine: Consumer<number>;
  readonly naive: NaiveConsumer;
}

/** What names one delivery. */
export interface Token {
  readonly pair: Pair;
  readonly slot: number;
  readonly generation: number;
  readonly job: NaiveJob;
  readonly delivery: number;
}

interface Transaction {
  readonly pushed: readonly NaiveJob[];
  readonly kept: readonly KeptJob[];
  readonly nextId: number;
}

const STATE_NAMES = new Map<number, string>(
  Object.entries(JobState).map(([name, number]) => [number, name]),
);
const KEPT_NAMES = new Map<number, string>(
  Object.entries(DurableState).map(([name, number]) => [number, name]),
);
const KEPT_NUMBERS = DurableState as Readonly<Record<string, DurableState>>;

/** Both queues and the disk. */
export class WatchedQueue implements WorkQueueEffects<number> {
  machine!: SoundQueue<number>;
  naive!: NaiveQueue;
  nowMs = 1000;
  chance = 0;
  nextId = 1;
  pairs: Pair[] = [];
  tokens: Token[] = [];
  readonly ledger: Ledger;
  readonly options: WorkQueueOptions;
  readonly slots = new Map<number, number>();
  readonly #disk = new Map<number, KeptJob>();
  #notes: Note[] = [];
  #names = 0;
  #pushed: NaiveJob[] = [];
  #changed = new Set<number>();
  #sealed: Transaction[] = [];
  #committedId = 1;

  constructor(options: WorkQueueOptions, ledger: Ledger, chance: number) {
    this.options = options;
    this.ledger = ledger;
    this.chance = chance;
    this.#begin();
  }

  get sealed(): number {
    return this.#sealed.length;
  }

  #begin(): void {
    this.machine = new SoundQueue(this.options, this, () => this.chance);
    this.naive = new NaiveQueue(this.options);
  }

  push(bytes: number, priority: number, key: number, delayMs: number): void {
    const { nowMs } = this;
    const id = this.nextId++;
    const job = { id, bytes, priority, key, dueMs: nowMs + delayMs };
    const slot = this.machine.push(job, nowMs);
    assert(![...this.slots.values()].includes(slot), `slot ${slot} is one job's`);
    this.slots.set(id, slot);
    this.naive.push({ ...job, dueMs: delayMs > 0 ? nowMs + delayMs : 0 });
    this.#pushed.push(this.naive.jobs.at(-1)!);
    this.#changed.add(id);
  }

  addConsumer(prefetch: number): void {
    const name = this.#names++;
    const naive = this.naive.addConsumer(name, prefetch);
    this.pairs.push({ machine: this.machine.addConsumer(prefetch, name), naive });
  }

  removeConsumer(pair: Pair): void {
    this.ledger.left(pair.naive.name);
    this.machine.removeConsumer(pair.machine);
    this.naive.removeConsumer(pair.naive);
    this.pairs.splice(this.pairs.indexOf(pair), 1);
  }

  /** Whether the model takes what this consumer says of this delivery. */
  isPresent({ job, delivery }: Token, consumer: NaiveConsumer): boolean {
    return this.naive.jobs.includes(job) && job.standing === "leased" &&
      job.delivery === delivery && job.holder === consumer;
  }

  /** `more` are written beside those that changed, as are jobs that lie with them. */
  seal(more: readonly NaiveJob[]): void {
    const jobs = this.naive.jobs.filter((job) => this.#changed.has(job.id) || more.includes(job));
    const kept = jobs.map((job) => this.naive.kept(job));
    this.#sealed.push({ pushed: this.#pushed, kept, nextId: this.nextId });
    this.#pushed = [];
    this.#changed.clear();
    this.machine.seal();
    this.naive.seal();
    this.ledger.seal();
  }

  committed(): void {
    const { pushed, kept, nextId } = this.#sealed.shift()!;
    for (const { id, key } of pushed) this.ledger.pushed(id, key);
    for (const job of kept) {
      if (job.state === "GONE") this.#disk.delete(job.id);
      else this.#disk.set(job.id, job);
    }
    this.#committedId = nextId;
    this.ledger.committed();
    this.machine.committed(this.nowMs);
    this.naive.committed(this.nowMs);
  }

  failed(): void {
    // What is moved out meanwhile belongs to the next transaction.
    this.#forget();
    this.ledger.failed();
    this.machine.failed();
    this.naive.failed();
  }

  #forget(): void {
    this.#sealed = [];
    this.#pushed = [];
    this.#changed.clear();
    this.nextId = this.#committedId;
  }

  /** The server is killed, and starts again. */
  crash(): void {
    this.ledger.crashed(this.#disk.keys());
    this.#forget();
    this.pairs = [];
    this.slots.clear();
    const { movesAtOnce } = this.naive;
    this.#begin();
    this.naive.movesAtOnce = movesAtOnce;
    for (const kept of [...this.#disk.values()].sort((a, b) => a.id - b.id)) {
      const dueMs = kept.dueMs > this.nowMs ? kept.dueMs : 0;
      const state = KEPT_NUMBERS[kept.state];
      const slot = this.machine.restore({ ...kept, dueMs, state, redelivered: kept.marked });
      this.slots.set(kept.id, slot);
      this.naive.restore(kept, this.nowMs);
    }
    this.machine.restored();
    this.naive.restored();
  }

  tick(): void {
    this.ledger.passed(this.nowMs);
    this.machine.tick(this.nowMs);
    this.naive.tick(this.nowMs);
  }

  /** Raises when both are not the same to their hosts. */
  compare(): void {
    const { machine, naive } = this;
    same(sorted(this.#notes), sorted(naive.notes), "what was told");
    this.#notes = [];
    naive.notes = [];
    const figures = { READY: 0, DELAYED: 0, BLOCKED: 0, out: 0, jobs: 0, bytes: 0 };
    for (const job of naive.jobs) {
      const state = naive.stateOf(job);
      if (state === "READY" || state === "DELAYED" || state === "BLOCKED") figures[state]++;
      else if (state !== "DROPPING") figures.out++;
      if (!naive.isLeaving(job)) {
        figures.jobs++;
        figures.bytes += job.bytes;
      }
      this.#compareJob(job, state);
    }
    same(machine.ready, figures.READY, "ready");
    same(machine.delayed, figures.DELAYED, "delayed");
    same(machine.blocked, figures.BLOCKED, "blocked");
    same(machine.leased, figures.out, "leased");
    same(machine.jobs, figures.jobs, "jobs");
    same(machine.bytes, figures.bytes, "bytes");
    same(machine.nextMs, naive.nextMs, "nextMs");
    same(this.slots.size, naive.jobs.length, "slots");
    for (const { machine, naive } of this.pairs) {
      same(machine.inFlight, this.naive.inFlight(naive), "in flight");
    }
  }

  #compareJob(job: NaiveJob, state: string): void {
    const { machine, naive } = this;
    const slot = this.slots.get(job.id);
    if (slot === undefined) throw new Error(`job ${job.id} has no slot`);
    const kept = naive.kept(job);
    same(machine.views.id(slot), job.id, "id");
    same(STATE_NAMES.get(machine.views.state(slot)), state, `state of job ${job.id}`);
    same(machine.views.priority(slot), job.priority, "priority");
    same(machine.views.keyOf(slot), job.key, "key");
    same(machine.views.sizeOf(slot), job.bytes, "size");
    same(machine.views.attempts(slot), job.attempts, `attempts of job ${job.id}`);
    same(machine.views.redelivered(slot), naive.isMarked(job), `mark of job ${job.id}`);
    same(
      KEPT_NAMES.get(machine.views.durableState(slot)),
      kept.state,
      `what is kept of job ${job.id}`,
    );
    same(machine.views.durableAttempts(slot), kept.attempts, `kept attempts of job ${job.id}`);
    if (state === "LEASED") same(machine.views.timeMs(slot), job.endMs, `end of job ${job.id}`);
    else if (kept.state === "DELAYED") {
      same(machine.views.timeMs(slot), kept.dueMs, `due ${job.id}`);
    } else if (state === "READY") same(machine.views.timeMs(slot), 0, `time of job ${job.id}`);
    if (state === "LEASED" || state === "LEASING") {
      same(machine.views.holder(slot)?.attached, job.holder?.name, `holder of job ${job.id}`);
    } else if (job.standing === "waiting") {
      same(machine.views.holder(slot), null, `holder of job ${job.id}`);
    }
  }

  #note(what: string, slot: number, more: unknown): void {
    this.#notes.push([what, this.machine.views.id(slot), more]);
  }

  changed(slot: number): void {
    this.#note("changed", slot, 0);
    this.#changed.add(this.machine.views.id(slot));
    if (this.machine.views.state(slot) !== JobState.LEASING) return;
    const { prefetch, inFlight, held, removed } = this.machine.views.holder(slot)!;
    assert(inFlight <= prefetch && !held && !removed && !this.machine.paused, "credit");
  }

  leaving(slot: number): void {
    this.#note("leaving", slot, 0);
    this.#changed.add(this.machine.views.id(slot));
  }

  staying(slot: number): void {
    this.#note("staying", slot, 0);
  }

  deliver(slot: number, { attached }: Consumer<number>): void {
    const { machine, naive } = this;
    this.#note("deliver", slot, attached);
    const id = machine.views.id(slot);
    const generation = machine.views.generation(slot);
    const job = naive.jobs.find((each) => each.id === id)!;
    const pair = this.pairs.find((each) => each.naive.name === attached)!;
    const known = (token: Token) => token.slot === slot && token.generation === generation;
    assert(!this.tokens.some(known), "a token is given once");
    // The model is told of this commit after the machine.
    this.tokens.push({ pair, slot, generation, job, delivery: job.delivery + 1 });
    const endMs = this.nowMs + this.options.leaseMs;
    this.ledger.delivered(id, attached, {
      endMs,
      attempts: machine.views.attempts(slot),
      redelivered: machine.views.redelivered(slot),
    });
  }

  dying(slot: number, reason: number): void {
    this.#note("dying", slot, reason);
    if (this.naive.movesAtOnce) this.machine.moveOut(slot);
  }

  freed(slot: number): void {
    this.#note("freed", slot, 0);
    const id = this.machine.views.id(slot);
    const state = this.machine.views.state(slot);
    this.slots.delete(id);
    const gone = state === JobState.DONE || state === JobState.MOVING ||
      state === JobState.DROPPING;
    if (gone) this.ledger.gone(id);
  }
}

/** Cheap to ask, and says what is not the same. */
function same(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) assert.equal(actual, expected, what);
}

/** Notes to be compared: deliveries in their order, all others in any. */
function sorted(notes: readonly Note[]): string {
  const lines = notes.map((note) => note.join(" "));
  const deliveries = lines.filter((line) => line.startsWith("deliver"));
  return [...deliveries, ...lines.sort()].join("\n");
}
