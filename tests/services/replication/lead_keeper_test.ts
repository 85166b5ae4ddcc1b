/**
 * Who leads a cluster: one of several nodes, another when it is silent, and nobody twice.
 */
import assert from "node:assert/strict";
import { openMemoryStore } from "../../../lib/adapters/memory/store.ts";
import { systemClock } from "../../../lib/base/clock.ts";
import { LogError } from "../../../lib/ports/commit_log.ts";
import { readEntry } from "../../../lib/adapters/store/shared/log_entry.ts";
import type { Store } from "../../../lib/ports/store.ts";
import { LeadKeeper } from "../../../lib/services/replication/lead_keeper.ts";
import { append, readAll } from "../../contract/store_support.ts";
import { MemoryEntries, MemoryLog } from "../../support/memory_log.ts";
import { until } from "../../support/until.ts";

/** Short, so that a test takes no longer than it must; nothing here depends on it. */
const SILENCE_MS = 150;

class Node implements AsyncDisposable {
  readonly log: MemoryLog;
  readonly store: Store;
  readonly keeper: LeadKeeper;
  readonly told: string[] = [];
  lost: Error | null = null;

  constructor(
    name: string,
    shared: MemoryEntries,
    {
      maxMemoryStoreBytes = 1e8,
      silenceMs = SILENCE_MS,
      pulseMs = SILENCE_MS / 3,
      leads = Promise.resolve(),
    } = {},
  ) {
    this.log = new MemoryLog(shared);
    this.store = openMemoryStore({ log: this.log, limits: { maxMemoryStoreBytes } });
    this.keeper = new LeadKeeper({
      node: name,
      log: this.log,
      replica: this.store.replica!,
      clock: systemClock,
      silenceMs,
      pulseMs,
      owner: {
        leads: () => {
          this.told.push("leads");
          return leads;
        },
        follows: () => this.told.push("follows"),
        lost: (error) => this.lost = error,
      },
    });
    this.keeper.start();
  }

  get leads(): boolean {
    return this.keeper.isWriter();
  }

  publish(text: string): Promise<void> {
    append(this.store, this.store.openTopic("t"), text, { messageId: text });
    return this.store.flush();
  }

  async texts(): Promise<string[]> {
    const topic = this.store.topic("t");
    return topic === null ? [] : (await readAll(this.store, topic)).map(({ payload }) => payload);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.keeper.close();
    await this.store.close();
  }
}

async function leaderOf(nodes: readonly Node[]): Promise<Node> {
  await until(() => nodes.some(({ leads }) => leads), "one of the nodes leads");
  return nodes.find(({ leads }) => leads)!;
}

/** Publishes on whichever node leads, again until it is kept. */
async function publish(nodes: readonly Node[], text: string): Promise<void> {
  for (;;) {
    try {
      return await (await leaderOf(nodes)).publish(text);
    } catch (error) {
      assert.equal((error as { codeName?: string }).codeName, "UNAVAILABLE");
    }
  }
}

async function agree(nodes: readonly Node[], texts: readonly string[]): Promise<void> {
  for (const node of nodes) {
    await until(() => node.store.topic("t")?.lastSeq === texts.length, "a node has everything");
    assert.deepEqual(await node.texts(), texts);
  }
}

Deno.test("one of three nodes leads, and all know which", async () => {
  const shared = new MemoryEntries();
  await using one = new Node("one", shared);
  await using two = new Node("two", shared);
  await using three = new Node("three", shared);
  const nodes = [one, two, three];
  await publish(nodes, "first");
  await publish(nodes, "second");
  await agree(nodes, ["first", "second"]);
  const { node } = (await leaderOf(nodes)).keeper.status;
  await until(() => nodes.every(({ keeper }) => keeper.status.writer === node), "all know it");
});

Deno.test("a log in which nothing was ever said has a leader at once", async () => {
  const shared = new MemoryEntries();
  await using one = new Node("one", shared, { silenceMs: 1e7 });
  await using two = new Node("two", shared, { silenceMs: 1e7 });
  await publish([one, two], "first");
  await agree([one, two], ["first"]);
  // Who comes to a log that is not empty waits.
  await using three = new Node("three", shared, { silenceMs: 1e7 });
  await agree([three], ["first"]);
  assert.equal(three.leads, false);
});

Deno.test("a node that leads and ends is replaced, and nothing is lost", async () => {
  const shared = new MemoryEntries();
  const nodes = ["one", "two", "three"].map((name) => new Node(name, shared));
  const texts: string[] = [];
  while (nodes.length > 1) {
    texts.push(`with ${nodes.length}`);
    await publish(nodes, texts.at(-1)!);
    const leader = await leaderOf(nodes);
    nodes.splice(nodes.indexOf(leader), 1);
    await leader[Symbol.asyncDispose]();
  }
  await publish(nodes, "alone");
  await agree(nodes, [...texts, "alone"]);
  await nodes[0][Symbol.asyncDispose]();
});

Deno.test("a node that stood still while it led keeps nothing that came too late", async () => {
  const shared = new MemoryEntries();
  await using one = new Node("one", shared);
  await until(() => one.leads, "the first node leads");
  await one.publish("before");
  await using two = new Node("two", shared);
  const stands = Promise.withResolvers<void>();
  one.log.held = stands.promise;
  const late = one.publish("late");
  await until(() => two.leads, "the other node leads");
  await two.publish("meanwhile");
  one.log.held = null;
  stands.resolve();
  await assert.rejects(late, { codeName: "UNAVAILABLE" });
  await until(() => one.told.includes("follows"), "the former one follows");
  await publish([one, two], "late");
  await agree([one, two], ["before", "meanwhile", "late"]);
});

Deno.test("a node that steps down lets another lead", async () => {
  const shared = new MemoryEntries();
  await using one = new Node("one", shared);
  await until(() => one.leads, "the first node leads");
  await using two = new Node("two", shared);
  await one.publish("one");
  one.keeper.stepDown();
  await until(() => two.leads, "the other node leads");
  assert.deepEqual(one.told, ["leads", "follows"]);
  await two.publish("two");
  await agree([one, two], ["one", "two"]);
});

Deno.test("a node that ends in order is replaced, and nobody waits until it is silent", async () => {
  const shared = new MemoryEntries();
  const one = new Node("one", shared);
  await until(() => one.leads, "the first node leads");
  // Silence alone would take hours.
  await using two = new Node("two", shared, { silenceMs: 1e7 });
  await one.publish("one");
  await agree([two], ["one"]);
  await one[Symbol.asyncDispose]();
  await until(() => two.leads, "the other node leads");
});

Deno.test("nothing is taken before the owner has taken up what the lead needs", async () => {
  const shared = new MemoryEntries();
  const taken = Promise.withResolvers<void>();
  await using one = new Node("one", shared, { leads: taken.promise });
  const changes: boolean[] = [];
  one.keeper.onChange(() => changes.push(one.keeper.isWriter()));
  await until(() => one.told.length > 0, "the node leads");
  await using two = new Node("two", shared);
  await until(() => two.keeper.writer() === "one", "the other knows it");
  assert.equal(one.keeper.isWriter(), false);
  assert.throws(() => one.store.openTopic("t"), {
    codeName: "UNAVAILABLE",
    message: /it is about to lead the cluster$/,
  });
  assert.throws(() => two.store.openTopic("t"), {
    codeName: "UNAVAILABLE",
    message: /the node one leads the cluster$/,
  });
  const heard = shared.last;
  await until(() => shared.last > heard + 2, "signs of life");
  taken.resolve();
  await until(() => one.leads, "it writes");
  await one.publish("one");
  await agree([one, two], ["one"]);
  assert.ok(changes.includes(true), "listeners are told");
  await two.keeper.caughtUp(1e6);
});

Deno.test("a node that cannot take up what the lead needs leaves it to another", async () => {
  const shared = new MemoryEntries();
  const failing = Promise.reject(new Error("there is no memory for the queues"));
  failing.catch(() => {});
  await using one = new Node("one", shared, { leads: failing });
  await until(() => one.told.includes("follows"), "it gives up");
  await using two = new Node("two", shared);
  await until(() => two.leads, "the other node leads");
});

Deno.test("a node that leads and has nothing to do is heard of", async () => {
  const shared = new MemoryEntries();
  await using one = new Node("one", shared, { silenceMs: 1000 });
  await using two = new Node("two", shared, { silenceMs: 1000 });
  const nodes = [one, two];
  const leader = await leaderOf(nodes);
  const other = leader === one ? two : one;
  await until(() => shared.last >= 8, "there are signs of life");
  assert.deepEqual([leader.told, other.told], [["leads"], []]);
  assert.equal(other.keeper.status.writer, leader.keeper.status.node);
});

Deno.test("a node that leads and was silent for a while is known again by whatever it keeps", async () => {
  const shared = new MemoryEntries();
  // It gives no sign of life but what it keeps.
  await using one = new Node("one", shared, { pulseMs: 1e7 });
  await until(() => one.leads, "the first node leads");
  await using two = new Node("two", shared);
  two.log.state = () => Promise.reject(new LogError("unknown", "no answer"));
  await until(() => two.keeper.writer() === "one", "the other knows it");
  await until(() => two.keeper.writer() === undefined, "nothing is heard of it");
  await one.publish("one");
  await until(() => two.keeper.writer() === "one", "the other knows it again");
});

Deno.test("a node that keeps one batch after the other says all the same that it leads", async () => {
  const shared = new MemoryEntries();
  await using one = new Node("one", shared, { pulseMs: 1e7 });
  await until(() => one.leads, "the node leads");
  const stands = Promise.withResolvers<void>();
  one.log.held = stands.promise;
  const begins = Promise.withResolvers<void>();
  const append = one.log.append.bind(one.log);
  one.log.append = (...entry) => {
    begins.resolve();
    return append(...entry);
  };
  const kept = one.publish("one");
  await begins.promise;
  const told = one.store.replica!.pulse();
  one.log.held = null;
  stands.resolve();
  await Promise.all([kept, told]);
  assert.deepEqual(shared.entries.slice(-2).map((bytes) => readEntry(bytes).kind), [
    "batch",
    "claim",
  ]);
  await one.publish("two");
});

Deno.test("a node that has not applied everything claims nothing", async () => {
  const shared = new MemoryEntries();
  const one = new Node("one", shared);
  await until(() => one.leads, "the first node leads");
  await using slow = new Node("slow", shared);
  const applies = Promise.withResolvers<void>();
  slow.store.listen({ committed: () => applies.promise, failed() {} });
  for (const text of ["a", "b"]) await one.publish(text);
  await one[Symbol.asyncDispose]();
  await until(() => slow.keeper.status.heardAgoMs > 4 * SILENCE_MS, "nobody is heard of");
  assert.deepEqual(slow.told, []);
  applies.resolve();
  await until(() => slow.leads, "it leads when it has applied everything");
  assert.deepEqual(await slow.texts(), ["a", "b"]);
});

Deno.test("a claim whose outcome is unknown is without effect", async () => {
  const shared = new MemoryEntries();
  await using one = new Node("one", shared);
  one.log.fault = { kept: true, error: new LogError("unknown", "no answer") };
  await until(() => one.leads, "the node leads all the same");
  assert.equal(shared.entries.length >= 2, true, "by a claim behind the first one");
  await one.publish("text");
});

Deno.test("a node without what the log no longer holds says so, and ends", async () => {
  const shared = new MemoryEntries();
  await using one = new Node("one", shared);
  await until(() => one.leads, "the first node leads");
  await one.publish("a");
  await one.log.trim(shared.last);
  await using late = new Node("late", shared);
  await until(() => late.lost !== null, "it is told");
  assert.match(late.lost!.message, /the log was trimmed/);
  assert.equal(late.keeper.status.fault, late.lost);
  assert.equal(late.leads, false);
});

Deno.test("a node that has no room for an entry tries again", async () => {
  const shared = new MemoryEntries();
  await using one = new Node("one", shared);
  await until(() => one.leads, "the first node leads");
  await using small = new Node("small", shared, { maxMemoryStoreBytes: 100_000 });
  for (const text of ["a", "b"]) await publish([one], text.repeat(30_000));
  await until(() => small.keeper.status.fault !== null, "it says that it gets no further");
  assert.equal(small.lost, null);
  await small.store.trim(small.store.topic("t")!, 2);
  await until(() => small.store.topic("t")!.lastSeq === 2, "it goes on once there is room");
});
