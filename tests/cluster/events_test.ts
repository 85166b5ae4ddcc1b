/**
 * Plain events over all pairs of nodes of a cluster: who gets them, how often, in which order.
 */
import assert from "node:assert/strict";
import type { Client } from "../../lib/client/mod.ts";
import { Collector, numbers } from "../client/bus_support.ts";
import { withNats } from "../support/nats_server.ts";
import { ClusterFixture } from "./cluster_fixture.ts";

/** A client of each node, each with a collector of what `pattern` brings it. */
async function collecting(cluster: ClusterFixture, pattern: string) {
  const clients: Client[] = [];
  const got: Collector[] = [];
  for (const index of cluster.nodes.keys()) {
    clients.push(await cluster.client(index));
    got.push(new Collector());
    await clients[index].subscribe(pattern, {}, got[index].take);
  }
  return { clients, got };
}

Deno.test(
  withNats("an event reaches the subscribers of every node once, and no publisher", async () => {
    await using cluster = await ClusterFixture.start();
    const { clients, got } = await collecting(cluster, "orders.>");
    for (const client of clients) {
      // A second subscription that matches brings nothing twice.
      await client.subscribe("orders.*", {}, () => {});
    }
    for (const [index, client] of clients.entries()) {
      const { receivers } = await client.publish("orders.eu", `from ${index}`, { messageId: "m" });
      assert.equal(receivers, 2, "one for each other node");
      await client.publish("orders.end", `end of ${index}`);
    }
    for (const [index, collector] of got.entries()) {
      await collector.count(4);
      const others = [0, 1, 2].filter((one) => one !== index);
      const expected = others.flatMap((one) => [`end of ${one}`, `from ${one}`]);
      assert.deepEqual(collector.texts.toSorted(), expected.toSorted());
      for (const event of collector.events) {
        const sender = clients[Number(event.text().at(-1))];
        assert.equal(event.sender, sender.welcome.sessionId, "stamped where it was published");
        assert.ok(event.timeMicros > 0n);
        assert.equal(event.messageId, event.topic === "orders.eu" ? "m" : "");
      }
    }
  }),
);

Deno.test(
  withNats("what a client publishes comes to other nodes in its order, of all sizes", async () => {
    await using cluster = await ClusterFixture.start({ nodes: 2 });
    const { clients: [publisher], got: [, there] } = await collecting(cluster, "of.*");
    const large = "x".repeat(900_000);
    const texts = numbers(3000).map((text, index) =>
      index % 1000 === 7 ? `${text} ${large}` : text
    );
    for (const [index, text] of texts.entries()) {
      await publisher.publish(`of.${index % 5}`, text, { ack: false });
    }
    await there.count(texts.length);
    assert.ok(there.texts.every((text, index) => text === texts[index]), "in order, whole");
  }),
);

Deno.test(withNats("a node is handed what somebody there wants, and nothing else", async () => {
  await using cluster = await ClusterFixture.start({ nodes: 2 });
  const [here, there] = [await cluster.client(0), await cluster.client(1)];
  assert.equal((await here.publish("a", "nobody")).receivers, 0);
  const got = new Collector();
  const subscription = await there.subscribe("a", { type: "acme.A" }, got.take);
  assert.equal((await here.publish("a", "other type")).receivers, 0);
  assert.equal((await here.publish("b", "other topic", { type: "acme.A" })).receivers, 0);
  assert.equal((await here.publish("a", "wanted", { type: "acme.A" })).receivers, 1);
  await got.count(1);
  await subscription.unsubscribe();
  // It is told of an unsubscription a moment later; what is subscribed to after that is told behind it.
  await there.subscribe("c", {}, got.take);
  assert.equal((await here.publish("a", "too late", { type: "acme.A" })).receivers, 0);
  await here.publish("c", "end");
  await got.count(2);
  assert.deepEqual(got.texts, ["wanted", "end"]);
}));

Deno.test(
  withNats("a subscription that counts its events counts those of other nodes", async () => {
    await using cluster = await ClusterFixture.start({ nodes: 2 });
    const [here, there] = [await cluster.client(0), await cluster.client(1)];
    const subscription = await there.subscribe("a", { maxEvents: 2 });
    const texts: string[] = [];
    for (const text of ["1", "2", "3"]) await here.publish("a", text, { ack: false });
    for await (const event of subscription) texts.push(event.text());
    assert.deepEqual(texts, ["1", "2"]);
  }),
);
