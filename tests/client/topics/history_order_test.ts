/**
 * What comes between asking for history and the server's answer, told by a server that is scripted.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { acceptSubscribe, Collector, delivery, textOf } from "../bus_support.ts";
import { FakeServer, type ServerMessageInit } from "../fake_server.ts";

/** An event of the kept topic "k". */
function kept(seq: number): ServerMessageInit {
  return delivery("k", String(seq), { seq: BigInt(seq) });
}

/** An answer to a Subscribe: how far "k" has come. */
function ackAt(id: bigint, seq: number): ServerMessageInit {
  const positions = [{ topic: "k", seq: BigInt(seq) }];
  const value = { level: AckLevel.ROUTED, positions, positionsComplete: true, allKept: true };
  return { message: { case: "ack", value }, id };
}

Deno.test("events that come before the answer are not the beginning of the history", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    const live = await peer.expect("subscribe");
    assert.equal(live.value.tellPositions, true);
    await peer.send(ackAt(live.id, 2));
    const history = await peer.expect("subscribe");
    assert.deepEqual(history.value.start?.since, { case: "all", value: true });
    await peer.send(kept(3), ackAt(history.id, 3), kept(1), kept(2), kept(3), kept(4));
    await peer.read();
  });
  await using client = await connect(server.url);
  const [live, all] = [new Collector(), new Collector()];
  await client.subscribe("k", {}, live.take);
  await client.subscribe("k", { since: "all" }, all.take);
  await all.count(4);
  assert.deepEqual(all.texts, ["1", "2", "3", "4"]);
  assert.deepEqual(live.texts, ["3", "4"]);
});

Deno.test("who is behind passes over what comes until it is asked for again", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    for (const _ of ["live", "slow"]) {
      await peer.send(ackAt((await peer.expect("subscribe")).id, 0));
    }
    // The slow one has room for two.
    await peer.send(kept(1), kept(2), kept(3), kept(4));
    const again = await peer.expect("subscribe");
    assert.deepEqual(again.value.start?.positions.map(({ topic, seq }) => [topic, seq]), [
      ["k", 2n],
    ]);
    assert.deepEqual(again.value.start?.since, { case: "all", value: true });
    await peer.send(kept(5), ackAt(again.id, 5), kept(3), kept(4), kept(5));
    await peer.read();
  });
  await using client = await connect(server.url);
  const live = new Collector();
  await client.subscribe("k", {}, live.take);
  const slow = await client.subscribe("k", { since: "all", bufferEvents: 2 });
  await live.count(4);
  const got: string[] = [];
  for await (const event of slow) if (got.push(textOf(event)) === 5) break;
  assert.deepEqual(got, ["1", "2", "3", "4", "5"]);
  await live.count(5);
  assert.deepEqual(live.texts, got);
});

Deno.test("a server that says nothing of history is followed as one that keeps none", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    const { start } = await acceptSubscribe(peer);
    assert.equal(start, undefined);
    if (peer.number === 0) return await peer.send(delivery("t", "1"));
    await peer.send(delivery("t", "2"));
    await peer.read();
  });
  await using client = await connect(server.url, { reconnect: { minMs: 1, maxMs: 2 } });
  const got = new Collector();
  const gaps: string[] = [];
  await client.subscribe("t", { onGap: ({ kind }) => void gaps.push(kind) }, got.take);
  await got.count(2);
  assert.deepEqual(got.texts, ["1", "2"]);
  assert.deepEqual(gaps, ["reconnected"]);
});

Deno.test("seqs that the server will give out again are not passed over", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    const { id, value } = await peer.expect("subscribe");
    if (peer.number === 0) return await peer.send(ackAt(id, 0), kept(1), kept(2), kept(3));
    assert.equal(value.start?.positions[0].seq, 3n);
    const answer = ackAt(id, 1);
    Object.assign(answer.message!.value as object, { historyLost: true });
    await peer.send(answer, kept(2));
    await peer.read();
  });
  await using client = await connect(server.url, { reconnect: { minMs: 1, maxMs: 2 } });
  const got = new Collector();
  const gaps: string[] = [];
  await client.subscribe("k", { onGap: ({ kind }) => void gaps.push(kind) }, got.take);
  await got.count(4);
  assert.deepEqual(got.texts, ["1", "2", "3", "2"]);
  assert.deepEqual(gaps, ["history_lost"]);
});
