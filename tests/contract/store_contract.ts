/**
 * The contract of the store port as tests; every adapter runs the same.
 *
 * An adapter hands over how to open a store; one that does not outlive its close says so, and the cases
 * about restarts are named as skipped for it. What only a disk can do to a store is tested elsewhere.
 */
import assert from "node:assert/strict";
import { ManualClock } from "../support/manual_clock.ts";
import type { StoreLimits } from "../../lib/base/store_limits.ts";
import type { AckLevel } from "../../lib/gen/parley/v1/session_pb.ts";
import type { Store } from "../../lib/ports/store.ts";
import { settles } from "../support/until.ts";
import { History, WINDOW_MS } from "./store_history.ts";
import { append, eventsOf, readAll, Recorder } from "./store_support.ts";
import { testStoreHolders } from "./store_holders.ts";
import { testStoreTurns } from "./store_turns.ts";

/** What a case may ask for. */
export interface OpenOptions {
  readonly clock?: ManualClock;
  readonly limits?: Partial<StoreLimits>;
  /** About how many bytes fit before a batch fails. */
  readonly capacityBytes?: number;
}

/** One place where a store lives, for one case. */
export interface StorePlace extends AsyncDisposable {
  open(options?: OpenOptions): Promise<Store>;
}

/** An adapter under test. */
export interface StoreSubject {
  readonly name: string;
  readonly level: AckLevel;
  /** Whether a store opened again has what the last one had. */
  readonly outlives: boolean;
  readonly histories: number;
  place(): Promise<StorePlace>;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const everything = { from: 1, direction: "forward", maxEvents: 1000, maxBytes: 1e7 } as const;

/** Registers the tests of one adapter. */
export function testStoreContract(subject: StoreSubject): void {
  const named = (text: string) => `${subject.name} store: ${text}`;
  const test = (
    text: string,
    run: (store: Store, recorder: Recorder, clock: ManualClock) => Promise<void>,
    options: OpenOptions = {},
  ) =>
    Deno.test(named(text), async () => {
      await using place = await subject.place();
      const clock = new ManualClock();
      const store = await place.open({ clock, ...options });
      const recorder = new Recorder();
      store.listen(recorder);
      try {
        await run(store, recorder, clock);
      } finally {
        await store.close();
      }
    });

  for (let seed = 1; seed <= subject.histories; seed++) {
    Deno.test(named(`a random history agrees with the model, seed ${seed}`), async () => {
      await using place = await subject.place();
      const history = new History(seed, async (clock, former) => {
        if (former !== null && !subject.outlives) return null;
        await former?.close();
        return await place.open({ clock, limits: { dedupWindowMs: WINDOW_MS } });
      });
      await history.play(400);
    });
  }

  test("events are numbered by topic, stamped, and told in order", async (store, recorder) => {
    const [one, two] = [store.openTopic("one"), store.openTopic("two")];
    const seqs = [one, two, one].map((topic, index) =>
      append(store, topic, `p${index}`, { timeMs: 5 + index })
    );
    assert.deepEqual(seqs, [1, 1, 2]);
    assert.equal(one.lastSeq, 0, "nothing is there before it is committed");
    assert.deepEqual(eventsOf(await store.read(one, everything)), []);
    await store.flush();
    const { committedEntries } = recorder;
    const told = committedEntries.map(({ topic, seq, completion }) => [topic, seq, completion]);
    assert.deepEqual(told, [["one", 1, "p0"], ["two", 1, "p1"], ["one", 2, "p2"]]);
    assert.deepEqual(committedEntries.map((entry) => Number(entry.event?.seq)), [1, 1, 2]);
    assert.equal(Number(committedEntries[2].event?.timeUnixMicros), 7000);
    assert.equal(store.level, subject.level);
    assert.equal(one.lastSeq, 2);
    assert.equal(recorder.batches, 1, "what one turn hands over is one batch");
    assert.deepEqual((await readAll(store, one)).map((event) => event.payload), ["p0", "p2"]);
    assert.equal(store.topic("one"), one);
    assert.equal(store.topic("three"), null);
  });

  test(
    "a duplicate completes with the first one's seq, after it",
    async (store, recorder, clock) => {
      const topic = store.openTopic("t");
      const again = (completion: string, to = topic) =>
        append(store, to, "again", { messageId: "id", completion });
      append(store, topic, "first", { messageId: "id", completion: "a" });
      assert.equal(again("b"), 1, "in the same batch");
      await Promise.resolve();
      await Promise.resolve();
      assert.equal(again("c"), 1, "while the first is under way");
      await store.flush();
      assert.equal(again("d"), 1, "once the first is committed");
      assert.equal(again("e", store.openTopic("other")), 1);
      await store.flush();
      assert.deepEqual(
        recorder.committedEntries.map((entry) => [entry.completion, entry.duplicate]),
        [["a", false], ["b", true], ["c", true], ["d", true], ["e", false]],
      );
      assert.equal(topic.events, 1);
      assert.equal(store.stats().duplicates, 3);
      clock.advance(WINDOW_MS);
      assert.equal(store.duplicateOf(topic, "id"), 1, "at the end of the window");
      clock.advance(1);
      assert.equal(store.duplicateOf(topic, "id"), 0);
      assert.equal(append(store, topic, "anew", { timeMs: 2, messageId: "id" }), 2);
      clock.stepWall(-365 * 86_400_000);
      assert.equal(store.duplicateOf(topic, "id"), 2, "a step of the clock changes nothing");
    },
    { limits: { dedupWindowMs: WINDOW_MS } },
  );

  test("past their number the oldest message_ids are forgotten", (store) => {
    const topic = store.openTopic("t");
    for (const id of ["a", "b", "c"]) append(store, topic, id, { messageId: id });
    const seqs = ["a", "b", "c"].map((id) => store.duplicateOf(topic, id));
    assert.deepEqual(seqs, [0, 2, 3]);
    return store.flush();
  }, { limits: { maxDedupEntries: 2 } });

  test("a group holds or is taken back", async (store, recorder) => {
    const topic = store.openTopic("t");
    append(store, topic, "before");
    const attempt = () =>
      store.group(() => {
        append(store, topic, "lost", { timeMs: 9, messageId: "id" });
        store.put("key", bytes("lost"), 0, null);
        store.put("key", bytes("lost"), 0, null);
      });
    assert.throws(attempt, { codeName: "FAILED_PRECONDITION" });
    assert.equal(store.revision("key"), 0);
    assert.equal(store.duplicateOf(topic, "id"), 0);
    const seq = store.group(() => {
      store.put("key", bytes("kept"), 0, null);
      return append(store, topic, "kept", { timeMs: 2, messageId: "id" });
    });
    assert.equal(seq, 2);
    await store.flush();
    const events = await readAll(store, topic);
    assert.deepEqual(events.map(({ payload }) => payload), ["before", "kept"]);
    assert.deepEqual(events.map(({ timeMs }) => timeMs), [1, 2]);
    assert.equal(recorder.committedEntries.length, 3);
    assert.equal((await store.get("key"))?.revision, store.revision("key"));
  });

  testStoreTurns(test);
  testStoreHolders(test);
  test("records are set by revision and listed by prefix", async (store) => {
    const first = store.put("a/1", bytes("x"), 0, null);
    assert.equal(await store.get("a/1"), null, "not before it is committed");
    const second = store.put("a/1", bytes("y"), first, null);
    assert(second > first);
    assert.throws(() => store.put("a/1", bytes("z"), first, null), {
      codeName: "FAILED_PRECONDITION",
    });
    for (const key of ["a/2", "a/10", "b", "a0"]) store.put(key, bytes(key), 0, null);
    store.remove("a/2", -1, null);
    await store.flush();
    const one = await store.list("a/", "", 1);
    assert.deepEqual(one.records.map((record) => record.key), ["a/1"]);
    const rest = await store.list("a/", one.after!, 10);
    assert.deepEqual([rest.records.map((record) => record.key), rest.after], [["a/10"], null]);
    assert.deepEqual((await store.get("a/1"))?.value, bytes("y"));
    assert.throws(() => store.remove("a/2", -1, null), { codeName: "NOT_FOUND" });
    const again = store.put("a/2", bytes("x"), 0, null);
    assert(again > second, "a key made anew has a new revision");
    assert.throws(() => store.put("", bytes("x"), 0, null), { codeName: "INVALID_ARGUMENT" });
    assert.throws(() => store.put("b", new Uint8Array(65_537), -1, null), /at most|65537/);
    await store.flush();
  });

  test("records have a number", (store) => {
    for (const key of ["a", "b"]) store.put(key, bytes(key), 0, null);
    assert.throws(() => store.put("c", bytes("c"), 0, null), { codeName: "RESOURCE_EXHAUSTED" });
    store.remove("a", -1, null);
    store.put("c", bytes("c"), 0, null);
    return store.flush();
  }, { limits: { maxRecords: 2 } });

  test("time never goes back within a topic", async (store) => {
    const topic = store.openTopic("t");
    for (const timeMs of [100, 300, 200, 400]) append(store, topic, `${timeMs}`, { timeMs });
    await store.flush();
    assert.deepEqual((await readAll(store, topic)).map((event) => event.timeMs), [
      100,
      300,
      300,
      400,
    ]);
    const found = await Promise.all(
      [0, 100, 101, 300, 301, 400, 401].map((time) => store.seqAt(topic, time)),
    );
    assert.deepEqual(found, [1, 1, 2, 2, 4, 4, 5]);
  });

  test("pages are bounded by events and bytes, and never empty for want of room", async (store) => {
    const topic = store.openTopic("t");
    for (const size of [10, 900_000, 10, 10]) append(store, topic, "x".repeat(size));
    await store.flush();
    const seqs = async (from: number, direction: "forward" | "backward", maxBytes: number) =>
      Array.from((await store.read(topic, { from, direction, maxEvents: 9, maxBytes })).seqs);
    assert.deepEqual(await seqs(1, "forward", 1000), [1]);
    assert.deepEqual(await seqs(2, "forward", 1000), [2]);
    assert.deepEqual(await seqs(3, "forward", 1000), [3, 4]);
    assert.deepEqual(await seqs(9, "backward", 1000), [3, 4]);
    assert.deepEqual(await seqs(2, "backward", 1000), [2]);
    assert.deepEqual(await seqs(0, "backward", 1000), []);
    assert.deepEqual(await seqs(0, "forward", 1e7), [1, 2, 3, 4]);
    assert.deepEqual(await seqs(5, "forward", 1e7), []);
  });

  test("the last event of each topic, page by page", async (store) => {
    const topics = ["a", "b", "c", "d", "e"].map((name) => store.openTopic(name));
    for (const [index, topic] of topics.entries()) {
      for (let count = 0; count < index; count++) append(store, topic, `${index}.${count}`);
    }
    await store.flush();
    await store.trim(topics[1], 9);
    const seen: string[] = [];
    for (let rest = topics; rest.length > 0;) {
      const page = await store.readLast(rest);
      const events = eventsOf(page);
      assert.deepEqual(events.map(({ event }) => event.topic), page.topics.map(({ name }) => name));
      seen.push(...events.map((event) => event.payload));
      rest = page.next === null ? [] : topics.slice(topics.indexOf(page.next as typeof rest[0]));
    }
    assert.deepEqual(seen, ["2.1", "3.2", "4.3"]);
  }, { limits: { maxStorePageEvents: 2 } });

  test(
    "retention by number, bytes and age; the last seq stays",
    async (store, _recorder, clock) => {
      const topic = store.openTopic("t");
      const names = ["a", "b", "c", "d", "e"];
      for (const name of names) {
        append(store, topic, name, { timeMs: clock.wallMs() });
        clock.advance(1000);
      }
      await store.flush();
      const kept = async () => (await readAll(store, topic)).map((event) => event.payload);
      const sizeOfOne = topic.bytes / 5;
      store.setRetention(topic, { maxEvents: 4 });
      await store.applyRetention();
      assert.deepEqual(await kept(), ["b", "c", "d", "e"]);
      store.setRetention(topic, { maxBytes: 3 * sizeOfOne + 1 });
      await store.applyRetention();
      assert.deepEqual([await kept(), topic.bytes], [["c", "d", "e"], 3 * sizeOfOne]);
      store.setRetention(topic, { maxAgeMs: 2000 });
      await store.applyRetention();
      assert.deepEqual([await kept(), topic.firstSeq], [["d", "e"], 4]);
      clock.advance(100_000);
      await store.applyRetention();
      assert.deepEqual([await kept(), topic.firstSeq, topic.lastSeq], [[], 6, 5]);
      assert.equal(append(store, topic, "f", { timeMs: clock.wallMs() }), 6);
      await store.flush();
      assert.deepEqual(await kept(), ["f"]);
      assert.equal(store.stats().trimmedEvents, 5);
    },
  );

  test("publishers are stopped, then refused, and go on", async (store) => {
    const topic = store.openTopic("t");
    assert.equal(store.overloaded, false);
    await store.whenReady();
    while (!store.overloaded) append(store, topic, "x".repeat(1000));
    const refused = () => {
      for (;;) append(store, topic, "x".repeat(1000));
    };
    assert.throws(refused, { codeName: "RESOURCE_EXHAUSTED", retryable: true });
    await settles(store.whenReady(), "room for publishers");
    assert.equal(store.overloaded, false);
    await store.flush();
    assert.equal((await readAll(store, topic)).length, topic.lastSeq);
  }, { limits: { maxStoreBatchBytes: 20_000, maxStorePendingBytes: 40_000 } });

  test("kept topics have a number", (store) => {
    for (const name of ["a", "b"]) store.openTopic(name);
    assert.throws(() => store.openTopic("c"), { codeName: "RESOURCE_EXHAUSTED" });
    store.openTopic("b");
    return Promise.resolve();
  }, { limits: { maxKeptTopics: 2 } });

  test(
    "full: writes fail, reads go on, room heals",
    async (store, recorder) => {
      const topic = store.openTopic("t");
      const payload = "x".repeat(50_000);
      let good = 0;
      for (; recorder.errors.length === 0; good += recorder.errors.length === 0 ? 2 : 0) {
        assert(good < 1000, "the store is full at some time");
        append(store, topic, payload, { messageId: `id${good}` });
        store.put(`key${good}`, bytes("x"), 0, null);
        // The first batch is under way by now, so the next event gathers behind it.
        await Promise.resolve();
        append(store, topic, payload, { messageId: `id${good + 1}` });
        await settles(store.flush().catch(() => {}), "the end of the batches");
      }
      const [error] = recorder.errors;
      assert.deepEqual([error.codeName, error.retryable], ["RESOURCE_EXHAUSTED", true]);
      const { lastSeq } = topic;
      assert(good > 4 && lastSeq >= good && lastSeq <= good + 1);
      assert.equal(store.stats().failedBatches, recorder.errors.length);
      const lost = recorder.failedEntries.filter((entry) => entry.kind === "event");
      assert.equal(lost.length, 2 - (lastSeq - good));
      assert.equal(
        store.duplicateOf(topic, `id${good + 1}`),
        0,
        "what was not kept is no duplicate",
      );
      assert.deepEqual((await readAll(store, topic, 4)).map((event) => event.seq).length, lastSeq);
      await store.trim(topic, lastSeq);
      assert.equal(append(store, topic, payload, { messageId: `id${good + 1}` }), lastSeq + 1);
      store.put("after", bytes("x"), 0, null);
      await store.flush();
      assert.deepEqual((await readAll(store, topic)).map(({ seq }) => seq), [lastSeq, lastSeq + 1]);
      assert.equal((await store.get("after"))?.key, "after");
      await store.trim(topic, lastSeq + 1);
      const kept = recorder.committedEntries.filter((entry) => entry.kind === "event");
      assert.equal(topic.bytes, kept.at(-1)?.size, "what failed is not counted");
    },
    { capacityBytes: 640_000 },
  );

  test("close commits what was handed over, then refuses", async (store, recorder) => {
    const topic = store.openTopic("t");
    append(store, topic, "last");
    await Promise.all([store.close(), store.close()]);
    assert.equal(recorder.committedEntries.length, 1);
    assert.throws(() => append(store, topic, "late"), { codeName: "UNAVAILABLE" });
    await assert.rejects(store.read(topic, everything), { codeName: "UNAVAILABLE" });
  });

  if (!subject.outlives) {
    // The case that this adapter does not take part in, and what holds instead.
    Deno.test(named("nothing is there after a restart, and the epoch says so"), async () => {
      await using place = await subject.place();
      const before = await place.open({});
      append(before, before.openTopic("one"), "a");
      await before.flush();
      await before.close();
      const store = await place.open({});
      assert.notEqual(store.epoch, before.epoch);
      assert.equal(store.topic("one"), null);
      await store.close();
    });
    return;
  }

  Deno.test(named("all is there after a restart, ids within the window too"), async () => {
    await using place = await subject.place();
    const clock = new ManualClock();
    const limits = { dedupWindowMs: WINDOW_MS };
    const before = await place.open({ clock, limits });
    const { epoch } = before;
    const [one, gone] = [before.openTopic("one"), before.openTopic("gone")];
    append(before, one, "a", { timeMs: clock.wallMs(), messageId: "old" });
    append(before, gone, "b", { timeMs: clock.wallMs() });
    await before.flush();
    clock.advance(WINDOW_MS - 5000);
    append(before, one, "c", { timeMs: clock.wallMs(), messageId: "young" });
    const revision = before.put("key", bytes("v"), 0, null);
    before.put("other", bytes("v"), 0, null);
    before.remove("other", -1, null);
    await before.flush();
    await before.trim(gone, 2);
    await before.close();

    clock.advance(6000);
    const store = await place.open({ clock, limits });
    assert.equal(store.epoch, epoch, "the same history");
    const topic = store.openTopic("one");
    assert.equal(store.duplicateOf(topic, "old"), 0);
    assert.equal(append(store, topic, "c", { messageId: "young" }), 2, "a duplicate");
    assert.equal(append(store, store.openTopic("gone"), "d", { timeMs: clock.wallMs() }), 2);
    assert(store.put("other", bytes("w"), 0, null) > revision + 2);
    await store.flush();
    assert.deepEqual((await readAll(store, topic)).map((event) => event.payload), ["a", "c"]);
    assert.equal((await store.get("key"))?.revision, revision);
    await store.close();
  });
}
