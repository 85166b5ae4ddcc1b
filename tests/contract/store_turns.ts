/**
 * A part of the contract of the store port: a listener that has much to do with a batch takes its time.
 */
import assert from "node:assert/strict";
import type { Store } from "../../lib/ports/store.ts";
import { until } from "../support/until.ts";
import { append, readAll, type Recorder } from "./store_support.ts";

/** Registers the test of one sentence of the contract. */
type Test = (text: string, run: (store: Store, recorder: Recorder) => Promise<void>) => void;

/** Registers these tests. */
export function testStoreTurns(test: Test): void {
  test("a listener that takes its time sees one entry after the other", async (store, recorder) => {
    const topic = store.openTopic("slow");
    const seen: number[][] = [];
    recorder.between = async ({ seq }) => {
      if (seq === 1) append(store, topic, "behind", { timeMs: 9 });
      // Far longer than the commit of the batch behind takes.
      await new Promise((resolve) => setTimeout(resolve, 5));
      const { events } = store.stats();
      seen.push([seq, topic.lastSeq, topic.events, events, (await readAll(store, topic)).length]);
    };
    for (const number of [1, 2, 3]) append(store, topic, `${number}`, { timeMs: number });
    await store.flush();
    assert(topic.lastSeq >= 3, "flush waits for what the listener has to do");
    await store.flush();
    assert.deepEqual(seen, [1, 2, 3, 4].map((seq) => [seq, seq, seq, seq, seq]));
    assert.equal(recorder.batches, 2);
    assert.equal(store.stats().committedEvents, 4);
    recorder.between = null;
    assert.equal(await store.trim(topic, 3), 2);
    append(store, topic, "after", { timeMs: 10 });
    await store.flush();
    assert.deepEqual([topic.firstSeq, topic.lastSeq], [3, 5]);
  });

  test("what is trimmed meanwhile is told behind what was committed", async (store, recorder) => {
    const topic = store.openTopic("slow");
    store.setRetention(topic, { maxEvents: 2 });
    for (let round = 0; round < 3; round++) {
      recorder.between = async () => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        assert(topic.events >= 0 && topic.bytes >= 0, "figures are of what was told");
      };
      for (let number = 0; number < 6; number++) append(store, topic, "x", { timeMs: number });
      await store.flush();
    }
    await store.applyRetention();
    await until(() => topic.events === 2, "the last two are left");
    const [one] = await readAll(store, topic);
    assert.equal(one.seq, 17);
  });
}
