/**
 * Messages that are begun and not finished, on every listener: bounded all together, who holds most without
 * progress goes first and is told why, a deadline ends the others, and who goes on is not concerned.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../lib/base/errors.ts";
import { contentOf, echoMessage, frame, prefix } from "../support/frames.ts";
import { ALL_KINDS, startServer } from "../support/server.ts";
import { SocketClient } from "../support/socket_client.ts";
import { until } from "../support/until.ts";

const KIB = 1024;
const LIMITS = { max_frame_bytes: 256 * KIB, max_outbox_bytes: 1024 * KIB };

for (const kind of ALL_KINDS) {
  const framing = kind === "raw" ? "bare" : "delimited";
  const whole = frame(echoMessage("p".repeat(200 * KIB)), framing);

  Deno.test(`${kind}: input that waits is bounded all together, and the greediest goes first`, async () => {
    const limit = 1024 * KIB;
    await using server = await startServer({
      limits: { ...LIMITS, max_input_total_bytes: limit },
    });
    using innocent = await SocketClient.connect(server, kind);
    const clients: SocketClient[] = [];
    try {
      // Each holds a little less than the one before, so the first ones are the greediest.
      for (let index = 0; index < 12; index++) {
        const client = await SocketClient.connect(server, kind);
        clients.push(client);
        const before = server.stats().bytesIn;
        const part = whole.subarray(0, (190 - 5 * index) * KIB);
        await client.send(part);
        await until(() => server.stats().bytesIn >= before + part.length, "it has arrived");
        assert(server.stats().inputBytes <= limit, `${server.stats().inputBytes}`);
        contentOf(await innocent.request(echoMessage("not concerned")), "echoMessage");
      }
      const error = contentOf(await clients[0].readMessage(), "error");
      assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
      assert.equal(error.closeReason, CloseReason.SLOW_SENDER);
      assert(error.retryable);
      assert(server.stats().slowSenderCloses > 0);
      // The last one is still there, and its message is answered once it is whole.
      const last = clients.at(-1)!;
      await last.send(whole.subarray((190 - 5 * 11) * KIB));
      assert.equal(contentOf(await last.readMessage(), "echoMessage").content.length, 200 * KIB);
    } finally {
      for (const client of clients) client[Symbol.dispose]();
    }
    await until(() => server.stats().connectionsOpen === 1, "they are gone");
    await until(() => server.stats().inputBytes <= 64 * KIB, "and so is what they held");
  });

  Deno.test(`${kind}: a message that makes no progress ends the connection, one that does goes on`, async () => {
    await using server = await startServer({ limits: { ...LIMITS, message_timeout_ms: 2500 } });
    using slow = await SocketClient.connect(server, kind);
    using stuck = await SocketClient.connect(server, kind);
    using quiet = await SocketClient.connect(server, kind);
    contentOf(await quiet.request(echoMessage("whole")), "echoMessage");
    await stuck.send(whole.subarray(0, 100));
    // Three kibibytes a tenth of a second: slow, and honest.
    let ended = false;
    const sending = (async () => {
      for (let at = 0; !ended; at += 3 * KIB) {
        await slow.send(whole.subarray(at, at + 3 * KIB));
        await new Promise((resolve) => setTimeout(resolve, 100));
        if (at > whole.length) throw new Error("it was whole before the deadline came");
      }
    })();
    const error = contentOf(await stuck.readMessage(), "error");
    ended = true;
    assert.equal(error.code, ErrorCode.DEADLINE_EXCEEDED);
    assert.equal(error.closeReason, CloseReason.SLOW_SENDER);
    assert.equal(await stuck.readMessageOrEnd(), null);
    await sending;
    assert.equal(server.stats().slowSenderCloses, 1);
    contentOf(await quiet.request(echoMessage("silence is no message")), "echoMessage");
  });
}

Deno.test("half a Hello costs next to nothing, and ends at the deadline", async () => {
  await using server = await startServer({ limits: { message_timeout_ms: 300 } });
  const clients = await Promise.all(
    Array.from({ length: 100 }, () => SocketClient.connect(server, "tcp")),
  );
  try {
    for (const client of clients) await client.send(prefix(200, "delimited"));
    for (const client of clients) {
      assert.equal(
        contentOf(await client.readMessage(), "error").closeReason,
        CloseReason.SLOW_SENDER,
      );
    }
    assert.equal(server.stats().inputBytes, 0);
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
});
