/**
 * What is kept in a cluster: one history on all nodes, written by one of them, over real servers of NATS with JetStream.
 */
import assert from "node:assert/strict";
import { callMethod } from "../../lib/client/mod.ts";
import { AckLevel } from "../../lib/gen/parley/v1/session_pb.ts";
import { Topics } from "../../lib/gen/parley/v1/topic_pb.ts";
import { Collector } from "../client/bus_support.ts";
import { rejection } from "../client/rejections.ts";
import { withNats } from "../support/nats_server.ts";
import { until } from "../support/until.ts";
import { ClusterFixture } from "./cluster_fixture.ts";

const config = { keep: [{ pattern: "orders.>" }] };

Deno.test(
  withNats("an event that is kept reaches all nodes, live and out of the history", async () => {
    await using cluster = await ClusterFixture.start({ durable: true, config });
    const writer = await cluster.writer();
    const at = await cluster.client(writer);
    const live = await Promise.all(cluster.nodes.map(async (_node, index) => {
      const got = new Collector();
      await (await cluster.client(index)).subscribe("orders.*", {}, got.take);
      return got;
    }));
    for (const text of ["a", "b", "c"]) {
      const { level } = await at.publish("orders.eu", text, { ack: true });
      // One server of NATS holds it, so it is not replicated.
      assert.equal(level, AckLevel.ROUTED);
    }
    for (const [index, got] of live.entries()) {
      await got.count(3);
      assert.deepEqual(got.texts, ["a", "b", "c"], `node ${index} delivers in order`);
      assert.deepEqual(got.events.map(({ seq }) => Number(seq)), [1, 2, 3]);
      const all = new Collector();
      await (await cluster.client(index)).subscribe("orders.eu", { since: "all" }, all.take);
      await all.count(3);
      assert.deepEqual(all.texts, ["a", "b", "c"], `node ${index} has the history`);
    }
    const epochs = cluster.nodes.map((_node, index) => cluster.log(index).epoch);
    assert.equal(new Set(epochs).size, 1, "all nodes have one history");
  }),
);

Deno.test(
  withNats("of a group on a kept topic one member gets each event, on whichever node", async () => {
    await using cluster = await ClusterFixture.start({ durable: true, config });
    const writer = await cluster.writer();
    const at = await cluster.client(writer);
    const got = new Collector();
    for (const index of cluster.nodes.keys()) {
      if (index === writer) continue;
      await (await cluster.client(index)).subscribe("orders.*", { group: "g" }, got.take);
    }
    for (let count = 0; count < 20; count++) await at.publish("orders.eu", String(count));
    await got.count(20);
    await at.publish("orders.eu", "end");
    await got.count(21);
    assert.equal(new Set(got.texts).size, 21, "no event came to two members");
  }),
);

Deno.test(
  withNats("who takes over has the jobs, and what was out comes back marked", async () => {
    await using cluster = await ClusterFixture.start({ durable: true, config });
    const first = await cluster.writer();
    const client = await cluster.client(first, { reconnect: false });
    for (const text of ["one", "two", "three"]) await client.queue("work").push(text);
    const puller = client.queue("work").pull({ prefetch: 1 });
    const { value: job } = await puller[Symbol.asyncIterator]().next();
    assert.equal(new TextDecoder().decode(job!.payload), "one");
    await cluster.stopNode(first);
    const left = [...cluster.nodes.keys()].filter((index) => index !== first);
    const second = await cluster.writer(left);
    const other = await cluster.client(second);
    const seen: [string, boolean][] = [];
    for await (const one of other.queue("work").pull({ prefetch: 1 })) {
      seen.push([new TextDecoder().decode(one.payload), one.redelivered]);
      await one.ack();
      if (seen.length === 3) break;
    }
    assert.deepEqual(seen, [["one", true], ["two", false], ["three", false]]);
    await cluster.addNode(first);
    await cluster.writer();
    const info = await other.queue("work").info();
    assert.equal(info.ready, 0);
  }),
);

Deno.test(
  withNats("policies, types and pauses that one node takes are in force on the next", async () => {
    await using cluster = await ClusterFixture.start({ durable: true, nodes: 2, config });
    const first = await cluster.writer();
    const second = 1 - first;
    const client = await cluster.client(first);
    const policy = { pattern: "logs.>", maxEvents: 5n };
    await callMethod(client, Topics.method.keep, { policy });
    await client.queue("work").push("job");
    await client.queue("work").pause();
    await cluster.agree();
    const far = await cluster.client(second);
    const patterns = async () => {
      const { policies } = await callMethod(far, Topics.method.policies, {});
      return policies.map(({ pattern }) => pattern);
    };
    while (!(await patterns()).includes("logs.>"));
    await client.publish("logs.a", "kept");
    const got = new Collector();
    await far.subscribe("logs.a", { since: "all" }, got.take);
    await got.count(1);
    cluster.log(first).stepDown();
    await until(() => cluster.log(second).role === "writer", "the other node writes");
    assert.equal((await far.queue("work").info()).paused, true);
    // What one drops goes on all nodes.
    await far.publish("logs.a", "second");
    await callMethod(far, Topics.method.trim, { topic: "logs.a", beforeSeq: 2n });
    await cluster.agree();
    const firstSeq = async () =>
      (await callMethod(client, Topics.method.info, { topic: "logs.a" })).info!.firstSeq;
    while (await firstSeq() !== 2n);
  }),
);

Deno.test(
  withNats(
    "without NATS nothing is taken that is to be kept, and all the rest goes on",
    async () => {
      await using cluster = await ClusterFixture.start({ durable: true, nodes: 2, config });
      const writer = await cluster.writer();
      const client = await cluster.client(writer);
      await client.publish("orders.eu", "before");
      await cluster.nats[0].kill();
      await rejection(client.publish("orders.eu", "meanwhile", { ack: true }), "UNAVAILABLE");
      await until(() => cluster.log(writer).role === "follower", "nobody writes");
      await rejection(client.publish("orders.eu", "meanwhile", { ack: true }), "UNAVAILABLE");
      await rejection(client.queue("work").push("x"), "UNAVAILABLE");
      const got = new Collector();
      await client.subscribe("plain", {}, got.take);
      await (await cluster.client(writer)).publish("plain", "here");
      await got.count(1);
      const history = new Collector();
      await (await cluster.client(writer)).subscribe("orders.eu", { since: "all" }, history.take);
      await history.count(1);
      cluster.nats[0] = await cluster.nats[0].restart();
      const next = await cluster.writer();
      await (await cluster.client(next)).publish("orders.eu", "after", { ack: true });
      await until(() => history.texts.includes("after"), "what came after it");
      // What nobody could say anything about may be there.
      const said = history.texts.filter((text) => text !== "meanwhile");
      assert.deepEqual(said, ["before", "after"]);
    },
  ),
);

Deno.test(
  withNats(
    "a node starts without NATS, serves what it has, and takes up the log later",
    async () => {
      await using cluster = await ClusterFixture.start({ durable: true, nodes: 1, config });
      await cluster.writer();
      await (await cluster.client(0)).publish("orders.eu", "before");
      const { epoch } = cluster.log(0);
      await cluster.stopNode(0);
      await cluster.nats[0].kill();
      await cluster.addNode(0);
      const client = await cluster.client(0);
      const got = new Collector();
      await client.subscribe("orders.eu", { since: "all" }, got.take);
      await got.count(1);
      assert.deepEqual([cluster.log(0).epoch, cluster.log(0).replicas], [epoch, 0]);
      const error = await rejection(client.publish("orders.eu", "x", { ack: true }), "UNAVAILABLE");
      assert.match(error.message, /no node is known that leads the cluster/);
      cluster.nats[0] = await cluster.nats[0].restart();
      await cluster.writer();
      await (await cluster.client(0)).publish("orders.eu", "after", { ack: true });
      await got.count(2);
      assert.deepEqual(got.texts, ["before", "after"]);
    },
  ),
);

Deno.test(
  withNats("a node that was away has all of it, and one that is new as well", async () => {
    await using cluster = await ClusterFixture.start({ durable: true, nodes: 2, config });
    const writer = await cluster.writer();
    const away = 1 - writer;
    await cluster.stopNode(away);
    const client = await cluster.client(await cluster.writer([writer]));
    for (let count = 0; count < 50; count++) await client.publish("orders.eu", String(count));
    await cluster.addNode(away);
    await cluster.addNode(2);
    await cluster.writer();
    for (const index of [away, 2]) {
      const got = new Collector();
      await (await cluster.client(index)).subscribe("orders.eu", { since: "all" }, got.take);
      await got.count(50);
      assert.deepEqual(got.texts, Array.from({ length: 50 }, (_, number) => String(number)));
    }
  }),
);
