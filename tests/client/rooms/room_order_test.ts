/**
 * What a client asks of a server about rooms, and in which order, when connections are lost: told by servers
 * that are scripted.
 */
import assert from "node:assert/strict";
import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { connect } from "../../../lib/client/mod.ts";
import { ErrorCode } from "../../../lib/base/errors.ts";
import * as room from "../../../lib/gen/parley/v1/room_pb.ts";
import { settles, until } from "../../support/until.ts";
import { acceptSubscribe, reconnect } from "../bus_support.ts";
import { type FakePeer, FakeServer } from "../fake_server.ts";
import { rejection } from "../rejections.ts";

/** Takes a call of this method. */
async function take<I extends DescMessage>(
  peer: FakePeer,
  method: string,
  input: I,
): Promise<{ id: bigint; request: MessageShape<I> }> {
  const { id, value } = await peer.expect("call");
  assert.equal(value.method, `parley.v1.Rooms/${method}`);
  return { id, request: fromBinary(input, value.payload) };
}

/** Answers a call. */
function answer<O extends DescMessage>(
  peer: FakePeer,
  id: bigint,
  output: O,
  value: MessageInitShape<O>,
): Promise<void> {
  const payload = toBinary(output, create(output, value));
  return peer.send({ message: { case: "answer", value: { payload } }, id });
}

/** Takes a claim and a join, and grants both; gives the token that was shown. */
async function letIn(peer: FakePeer): Promise<string> {
  const claim = await take(peer, "ClaimName", room.ClaimNameRequestSchema);
  const granted = { name: claim.request.name, token: "secret" };
  await answer(peer, claim.id, room.ClaimNameResponseSchema, granted);
  const join = await take(peer, "Join", room.JoinRequestSchema);
  await answer(peer, join.id, room.JoinResponseSchema, { seq: 0n });
  return claim.request.token;
}

Deno.test("what was sent and not answered is said again with its message_id, after coming in again", async () => {
  const ids: string[] = [];
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    if (peer.number === 0) assert.equal(await letIn(peer), "");
    await acceptSubscribe(peer);
    if (peer.number > 0) assert.equal(await letIn(peer), "secret");
    const { id, request } = await take(peer, "Say", room.SayRequestSchema);
    ids.push(request.messageId);
    // Twice it is lost before the answer.
    if (peer.number < 2) return;
    await answer(peer, id, room.SayResponseSchema, { seq: 7n });
    await take(peer, "Leave", room.LeaveRequestSchema);
  });
  await using client = await connect(server.url, { reconnect });
  const tea = await client.room("tea", { nick: "ann" });
  assert.deepEqual(await settles(tea.say("hello"), "the answer"), { seq: 7n });
  assert.equal(ids.length, 3);
  assert.notEqual(ids[0], "");
  assert.equal(new Set(ids).size, 1);
});

Deno.test("what is for one person is not said again when it may have been said", async () => {
  let isBack = false;
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    if (peer.number === 0) await letIn(peer);
    await acceptSubscribe(peer);
    if (peer.number === 0) return void await take(peer, "Tell", room.TellRequestSchema);
    await letIn(peer);
    isBack = true;
    await take(peer, "Leave", room.LeaveRequestSchema);
  });
  await using client = await connect(server.url, { reconnect });
  const tea = await client.room("tea", { nick: "ann" });
  await rejection(tea.tell("bob", "psst"), "UNAVAILABLE");
  // The next that is asked for is leaving.
  assert.notEqual(tea.token, "");
  await until(() => isBack, "the next connection");
});

Deno.test("a name that our lost connection still holds is claimed until it is free", async () => {
  let claims = 0;
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    if (peer.number === 0) {
      await letIn(peer);
      await acceptSubscribe(peer);
      return;
    }
    await acceptSubscribe(peer);
    const { id } = await take(peer, "ClaimName", room.ClaimNameRequestSchema);
    claims++;
    const refusal = { code: ErrorCode.ALREADY_EXISTS, message: "it is taken", retryable: true };
    await peer.send({ message: { case: "error", value: refusal }, id });
    await letIn(peer);
    const say = await take(peer, "Say", room.SayRequestSchema);
    await answer(peer, say.id, room.SayResponseSchema, { seq: 1n });
    await peer.read();
  });
  await using client = await connect(server.url, { reconnect });
  const tea = await client.room("tea", { nick: "ann" });
  await settles(tea.say("hello"), "the answer");
  assert.equal(claims, 1);
});
