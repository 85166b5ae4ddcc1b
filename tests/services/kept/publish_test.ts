/**
 * Publishing on kept topics: what an acknowledgement says, what a repetition is, and what is refused.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { BusClient } from "../../support/bus_client.ts";
import { bytesOf, publish, subscribe } from "../../support/bus_messages.ts";
import { contentOf } from "../../support/frames.ts";
import { settles } from "../../support/until.ts";
import {
  connect,
  epochOf,
  follow,
  levelOf,
  publishAll,
  range,
  roundTrip,
  seqsOf,
  startKept,
  storeTest,
  textsOf,
} from "./kept_support.ts";

storeTest("an acknowledgement has the store's level and a seq without gaps", async (data) => {
  await using server = await startKept(data);
  await using one = await connect(server);
  await using other = await connect(server);
  const [first, second] = await Promise.all([
    publishAll(one, "k.a", 1, 200),
    publishAll(other, "k.a", 1, 200),
  ]);
  for (const { level, duplicate } of [...first, ...second]) {
    assert.equal(level, levelOf(data));
    assert.equal(duplicate, false);
  }
  const seqs = [...first, ...second].map(({ seq }) => Number(seq));
  assert.deepEqual(seqs.toSorted((a, b) => a - b), range(1, 400));
  const own = first.map(({ seq }) => Number(seq));
  assert.deepEqual(own, own.toSorted((a, b) => a - b), "in the order of publishing");
  assert.equal((await publishAll(one, "k.b", 1, 1))[0].seq, 1n, "each topic counts for itself");
  assert.equal((await publishAll(one, "plain", 1, 1))[0].seq, 0n);
});

storeTest(
  "each acknowledgement has the id of its own request, of many and whatever their size",
  async (data) => {
    await using server = await startKept(data);
    await using client = await connect(server);
    const sizes = [0n, 2n ** 31n, 2n ** 53n, 2n ** 64n - 4000n];
    const ids = range(1, 3000).map((number) => sizes[number % sizes.length] + BigInt(number));
    await client.send(...ids.map((id) => publish({ topic: "k.a" }, id)));
    for (const [index, id] of ids.entries()) {
      const { seq } = contentOf(await client.answerTo(id), "ack");
      assert.equal(seq, BigInt(index + 1), `request ${id}`);
    }
  },
);

storeTest(
  "a repeated message_id is kept once, delivered once, and told with the first seq",
  async (data) => {
    await using server = await startKept(data);
    await using client = await connect(server);
    await using reader = await connect(server);
    await follow(reader, { pattern: "k.>" });
    const event = (topic: string, text: string) => ({
      topic,
      payload: bytesOf(text),
      messageId: "m-1",
    });
    // The first three travel together, so that the repetition finds the first not yet committed.
    await client.send(
      publish(event("k.a", "first"), 1n),
      publish(event("k.a", "again"), 2n),
      publish(event("k.b", "elsewhere"), 3n),
    );
    const acks = [];
    for (const id of [1n, 2n, 3n]) acks.push(contentOf(await client.answerTo(id), "ack"));
    acks.push(contentOf(await client.ask(publish(event("k.a", "late"))), "ack"));
    assert.deepEqual(
      acks.map(({ seq, duplicate, level }) => [seq, duplicate, level]),
      [[1n, false], [1n, true], [1n, false], [1n, true]].map((each) => [...each, levelOf(data)]),
    );
    assert.equal((await publishAll(client, "k.a", 9, 9))[0].seq, 2n, "a repetition takes no seq");
    assert.deepEqual(textsOf(await reader.whenEvents(3)).toSorted(), ["9", "elsewhere", "first"]);
  },
);

storeTest("what is delivered is what was published, with all stamps", async (data) => {
  await using server = await startKept(data);
  await using client = await connect(server);
  await using live = await connect(server);
  await using late = await connect(server);
  const sender = await client.sessionId();
  await follow(live, { pattern: "k.>" });
  const before = Date.now();
  const payload = new Uint8Array(300_000).map((_, index) => index * 7);
  const headers = { trace: "t-1" };
  const event = { topic: "k.a", payload, type: "acme.v1.Made", headers, messageId: "m" };
  contentOf(await client.ask(publish(event)), "ack");
  const [delivered] = await live.whenEvents(1);
  await follow(late, { pattern: "k.a", start: { since: { case: "all", value: true } } });
  const [replayed] = await late.whenEvents(1);
  assert.deepEqual(replayed, delivered, "the history has the same bytes");
  assert.equal(delivered.sender, sender);
  assert.equal(delivered.seq, 1n);
  assert.deepEqual(delivered.payload, payload);
  assert.deepEqual(delivered.headers, headers);
  assert.equal(delivered.messageId, "m");
  assert.equal(delivered.type, "acme.v1.Made");
  const ms = Number(delivered.timeUnixMicros / 1000n);
  assert(ms >= before && ms <= Date.now());
});

Deno.test("what only the server may publish is refused, with the reason", async () => {
  await using server = await startKept("");
  await using client = await connect(server);
  for (const topic of ["room.tea", "room.tea.presence", "direct"]) {
    const error = contentOf(await client.ask(publish({ topic })), "error");
    assert.equal(error.code, ErrorCode.PERMISSION_DENIED, topic);
    assert.match(error.message, /only the server publishes there/);
    assert.match(error.accepted, /Rooms\/Say/);
  }
  assert.equal(contentOf(await client.ask(publish({ topic: "room" })), "ack").level, 1);
});

Deno.test("a start that cannot be is refused, and nothing is subscribed", async () => {
  await using server = await startKept("");
  await using client = await connect(server);
  const all = { case: "all", value: true } as const;
  const positions = range(1, 1001).map((n) => ({ topic: `k.t${n}`, seq: 1n }));
  const cases = [
    [{ pattern: "k.a", group: "g", start: { since: all } }, /with a group/],
    [{ pattern: "k.*", start: { since: { case: "seq", value: 3n } } }, /counts for itself/],
    [{ pattern: "plain", start: { since: all } }, /no policy keeps it/],
    [{ pattern: "k.>", start: { positions } }, /1001 positions/],
  ] as const;
  for (const [what, reason] of cases) {
    const error = contentOf(await client.ask(subscribe(what)), "error");
    assert.match(error.message, reason);
    assert.notEqual(error.accepted, "", "and what would be accepted is told");
    assert.equal(server.stats().subscriptions, 0);
  }
});

storeTest("a publisher that half-closes gets its acknowledgements", async (data) => {
  await using server = await startKept(data);
  await using client = await connect(server);
  await client.send(...range(1, 500).map((n) => publish({ topic: "k.a" }, BigInt(n))));
  await client.closeWrite();
  assert.equal(await client.whenEnded(), "end");
  const acks = client.messages.map((message) => contentOf(message, "ack").seq);
  assert.deepEqual(acks.map(Number), range(1, 500));
});

storeTest("a stop waits for what is being kept, and tells", async (data) => {
  await using server = await startKept(data);
  await using client = await connect(server);
  await publishAll(client, "k.a", 1, 1);
  await client.send(...range(2, 300).map((n) => publish({ topic: "k.a" }, BigInt(n))));
  // The first of them is taken, so the server has the others at hand when it is told to stop.
  await client.answerTo(2n);
  const stopping = server.server.stop();
  assert.equal(await client.whenEnded(), "end");
  client.close();
  await settles(stopping, "the stop");
  const acks = client.messages.filter(({ message }) => message.case === "ack");
  assert.deepEqual(acks.map(({ id }) => Number(id)), range(3, 300));
});

Deno.test("kept topics go on after a restart where they were, in the same history", async () => {
  const data = await Deno.makeTempDir({ prefix: "parley-kept-" });
  try {
    let epoch = "";
    for (const round of [0, 1, 2]) {
      await using server = await startKept(data);
      await using client = await connect(server);
      const present = await epochOf(client);
      if (round > 0) assert.equal(present, epoch);
      epoch = present;
      const acks = await publishAll(client, "k.a", 1, 50);
      assert.deepEqual(acks.map(({ seq }) => Number(seq)), range(round * 50 + 1, round * 50 + 50));
      const since = { case: "all", value: true } as const;
      await follow(client, { pattern: "k.a", echo: true, start: { since } });
      const events = await client.whenEvents(round * 50 + 50);
      assert.deepEqual(seqsOf(events), range(1, round * 50 + 50));
    }
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

storeTest("over unix sockets and without an id it is kept all the same", async (data) => {
  await using server = await startKept(data);
  await using client = await BusClient.connect(server, "unix");
  await client.send(
    ...range(1, 20).map((n) => publish({ topic: "k.a", payload: bytesOf(`${n}`) })),
  );
  await roundTrip(client);
  const [ack] = await publishAll(client, "k.a", 21, 21);
  assert.equal(ack.seq, 21n);
  assert.notEqual(ack.level, AckLevel.UNSPECIFIED);
});
