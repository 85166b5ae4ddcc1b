/**
 * The raw listener knows echo, add, hello and ping: whatever belongs to the bus is refused there, in one
 * bare message each, and the connection goes on.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../../lib/base/errors.ts";
import {
  answer,
  call,
  cancel,
  publish,
  register,
  subscribe,
  unregister,
  unsubscribe,
} from "../../support/bus_messages.ts";
import { contentOf, echoMessage, frame, takeServerMessage } from "../../support/frames.ts";
import { startServer } from "../../support/server.ts";
import { SocketClient } from "../../support/socket_client.ts";

Deno.test("the verbs of the bus are refused on raw, each in one write of one bare message", async () => {
  await using server = await startServer();
  using client = await SocketClient.connect(server, "raw");
  const verbs = {
    event: publish({ topic: "t" }),
    subscribe: subscribe("t"),
    unsubscribe: unsubscribe("t"),
    pong: { message: { case: "pong", value: {} } } as const,
    call: call({ method: "m" }),
    answer: answer({}, 0n),
    cancel: cancel(0n),
    register: register("m"),
    unregister: unregister("m"),
  };
  for (const [verb, message] of Object.entries(verbs)) {
    await client.send(frame(message, "bare"));
    const bytes = await client.readOnce();
    assert(bytes !== null, verb);
    const found = takeServerMessage(bytes, "bare");
    assert.equal(found?.taken, bytes.length, `${verb}: one message, and nothing else`);
    const error = contentOf(found.message, "error");
    assert.equal(error.code, ErrorCode.PERMISSION_DENIED, verb);
    assert.equal(error.message, `cannot take "${verb}" on this listener`);
    assert.match(error.accepted, /echo, add, hello and ping/);
  }
  const echo = contentOf(await client.request(echoMessage("still here")), "echoMessage");
  assert.equal(echo.content, "still here");
  assert.equal(server.stats().subscriptions, 0);
  assert.equal(server.stats().eventsIn, 0);
});
