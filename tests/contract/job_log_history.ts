/**
 * Random histories of a job log, each from a seed, compared with the model again and again.
 *
 * All that callers can do in any order, over one batch or two: jobs with and without ids, chunks that grow
 * and chunks that go, states, groups that hold and groups that are taken back, what is handed over while a
 * batch leaves, events of topics with the same names, batches that fail, and restarts.
 */
import assert from "node:assert/strict";
import { ManualClock } from "../support/manual_clock.ts";
import { CHUNK_FULL_BYTES, MAX_CHUNK_JOBS, type StoreQueue } from "../../lib/ports/job_log.ts";
import type { Store, StoreBatch, StoreListener } from "../../lib/ports/store.ts";
import { Random } from "../support/random.ts";
import { settles } from "../support/until.ts";
import { entriesOf, jobsOf, push } from "./job_log_support.ts";
import { type ModelChunk, ModelJobLog } from "./job_log_model.ts";
import type { Reopen } from "./store_history.ts";
import { append } from "./store_support.ts";

const NAMES = ["a", "emails.eu", "a.dead", "ü.日本"];
/** Past this many bytes in chunks some go. */
const MAX_KEPT_BYTES = 600_000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const taken = new Error("taken back");

/** One history. */
export class JobHistory implements StoreListener {
  readonly #random: Random;
  readonly #clock = new ManualClock();
  readonly #model = new ModelJobLog();
  readonly #reopen: Reopen;
  readonly #tooMuch: string;
  /** The bytes of each job that was committed, by queue and id. */
  readonly #sizes = new Map<string, number>();
  readonly #events = new Map<string, number>();
  #store!: Store;
  #count = 0;
  #mayFail = false;
  /** Whether what leaves is filled up by the listener. */
  #fills = false;

  /** `capacityBytes` is what makes a batch fail. */
  constructor(seed: number, reopen: Reopen, capacityBytes: number) {
    this.#random = new Random(seed);
    this.#reopen = reopen;
    this.#tooMuch = "x".repeat(capacityBytes * 1.2);
  }

  /** Plays `rounds` rounds of one or two batches each. */
  async play(rounds: number): Promise<void> {
    this.#take((await this.#reopen(this.#clock, null))!);
    for (let round = 0; round < rounds; round++) {
      await this.#round();
      this.#clock.advance(this.#random.below(20));
      if (this.#random.below(5) === 0) await this.#check();
      if (this.#random.below(12) === 0) await this.#restart();
    }
    await this.#check();
    await this.#restart();
    await this.#store.close();
  }

  leaving(): void {
    if (this.#fills) this.#steps(this.#random.below(4));
    this.#model.leave();
  }

  stayed(): void {
    this.#model.stay();
  }

  committed(batch: StoreBatch): void {
    this.#model.commit();
    for (const { kind, of, seq, duplicate, size } of entriesOf(batch)) {
      if (kind === "job" && !duplicate) this.#sizes.set(`${of} ${seq}`, size);
      if (kind === "event") this.#events.set(of, seq);
    }
  }

  fellBack(): void {
    assert(this.#mayFail, "a batch failed that should not");
    this.#mayFail = false;
    this.#model.fallBack();
    for (const name of NAMES) this.#checkNumbers(name);
  }

  failed(): void {
    assert(!this.#mayFail, "it is said first that all is taken back");
  }

  #take(store: Store): void {
    this.#store = store;
    store.listen(this);
  }

  async #round(): Promise<void> {
    const random = this.#random;
    this.#fills = random.below(2) === 0;
    const fails = random.below(6) === 0 ? random.below(2) : -1;
    const batches = 1 + random.below(2);
    for (let batch = 0; batch < batches; batch++) {
      this.#steps(random.below(12));
      if (batch === fails) {
        this.#mayFail = true;
        this.#push(this.#tooMuch);
        this.#steps(random.below(3));
      }
      if (random.below(8) === 0) this.#store.jobs.want();
      // What comes behind this gathers while the batch is under way.
      await Promise.resolve();
    }
    await settles(this.#store.flush().catch(() => {}), "the end of a round");
    assert(!this.#mayFail, "a batch that does not fit fails");
    // What was wanted before the failure may be under way only now.
    await settles(this.#store.flush(), "what comes behind a failure");
  }

  #steps(count: number): void {
    for (; count > 0; count--) {
      const dice = this.#random.below(100);
      if (dice < 60) this.#push(this.#payload());
      else if (dice < 75) this.#states();
      else if (dice < 85) this.#drop();
      else if (dice < 92) this.#event();
      else this.#group();
    }
  }

  #payload(): string {
    const random = this.#random;
    const length = random.pick([10, 20, 100, 300, random.below(20) === 0 ? 66_000 : 5, 2000]);
    return `${++this.#count}`.padEnd(length, "-");
  }

  #queue(name: string): StoreQueue {
    return this.#store.jobs.openQueue(name);
  }

  #push(payload: string): void {
    const random = this.#random;
    const name = random.pick(NAMES);
    const messageId = payload.length < 100 && random.below(3) === 0 ? `id${random.below(40)}` : "";
    const timeMs = this.#clock.wallMs() - random.below(30);
    const { growing, chunks, ids } = this.#model.queue(name);
    const jobs = chunks.get(growing)?.jobs ?? [];
    const bytes = jobs.reduce((sum, job) => sum + job.payload.length, 0);
    const full = jobs.length >= MAX_CHUNK_JOBS || bytes >= CHUNK_FULL_BYTES;
    const newChunk = growing === 0 || full || random.below(10) === 0;
    const queue = this.#queue(name);
    assert.equal(this.#store.jobs.duplicateOf(queue, messageId), ids.get(messageId) ?? 0);
    const id = this.#model.push(name, { payload, timeMs, messageId, begins: newChunk });
    assert.equal(push(this.#store, queue, payload, { timeMs, messageId, newChunk }), id);
  }

  /** A chunk that is there with all that was handed over. */
  #chunk(name: string): number | null {
    const firsts = [...this.#model.queue(name).chunks.keys()];
    return firsts.length === 0 ? null : this.#random.pick(firsts);
  }

  #states(): void {
    const name = this.#random.pick(NAMES);
    const first = this.#chunk(name);
    if (first === null) return;
    const states = `${++this.#count}`.padEnd(this.#random.below(200), ".");
    this.#model.setStates(name, first, states);
    this.#store.jobs.setStates(this.#queue(name), first, encoder.encode(states));
  }

  #drop(): void {
    const name = this.#random.pick(NAMES);
    do {
      const first = this.#chunk(name);
      if (first === null) return;
      this.#model.dropChunk(name, first);
      this.#store.jobs.dropChunk(this.#queue(name), first);
    } while (this.#keptBytes(name) > MAX_KEPT_BYTES / NAMES.length);
  }

  #keptBytes(name: string): number {
    let bytes = 0;
    for (const { jobs } of this.#model.queue(name).chunks.values()) {
      for (const { payload } of jobs) bytes += payload.length;
    }
    return bytes;
  }

  #event(): void {
    const name = this.#random.pick(NAMES);
    append(this.#store, this.#store.openTopic(name), "event", { timeMs: this.#clock.wallMs() });
    this.#model.touch();
  }

  #group(): void {
    const holds = this.#random.below(2) === 0;
    const back = this.#model.mark();
    const run = () => {
      for (let left = this.#random.below(5); left > 0; left--) {
        const dice = this.#random.below(10);
        if (dice < 6) this.#push(this.#payload());
        else if (dice < 8) this.#states();
        else if (dice < 9) this.#drop();
        else this.#event();
      }
      if (!holds) throw taken;
    };
    if (holds) return this.#store.group(run);
    assert.throws(() => this.#store.group(run), taken);
    back();
  }

  #checkNumbers(name: string): void {
    const { lastId } = this.#model.committedQueue(name);
    const queue = this.#store.jobs.queue(name);
    if (queue === null) return assert.equal(lastId, 0);
    assert.deepEqual([queue.lastId, queue.nextId], [lastId, lastId + 1], name);
  }

  /** Compares everything, with nothing under way. */
  async #check(): Promise<void> {
    for (const name of NAMES) {
      this.#checkNumbers(name);
      const { chunks, lastId } = this.#model.committedQueue(name);
      // Also some that are gone, or never were.
      const others = [1, lastId, lastId + 1].filter((first) => !chunks.has(first));
      const firsts = [...chunks.keys(), ...others];
      const counts = firsts.map((first) => chunks.get(first)?.jobs.length ?? MAX_CHUNK_JOBS);
      const page = await this.#store.jobs.readChunks(this.#queue(name), firsts, counts);
      assert.deepEqual(jobsOf(page), [...chunks.values()].flatMap(({ jobs }) => jobs), name);
      assert.equal(this.#store.topic(name)?.lastSeq ?? 0, this.#events.get(name) ?? 0);
    }
    const events = [...this.#events.values()].reduce((sum, seq) => sum + seq, 0);
    assert.equal(this.#store.stats().events, events, "jobs are no events");
  }

  async #restart(): Promise<void> {
    this.#fills = this.#random.below(2) === 0;
    // What was handed over is committed by the close itself.
    this.#steps(this.#random.below(5));
    const store: Store | null = await this.#reopen(this.#clock, this.#store);
    if (store === null) return await this.#store.flush();
    this.#take(store);
    for (const name of NAMES) this.#checkFound(name);
    await this.#check();
  }

  #checkFound(name: string): void {
    const { jobs } = this.#store;
    const queue = jobs.queue(name);
    const found = queue === null ? [] : jobs.takeChunks(queue);
    const seen = found.map(({ states, ...chunk }) => ({
      ...chunk,
      states: states === null ? null : decoder.decode(states),
    }));
    const { chunks } = this.#model.committedQueue(name);
    assert.deepEqual(seen, [...chunks].map(([first, chunk]) => this.#stored(name, first, chunk)));
  }

  #stored(name: string, first: number, { jobs, states }: ModelChunk) {
    const bytes = jobs.reduce((sum, { id }) => sum + this.#sizes.get(`${name} ${id}`)!, 0);
    return { first, jobs: jobs.length, bytes, timeMs: jobs[0].timeMs, states };
  }
}
