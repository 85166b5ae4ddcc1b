/**
 * What clients of a node that does not lead see of their own events: the same as on a single server.
 */
import assert from "node:assert/strict";
import { BusClient } from "../../support/bus_client.ts";
import { Collector } from "../../client/bus_support.ts";
import { bytesOf, publish, subscribe, textIn } from "../../support/bus_messages.ts";
import { Person } from "../rooms/rooms_support.ts";
import { ForwardingWorld } from "./forwarding_world.ts";

Deno.test("people see what they say themselves, though they do not ask for their own events", async () => {
  await using world = await ForwardingWorld.start({ nodes: 2 });
  const client = new BusClient(await world.nodes[1].connect());
  client.startReading();
  await using ann = new Person(client);
  await ann.claim("ann");
  await ann.enter("tea");
  await ann.say("tea", "hello");
  assert.deepEqual(await ann.whenSeen(2), ["ann joined (1)", "ann: hello"]);
});

Deno.test("an event that becomes a job on another node comes back to its publisher only if that wants it", async () => {
  const work = { name: "work", bind: ["jobs.*"] };
  await using world = await ForwardingWorld.start({ nodes: 3, queues: [work] });
  await using publisher = new BusClient(await world.nodes[1].connect());
  publisher.startReading();
  const event = (text: string) => publish({ topic: "jobs.a", payload: bytesOf(text) });
  const textsOf = (client: BusClient) => client.events.map(({ payload }) => textIn(payload));
  const others = [await world.client(0), await world.client(1), await world.client(2)];
  const got = others.map(() => new Collector());
  for (const [index, client] of others.entries()) {
    await client.subscribe("jobs.*", {}, got[index].take);
  }
  await publisher.acknowledged(subscribe("jobs.*"));
  await publisher.acknowledged(event("without an echo"));
  await publisher.acknowledged(subscribe({ pattern: "*.a", echo: true }));
  await publisher.acknowledged(event("with one"));
  for (const collector of got) {
    await collector.count(2);
    assert.deepEqual(collector.texts, ["without an echo", "with one"]);
  }
  await others[1].publish("jobs.a", "of another");
  await publisher.whenEvents(2);
  assert.deepEqual(textsOf(publisher), ["with one", "of another"]);
  assert.equal((await others[1].queue("work").info()).ready, 3);
});
