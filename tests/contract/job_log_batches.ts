/**
 * The part of the job log's contract that is about batches: when one leaves, what may still leave with it,
 * what a failed one takes back, and what a store that closes still takes.
 */
import assert from "node:assert/strict";
import { payloadsIn, push, readJobs } from "./job_log_support.ts";
import { bytes, type JobCases } from "./job_log_cases.ts";
import { append } from "./store_support.ts";
import { settles } from "../support/until.ts";

/** About how many bytes fit in the cases where a batch fails. */
const CAPACITY_BYTES = 640_000;
const tooMuch = "x".repeat(2 * CAPACITY_BYTES);
const taken = new Error("taken back");

/** Registers the cases. */
export function testJobLogBatches(cases: JobCases): void {
  testLeaving(cases);
  testGroups(cases);
  testFailures(cases);
  testEnds(cases);
}

function testLeaving({ test }: JobCases): void {
  test("before each batch leaves, what is handed over leaves with it", async (given) => {
    const { store, recorder } = given;
    const queue = store.jobs.openQueue("q");
    let last = 0;
    recorder.onLeaving = () => {
      push(store, queue, `leaving ${++last}`);
      store.put("last", bytes(`${last}`), -1, "put");
    };
    push(store, queue, "a");
    await Promise.resolve();
    push(store, queue, "b");
    await store.flush();
    assert.deepEqual(recorder.calls, ["leaving", "leaving", "committed", "committed"]);
    assert.deepEqual(recorder.committedJobs.map(({ completion }) => completion), [
      "a",
      "leaving 1",
      "put",
      "b",
      "leaving 2",
      "put",
    ]);
    await Promise.resolve();
    assert.equal(recorder.calls.length, 4, "what came with a batch asks for none of its own");
    recorder.onLeaving = () => {};
    append(store, store.openTopic("t"), "event");
    await store.flush();
    assert.deepEqual(recorder.calls.slice(4), ["leaving", "committed"], "of events, too");
  });

  test("who wants a batch is asked what for, and nothing ships nothing", async (given) => {
    const { store, recorder } = given;
    const queue = store.jobs.openQueue("q");
    store.jobs.want();
    store.jobs.want();
    await store.flush();
    assert.deepEqual(recorder.calls.splice(0), ["leaving", "stayed"]);
    assert.equal(store.stats().committedBatches, 0);
    recorder.onLeaving = () => {
      push(store, queue, "a");
    };
    store.jobs.want();
    await store.flush();
    assert.deepEqual(recorder.calls, ["leaving", "committed"]);
    recorder.onLeaving = () => store.jobs.setStates(queue, 1, bytes("s"));
    store.jobs.want();
    await store.flush();
    assert.equal(store.stats().committedBatches, 2, "states alone are a batch");
    recorder.onLeaving = () => store.jobs.dropChunk(queue, 1);
    store.jobs.want();
    await store.flush();
    assert.equal(store.stats().committedBatches, 3, "and so is a drop");
    assert.deepEqual(await payloadsIn(store, queue, 1), []);
  });

  test("who wants a batch while one is under way gets the next", async ({ store, recorder }) => {
    const queue = store.jobs.openQueue("q");
    push(store, queue, "a");
    await Promise.resolve();
    recorder.onLeaving = () => {
      push(store, queue, "b");
    };
    store.jobs.want();
    await store.flush();
    assert.deepEqual(recorder.calls, ["leaving", "leaving", "committed", "committed"]);
    assert.equal(queue.lastId, 2);
  });

  test("what was decided of jobs is taken without room, and what leaves with it", async (given) => {
    const { store, recorder } = given;
    const queue = store.jobs.openQueue("q");
    const payload = "x".repeat(9000);
    const refused = () => {
      for (let most = 0; most < 100; most++) push(store, queue, payload);
    };
    assert.throws(refused, { codeName: "RESOURCE_EXHAUSTED", retryable: true });
    const { nextId } = queue;
    store.jobs.setStates(queue, 1, new Uint8Array(9000));
    store.jobs.dropChunk(queue, 2);
    recorder.onLeaving = () => {
      push(store, queue, payload);
    };
    await store.flush();
    assert.equal(queue.lastId, nextId, "a job that must leave with the batch");
    assert.equal((await payloadsIn(store, queue, 1, 2, nextId)).length, 2);
    recorder.onLeaving = () => {};
    assert.throws(refused, { codeName: "RESOURCE_EXHAUSTED" });
    await store.flush();
  }, { limits: { maxStoreBatchBytes: 20_000, maxStorePendingBytes: 40_000 } });
}

function testGroups({ test }: JobCases): void {
  test("a group with jobs holds or is taken back", async ({ store, recorder }) => {
    const [queue, fresh] = [store.jobs.openQueue("q"), store.jobs.openQueue("fresh")];
    push(store, queue, "before", { timeMs: 1 });
    const attempt = () =>
      store.group(() => {
        push(store, queue, "lost", { timeMs: 9, messageId: "id" });
        push(store, fresh, "lost");
        append(store, store.openTopic("t"), "lost", { timeMs: 9 });
        store.jobs.setStates(queue, 1, bytes("lost"));
        store.jobs.dropChunk(queue, 1);
        store.put("key", bytes("lost"), -1, null);
        throw taken;
      });
    assert.throws(attempt, taken);
    assert.deepEqual([queue.nextId, fresh.nextId], [2, 1]);
    assert.equal(store.jobs.duplicateOf(queue, "id"), 0);
    store.group(() => {
      assert.equal(push(store, queue, "kept", { timeMs: 2, messageId: "id" }), 2);
      assert.equal(push(store, fresh, "kept"), 1);
    });
    await store.flush();
    assert.deepEqual(await readJobs(store, queue, [1, 2]), [
      { id: 1, timeMs: 1, payload: "before" },
      { id: 2, timeMs: 2, payload: "kept" },
    ]);
    assert.deepEqual(await payloadsIn(store, fresh, 1), ["kept"]);
    assert.equal(recorder.committedJobs.length, 3);
    assert.throws(attempt, taken);
    await store.flush();
    assert.equal(recorder.committedJobs.length, 3, "what is taken back alone is no batch");
    assert.deepEqual(recorder.calls, ["leaving", "committed", "leaving", "stayed"]);
    assert.deepEqual(await payloadsIn(store, queue, 1), ["before"]);
  });
}

function testFailures({ test }: JobCases): void {
  const options = { capacityBytes: CAPACITY_BYTES };

  test("a failed batch takes all back, is told once, and heals", async ({ store, recorder }) => {
    const queue = store.jobs.openQueue("q");
    push(store, queue, "kept", { messageId: "kept" });
    await store.flush();
    recorder.calls.length = 0;
    const seen: number[] = [];
    recorder.onFellBack = () => seen.push(queue.lastId, queue.nextId, recorder.errors.length);

    push(store, queue, tooMuch, { messageId: "lost", completion: "too much" });
    store.jobs.dropChunk(queue, 1);
    await Promise.resolve();
    assert.equal(push(store, queue, "behind", { messageId: "behind" }), 3);
    await settles(assert.rejects(store.flush()), "the end of the batches");
    assert.deepEqual(recorder.calls.slice(0, 4), ["leaving", "fellBack", "failed", "failed"]);
    assert.deepEqual(seen, [1, 2, 0], "the numbers are back before anybody is told");
    assert.deepEqual(
      recorder.failedJobs.map(({ kind, of, completion }) => [kind, of, completion]),
      [
        ["job", "q", "too much"],
        ["job", "q", "behind"],
      ],
    );
    const [error] = recorder.errors;
    assert.deepEqual([error.codeName, error.retryable], ["RESOURCE_EXHAUSTED", true]);
    assert.equal(store.jobs.duplicateOf(queue, "lost"), 0);
    assert.equal(store.jobs.duplicateOf(queue, "behind"), 0);
    assert.equal(store.jobs.duplicateOf(queue, "kept"), 1);
    assert.deepEqual(await payloadsIn(store, queue, 1, 2, 3), ["kept"], "reads go on");

    assert.equal(push(store, queue, "anew", { messageId: "lost" }), 2, "the number is given again");
    await store.flush();
    assert.deepEqual(await payloadsIn(store, queue, 1, 2), ["kept", "anew"]);
  }, options);

  test("a batch that failed behind a good one takes only itself back", async (given) => {
    const { store, recorder } = given;
    const queue = store.jobs.openQueue("q");
    push(store, queue, "good");
    await Promise.resolve();
    push(store, queue, tooMuch);
    store.jobs.setStates(queue, 1, bytes("lost"));
    await settles(store.flush().catch(() => {}), "the end of the batches");
    assert.deepEqual(recorder.calls.slice(0, 5), [
      "leaving",
      "leaving",
      "committed",
      "fellBack",
      "failed",
    ]);
    assert.deepEqual([queue.lastId, queue.nextId], [1, 2]);
    assert.deepEqual(await payloadsIn(store, queue, 1, 2), ["good"]);
  }, options);

  test("a queue whose first batch failed is made with the next", async ({ store }) => {
    const queue = store.jobs.openQueue("q");
    push(store, queue, tooMuch);
    await assert.rejects(store.flush());
    assert.equal(queue.nextId, 1);
    assert.equal(push(store, queue, "a"), 1);
    await store.flush();
    assert.deepEqual(await payloadsIn(store, queue, 1), ["a"]);
  }, options);

  test("who wanted a batch gets it though the one before failed", async ({ store, recorder }) => {
    const queue = store.jobs.openQueue("q");
    push(store, queue, tooMuch);
    await Promise.resolve();
    store.jobs.want();
    const { promise, resolve } = Promise.withResolvers<void>();
    recorder.onLeaving = () => {
      push(store, queue, "later");
      resolve();
    };
    await assert.rejects(store.flush());
    await settles(promise, "the batch that was wanted");
    await store.flush();
    assert.deepEqual(await payloadsIn(store, queue, 1), ["later"]);
  }, options);

  test("full: a drop makes room again", async ({ store, recorder }) => {
    const queue = store.jobs.openQueue("q");
    const payload = "x".repeat(100_000);
    for (let tries = 0; recorder.errors.length === 0; tries++) {
      assert(tries < 20, "the store is full at some time");
      push(store, queue, payload);
      await store.flush().catch(() => {});
    }
    const { lastId } = queue;
    assert(lastId >= 3);
    store.jobs.dropChunk(queue, 1);
    store.jobs.dropChunk(queue, 2);
    assert.equal(push(store, queue, payload), lastId + 1, "with the drop that makes room for it");
    await store.flush();
    assert.equal((await payloadsIn(store, queue, 1, 2, 3, lastId + 1)).length, 2);
  }, options);
}

function testEnds({ test }: JobCases): void {
  test("close takes what leaves with the last batch, then refuses", async (given) => {
    const { store, recorder } = given;
    const queue = store.jobs.openQueue("q");
    recorder.onLeaving = () => {
      push(store, queue, "leaving");
      store.jobs.setStates(queue, queue.lastId + 1, bytes("s"));
    };
    push(store, queue, "last");
    await store.close();
    assert.deepEqual(recorder.calls, ["leaving", "committed"]);
    assert.deepEqual(recorder.committedJobs.map(({ completion }) => completion), [
      "last",
      "leaving",
    ]);
    const refused = { codeName: "UNAVAILABLE" };
    assert.throws(() => push(store, queue, "late"), refused);
    assert.throws(() => store.jobs.openQueue("late"), refused);
    await assert.rejects(store.jobs.readChunks(queue, [1], [1]), refused);
    store.jobs.want();
    await Promise.resolve();
    assert.equal(recorder.calls.length, 2, "nobody is asked for what would be refused");
    store.jobs.setStates(queue, 1, bytes("late"));
    store.jobs.dropChunk(queue, 1);
    await settles(assert.rejects(store.flush(), refused), "the end of what came late");
    assert.deepEqual(recorder.calls.slice(2), ["fellBack", "failed"]);
  });

  test("close with a batch under way asks once more", async ({ store, recorder }) => {
    const queue = store.jobs.openQueue("q");
    push(store, queue, "a");
    await Promise.resolve();
    recorder.onLeaving = () => {
      push(store, queue, "leaving");
    };
    push(store, queue, "b");
    await store.close();
    assert.deepEqual(recorder.calls, ["leaving", "leaving", "committed", "committed"]);
    assert.equal(queue.lastId, 3);
  });

  test("close with a batch under way that fails takes all back", async ({ store, recorder }) => {
    const queue = store.jobs.openQueue("q");
    push(store, queue, tooMuch);
    await Promise.resolve();
    push(store, queue, "b");
    await store.close();
    await Promise.resolve();
    assert.deepEqual(recorder.calls, ["leaving", "leaving", "fellBack", "failed", "failed"]);
    assert.deepEqual([queue.lastId, queue.nextId], [0, 1]);
  }, { capacityBytes: CAPACITY_BYTES });

  test("close tells who has nothing for the last batch that none left", async (given) => {
    const { store, recorder } = given;
    store.jobs.want();
    await store.close();
    assert.deepEqual(recorder.calls, ["leaving", "stayed"]);
    store.jobs.want();
    await store.close();
    await Promise.resolve();
    assert.equal(recorder.calls.length, 2);
  });
}
