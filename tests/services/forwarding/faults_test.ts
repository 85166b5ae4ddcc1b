/**
 * Forwarded work when links break, when another node leads, and when clients do not read or do not stop.
 */
import assert from "node:assert/strict";
import type { Job, Room } from "../../../lib/client/mod.ts";
import { LogError } from "../../../lib/ports/commit_log.ts";
import { numbers } from "../../client/bus_support.ts";
import { nextOf } from "../../client/rooms/room_support.ts";
import { rejection } from "../../client/rejections.ts";
import { settles, until } from "../../support/until.ts";
import { ForwardingWorld } from "./forwarding_world.ts";

Deno.test("what was not answered when the link breaks is answered as unknown, and goes on after it", async () => {
  await using world = await ForwardingWorld.start({ nodes: 2 });
  const client = await world.client(1);
  await client.publish("kept.a", "first");
  const [leader, follower] = world.nodes;
  const held = Promise.withResolvers<void>();
  const log = leader.replica.log as { held?: Promise<void> | null };
  log.held = held.promise;
  const unknown = client.publish("kept.a", "second", { messageId: "second" });
  await until(
    () => leader.features.kept!.store.overloaded || leader.forwarding.hosted.size === 1,
    "it came",
  );
  await client.ping();
  world.hub.cut(follower.engine, leader.engine);
  const { message } = await rejection(unknown, "UNAVAILABLE");
  assert.match(message, /cannot tell whether this was done/);
  log.held = null;
  held.resolve();
  const again = await client.publish("kept.a", "second", { messageId: "second" });
  const { seq } = await client.publish("kept.a", "third");
  assert.equal(again.seq, 2n);
  assert.equal(seq, 3n);
});

Deno.test("consumers pull on behind a link that broke, and jobs that were out come again", async () => {
  await using world = await ForwardingWorld.start({ nodes: 2 });
  const [pusher, puller] = [await world.client(0), await world.client(1)];
  const jobs = puller.queue("work").pull({ prefetch: 1 })[Symbol.asyncIterator]();
  await pusher.queue("work").push("job");
  const first: Job = (await settles(jobs.next(), "the job")).value!;
  world.hub.cut(world.nodes[1].engine, world.nodes[0].engine);
  const again: Job = (await settles(jobs.next(), "the job again")).value!;
  assert.deepEqual([again.id, again.redelivered], [first.id, true]);
  await rejection(first.ack(), "FAILED_PRECONDITION");
  await again.ack();
  await pusher.queue("work").push("another");
  assert.equal((await settles(jobs.next(), "the other job")).value?.text(), "another");
});

Deno.test("people keep their name and their rooms behind a link that broke", async () => {
  await using world = await ForwardingWorld.start({ nodes: 2 });
  const [here, there] = [await world.client(0), await world.client(1)];
  const rooms: Room[] = [
    await here.room("lobby", { nick: "ada" }),
    await there.room("lobby", { nick: "bob" }),
  ];
  world.hub.cut(world.nodes[1].engine, world.nodes[0].engine);
  await world.hosts(0, 1);
  await until(() => rooms[1].online === 2 && !rooms[1].ended, "it is there");
  await rooms[1].say("still here");
  const kinds: string[] = [];
  for (;;) {
    const value = await nextOf(rooms[0]);
    if (value === undefined) break;
    if (value.name === "bob") kinds.push(value.kind);
    if (value.kind === "said") break;
  }
  assert.deepEqual(kinds, ["joined", "left", "joined", "said"]);
  assert.deepEqual((await rooms[0].members()).map(({ name }) => name), ["ada", "bob"]);
});

Deno.test("people stay in their rooms behind a link that broke, also where the room cannot be told", async () => {
  await using world = await ForwardingWorld.start({ nodes: 2 });
  const [leader, follower] = world.nodes;
  const client = await world.client(1);
  const room = await client.room("lobby", { nick: "ada" });
  const { log } = leader.replica;
  const append = log.append.bind(log);
  log.append = (_bytes, last) => Promise.reject(new LogError("full", "it is full", { last }));
  world.hub.cut(follower.engine, leader.engine);
  await world.hosts(0, 1);
  await client.ping();
  await leader.features.kept!.store.flush().catch(() => {});
  log.append = append;
  await room.say("still here");
  assert.deepEqual((await room.members()).map(({ name }) => name), ["ada"]);
});

Deno.test("another node that leads takes over consumers and people, of all nodes, without a word", async () => {
  await using world = await ForwardingWorld.start({ nodes: 3 });
  const clients = [await world.client(0), await world.client(1), await world.client(2)];
  const rooms: Room[] = [];
  const pulls: AsyncIterator<Job>[] = [];
  for (const [index, client] of clients.entries()) {
    rooms.push(await client.room("lobby", { nick: `user${index}` }));
    pulls.push(client.queue(`work${index}`).pull()[Symbol.asyncIterator]());
  }
  const first = pulls.map((pull) => pull.next());
  await until(() => {
    const queues = world.nodes[0].features.queues!;
    return [0, 1, 2].every((index) => queues.find(`work${index}`)?.pulling === 1);
  }, "all pull");
  await world.lead(1);
  for (const [index, client] of clients.entries()) {
    await client.queue(`work${(index + 1) % 3}`).push(`job ${(index + 1) % 3}`);
  }
  for (const [index, job] of (await settles(Promise.all(first), "all jobs")).entries()) {
    assert.equal(job.value.text(), `job ${index}`);
    await job.value.ack();
  }
  await rooms[0].say("after it");
  const members = await rooms[2].members();
  assert.deepEqual(members.map(({ name }) => name).toSorted(), ["user0", "user1", "user2"]);
  await rejection((await world.client(2)).room("lobby", { nick: "user0" }), "ALREADY_EXISTS");
  assert.equal(world.nodes[0].forwarding.hosted.size, 0);
  await world.hosts(1, 3);
});

Deno.test("a node that knows nobody who leads for a moment gives back at once what its clients held", async () => {
  await using world = await ForwardingWorld.start({ nodes: 2 });
  const [leader, follower] = world.nodes;
  const [pusher, puller] = [await world.client(0), await world.client(1)];
  const jobs = puller.queue("work").pull({ prefetch: 1 })[Symbol.asyncIterator]();
  await pusher.queue("work").push("job");
  const first: Job = (await settles(jobs.next(), "the job")).value!;
  // The one that leads goes on, and knows nothing of it.
  follower.lead.set(undefined);
  follower.lead.set(leader.id);
  const again: Job = (await settles(jobs.next(), "the job again")).value!;
  assert.deepEqual([again.id, again.redelivered], [first.id, true]);
  await again.ack();
  await world.hosts(0, 1);
});

Deno.test("a consumer that is closed while nobody leads gets no jobs of the next one", async () => {
  await using world = await ForwardingWorld.start({ nodes: 2 });
  const [here, there] = [await world.client(0), await world.client(1)];
  const closing = [here, there].map((client) => client.queue("work").pull());
  for (const puller of closing) void puller[Symbol.asyncIterator]().next();
  await until(() => world.nodes[0].features.queues!.find("work")?.pulling === 2, "both pull");
  world.noLead();
  for (const puller of closing) await puller.close();
  await world.lead(1);
  for (const text of numbers(8)) await here.queue("work").push(text);
  const texts: string[] = [];
  for await (const job of there.queue("work").pull()) {
    texts.push(job.text());
    await job.ack();
    if (texts.length === 8) break;
  }
  assert.deepEqual(texts, numbers(8));
});

Deno.test("a worker that begins while nobody leads works once somebody does", async () => {
  await using world = await ForwardingWorld.start({ nodes: 2 });
  const [pusher, client] = [await world.client(0), await world.client(1)];
  world.noLead();
  await rejection(client.queue("work").push("refused"), "UNAVAILABLE");
  const done: string[] = [];
  const worker = client.queue("work").work((job) => void done.push(job.text()));
  await client.ping();
  for (const node of world.nodes) node.lead.set("node0");
  await pusher.queue("work").push("job");
  await until(() => done.length === 1, "the job is done");
  await worker.stop();
});

Deno.test("who asks a node that has come to lead has there first what it had elsewhere", async () => {
  await using world = await ForwardingWorld.start({ nodes: 2 });
  const client = await world.client(1);
  const room = await client.room("lobby", { nick: "ada" });
  // It has so many clients that the turn of this one has not come.
  world.nodes[1].forwarding.forwarder.look = () => {};
  await world.lead(1);
  await room.say("still here");
  assert.deepEqual((await room.members()).map(({ name }) => name), ["ada"]);
});

Deno.test("a client that does not read its jobs holds nobody else up", async () => {
  await using world = await ForwardingWorld.start({ nodes: 2 });
  const [pusher, other] = [await world.client(0), await world.client(1)];
  const payload = new Uint8Array(200_000);
  for (let index = 0; index < 64; index++) await pusher.queue("slow").push(payload);
  const port = Number(new URL(world.nodes[1].url).port);
  using stuck = await Deno.connect({ hostname: "127.0.0.1", port });
  // A Pull from "slow" as consumer 1 with a prefetch of 64.
  await stuck.write(Uint8Array.of(13, 0x82, 1, 10, 8, 1, 18, 4, 0x73, 0x6c, 0x6f, 0x77, 24, 64));
  await until(() => world.nodes[0].forwarding.hosted.size === 1, "the consumer");
  for (const text of numbers(200)) await other.publish("kept.a", text);
  const texts: string[] = [];
  for (const text of numbers(50)) await other.queue("quick").push(text);
  for await (const job of other.queue("quick").pull()) {
    texts.push(job.text());
    await job.ack();
    if (texts.length === 50) break;
  }
  assert.deepEqual(texts, numbers(50));
});

Deno.test("a client that floods holds itself up, and not another one of its node", async () => {
  await using world = await ForwardingWorld.start({ nodes: 2 });
  const [flooder, other] = [await world.client(1), await world.client(1)];
  let isOver = false;
  const payload = "x".repeat(1000);
  const flood = (async () => {
    while (!isOver) await flooder.publish("kept.flood", payload, { ack: false });
  })();
  await until(() => world.nodes[0].forwarding.hosted.size === 1, "the flood");
  for (const text of numbers(20)) {
    await settles(other.publish("kept.a", text), "an event beside the flood");
  }
  isOver = true;
  await settles(flood, "the end of the flood");
});
