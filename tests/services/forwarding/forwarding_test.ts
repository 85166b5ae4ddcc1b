/**
 * Durable work through a node that does not lead: as through the one that does.
 */
import assert from "node:assert/strict";
import type { Job, Room } from "../../../lib/client/mod.ts";
import { AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { Collector, numbers } from "../../client/bus_support.ts";
import { nextOf, nextOfKind } from "../../client/rooms/room_support.ts";
import { rejection } from "../../client/rejections.ts";
import { settles, until } from "../../support/until.ts";
import { ForwardingWorld } from "./forwarding_world.ts";

Deno.test("events on kept topics are kept once, by the node that leads, and delivered by every node", async () => {
  await using world = await ForwardingWorld.start({ nodes: 3 });
  const clients = [await world.client(0), await world.client(1), await world.client(2)];
  const got = clients.map(() => new Collector());
  for (const [index, client] of clients.entries()) {
    await client.subscribe("kept.*", { echo: true }, got[index].take);
  }
  const acks = [];
  for (const [index, client] of clients.entries()) {
    acks.push(await client.publish("kept.a", `from ${index}`, { messageId: `m${index}` }));
  }
  assert.deepEqual(acks.map(({ seq }) => seq), [1n, 2n, 3n]);
  assert.deepEqual(acks.map(({ level }) => level), Array(3).fill(AckLevel.REPLICATED));
  assert.deepEqual(acks.map(({ duplicate }) => duplicate), [false, false, false]);
  const again = await clients[1].publish("kept.a", "from 0", { messageId: "m0" });
  assert.deepEqual([again.seq, again.duplicate], [1n, true]);
  for (const collector of got) {
    await collector.count(3);
    assert.deepEqual(collector.texts, ["from 0", "from 1", "from 2"]);
    const senders = collector.events.map(({ sender }) => sender);
    assert.deepEqual(senders, clients.map(({ welcome }) => welcome.sessionId));
  }
  await world.hosts(0, 2);
});

Deno.test("what was acknowledged on a node is in the history there", async () => {
  await using world = await ForwardingWorld.start();
  const [client, reader] = [await world.client(1), await world.client(1)];
  for (const text of numbers(50)) {
    const { seq } = await client.publish("kept.a", text);
    const since = await reader.subscribe("kept.a", { since: { last: 1 } });
    const { value } = await settles(since[Symbol.asyncIterator]().next(), "the newest event");
    assert.equal(value?.seq, seq);
    assert.equal(value?.text(), text);
    await since.unsubscribe();
  }
});

Deno.test("events keep the order of their publisher, of all sizes, with and without acknowledgement", async () => {
  await using world = await ForwardingWorld.start();
  const [here, there] = [await world.client(1), await world.client(0)];
  const got = new Collector();
  await there.subscribe("kept.a", {}, got.take);
  const large = "x".repeat(700_000);
  const texts = numbers(2000).map((text, index) => index % 500 === 7 ? `${text} ${large}` : text);
  const acks = texts.map((text, index) => here.publish("kept.a", text, { ack: index % 3 === 0 }));
  await settles(Promise.all(acks), "all acknowledgements");
  await got.count(texts.length);
  assert.ok(got.texts.every((text, index) => text === texts[index]), "in order, whole");
});

Deno.test("jobs are pushed, pulled and settled from every node", async () => {
  await using world = await ForwardingWorld.start({ nodes: 3 });
  const clients = [await world.client(0), await world.client(1), await world.client(2)];
  const ids = [];
  for (const [index, client] of clients.entries()) {
    const ack = await client.queue("work").push(`from ${index}`, { messageId: `m${index}` });
    assert.equal(ack.level, AckLevel.REPLICATED);
    ids.push(ack.id);
  }
  assert.equal((await clients[2].queue("work").push("x", { messageId: "m0" })).id, ids[0]);
  const jobs: Job[] = [];
  for await (const job of clients[1].queue("work").pull({ prefetch: 3 })) {
    jobs.push(job);
    if (jobs.length === 3) break;
    if (jobs.length === 1) await job.ack();
    else await job.nack({ delayMs: 0 });
  }
  assert.deepEqual(jobs.map(({ id }) => id), ids);
  assert.deepEqual(
    jobs.map(({ sender }) => sender),
    clients.map(({ welcome }) => welcome.sessionId),
  );
  // What was not settled comes back, to whichever node asks.
  const rest: Job[] = [];
  for await (const job of clients[2].queue("work").pull()) {
    rest.push(job);
    await job.ack();
    if (rest.length === 2) break;
  }
  assert.deepEqual(rest.map(({ id }) => id).toSorted(), [ids[1], ids[2]]);
  assert.equal((await clients[1].queue("work").info()).ready, 0);
});

Deno.test("a worker on a node that does not lead gets jobs as they come, large ones too", async () => {
  await using world = await ForwardingWorld.start({ nodes: 2 });
  const [pusher, puller] = [await world.client(0), await world.client(1)];
  const done: string[] = [];
  const worker = puller.queue("work").work((job) => void done.push(job.text()), { concurrency: 8 });
  const texts = numbers(300).map((text, index) =>
    index % 50 === 3 ? `${text} ${"y".repeat(600_000)}` : text
  );
  await Promise.all(texts.map((text) => pusher.queue("work").push(text)));
  await until(() => done.length === texts.length, "all jobs");
  assert.deepEqual(done.toSorted(), texts.toSorted());
  await worker.stop();
});

Deno.test("a client that goes gives its jobs back at once", async () => {
  await using world = await ForwardingWorld.start({ nodes: 2 });
  const [pusher, holder] = [await world.client(0), await world.client(1)];
  for (const text of numbers(3)) await pusher.queue("work").push(text);
  const held = holder.queue("work").pull({ prefetch: 3 })[Symbol.asyncIterator]();
  await settles(held.next(), "a job");
  for (const session of world.nodes[1].sessions) session.abort();
  await world.hosts(0, 0);
  const texts: string[] = [];
  for await (const job of pusher.queue("work").pull()) {
    texts.push(job.text());
    await job.ack();
    if (texts.length === 3) break;
  }
  assert.deepEqual(texts.toSorted(), numbers(3));
});

Deno.test("a node that dies gives its clients' jobs back, and their rooms are told", async () => {
  await using world = await ForwardingWorld.start({ nodes: 2 });
  const [here, there] = [await world.client(0), await world.client(1)];
  await here.queue("work").push("job");
  const held = there.queue("work").pull()[Symbol.asyncIterator]();
  await settles(held.next(), "the job");
  const room = await here.room("lobby", { nick: "ada" });
  await there.room("lobby", { nick: "bob" });
  await nextOfKind(room, "joined");
  await world.nodes[1].end();
  const left = await nextOfKind(room, "left");
  assert.equal(left.name, "bob");
  for await (const job of here.queue("work").pull()) {
    assert.equal(job.redelivered, true);
    await job.ack();
    break;
  }
  assert.equal(world.nodes[0].forwarding.hosted.size, 0);
});

Deno.test("rooms and names are one for all nodes", async () => {
  await using world = await ForwardingWorld.start({ nodes: 3 });
  const clients = [await world.client(0), await world.client(1), await world.client(2)];
  const rooms: Room[] = [];
  for (const [index, client] of clients.entries()) {
    rooms.push(await client.room("lobby", { nick: `user${index}` }));
  }
  await rejection((await world.client(0)).room("other", { nick: "USER1" }), "ALREADY_EXISTS");
  await rejection((await world.client(1)).room("other", { nick: "user2" }), "ALREADY_EXISTS");
  assert.deepEqual((await rooms[1].members()).map(({ name }) => name), ["user0", "user1", "user2"]);
  await rooms[2].say("hello from 2");
  for (const room of rooms) {
    const said = await nextOfKind(room, "said");
    assert.equal(said.kind === "said" && said.text, "hello from 2");
    assert.equal(said.name, "user2");
  }
  await rooms[0].tell("user2", "psst");
  const direct = await nextOfKind(rooms[2], "direct");
  assert.equal(direct.kind === "direct" && direct.text, "psst");
  await rooms[2].setTopicLine("news");
  assert.equal((await clients[1].rooms())[0].topicLine, "news");
  await rooms[1].leave();
  const left = await nextOfKind(rooms[0], "left");
  assert.equal(left.name, "user1");
});

Deno.test("a name that is taken over with its token ends the connection that had it, on its own node", async () => {
  await using world = await ForwardingWorld.start({ nodes: 2 });
  const [first, second] = [await world.client(1), await world.client(0)];
  const room = await first.room("lobby", { nick: "ada" });
  const again = await second.room("lobby", { nick: "ada", token: room.token });
  assert.equal(again.nick, "ada");
  const ended = (async () => {
    while (await nextOf(room) !== undefined);
  })();
  const reason = await settles(ended.then(() => null, (error) => error), "the end of the first");
  assert.match(String(reason), /taken over with its token/);
  await world.hosts(0, 0);
});

Deno.test("events that queues are bound to become jobs once, and reach subscribers of every node", async () => {
  const queues = [{ name: "mails", bind: ["orders.*"] }];
  await using world = await ForwardingWorld.start({ nodes: 2, queues });
  const [here, there] = [await world.client(0), await world.client(1)];
  const got = [new Collector(), new Collector()];
  await here.subscribe("orders.*", { echo: true }, got[0].take);
  await (await world.client(1)).subscribe("orders.*", {}, got[1].take);
  await there.publish("orders.a", "from there");
  await here.publish("orders.a", "from here");
  for (const collector of got) {
    await collector.count(2);
    assert.deepEqual(collector.texts, ["from there", "from here"]);
  }
  const texts: string[] = [];
  for await (const job of there.queue("mails").pull()) {
    texts.push(job.text());
    await job.ack();
    if (texts.length === 2) break;
  }
  assert.deepEqual(texts, ["from there", "from here"]);
});

Deno.test("a group shares the events of a kept topic out over all nodes, each once", async () => {
  await using world = await ForwardingWorld.start({ nodes: 3 });
  const got = [new Collector(), new Collector(), new Collector()];
  for (const index of [0, 1, 2]) {
    await (await world.client(index)).subscribe("kept.a", { group: "g" }, got[index].take);
  }
  const publisher = await world.client(1);
  for (const text of numbers(60)) await publisher.publish("kept.a", text);
  const all = () => got.flatMap(({ texts }) => texts);
  await until(() => all().length >= 60, "all events");
  await publisher.ping();
  assert.deepEqual(all().toSorted((one, other) => Number(one) - Number(other)), numbers(60));
});

Deno.test("who does not want its own events does not get them, wherever they are kept", async () => {
  await using world = await ForwardingWorld.start({ nodes: 2 });
  const [client, other] = [await world.client(1), await world.client(0)];
  const got = new Collector();
  await client.subscribe("kept.a", { echo: false }, got.take);
  await client.publish("kept.a", "own");
  await other.publish("kept.a", "other");
  await got.count(1);
  assert.deepEqual(got.texts, ["other"]);
});

Deno.test("who has finished sending still gets the answers to what it asked", async () => {
  await using world = await ForwardingWorld.start({ nodes: 2 });
  const client = await world.client(1);
  const acks = numbers(500).map((text) => client.publish("kept.a", text));
  const closed = client.close();
  const seqs = (await settles(Promise.all(acks), "all acknowledgements")).map(({ seq }) => seq);
  assert.deepEqual(seqs, numbers(500).map((text) => BigInt(text) + 1n));
  await closed;
  await world.hosts(0, 0);
});

Deno.test("while nobody leads durable work is refused, and what is plain goes on", async () => {
  await using world = await ForwardingWorld.start({ nodes: 2 });
  const client = await world.client(1);
  await client.publish("kept.a", "before");
  world.noLead();
  for (const refused of [client.publish("kept.a", "x"), client.queue("work").push("x")]) {
    const { message, retryable } = await rejection(refused, "UNAVAILABLE");
    assert.match(message, /no node is known that leads the cluster/);
    assert.equal(retryable, true);
  }
  await rejection(client.room("lobby", { nick: "ada" }), "UNAVAILABLE");
  const got = new Collector();
  await client.subscribe("plain", { echo: true }, got.take);
  await client.publish("plain", "goes on");
  await got.count(1);
  await client.echo("and this");
  // What was kept can be read.
  const since = await (await world.client(1)).subscribe("kept.a", { since: "all" });
  assert.equal((await since[Symbol.asyncIterator]().next()).value?.text(), "before");
  for (const node of world.nodes) node.lead.set("node0");
  assert.equal((await client.publish("kept.a", "after")).seq, 2n);
});

Deno.test("what is handed on is counted where it comes from and where it goes", async () => {
  await using world = await ForwardingWorld.start({ nodes: 2 });
  const [here, there] = world.nodes;
  const client = await world.client(1);
  for (const text of numbers(3)) await client.publish("kept.a", text);
  await client.publish("plain", "not handed on");
  const idle = { clients: 0, sessions: 0, requestsOut: 0, requestsIn: 0, requestsLost: 0 };
  assert.deepEqual(there.forwarding.facts, { ...idle, clients: 1, requestsOut: 3 });
  assert.deepEqual(here.forwarding.facts, { ...idle, sessions: 1, requestsIn: 3 });
});
