/**
 * Random histories of a store, each from a seed, compared with the model again and again.
 *
 * Everything that callers can do in any order: events with and without ids, groups that hold and groups
 * that are taken back, records, pages both ways, times, retention, trims, topics that are forgotten, clock
 * steps and restarts.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ManualClock } from "../support/manual_clock.ts";
import type { Store, StoreTopic } from "../../lib/ports/store.ts";
import { Random } from "../support/random.ts";
import { type ModelEvent, ModelStore } from "./store_model.ts";
import { append, eventsOf, readAll, Recorder } from "./store_support.ts";

/** The window of duplicates in the histories. */
export const WINDOW_MS = 10_000;
const NAMES = ["a", "orders.eu", "room.lobby", "ü.日本"];
const KEYS = ["k", "k/1", "k/2", "k/20", "q/é", "q/\u{1f600}", "q/\uff5e"];
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const taken = new Error("taken back");

/** Opens the store of a history, or opens it again; gives null when it does not outlive itself. */
export type Reopen = (clock: ManualClock, former: Store | null) => Promise<Store | null>;

/** One history. */
export class History {
  readonly #random: Random;
  readonly #clock = new ManualClock();
  readonly #model = new ModelStore(WINDOW_MS);
  readonly #reopen: Reopen;
  #recorder = new Recorder();
  #expected: { kind: string; seq: number; duplicate: boolean; completion: unknown }[] = [];
  #store!: Store;
  #count = 0;

  constructor(seed: number, reopen: Reopen) {
    this.#random = new Random(seed);
    this.#reopen = reopen;
  }

  /** Plays `steps` steps. */
  async play(steps: number): Promise<void> {
    this.#take((await this.#reopen(this.#clock, null))!);
    for (let step = 0; step < steps; step++) await this.#step();
    await this.#check();
    await this.#store.close();
  }

  #take(store: Store): void {
    this.#store = store;
    this.#recorder = new Recorder();
    store.listen(this.#recorder);
    for (const [name, topic] of this.#model.topics) {
      store.setRetention(store.openTopic(name), topic.retention);
    }
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const dice = random.below(100);
    if (dice < 55) this.#append();
    else if (dice < 63) this.#changeRecord();
    else if (dice < 70) this.#group();
    else if (dice < 79) await this.#turnClock(dice < 76);
    else if (dice < 84) await this.#store.flush();
    else if (dice < 90) await this.#read();
    else if (dice < 93) await this.#retain();
    else if (dice < 95) await this.#trim();
    else if (dice < 96) await this.#forget();
    else if (dice < 97) await this.#check();
    else await this.#restart();
  }

  /** A commit has one time, so what was handed over is committed first. */
  async #turnClock(advance: boolean): Promise<void> {
    await this.#store.flush();
    if (advance) this.#clock.advance(this.#random.below(6_000));
    else this.#clock.stepWall(this.#random.below(200_000) - 100_000);
  }

  #append(): void {
    const random = this.#random;
    const name = random.pick(NAMES);
    const length = random.below(20) === 0 ? random.below(100_000) : random.below(100);
    const payload = `${++this.#count}`.padEnd(length, "-");
    const id = random.below(3) === 0 ? `id${random.below(30)}` : "";
    const topic = this.#store.openTopic(name);
    const wallMs = this.#clock.wallMs();
    const model = this.#model;
    const [seq, duplicate] = model.append(name, payload, {
      wallMs,
      nowMs: this.#clock.monotonicMs(),
      id,
    });
    assert.equal(this.#store.duplicateOf(topic, id), duplicate ? seq : 0);
    assert.equal(
      append(this.#store, topic, payload, {
        timeMs: wallMs,
        messageId: id,
        completion: this.#count,
      }),
      seq,
    );
    this.#expected.push({ kind: "event", seq, duplicate, completion: this.#count });
  }

  #changeRecord(): void {
    const random = this.#random;
    const key = random.pick(KEYS);
    const present = this.#model.records.get(key)?.revision ?? 0;
    assert.equal(this.#store.revision(key), present);
    const expected = random.pick([-1, present, present, present + 1]);
    const remove = random.below(3) === 0;
    const value = `${++this.#count}`;
    const change = () =>
      remove
        ? this.#store.remove(key, expected, this.#count)
        : this.#store.put(key, encoder.encode(value), expected, this.#count);
    if (expected === present + 1) {
      return assert.throws(change, { codeName: "FAILED_PRECONDITION" });
    }
    if (remove && present === 0) return assert.throws(change, { codeName: "NOT_FOUND" });
    const revision = change();
    if (remove) this.#model.records.delete(key);
    else this.#model.records.set(key, { value, revision: revision as number });
    const kind = remove ? "remove" : "put";
    this.#expected.push({ kind, seq: revision ?? 0, duplicate: false, completion: this.#count });
  }

  #group(): void {
    if (this.#random.below(2) === 0) {
      return this.#store.group(() => {
        for (let left = this.#random.below(4); left > 0; left--) this.#append();
        this.#changeRecord();
      });
    }
    const run = () => {
      const topic = this.#store.openTopic(this.#random.pick(NAMES));
      for (let left = this.#random.below(4); left > 0; left--) {
        append(this.#store, topic, "lost", {
          timeMs: this.#clock.wallMs() + 5,
          messageId: `id${this.#random.below(30)}`,
        });
      }
      this.#store.put(this.#random.pick(KEYS), encoder.encode("lost"), -1, "lost");
      const key = this.#random.pick(KEYS);
      if (this.#store.revision(key) > 0) this.#store.remove(key, -1, "lost");
      throw taken;
    };
    assert.throws(() => this.#store.group(run), taken);
  }

  async #read(): Promise<void> {
    await this.#check();
    const random = this.#random;
    for (const [name, model] of this.#model.topics) {
      const topic = this.#store.openTopic(name);
      const kept = model.events;
      const from = random.below(model.lastSeq + 3);
      const maxEvents = 1 + random.below(12);
      const direction = random.pick(["forward", "backward"] as const);
      const wanted = direction === "forward"
        ? kept.filter((event) => event.seq >= from).slice(0, maxEvents)
        : kept.filter((event) => event.seq <= from).slice(-maxEvents);
      const page = await this.#store.read(topic, { from, direction, maxEvents, maxBytes: 1e8 });
      const seen = eventsOf(page).map(({ seq, timeMs, payload }) => ({ seq, timeMs, payload }));
      assert.deepEqual(seen, wanted.map(({ seq, timeMs, payload }) => ({ seq, timeMs, payload })));
      if (kept.length === 0) continue;
      const timeMs = random.pick(kept).timeMs + random.below(3) - 1;
      const first = kept.find((event) => event.timeMs >= timeMs)?.seq ?? model.lastSeq + 1;
      assert.equal(await this.#store.seqAt(topic, timeMs), first);
    }
  }

  async #retain(): Promise<void> {
    await this.#check();
    const name = this.#random.pick(NAMES);
    const bound = this.#random.pick(["maxEvents", "maxBytes", "none"]);
    const amount = bound === "maxEvents" ? this.#random.below(40) : this.#random.below(200_000);
    const retention = bound === "none" ? {} : { [bound]: amount };
    this.#model.topic(name).retention = retention;
    this.#store.setRetention(this.#store.openTopic(name), retention);
  }

  async #trim(): Promise<void> {
    await this.#check();
    const model = this.#model.topic(this.#random.pick(NAMES));
    const name = [...this.#model.topics].find(([, topic]) => topic === model)![0];
    const before = this.#random.below(model.lastSeq + 2);
    const going = model.events.filter((event) => event.seq < before).length;
    assert.equal(await this.#store.trim(this.#store.openTopic(name), before), going);
    model.events = model.events.slice(going);
    await this.#check();
  }

  /** Forgets a topic, and half of the time publishes on it before that can be committed, so that it stays. */
  async #forget(): Promise<void> {
    await this.#check();
    const name = this.#random.pick(NAMES);
    const model = this.#model.topic(name);
    const topic = this.#store.openTopic(name);
    let isEmpty = model.events.length === 0;
    if (this.#random.below(3) === 0) {
      await this.#store.trim(topic, model.lastSeq + 1);
      isEmpty = true;
    }
    if (this.#random.below(2) === 0) {
      // What is on its way goes, too.
      const wallMs = this.#clock.wallMs();
      const [seq] = this.#model.append(name, "gone", {
        wallMs,
        nowMs: this.#clock.monotonicMs(),
        id: "",
      });
      assert.equal(
        append(this.#store, topic, "gone", { timeMs: wallMs, completion: ++this.#count }),
        seq,
      );
      this.#expected.push({ kind: "event", seq, duplicate: false, completion: this.#count });
      isEmpty = false;
    }
    // Only an empty topic may be forgotten as one, committed or not.
    if (!isEmpty) {
      assert.throws(() => this.#store.forget(topic, 0, true), { codeName: "FAILED_PRECONDITION" });
    }
    const gone = model.events.splice(0);
    const stays = this.#random.below(2) === 0;
    this.#store.forget(topic, ++this.#count, isEmpty);
    const seq = model.lastSeq;
    this.#expected.push({ kind: "forget", seq, duplicate: false, completion: this.#count });
    this.#model.forget(name, stays);
    if (stays) {
      const wallMs = this.#clock.wallMs();
      const [next] = this.#model.append(name, "back", {
        wallMs,
        nowMs: this.#clock.monotonicMs(),
        id: "",
      });
      assert.equal(
        append(this.#store, topic, "back", { timeMs: wallMs, completion: ++this.#count }),
        next,
      );
      this.#expected.push({ kind: "event", seq: next, duplicate: false, completion: this.#count });
    }
    await this.#store.flush();
    this.#checkEntries(new Map([[name, gone]]));
    assert.equal(this.#store.forgottenSeq, this.#model.forgottenSeq);
    assert.equal(this.#store.topic(name), stays ? topic : null);
    // One that is made anew is as any other.
    this.#store.setRetention(this.#store.openTopic(name), this.#model.topic(name).retention);
    await this.#check();
  }

  async #restart(): Promise<void> {
    await this.#check();
    const store = await this.#reopen(this.#clock, this.#store);
    if (store === null) return;
    this.#take(store);
    this.#model.restart(this.#clock.wallMs(), this.#clock.monotonicMs());
    await this.#check();
  }

  /** Compares everything. */
  async #check(): Promise<void> {
    await this.#store.flush();
    this.#checkEntries();
    await this.#store.applyRetention();
    for (const [name, model] of this.#model.topics) {
      model.trim();
      const topic: StoreTopic = this.#store.openTopic(name);
      const { firstSeq, lastSeq, bytes, events, firstTimeMs, lastTimeMs } = topic;
      const wanted = [model.firstSeq, model.lastSeq, model.bytes, model.events.length];
      assert.deepEqual([firstSeq, lastSeq, bytes, events], wanted, name);
      assert.equal(firstTimeMs, model.events[0]?.timeMs ?? 0, "time of the first");
      assert.equal(lastTimeMs, model.lastTimeMs, "time of the last");
    }
    await this.#checkRecords();
    if (this.#random.below(3) > 0) return;
    for (const [name, model] of this.#model.topics) {
      const seen = await readAll(this.#store, this.#store.openTopic(name), 50);
      assert.deepEqual(seen.map((each) => each.payload), model.events.map((each) => each.payload));
    }
  }

  /** Compares what the listener was told, and takes the sizes of bodies from it. */
  #checkEntries(gone: ReadonlyMap<string, readonly ModelEvent[]> = new Map()): void {
    const entries = this.#recorder.committedEntries.splice(0);
    assert.equal(this.#recorder.errors.length, 0);
    assert.equal(entries.length, this.#expected.length, "each entry completes once");
    for (const [index, { kind, seq, duplicate, completion }] of this.#expected.entries()) {
      const entry = entries[index];
      assert.deepEqual([entry.kind, entry.duplicate, entry.completion], [
        kind,
        duplicate,
        completion,
      ]);
      if (kind !== "remove") assert.equal(entry.seq, seq);
      if (entry.event === null) continue;
      const events = [
        ...gone.get(entry.topic) ?? [],
        ...this.#model.topics.get(entry.topic)?.events ?? [],
      ];
      const event = events[seq - (events[0]?.seq ?? 0)];
      assert.equal(decoder.decode(entry.event.payload), event.payload);
      Object.assign(event, { size: entry.size });
    }
    this.#expected = [];
  }

  async #checkRecords(): Promise<void> {
    const keys = [...this.#model.records.keys()].sort((one, other) =>
      Buffer.compare(encoder.encode(one), encoder.encode(other))
    );
    const seen: string[] = [];
    for (let after: string | null = ""; after !== null;) {
      const page = await this.#store.list("", after, 2);
      for (const { key, value, revision } of page.records) {
        const model = this.#model.records.get(key);
        assert.deepEqual({ value: decoder.decode(value), revision }, model);
        seen.push(key);
      }
      after = page.after;
    }
    assert.deepEqual(seen, keys, "all records, in the order of their bytes");
  }
}
