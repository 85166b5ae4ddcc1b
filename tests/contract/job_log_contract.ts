/**
 * The contract of the job log as tests; every adapter of the store runs the same.
 *
 * An adapter hands over how to open a store, as for the contract of the store; one that does not outlive
 * its close takes no part in the cases about restarts. What a failed batch leaves behind, and what a
 * listener is told, is in job_log_batches; what only a disk can do to jobs is tested elsewhere.
 */
import assert from "node:assert/strict";
import { MAX_CHUNK_JOBS } from "../../lib/ports/job_log.ts";
import type { Store } from "../../lib/ports/store.ts";
import { testJobLogBatches } from "./job_log_batches.ts";
import { JobHistory } from "./job_log_history.ts";
import { jobsOf, payloadsIn, push, readJobs } from "./job_log_support.ts";
import { bytes, type JobCases, jobCases } from "./job_log_cases.ts";
import type { StoreSubject } from "./store_contract.ts";
import { append, readAll } from "./store_support.ts";

/** About how many bytes a history may keep. */
const CAPACITY_BYTES = 3_000_000;

/** Registers the tests of one adapter. */
export function testJobLogContract(subject: StoreSubject): void {
  const cases = jobCases(subject);
  testHistories(subject);
  testPushes(cases);
  testChunks(cases);
  testTopicsBeside(cases);
  testJobLogBatches(cases);
  if (subject.outlives) testRestarts(cases);
}

function testHistories(subject: StoreSubject): void {
  for (let seed = 1; seed <= subject.histories; seed++) {
    Deno.test(`${subject.name} jobs: a random history agrees with the model, seed ${seed}`, async () => {
      await using place = await subject.place();
      const history = new JobHistory(seed, async (clock, former) => {
        if (former !== null && !subject.outlives) return null;
        await former?.close();
        return await place.open({ clock, capacityBytes: CAPACITY_BYTES });
      }, CAPACITY_BYTES);
      await history.play(80);
    });
  }
}

function testPushes({ test }: JobCases): void {
  test("they are numbered by queue, stamped, and told in order", async ({ store, recorder }) => {
    const { jobs } = store;
    const [one, two] = [jobs.openQueue("one"), jobs.openQueue("two")];
    const ids = [one, two, one].map((queue, index) =>
      push(store, queue, `p${index}`, { timeMs: 5 + index })
    );
    assert.deepEqual(ids, [1, 1, 2]);
    assert.deepEqual([one.lastId, one.nextId], [0, 3], "nothing is there before it is committed");
    await store.flush();
    const told = recorder.committedJobs;
    assert.deepEqual(told.map(({ kind, of, seq, completion }) => [kind, of, seq, completion]), [
      ["job", "one", 1, "p0"],
      ["job", "two", 1, "p1"],
      ["job", "one", 2, "p2"],
    ]);
    assert.deepEqual(told.map(({ job }) => Number(job?.id)), [1, 1, 2]);
    assert.deepEqual(told.map(({ timeMs }) => timeMs), [5, 6, 7]);
    assert.equal(Number(told[2].job?.timeUnixMicros), 7000);
    assert.deepEqual([one.lastId, one.nextId, two.lastId], [2, 3, 1]);
    assert.deepEqual(recorder.calls, ["leaving", "committed"], "one turn is one batch");
    assert.deepEqual(await readJobs(store, one, [2, 1]), [
      { id: 1, timeMs: 5, payload: "p0" },
      { id: 2, timeMs: 7, payload: "p2" },
    ]);
  });

  test("queues are found by name, one object each", ({ store: { jobs } }) => {
    assert.equal(jobs.queue("q"), null);
    const queue = jobs.openQueue("q");
    assert.equal(jobs.openQueue("q"), queue);
    assert.equal(jobs.queue("q"), queue);
    assert.deepEqual([...jobs.queues()], [queue]);
    assert.deepEqual(jobs.takeChunks(queue), []);
    return Promise.resolve();
  });

  test("a duplicate gets the first one's id, by queue", async ({ store, recorder }) => {
    const queue = store.jobs.openQueue("q");
    push(store, queue, "first", { messageId: "id", completion: "a" });
    const again = (completion: string) =>
      push(store, queue, "again", { messageId: "id", completion });
    assert.equal(again("b"), 1, "in the same batch");
    await Promise.resolve();
    assert.equal(again("c"), 1, "while the first is under way");
    await store.flush();
    store.jobs.dropChunk(queue, 1);
    assert.equal(again("d"), 1, "when the first is gone, too");
    assert.equal(push(store, store.jobs.openQueue("other"), "other", { messageId: "id" }), 1);
    assert.equal(append(store, store.openTopic("q"), "event", { messageId: "id" }), 1);
    assert.equal(store.jobs.duplicateOf(queue, "id"), 1);
    assert.equal(store.jobs.duplicateOf(queue, "none"), 0);
    await store.flush();
    const told = recorder.committedJobs.map(({ completion, duplicate }) => [completion, duplicate]);
    assert.deepEqual(told.slice(0, 4), [["a", false], ["b", true], ["c", true], ["d", true]]);
    assert(told.slice(4).every(([, duplicate]) => duplicate === false));
    assert.deepEqual([queue.lastId, queue.nextId], [1, 2]);
  });

  test("time never goes back within a queue", async ({ store }) => {
    const queue = store.jobs.openQueue("q");
    const times = [100, 300, 200, 400];
    times.forEach((timeMs, index) =>
      push(store, queue, `${timeMs}`, { timeMs, newChunk: index === 0 })
    );
    await store.flush();
    const read = await readJobs(store, queue, [1]);
    assert.deepEqual(read.map(({ timeMs }) => timeMs), [100, 300, 300, 400]);
  });
}

function testChunks({ test }: JobCases): void {
  test("a chunk is what newChunk says, however large its jobs are", async ({ store }) => {
    const queue = store.jobs.openQueue("q");
    const large = "x".repeat(200_000);
    push(store, queue, "small");
    push(store, queue, large, { newChunk: false });
    push(store, queue, "behind", { newChunk: true });
    for (let more = 1; more < MAX_CHUNK_JOBS; more++) {
      push(store, queue, `${more}`, { newChunk: false });
    }
    await store.flush();
    assert.deepEqual(await payloadsIn(store, queue, 1), ["small", large]);
    assert.equal((await payloadsIn(store, queue, 3)).length, MAX_CHUNK_JOBS);
    assert.deepEqual(await payloadsIn(store, queue, 2), [], "no chunk begins there");
    const page = await store.jobs.readChunks(queue, [3, 2, 1], [MAX_CHUNK_JOBS, 1, 2]);
    assert.deepEqual(
      [...page.seqs].slice(-3),
      [2 + MAX_CHUNK_JOBS, 1, 2],
      "in the order asked for",
    );
    const all = await readJobs(store, queue, [3, 1]);
    assert.deepEqual(all.map(({ id }) => id), all.map((_, index) => index + 1));
    store.jobs.dropChunk(queue, 1);
    await store.flush();
    assert.deepEqual(await payloadsIn(store, queue, 1, 2), [], "a chunk goes whole");
    assert.equal((await payloadsIn(store, queue, 3)).length, MAX_CHUNK_JOBS);
  });

  test("a chunk may go while another one grows", async ({ store }) => {
    const queue = store.jobs.openQueue("q");
    push(store, queue, "old");
    push(store, queue, "older");
    await store.flush();
    push(store, queue, "a");
    store.jobs.dropChunk(queue, 1);
    push(store, queue, "b", { newChunk: false });
    await store.flush();
    assert.deepEqual(await payloadsIn(store, queue, 1, 2, 3), ["older", "a", "b"]);
    store.jobs.dropChunk(queue, 3);
    await store.flush();
    assert.deepEqual(await payloadsIn(store, queue, 1, 2, 3, 4), ["older"]);
  });

  test("what was pushed in the same batch may go in it", async ({ store, recorder }) => {
    const queue = store.jobs.openQueue("q");
    push(store, queue, "a");
    push(store, queue, "b", { newChunk: false });
    store.jobs.setStates(queue, 1, bytes("gone too"));
    store.jobs.dropChunk(queue, 1);
    push(store, queue, "c");
    push(store, queue, "d", { newChunk: false });
    push(store, queue, "e");
    store.jobs.dropChunk(queue, 3);
    await store.flush();
    assert.deepEqual(recorder.committedJobs.map(({ seq }) => seq), [1, 2, 3, 4, 5]);
    assert.deepEqual(await payloadsIn(store, queue, 1, 2, 3, 4, 5), ["e"]);
    assert.equal(queue.lastId, 5);
  });

  test("what is under way may go in the next batch", async ({ store, recorder }) => {
    const queue = store.jobs.openQueue("q");
    push(store, queue, "a");
    await Promise.resolve();
    store.jobs.dropChunk(queue, 1);
    push(store, queue, "b");
    await store.flush();
    assert.deepEqual(recorder.calls, ["leaving", "leaving", "committed", "committed"]);
    assert.deepEqual(await payloadsIn(store, queue, 1, 2), ["b"]);
  });

  test("a number is not given again when its job is gone", async ({ store }) => {
    const queue = store.jobs.openQueue("q");
    for (let turn = 1; turn <= 3; turn++) {
      assert.equal(push(store, queue, `${turn}`), turn);
      await store.flush();
      store.jobs.dropChunk(queue, turn);
      await store.flush();
    }
    assert.deepEqual([queue.lastId, queue.nextId], [3, 4]);
    assert.equal((await store.jobs.readChunks(queue, [], [])).count, 0);
    assert.deepEqual(await readJobs(store, queue, [1, 2, 3]), []);
  });

  test("the caller owns what it handed over and what it read", async ({ store }) => {
    const queue = store.jobs.openQueue("q");
    push(store, queue, "mine");
    await store.flush();
    const page = await store.jobs.readChunks(queue, [1], [1]);
    page.bytes.fill(0);
    assert.deepEqual(await payloadsIn(store, queue, 1), ["mine"]);
    await assert.rejects(async () => {
      await store.jobs.readChunks(queue, [1], [MAX_CHUNK_JOBS + 1]);
    });
  });
}

function testTopicsBeside({ test }: JobCases): void {
  test("a topic and a queue of one name do not meet", async ({ store, recorder }) => {
    const [topic, queue] = [store.openTopic("same"), store.jobs.openQueue("same")];
    append(store, topic, "event");
    assert.deepEqual([push(store, queue, "job"), push(store, queue, "job")], [1, 2]);
    store.put("same", bytes("record"), 0, "put");
    await store.flush();
    assert.deepEqual(recorder.committedJobs.map(({ kind, of }) => [kind, of]), [
      ["event", "same"],
      ["job", "same"],
      ["job", "same"],
      ["put", ""],
    ]);
    await store.trim(topic, 2);
    store.setRetention(topic, { maxEvents: 0, maxBytes: 0, maxAgeMs: 0 });
    await store.applyRetention();
    assert.deepEqual(await payloadsIn(store, queue, 1, 2), ["job", "job"]);
    store.jobs.dropChunk(queue, 1);
    assert.equal(append(store, topic, "event"), 2);
    await store.flush();
    assert.deepEqual([topic.lastSeq, queue.lastId], [2, 2]);
    assert.equal(store.topic("same"), topic);
    assert.equal(store.jobs.queue("same"), queue);
  });

  test("figures of topics leave queues out", async ({ store }) => {
    const topic = store.openTopic("t");
    append(store, topic, "event");
    await store.flush();
    const before = store.stats();
    const queues = ["a", "b", "t"].map((name) => store.jobs.openQueue(name));
    for (const queue of queues) push(store, queue, "job");
    await store.flush();
    const { topics, events, bytes, committedEvents, trimmedEvents } = store.stats();
    assert.deepEqual({ topics, events, bytes, committedEvents, trimmedEvents }, {
      topics: 1,
      events: 1,
      bytes: before.bytes,
      committedEvents: 1,
      trimmedEvents: 0,
    });
    assert.deepEqual([...store.topics()], [topic]);
    assert.deepEqual([...store.jobs.queues()], queues);
    assert.equal(store.topic("a"), null);
    assert.throws(() => store.openTopic("u"), { codeName: "RESOURCE_EXHAUSTED" });
    await store.applyRetention();
    assert.equal((await readAll(store, topic)).length, 1);
  }, { limits: { maxKeptTopics: 1 } });
}

function testRestarts({ test }: JobCases): void {
  test("all is there after a restart: numbers, chunks, states", async ({ store, reopen }) => {
    const [queue, empty] = [store.jobs.openQueue("q"), store.jobs.openQueue("empty")];
    push(store, queue, "a", { timeMs: 5, messageId: "id" });
    push(store, queue, "bb", { timeMs: 6, newChunk: false });
    push(store, queue, "c", { timeMs: 7 });
    push(store, empty, "gone");
    const states = bytes("first");
    store.jobs.setStates(queue, 1, states);
    states.fill(0);
    await store.flush();
    store.jobs.setStates(queue, 1, bytes("the second, longer"));
    store.jobs.dropChunk(empty, 1);
    push(store, queue, "d", { timeMs: 8 });
    store.jobs.setStates(queue, 4, bytes("with its job"));
    store.jobs.setStates(queue, 4, bytes(""));

    const after = await reopen();
    const { jobs } = after;
    assert.deepEqual([...jobs.queues()].map(({ name }) => name), ["q", "empty"]);
    const [found, none] = [jobs.openQueue("q"), jobs.queue("empty")!];
    assert.deepEqual([found.lastId, found.nextId, none.lastId, none.nextId], [4, 5, 1, 2]);
    const sizes = new Map(
      (await Promise.all([1, 3, 4].map(async (first) => {
        const page = await jobs.readChunks(found, [first], [9]);
        const size = page.ranges.reduce((sum, at, index) => index % 2 ? sum + at : sum - at, 0);
        return [first, size, jobsOf(page).map(({ payload }) => payload)] as const;
      }))).map(([first, size, payloads]) => [first, [size, payloads]] as const),
    );
    assert.deepEqual([1, 3, 4].map((first) => sizes.get(first)![1]), [["a", "bb"], ["c"], ["d"]]);
    const chunk = (first: number, jobs: number, timeMs: number, states: Uint8Array | null) => ({
      first,
      jobs,
      bytes: sizes.get(first)![0],
      timeMs,
      states,
    });
    assert.deepEqual(jobs.takeChunks(found), [
      chunk(1, 2, 5, bytes("the second, longer")),
      chunk(3, 1, 7, null),
      chunk(4, 1, 8, bytes("")),
    ]);
    assert.deepEqual(jobs.takeChunks(found), [], "the store forgets them");
    assert.deepEqual(jobs.takeChunks(none), []);
    assert.equal(push(after, found, "again", { messageId: "id" }), 1, "a duplicate");
    assert.deepEqual([push(after, found, "e"), push(after, none, "e")], [5, 2]);
  });

  test("what a batch did not say of a chunk stays over many starts", async ({ store, reopen }) => {
    push(store, store.jobs.openQueue("q"), "a");
    store.jobs.setStates(store.jobs.openQueue("q"), 1, bytes("s"));
    for (let start = 1; start <= 3; start++) {
      const next: Store = await reopen();
      const queue = next.jobs.openQueue("q");
      const chunks = next.jobs.takeChunks(queue);
      assert.deepEqual(
        chunks.map(({ first }) => first),
        Array.from({ length: start }, (_, i) => i + 1),
      );
      assert.deepEqual(chunks[0].states, bytes("s"));
      assert.equal(push(next, queue, "more"), start + 1);
    }
  });
}
