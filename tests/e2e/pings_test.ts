/**
 * Signs of life over real sockets: who answers pings is asked and stays; who does not answer, or cannot
 * be asked, is closed at its limit. The exact times are a matter of tests/services/connection/sweep_test.ts.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../lib/base/errors.ts";
import { contentOf, echoMessage, helloMessage } from "../support/frames.ts";
import { startServer } from "../support/server.ts";
import { SocketClient } from "../support/socket_client.ts";

const LIMITS = { ping_interval_ms: 30, ping_timeout_ms: 10_000, idle_timeout_ms: 60_000 };

for (const kind of ["tcp", "unix"] as const) {
  Deno.test(`${kind}: a silent client that answers pings is pinged, and lives`, async () => {
    await using server = await startServer({ limits: LIMITS });
    using client = await SocketClient.connect(server, kind);
    contentOf(await client.request(helloMessage({ answersPings: true })), "welcome");
    for (let round = 0; round < 3; round++) {
      const { nonce } = contentOf(await client.readMessage(), "ping");
      await client.sendMessages({ message: { case: "pong", value: { nonce } } });
    }
    contentOf(await client.request(echoMessage("alive")), "echoMessage");
    assert.equal(server.stats().idleCloses, 0);
  });

  Deno.test(`${kind}: a client that offered to answer pings and does not is told IDLE`, async () => {
    await using server = await startServer({ limits: { ...LIMITS, ping_timeout_ms: 100 } });
    using client = await SocketClient.connect(server, kind);
    contentOf(await client.request(helloMessage({ answersPings: true })), "welcome");
    let last = await client.readMessage();
    if (last.message.case === "ping") last = await client.readMessage();
    const error = contentOf(last, "error");
    assert.equal(error.closeReason, CloseReason.IDLE);
    assert.equal(error.code, ErrorCode.DEADLINE_EXCEEDED);
    assert.equal(await client.readMessageOrEnd(), null);
    assert.equal(server.stats().idleCloses, 1);
  });

  Deno.test(`${kind}: a silent client without a hello is told IDLE at the idle limit`, async () => {
    await using server = await startServer({ limits: { ...LIMITS, idle_timeout_ms: 100 } });
    using client = await SocketClient.connect(server, kind);
    const error = contentOf(await client.readMessage(), "error");
    assert.equal(error.closeReason, CloseReason.IDLE);
    assert.equal(await client.readMessageOrEnd(), null);
  });
}

Deno.test("raw: a silent client is closed at the idle limit, without bytes it did not ask for", async () => {
  await using server = await startServer({ limits: { ...LIMITS, idle_timeout_ms: 100 } });
  for (const asked of [false, true]) {
    using client = await SocketClient.connect(server, "raw");
    if (asked) contentOf(await client.request(echoMessage("x")), "echoMessage");
    assert.equal((await client.readUntilClosed()).length, 0);
  }
  assert.equal(server.stats().idleCloses, 2);
});
