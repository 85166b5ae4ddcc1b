/**
 * Groups over the nodes of a cluster: a member of the same node first, else exactly one of another.
 */
import assert from "node:assert/strict";
import type { Client } from "../../lib/client/mod.ts";
import { Collector, numbers } from "../client/bus_support.ts";
import { until } from "../support/until.ts";
import { withNats } from "../support/nats_server.ts";
import { ClusterFixture } from "./cluster_fixture.ts";

/** Members of one group. */
async function members(clients: readonly Client[], pattern = "jobs.>"): Promise<Collector[]> {
  const collectors = clients.map(() => new Collector());
  for (const [index, client] of clients.entries()) {
    await client.subscribe(pattern, { group: "g" }, collectors[index].take);
  }
  return collectors;
}

/** Resolves when so many events have come to all of them together; gives what came, in order of the texts. */
async function together(collectors: readonly Collector[], count: number): Promise<string[]> {
  const texts = () => collectors.flatMap((one) => one.texts);
  await until(() => texts().length >= count, `${count} events`);
  return texts().toSorted((one, other) => Number(one) - Number(other));
}

Deno.test(withNats("of a group's members one of the publisher's node gets the event", async () => {
  await using cluster = await ClusterFixture.start();
  const clients = [await cluster.client(0), await cluster.client(1), await cluster.client(2)];
  const got = await members(clients);
  const publishers = [await cluster.client(0), await cluster.client(1), await cluster.client(2)];
  for (const [index, publisher] of publishers.entries()) {
    for (const text of numbers(20)) await publisher.publish(`jobs.${text}`, `${index}`);
  }
  assert.equal((await together(got, 60)).length, 60);
  for (const [index, collector] of got.entries()) {
    assert.deepEqual([...new Set(collector.texts)], [`${index}`]);
    assert.equal(collector.events[0].group, "g");
  }
}));

Deno.test(
  withNats("a group without a member here shares the events out elsewhere, each once", async () => {
    await using cluster = await ClusterFixture.start();
    const publisher = await cluster.client(0);
    const clients = [await cluster.client(1), await cluster.client(2), await cluster.client(2)];
    const got = await members(clients);
    // A plain subscriber of the same node gets all of them besides.
    const plain = new Collector();
    await (await cluster.client(2)).subscribe("jobs.*", {}, plain.take);
    const texts = numbers(300);
    for (const text of texts) assert.equal((await publisher.publish("jobs.a", text)).receivers, 2);
    assert.deepEqual(await together(got, 300), texts);
    await plain.count(300);
    assert.deepEqual(plain.texts, texts);
    assert.ok(got.every(({ events }) => events.length > 50), "all take part");
  }),
);

Deno.test(withNats("groups of one name are apart by their patterns, also elsewhere", async () => {
  await using cluster = await ClusterFixture.start({ nodes: 2 });
  const publisher = await cluster.client(0);
  const [one, other] = [await cluster.client(1), await cluster.client(1)];
  const [wide] = await members([one], "jobs.>");
  const [narrow] = await members([other], "jobs.a");
  for (const text of numbers(10)) await publisher.publish("jobs.a", text);
  for (const text of numbers(10)) await publisher.publish("jobs.b", text);
  await wide.count(20);
  await narrow.count(10);
  await publisher.publish("jobs.a", "end");
  await wide.count(21);
  await narrow.count(11);
  assert.deepEqual(narrow.texts, [...numbers(10), "end"]);
}));
