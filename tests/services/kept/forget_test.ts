/**
 * Topics that go: empty ones by their policy, any by being removed; what counts for the limit, that no seq is
 * given twice, and who is told what.
 */
import assert from "node:assert/strict";
import { ManualClock } from "../../support/manual_clock.ts";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { callMessage, type Client, connect as connectClient } from "../../../lib/client/mod.ts";
import {
  ListTopicsRequestSchema,
  ListTopicsResponseSchema,
  RemoveTopicsRequestSchema,
  RemoveTopicsResponseSchema,
  TrimTopicRequestSchema,
  TrimTopicResponseSchema,
} from "../../../lib/gen/parley/v1/topic_pb.ts";
import { configFrom } from "../../../lib/server/config/config.ts";
import type { TestServer } from "../../support/server.ts";
import { publish } from "../../support/bus_messages.ts";
import {
  connect,
  epochOf,
  follow,
  missedBy,
  publishAll,
  range,
  seqsOf,
  startKept,
  storeTest,
} from "./kept_support.ts";

const DAY_MS = 24 * 3600 * 1000;

function clientOf(server: TestServer): Promise<Client> {
  return connectClient(`parley://127.0.0.1:${server.port("tcp")}`);
}

async function names(client: Client): Promise<string[]> {
  const { topics } = await callMessage(
    client,
    "parley.v1.Topics/List",
    ListTopicsRequestSchema,
    ListTopicsResponseSchema,
    {},
  );
  return topics.map(({ topic }) => topic);
}

async function remove(client: Client, pattern: string) {
  const { removed, dropped, kept, more } = await callMessage(
    client,
    "parley.v1.Topics/Remove",
    RemoveTopicsRequestSchema,
    RemoveTopicsResponseSchema,
    { pattern },
  );
  return { removed: Number(removed), dropped: Number(dropped), kept, more };
}

function trimAll(client: Client, topic: string) {
  return callMessage(
    client,
    "parley.v1.Topics/Trim",
    TrimTopicRequestSchema,
    TrimTopicResponseSchema,
    { topic, beforeSeq: 1_000_000n },
  );
}

storeTest(
  "names that are empty for long enough are forgotten, and no seq is given twice",
  async (data) => {
    const clock = new ManualClock(1_700_000_000_000);
    const keep = [{ pattern: "k.>", forget_after_ms: DAY_MS }, { pattern: "stays.>" }];
    await using server = await startKept(data, { keep }, clock);
    await using client = await clientOf(server);
    await using publisher = await connect(server);
    for (const topic of ["k.a", "k.b", "k.full", "stays.a"]) {
      await publishAll(publisher, topic, 1, topic === "k.b" ? 7 : 3);
    }
    for (const topic of ["k.a", "k.b", "stays.a"]) await trimAll(client, topic);
    clock.advance(DAY_MS - 1);
    assert.deepEqual(await names(client), ["k.a", "k.b", "k.full", "stays.a"]);
    clock.advance(1);
    let left = await names(client);
    // Each look is a round trip, so that the sweep that forgets them has its turns.
    for (let looks = 0; left.length > 2 && looks < 100_000; looks++) left = await names(client);
    assert.deepEqual(left, ["k.full", "stays.a"]);
    // The same connection remembered where its topics are kept.
    for (const [topic, seq] of [["k.a", 8n], ["k.full", 4n], ["k.b", 8n], ["k.new", 8n]] as const) {
      const [ack] = await publishAll(publisher, topic, 1, 1);
      assert.equal(ack.seq, seq, topic);
    }
  },
);

storeTest("a server that is full of names has room again when some are removed", async (data) => {
  await using server = await startKept(data, { store: { max_kept_topics: 3 } });
  await using client = await clientOf(server);
  await using publisher = await connect(server);
  for (const topic of ["k.1", "k.2", "k.3"]) await publishAll(publisher, topic, 1, 5);
  const full = (error: unknown) => {
    assert(error instanceof ParleyError);
    assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
    assert.match(error.accepted, /at most 3 kept topics .*forget_after_ms.*parley topic rm/);
    return true;
  };
  await assert.rejects(client.publish("k.4", "x"), full);
  assert.deepEqual(await remove(client, "k.2"), { removed: 1, dropped: 5, kept: [], more: false });
  await client.publish("k.4", "x");
  await assert.rejects(client.publish("k.2", "x"), full);
  await assert.rejects(remove(client, "k.2"), { codeName: "NOT_FOUND" });
  assert.deepEqual(await remove(client, "k.>"), { removed: 3, dropped: 11, kept: [], more: false });
  assert.deepEqual(await remove(client, "k.>"), { removed: 0, dropped: 0, kept: [], more: false });
  assert.deepEqual(await names(client), []);
});

Deno.test("many names come and go without end, and a removal is done in parts", async () => {
  await using server = await startKept("", {
    store: { max_kept_topics: 1000 },
    limits: { guest_names_percent: 100 },
  });
  await using client = await clientOf(server);
  await using publisher = await connect(server);
  for (let round = 0; round < 3; round++) {
    for (const number of range(1, 1000)) {
      await publisher.send(publish({ topic: `k.${round}.${number}` }));
    }
    await publishAll(publisher, `k.${round}.1`, 1, 1);
    let removed = 0;
    for (let more = true; more;) {
      const answer = await remove(client, "k.>");
      removed += answer.removed;
      more = answer.more;
    }
    assert.equal(removed, 1000);
  }
  assert.equal(server.stats().requestsRefused, 0);
});

storeTest(
  "who resumes a topic that was removed and made anew loses nothing and gets nothing twice",
  async (data) => {
    await using server = await startKept(data);
    await using client = await clientOf(server);
    await using publisher = await connect(server);
    await publishAll(publisher, "k.a", 1, 10);
    await publishAll(publisher, "k.b", 1, 30);
    const historyEpoch = await epochOf(publisher);
    await remove(client, "k.*");
    const resume = { positions: [{ topic: "k.a", seq: 10n }], historyEpoch };
    await using early = await connect(server);
    const ack = await follow(early, { pattern: "k.a", start: resume, tellPositions: true });
    assert.equal(ack.historyLost, false, "the position is one that was given");
    assert.deepEqual(ack.positions.map(({ seq }) => seq), [30n], "as far as any seq was given");
    await publishAll(publisher, "k.a", 1, 3);
    await using late = await connect(server);
    await follow(late, { pattern: "k.a", start: resume });
    for (const each of [early, late]) {
      await each.when(() => each.events.length === 3, "the events of the new topic");
      assert.deepEqual(seqsOf(each.events), [31, 32, 33]);
    }
    assert.equal(missedBy(early)["k.a"], undefined);
    assert.equal(missedBy(late)["k.a"], 20, "the numbers that nobody can have");
    await using wrong = await connect(server);
    const start = { positions: [{ topic: "k.a", seq: 34n }], historyEpoch };
    assert.equal((await follow(wrong, { pattern: "k.a", start })).historyLost, true);
  },
);

Deno.test("what was forgotten stays so after a restart, and its numbers as well", async () => {
  const data = await Deno.makeTempDir({ prefix: "parley-forget-" });
  try {
    {
      await using server = await startKept(data);
      await using client = await clientOf(server);
      await using publisher = await connect(server);
      await publishAll(publisher, "k.a", 1, 12);
      await publishAll(publisher, "k.b", 1, 2);
      await remove(client, "k.a");
    }
    await using server = await startKept(data);
    await using client = await clientOf(server);
    await using publisher = await connect(server);
    assert.deepEqual(await names(client), ["k.b"]);
    const [again] = await publishAll(publisher, "k.a", 1, 1);
    assert.equal(again.seq, 13n);
    const [beside] = await publishAll(publisher, "k.b", 1, 1);
    assert.equal(beside.seq, 3n);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

storeTest(
  "a topic that is published on while it is removed keeps what is acknowledged behind that",
  async (data) => {
    await using server = await startKept(data);
    await using client = await clientOf(server);
    await using publisher = await connect(server);
    await using reader = await connect(server);
    await follow(reader, { pattern: "k.a" });
    let published = 0;
    for (let round = 0; round < 20; round++) {
      const removing = remove(client, "k.>");
      const acks = await publishAll(publisher, "k.a", published + 1, published += 50);
      await removing.catch((error) => assert.equal(error.codeName, "NOT_FOUND"));
      for (const [index, ack] of acks.entries()) {
        if (index > 0) assert.equal(ack.seq, acks[index - 1].seq + 1n, "without gaps");
      }
    }
    await reader.when(() => reader.events.length === published, "everything");
    const seqs = seqsOf(reader.events);
    assert(seqs.every((seq, index) => index === 0 || seq > seqs[index - 1]), "no seq twice");
  },
);

storeTest("a room with people in it stays, and goes when they have left", async (data) => {
  await using server = await startKept(data, { keep: [] });
  await using client = await clientOf(server);
  await using person = await clientOf(server);
  const room = await person.room("tea", { nick: "ann" });
  await room.say("hello");
  assert.deepEqual(await remove(client, "room.*"), {
    removed: 0,
    dropped: 0,
    kept: ["room.tea"],
    more: false,
  });
  await room.leave();
  assert.equal((await remove(client, "room.tea")).removed, 1);
});

Deno.test("an empty topic stays for as long as somebody is in its room", async () => {
  const clock = new ManualClock(1_700_000_000_000);
  await using server = await startKept("", {
    keep: [{ pattern: "room.*", forget_after_ms: DAY_MS }, {
      pattern: "k.>",
      forget_after_ms: DAY_MS,
    }],
  }, clock);
  await using client = await clientOf(server);
  await using person = await clientOf(server);
  const room = await person.room("tea", { nick: "ann" });
  await client.publish("k.a", "x");
  for (const topic of ["room.tea", "k.a"]) await trimAll(client, topic);
  clock.advance(DAY_MS);
  // Both are due: when the one that nobody uses is gone, the other one was looked at, too.
  let left = await names(client);
  for (let looks = 0; left.length > 1 && looks < 100_000; looks++) left = await names(client);
  assert.deepEqual(left, ["room.tea"]);
  assert((await room.say("still here")).seq > 1n, "and its numbers go on");
});

Deno.test("a name may not be forgotten before its message_ids are", () => {
  const config = (after: number, window: number) =>
    configFrom({
      keep: [{ pattern: "k.>", forget_after_ms: after }],
      store: { dedup_window_ms: window },
    });
  config(0, 5000);
  config(5000, 5000);
  assert.throws(() => config(4999, 5000), /forget_after_ms \(4999\) must be 0 or at least/);
});
