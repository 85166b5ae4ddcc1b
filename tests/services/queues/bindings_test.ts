/**
 * Topics that are bound to queues: their events become jobs, once each, in every queue that is bound, or the
 * event is refused and nothing happens at all.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { Verdict } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { levelOf, storeTest } from "../kept/kept_support.ts";
import { Person } from "../rooms/rooms_support.ts";
import { BusClient, busTest } from "../../support/bus_client.ts";
import { bytesOf, publish, publishNumber, subscribe } from "../../support/bus_messages.ts";
import { contentOf } from "../../support/frames.ts";
import { startServer } from "../../support/server.ts";
import {
  assertRefused,
  care,
  infoOf,
  jobs,
  METHODS,
  pull,
  push,
  settle,
  texts,
  waiting,
} from "./queue_support.ts";

const KEEP = [{ pattern: "k.>" }];

async function acked(client: BusClient, topic: string, text: string, more = {}) {
  const event = { topic, payload: bytesOf(text), ...more };
  return contentOf(await client.ask(publish(event)), "ack");
}

storeTest("an event on a bound topic becomes a job that carries what it did", async (data) => {
  const queue = [{ name: "mail", bind: ["k.orders.*", "plain.>"] }];
  await using server = await startServer({ data, keep: KEEP, queue });
  await using client = await BusClient.connect(server, "tcp");
  await using consumer = await BusClient.connect(server, "tcp");
  const before = BigInt(Date.now()) * 1000n;
  const sender = await client.sessionId();
  for (const topic of ["k.orders.1", "plain.x.y"]) {
    const event = { type: "t.Order", headers: { a: "1", b: "ü" }, messageId: `id of ${topic}` };
    const ack = await acked(client, topic, `on ${topic}`, event);
    assert.equal(ack.level, levelOf(data));
    assert.equal(ack.seq, topic.startsWith("k.") ? 1n : 0n, "the seq of the event, not of a job");
    await pull(consumer, "mail", 5);
    const [job] = await jobs(consumer, 1);
    assert.deepEqual([job.queue, job.topic], ["mail", topic]);
    assert.deepEqual([job.type, job.headers, texts([job])[0]], [
      event.type,
      event.headers,
      `on ${topic}`,
    ]);
    assert.equal(job.messageId, event.messageId);
    assert.deepEqual([job.priority, job.key, job.attempt, job.redelivered], [0, "", 1, false]);
    assert.equal(job.sender, sender);
    assert(job.timeUnixMicros >= before && job.timeUnixMicros <= BigInt(Date.now()) * 1000n);
    assert.deepEqual(
      contentOf(await settle(consumer, Verdict.ACK, [job]), "settled").lateTokens,
      [],
    );
  }
  assert.equal((await infoOf(client, "mail")).done, 2n);
});

busTest(
  "events without an id become jobs, too, in their order, and subscribers get them",
  async (kind) => {
    await using server = await startServer({ keep: KEEP, queue: [{ name: "q", bind: [">"] }] });
    await using client = await BusClient.connect(server, kind);
    await using other = await BusClient.connect(server, kind);
    for (const pattern of ["k.>", "plain"]) await other.acknowledged(subscribe(pattern));
    const numbers = Array.from({ length: 300 }, (_, index) => index);
    await client.send(
      ...numbers.map((number) => publishNumber(number % 3 ? "k.a" : "plain", number)),
    );
    await pull(other, "q", 1000);
    assert.deepEqual(texts(await jobs(other, 300)).map(Number), numbers);
    const events = await other.whenEvents(300);
    const seen = events.map(({ payload }) => Number(new TextDecoder().decode(payload)));
    assert.deepEqual(seen.toSorted((one, two) => one - two), numbers);
    assert(events.every(({ headers }) => Object.keys(headers).length === 0));
  },
);

storeTest(
  "an acknowledgement of a plain topic tells its level and who was reached",
  async (data) => {
    await using server = await startServer({ data, queue: [{ name: "q", bind: ["plain"] }] });
    await using client = await BusClient.connect(server, "tcp");
    await using one = await BusClient.connect(server, "tcp");
    await using two = await BusClient.connect(server, "tcp");
    const alone = await acked(client, "plain", "1");
    assert.deepEqual([alone.level, alone.receivers], [levelOf(data), 0]);
    await one.acknowledged(subscribe("plain"));
    await two.acknowledged(subscribe({ pattern: "*", group: "g" }));
    const ack = await acked(client, "plain", "2");
    assert.deepEqual([ack.level, ack.receivers], [levelOf(data), 2]);
    const unbound = await acked(client, "other", "3");
    assert.deepEqual([unbound.level, unbound.receivers], [AckLevel.ROUTED, 1]);
    assert.equal((await infoOf(client, "q")).ready, 2n);
  },
);

Deno.test("several queues each get their copy, of the patterns that match", async () => {
  await using server = await startServer({
    keep: KEEP,
    queue: [
      { name: "all", bind: [">"] },
      { name: "created", bind: ["k.*.created", "*.created"] },
      { name: "twice", bind: ["k.>", "k.a.>", "k.a.created"] },
      { name: "none", bind: ["k.a"] },
    ],
  });
  await using client = await BusClient.connect(server, "tcp");
  for (const topic of ["k.a.created", "k.a.b", "x.created", "k"]) await acked(client, topic, topic);
  const ready: Record<string, number> = {};
  for (const { queue, ready: count } of (await care(client, METHODS.list, {})).queues) {
    ready[queue] = Number(count);
  }
  assert.deepEqual(ready, { all: 4, created: 2, twice: 2 });
});

Deno.test("an event that a kept topic has already makes no second job", async () => {
  await using server = await startServer({ keep: KEEP, queue: [{ name: "q", bind: [">"] }] });
  await using client = await BusClient.connect(server, "tcp");
  const first = await acked(client, "k.a", "1", { messageId: "m" });
  const again = await acked(client, "k.a", "2", { messageId: "m" });
  assert.deepEqual([again.seq, again.duplicate], [first.seq, true]);
  await client.send(
    ...["3", "4", "5"].map((text) =>
      publish({ topic: "k.b", payload: bytesOf(text), messageId: "same" })
    ),
  );
  await acked(client, "k.c", "6", { messageId: "m" });
  // A job that is pushed knows nothing of events.
  assert.equal((await push(client, { queue: "q", messageId: "m" })).duplicate, false);
  await pull(client, "q", 10);
  assert.deepEqual(texts(await jobs(client, 4)), ["1", "3", "6", ""]);
  assert.equal((await infoOf(client, "q")).ready, 0n);
});

Deno.test("a queue that is full refuses the event, everywhere", async () => {
  await using server = await startServer({
    keep: KEEP,
    queue: [
      { name: "large", bind: [">"] },
      { name: "small", bind: [">"], max_jobs: 2 },
    ],
  });
  await using client = await BusClient.connect(server, "tcp");
  await using reader = await BusClient.connect(server, "tcp");
  await reader.acknowledged(subscribe("k.>"));
  await reader.acknowledged(subscribe("plain"));
  await acked(client, "k.a", "1", { messageId: "1" });
  await acked(client, "plain", "2");
  for (const topic of ["k.a", "k.new", "plain"]) {
    const answer = await client.ask(publish({ topic, messageId: `${topic} again` }));
    const error = contentOf(answer, "error");
    assertRefused(error, ErrorCode.RESOURCE_EXHAUSTED, /queue is full.*max_jobs 2/);
    assert.equal(error.retryable, true);
  }
  await client.send(publish({ topic: "k.a" }), publish({ topic: "plain" }));
  await client.when(
    () => client.messages.filter(({ message }) => message.case === "error").length === 2,
    "a refusal of each without an id",
  );
  // What is a duplicate takes no room.
  assert.equal((await acked(client, "k.a", "1", { messageId: "1" })).duplicate, true);
  assert.equal((await infoOf(client, "large")).ready, 2n);
  await pull(client, "small", 1);
  const [job] = await jobs(client, 1);
  contentOf(await settle(client, Verdict.ACK, [job]), "settled");
  const ack = await acked(client, "k.a", "3", { messageId: "k.a again" });
  assert.deepEqual([ack.seq, ack.duplicate], [2n, false], "nothing of what was refused was kept");
  await reader.whenEvents(3);
  await reader.sessionId();
  const seen = reader.events.map(({ payload }) => new TextDecoder().decode(payload));
  assert.deepEqual(seen, ["1", "2", "3"], "nor handed out");
  assert.equal((await infoOf(client, "large")).ready, 3n);
});

Deno.test("what happens in a room becomes jobs of the queue that is bound to it", async () => {
  await using server = await startServer({ queue: [{ name: "q", bind: ["room.*", "direct"] }] });
  await using person = await Person.connect(server, "ann");
  await person.enter("tea");
  await person.say("tea", "hello");
  await person.say("tea", "again", "once");
  await person.say("tea", "again", "once");
  await person.tell("ann", "psst").catch(() => {});
  await pull(person.client, "q", 10);
  const got = await jobs(person.client, 3);
  assert.deepEqual(got.map(({ topic }) => topic), ["room.tea", "room.tea", "room.tea"]);
  assert(got.every(({ type }) => type === "parley.v1.RoomEvent"));
  assert.equal((await infoOf(person.client, "q")).ready, 0n);
});

Deno.test("a topic that is reserved cannot be published to for the sake of a queue", async () => {
  await using server = await startServer({ queue: [{ name: "q", bind: [">"] }] });
  await using client = await BusClient.connect(server, "tcp");
  const error = contentOf(await client.ask(publish({ topic: "room.tea" })), "error");
  assert.equal(error.code, ErrorCode.PERMISSION_DENIED);
  assert.equal(waiting(client), 0);
});

storeTest("the jobs of events are there after a restart, and go on being bound", async (data) => {
  const input = { data, keep: KEEP, queue: [{ name: "q", bind: ["k.>", "plain"] }] };
  {
    await using server = await startServer(input);
    await using client = await BusClient.connect(server, "tcp");
    await acked(client, "k.a", "1", { messageId: "m" });
    await acked(client, "plain", "2");
  }
  await using server = await startServer(input);
  await using client = await BusClient.connect(server, "tcp");
  const isKept = data !== "";
  assert.equal((await acked(client, "k.a", "1", { messageId: "m" })).duplicate, isKept);
  await acked(client, "plain", "3");
  await pull(client, "q", 10);
  const got = isKept ? ["1", "2", "3"] : ["1", "3"];
  assert.deepEqual(texts(await jobs(client, got.length)), got);
});
