/**
 * A part of the contract of the store port: who made a topic, and how many bytes are kept of whom.
 */
import assert from "node:assert/strict";
import type { Store } from "../../lib/ports/store.ts";
import { append, type Recorder } from "./store_support.ts";

/** Registers the test of one sentence of the contract. */
type Test = (text: string, run: (store: Store, recorder: Recorder) => Promise<void>) => void;

/** Registers these tests. */
export function testStoreHolders(test: Test): void {
  test("what is handed over counts at once for who made the topic", async (store) => {
    const [one, two] = [
      store.openTopic("one", 100, "user a"),
      store.openTopic("two", 100, "user a"),
    ];
    const [other, nobodys] = [store.openTopic("three", 100, "user b"), store.openTopic("four")];
    assert.equal(store.openTopic("one", 100, "user b").holder, store.holders.find("user a"));
    for (const topic of [one, two, other, nobodys]) append(store, topic, "x".repeat(50));
    const [a, b] = [store.holders.find("user a")!, store.holders.find("user b")!];
    const before = [a.bytes, b.bytes];
    assert(a.bytes > 2 * 50 && b.bytes > 50, `${before}`);
    await store.flush();
    assert.deepEqual([a.bytes, b.bytes], before, "the commit changes nothing");
    assert.deepEqual([a.bytes, b.bytes], [one.bytes + two.bytes, other.bytes]);
    assert.equal(nobodys.holder, null);
    append(store, one, "y", { messageId: "m" });
    const once = a.bytes;
    append(store, one, "y", { messageId: "m" });
    assert.equal(a.bytes, once, "a duplicate is not kept");
    await store.flush();
    assert.equal(a.bytes, one.bytes + two.bytes);
  });

  test("what is trimmed or forgotten counts no more, nor what a group takes back", async (store) => {
    const topic = store.openTopic("t", 100, "user a");
    const holder = store.holders.find("user a")!;
    for (let count = 0; count < 10; count++) append(store, topic, `${count}`.repeat(20));
    const all = holder.bytes;
    assert.throws(() =>
      store.group(() => {
        append(store, topic, "taken back");
        assert(holder.bytes > all);
        throw new Error("no");
      })
    );
    assert.equal(holder.bytes, all);
    await store.flush();
    await store.trim(topic, 6);
    assert.equal(holder.bytes, topic.bytes);
    assert.equal(holder.bytes, all / 2);
    store.setRetention(topic, { maxEvents: 2 });
    append(store, topic, "z".repeat(20));
    await store.flush();
    await store.applyRetention();
    assert.equal(topic.events, 2);
    assert.equal(holder.bytes, topic.bytes);
    store.forget(topic, null);
    await store.flush();
    assert.equal(store.holders.find("user a"), null);
    assert.equal(holder.bytes, 0);
    assert.equal(store.openTopic("t", 100, "user b").holder?.name, "user b");
  });
}
