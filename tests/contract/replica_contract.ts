/**
 * The contract of stores that share a log, as tests; every adapter of the store runs the same.
 */
import assert from "node:assert/strict";
import { AckLevel } from "../../lib/gen/parley/v1/session_pb.ts";
import { LogError } from "../../lib/ports/commit_log.ts";
import { Random } from "../support/random.ts";
import type { ReplicaNode } from "../support/replica_node.ts";
import { settles } from "../support/until.ts";
import { bytes, Cluster, contentOf, push, type ReplicaSubject } from "./replica_cluster.ts";
import { playTurns } from "./replica_turns.ts";
import { append, readAll } from "./store_support.ts";

/** Registers the tests of one adapter. */
export function testReplicaContract(subject: ReplicaSubject): void {
  const test = (
    text: string,
    run: (cluster: Cluster, ...nodes: ReplicaNode[]) => Promise<void>,
    { capacityBytes, restarts = false }: { capacityBytes?: number; restarts?: boolean } = {},
  ) => {
    // An adapter that does not outlive its close takes no part in the cases about restarts.
    if (restarts && !subject.outlives) return;
    Deno.test(`${subject.name} replica: ${text}`, async () => {
      await using cluster = await Cluster.of(2, subject, capacityBytes);
      await run(cluster, ...cluster.nodes);
    });
  };

  test("who does not lead refuses what is handed over", async (_cluster, { store }) => {
    assert.equal(store.replica!.leads, false);
    assert.throws(() => store.openTopic("t"), { codeName: "UNAVAILABLE" });
    assert.throws(() => store.put("k", bytes("v"), -1, null), { codeName: "UNAVAILABLE" });
    await Promise.resolve();
  });

  test("what one commits, the other has, and is told of", async (cluster, one, other) => {
    assert.equal(one.store.epoch, other.store.epoch);
    assert.ok(await one.claim());
    const topic = one.store.openTopic("orders.eu");
    one.store.setRetention(topic, { maxEvents: 100 });
    append(one.store, topic, "first", { timeMs: 7, messageId: "m1" });
    append(one.store, topic, "second", { timeMs: 8 });
    push(one.store, "work", "job");
    one.store.put("key", bytes("value"), 0, "record");
    await one.store.flush();
    assert.equal(one.store.level, AckLevel.REPLICATED);
    await settles(other.caughtUp(), "the log was applied");
    assert.deepEqual(await contentOf(other.store), await contentOf(one.store));
    assert.equal(other.replica.position, one.replica.position);
    const told = cluster.recorders[1].committedEntries;
    assert.deepEqual(told.map(({ kind, seq, completion }) => [kind, seq, completion]), [
      ["event", 1, undefined],
      ["event", 2, undefined],
      ["job", 1, undefined],
      ["put", 1, undefined],
    ]);
    assert.equal(other.store.duplicateOf(other.store.topic("orders.eu")!, "m1"), 1);
  });

  test("who takes up the lead goes on where the other was", async (_cluster, one, other) => {
    assert.ok(await one.claim("one"));
    append(one.store, one.store.openTopic("t"), "a", { messageId: "m" });
    one.store.put("k", bytes("1"), 0, null);
    await one.store.flush();
    await one.stepDown();
    assert.ok(await other.claim("other"));
    const topic = other.store.openTopic("t");
    assert.equal(append(other.store, topic, "b"), 2);
    assert.equal(append(other.store, topic, "again", { messageId: "m" }), 1);
    assert.equal(append(other.store, other.store.openTopic("new"), "c"), 1);
    assert.equal(other.store.put("k", bytes("2"), 1, null), 2);
    await other.store.flush();
    await settles(one.caughtUp(), "the log was applied");
    assert.deepEqual(await contentOf(one.store), await contentOf(other.store));
    assert.equal(one.store.revision("k"), 2);
  });

  test("who was replaced unawares keeps nothing, and says so", async (cluster, one, other) => {
    assert.ok(await one.claim("one"));
    append(one.store, one.store.openTopic("t"), "kept");
    await one.store.flush();
    assert.ok(await other.claim("other"));
    append(other.store, other.store.openTopic("t"), "the other's");
    await other.store.flush();
    append(one.store, one.store.openTopic("t"), "late");
    append(one.store, one.store.openTopic("only.here"), "late, too");
    one.store.put("k", bytes("late"), -1, "record");
    await assert.rejects(one.store.flush(), { codeName: "UNAVAILABLE" });
    assert.equal(one.replica.leads, false);
    assert.deepEqual(one.deposed.map(({ fault }) => fault), ["fenced"]);
    assert.equal(cluster.recorders[0].failedEntries.length, 3);
    assert.throws(() => append(one.store, one.store.topic("t")!, "x"), {
      codeName: "UNAVAILABLE",
    });
    // The number that the other gives is the one that the topic had here, which nobody has heard of.
    append(other.store, other.store.openTopic("another"), "x");
    await other.store.flush();
    await settles(one.caughtUp(), "the log was applied");
    assert.deepEqual(await contentOf(one.store), await contentOf(other.store));
    assert.equal(one.store.topic("t")!.lastSeq, 2);
    await other.stepDown();
    assert.ok(await one.claim("one again"));
    assert.equal(append(one.store, one.store.openTopic("only.here"), "now"), 1);
    await one.store.flush();
    await settles(other.caughtUp(), "the log was applied");
    assert.deepEqual(await contentOf(other.store), await contentOf(one.store));
  });

  for (const kept of [true, false]) {
    test(`a batch whose fate is unknown fails, and is ${kept ? "" : "not "}there`, async (
      cluster,
      one,
      other,
    ) => {
      assert.ok(await one.claim());
      const topic = one.store.openTopic("t");
      append(one.store, topic, "first");
      await one.store.flush();
      cluster.logs[0].fault = { kept, error: new LogError("unknown", "no answer") };
      append(one.store, topic, "second", { messageId: "m" });
      await assert.rejects(one.store.flush(), { codeName: "UNAVAILABLE", retryable: true });
      assert.deepEqual(one.deposed.map(({ fault }) => fault), ["unknown"]);
      assert.equal(topic.lastSeq, 1);
      assert.ok(await one.claim());
      assert.equal(topic.lastSeq, kept ? 2 : 1);
      // The same again, as clients do it.
      assert.equal(append(one.store, one.store.openTopic("t"), "second", { messageId: "m" }), 2);
      await one.store.flush();
      await settles(other.caughtUp(), "the log was applied");
      const events = await readAll(other.store, other.store.topic("t")!);
      assert.deepEqual(events.map(({ payload }) => payload), ["first", "second"]);
    });
  }

  test("a log without room fails batches, and the lead stays", async (cluster, one, other) => {
    assert.ok(await one.claim());
    const topic = one.store.openTopic("t");
    const last = (await one.log.state()).lastSequence;
    cluster.logs[0].fault = { kept: false, error: new LogError("full", "no room", { last }) };
    append(one.store, topic, "refused");
    await assert.rejects(one.store.flush(), { codeName: "RESOURCE_EXHAUSTED" });
    assert.equal(append(one.store, topic, "taken"), 1);
    await one.store.flush();
    assert.equal(one.replica.leads, true);
    await settles(other.caughtUp(), "the log was applied");
    assert.deepEqual(await contentOf(other.store), await contentOf(one.store));
  });

  test(
    "an entry that was applied is passed over when it comes again",
    async (cluster, one, other) => {
      assert.ok(await one.claim());
      append(one.store, one.store.openTopic("t"), "once");
      await one.store.flush();
      await settles(other.caughtUp(), "the log was applied");
      const { position } = other.replica;
      const bytes = cluster.shared.entries[position - cluster.shared.first];
      await other.replica.apply({ sequence: position, bytes });
      assert.deepEqual(await contentOf(other.store), await contentOf(one.store));
    },
  );

  test("duplicates alone are answered without the log", async (_cluster, one) => {
    assert.ok(await one.claim());
    const topic = one.store.openTopic("t");
    append(one.store, topic, "a", { messageId: "m" });
    await one.store.flush();
    const { lastSequence } = await one.log.state();
    assert.equal(append(one.store, topic, "b", { messageId: "m" }), 1);
    await one.store.flush();
    assert.equal((await one.log.state()).lastSequence, lastSequence);
  });

  test(
    "a batch that cannot be committed here is applied once it can",
    async (cluster, one, other) => {
      assert.ok(await one.claim());
      const topic = one.store.openTopic("t");
      const large = "-".repeat(150_000);
      let kept = 0;
      for (; kept < 50 && one.replica.leads; kept++) {
        append(one.store, topic, large);
        await one.store.flush().catch(() => {});
      }
      assert.ok(!one.replica.leads, "a node that has no room leads no longer");
      assert.deepEqual(one.deposed.map(({ fault }) => fault), ["lost"]);
      const { lastSequence } = await one.log.state();
      await assert.rejects(settles(one.follow().reached(lastSequence), "the reading ends"), {
        codeName: "RESOURCE_EXHAUSTED",
      });
      await one.stopFollowing();
      assert.equal(one.store.topic("t")!.lastSeq, kept - 1);
      // The other one is as full: nothing of the batch is there.
      await assert.rejects(settles(other.follow().reached(lastSequence), "the reading ends"));
      await other.stopFollowing();
      assert.deepEqual(await contentOf(other.store), await contentOf(one.store));
      await one.store.trim(one.store.topic("t")!, kept);
      await settles(one.caughtUp(), "what was left over is applied");
      assert.equal(one.store.topic("t")!.lastSeq, kept);
      assert.equal(cluster.recorders[0].committedEntries.at(-1)!.seq, kept);
    },
    { capacityBytes: 1_500_000 },
  );

  test("a store that is opened again goes on at its position", async (cluster, one, other) => {
    assert.ok(await one.claim());
    for (let round = 0; round < 5; round++) {
      for (let count = 0; count < 5; count++) {
        append(one.store, one.store.openTopic(`t${count}`), `${round}`);
        push(one.store, "q", `${round}`);
        await one.store.flush();
      }
      await settles(cluster.nodes[1].caughtUp(), "the log was applied");
      const { position } = cluster.nodes[1].replica;
      await cluster.nodes[1][Symbol.asyncDispose]();
      // Some of it comes only when the store is there again.
      push(one.store, "q", "meanwhile");
      await one.store.flush();
      const again = await cluster.open(1);
      assert.equal(again.replica.position, position);
    }
    await settles(cluster.nodes[1].caughtUp(), "the log was applied");
    assert.notEqual(cluster.nodes[1], other);
    assert.deepEqual(await contentOf(cluster.nodes[1].store), await contentOf(one.store));
    assert.ok(await cluster.nodes[1].claim());
    assert.equal(append(cluster.nodes[1].store, cluster.nodes[1].store.openTopic("t1"), "x"), 6);
    await cluster.nodes[1].store.flush();
  }, { restarts: true });

  test("who takes up the lead finds the queues as after a restart", async (cluster, one, other) => {
    assert.ok(await one.claim());
    const { jobs } = one.store;
    for (let count = 1; count <= 5; count++) push(one.store, "work", `job ${count}`);
    push(one.store, "rest", "job");
    const work = jobs.openQueue("work");
    jobs.setStates(work, 2, bytes("states of the second"));
    jobs.dropChunk(work, 3);
    await one.store.flush();
    await settles(other.caughtUp(), "the log was applied");
    assert.deepEqual(other.store.jobs.takeChunks(other.store.jobs.queue("work")!), []);
    await one.stepDown();
    assert.ok(await other.claim());
    await other.store.jobs.reload();
    await one[Symbol.asyncDispose]();
    const restarted = await cluster.open(0);
    for (const name of ["work", "rest"]) {
      const [mine, theirs] = [other.store.jobs, restarted.store.jobs].map((jobs) =>
        jobs.takeChunks(jobs.queue(name)!)
      );
      assert.deepEqual(mine, theirs);
      assert.deepEqual(mine.map(({ first }) => first), name === "work" ? [1, 2, 4, 5] : [1]);
    }
  }, { restarts: true });

  for (let seed = 1; seed <= subject.histories; seed++) {
    Deno.test(`${subject.name} replica: nodes that take turns agree, seed ${seed}`, async () => {
      await using cluster = await Cluster.of(3, subject);
      await playTurns(cluster, new Random(seed), subject.outlives);
    });
  }
}
