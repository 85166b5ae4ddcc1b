/**
 * A random history of stores that share a log, in which the lead changes and nodes start again: at its end all hold the
 * same, and everything that was acknowledged.
 */
import assert from "node:assert/strict";
import type { Random } from "../support/random.ts";
import { settles } from "../support/until.ts";
import { bytes, type Cluster, contentOf, push } from "./replica_cluster.ts";
import { append, readAll } from "./store_support.ts";

/** A random history in which the lead changes, with and without the knowledge of who had it, and nodes start again. */
export async function playTurns(
  cluster: Cluster,
  random: Random,
  outlives: boolean,
): Promise<void> {
  const acknowledged = new Map<string, Map<number, string>>();
  let count = 0;
  let leader = 0;
  assert.ok(await cluster.nodes[leader].claim());
  for (let step = 0; step < 150; step++) {
    const dice = random.below(100);
    const node = cluster.nodes[leader];
    if (dice < 60) {
      const name = `t${random.below(5)}`;
      const payload = `${++count}`;
      const messageId = random.below(4) === 0 ? `id${random.below(20)}` : "";
      const topic = node.store.openTopic(name);
      const isSeen = node.store.duplicateOf(topic, messageId) > 0;
      const seq = append(node.store, topic, payload, { timeMs: count, messageId });
      if (random.below(3) === 0) push(node.store, `q${random.below(2)}`, payload);
      if (random.below(5) === 0) node.store.put(`k${random.below(4)}`, bytes(payload), -1, null);
      if (random.below(4) > 0) continue;
      await node.store.flush();
      if (isSeen) continue;
      if (!acknowledged.has(name)) acknowledged.set(name, new Map());
      acknowledged.get(name)!.set(seq, payload);
    } else if (dice < 64) {
      // Numbers of topics that were forgotten may be given again after a while.
      await node.store.flush();
      cluster.clock.advance(200_000);
    } else if (dice < 75) {
      await node.store.flush();
      const topic = node.store.topic(`t${random.below(5)}`);
      if (topic === null || topic.lastSeq === 0) continue;
      node.store.forget(topic, null);
      await node.store.flush();
      acknowledged.delete(topic.name);
    } else if (dice < 90) {
      const next = (leader + 1 + random.below(2)) % 3;
      // Half of the time the former one does not know, and its next batch is refused.
      const isTold = random.below(2) === 0;
      if (isTold) await node.store.flush().then(() => node.stepDown());
      // What the former one has under way may come first.
      while (!await cluster.nodes[next].claim(`${next}`));
      if (!isTold) {
        const late = async () => {
          append(node.store, node.store.openTopic("t0"), "late");
          await node.store.flush();
        };
        await assert.rejects(late(), { codeName: "UNAVAILABLE" });
        await node.stepDown();
      }
      leader = next;
    } else if (outlives) {
      const other = (leader + 1) % 3;
      await cluster.nodes[other][Symbol.asyncDispose]();
      await cluster.open(other);
    }
  }
  await cluster.nodes[leader].store.flush();
  for (const node of cluster.nodes) {
    if (node !== cluster.nodes[leader]) await settles(node.caughtUp(), "the log was applied");
  }
  const content = await contentOf(cluster.nodes[leader].store);
  for (const { store } of cluster.nodes) assert.deepEqual(await contentOf(store), content);
  for (const [name, events] of acknowledged) {
    const topic = cluster.nodes[leader].store.topic(name)!;
    const present = new Map(
      (await readAll(cluster.nodes[leader].store, topic)).map(({ seq, payload }) => [seq, payload]),
    );
    for (const [seq, payload] of events) assert.equal(present.get(seq), payload, `${name} ${seq}`);
  }
}
