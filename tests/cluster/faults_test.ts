/**
 * What a cluster does when servers of NATS or nodes die: it goes on, and nothing comes twice.
 */
import assert from "node:assert/strict";
import { Collector, numbers } from "../client/bus_support.ts";
import { withNats } from "../support/nats_server.ts";
import { until } from "../support/until.ts";
import { ClusterFixture } from "./cluster_fixture.ts";

/** Whether all texts are different. */
function isWithoutRepeats(texts: readonly string[]): boolean {
  return new Set(texts).size === texts.length;
}

Deno.test(
  withNats(
    "without NATS each node goes on with its own clients, and all are one again after it",
    async () => {
      await using cluster = await ClusterFixture.start({ nodes: 2 });
      const [here, near, there] = [
        await cluster.client(0),
        await cluster.client(0),
        await cluster.client(1),
      ];
      const [nearby, faraway] = [new Collector(), new Collector()];
      await near.subscribe("a", {}, nearby.take);
      await there.subscribe("a", {}, faraway.take);
      await here.publish("a", "before");
      await faraway.count(1);
      await cluster.nats[0].kill();
      await until(() => cluster.nodes.every(({ server }) => !server.cluster!.isUp), "nodes notice");
      assert.deepEqual(cluster.nodes[0].server.cluster!.nodes(), []);
      assert.equal((await here.publish("a", "alone")).receivers, 1);
      cluster.nats[0] = await cluster.nats[0].restart();
      await cluster.whenLinked();
      // A subscription is known once a later one is.
      await there.subscribe("b", {}, () => {});
      assert.equal((await here.publish("a", "after")).receivers, 2);
      await nearby.count(3);
      await faraway.count(2);
      assert.deepEqual(nearby.texts, ["before", "alone", "after"]);
      assert.deepEqual(faraway.texts, ["before", "after"]);
    },
  ),
);

Deno.test(
  withNats(
    "of three servers of NATS each may die under load: no event comes twice, and the order stays",
    async () => {
      await using cluster = await ClusterFixture.start({ servers: 3, nodes: 3 });
      const publishers = [
        await cluster.client(0),
        await cluster.client(1),
        await cluster.client(2),
      ];
      const subscribers = [
        await cluster.client(0),
        await cluster.client(1),
        await cluster.client(2),
      ];
      const got = subscribers.map(() => new Collector());
      for (const [index, subscriber] of subscribers.entries()) {
        await subscriber.subscribe("load.*", {}, got[index].take);
      }
      let stop = false;
      const load = publishers.map(async (publisher, index) => {
        for (let number = 0; !stop; number++) {
          await publisher.publish(`load.${index}`, `${index} ${number}`);
        }
      });
      for (const index of cluster.nats.keys()) {
        const before = got[0].events.length;
        await until(() => got[0].events.length > before + 100, "load");
        cluster.nats[index] = await cluster.nats[index].restart();
      }
      stop = true;
      await Promise.all(load);
      await cluster.whenLinked();
      for (const subscriber of subscribers) await subscriber.subscribe("end", {}, () => {});
      for (const publisher of publishers) await publisher.publish("load.end", "end");
      for (const [index, { events, texts }] of got.entries()) {
        await until(
          () => got[index].texts.filter((text) => text === "end").length === 3,
          "the ends",
        );
        const numbered = texts.filter((text) => text !== "end");
        assert.ok(isWithoutRepeats(numbered), `node ${index} got nothing twice`);
        for (const publisher of [0, 1, 2]) {
          const its = numbered.filter((text) => text.startsWith(`${publisher} `))
            .map((text) => Number(text.slice(2)));
          assert.deepEqual(its, its.toSorted((one, other) => one - other), "in order");
        }
        assert.ok(events.length > 0);
      }
    },
  ),
);

Deno.test(
  withNats(
    "a node that dies leaves its groups to the others, and none of its events comes twice",
    async () => {
      await using cluster = await ClusterFixture.start({ nodes: 3 });
      const publisher = await cluster.client(0);
      const got = [new Collector(), new Collector()];
      for (const index of [1, 2]) {
        const member = await cluster.client(index);
        await member.subscribe("jobs.*", { group: "g" }, got[index - 1].take);
      }
      for (const text of numbers(100)) await publisher.publish("jobs.a", text);
      cluster.nodes[2].server.abort();
      await until(() => cluster.nodes[0].server.cluster!.nodes().length === 1, "the node is gone");
      for (const text of numbers(100)) await publisher.publish("jobs.a", `later ${text}`);
      await until(
        () => got[0].texts.filter((text) => text.startsWith("later")).length === 100,
        "all",
      );
      assert.ok(isWithoutRepeats([...got[0].texts, ...got[1].texts]));
    },
  ),
);
