/**
 * What clients see when a server stops: what they asked is answered, they are told, nobody new gets in,
 * and no client can hold the stop longer than the drain time.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../lib/base/errors.ts";
import { contentOf, echoMessage, frame, helloMessage, hex } from "../support/frames.ts";
import type { ListenerKind } from "../../lib/ports/link.ts";
import { CLOSE_ENDS_WRITES } from "../support/runtime.ts";
import { ALL_KINDS, startServer, type TestServer } from "../support/server.ts";
import { SocketClient } from "../support/socket_client.ts";
import { settled, settles, until } from "../support/until.ts";

const QUICK = { drain_quiet_ms: 50, linger_ms: 50 };
/** A drain that is over soon; everything else would take far longer than the test may. */
const SHORT = {
  drain_ms: 300,
  drain_quiet_ms: 100,
  linger_ms: 300,
  write_timeout_ms: 3_600_000,
};

/** Connects, and makes sure that the server has taken the connection. */
async function connected(server: TestServer, kind: ListenerKind): Promise<SocketClient> {
  const client = await SocketClient.connect(server, kind);
  contentOf(await client.request(echoMessage("here")), "echoMessage");
  return client;
}

Deno.test("requests under way when the server stops are all answered, over every listener", async () => {
  await using server = await startServer({ limits: QUICK });
  const clients = await Promise.all(
    [...ALL_KINDS, ...ALL_KINDS, ...ALL_KINDS].map((kind) => connected(server, kind)),
  );
  const count = 300;
  const results = clients.map(async (client) => {
    const requests = Array.from(
      { length: count },
      (_, index) => echoMessage(`${index}`.padEnd(500, ".")),
    );
    const sending = client.sendMessages(...requests);
    const messages = await client.readMessagesUntilClosed();
    await sending;
    return messages;
  });
  await until(() => server.stats().messagesIn > clients.length + 10, "requests are under way");
  const stopping = server.server.stop();
  for (const [index, messages] of (await Promise.all(results)).entries()) {
    const notices = messages.filter((message) => message.message.case === "error");
    const answers = messages.filter((message) => message.message.case === "echoMessage");
    assert.equal(answers.length, count);
    answers.forEach((answer, number) => {
      assert(contentOf(answer, "echoMessage").content.startsWith(`${number}`));
    });
    assert.equal(notices.length, clients[index].framing === "bare" ? 0 : 1);
  }
  await settles(stopping, "stop");
  for (const client of clients) client.close();
});

Deno.test("clients are told SHUTDOWN at once, may still ask, and then the connection ends", async () => {
  await using server = await startServer({ limits: { drain_quiet_ms: 5000 } });
  const clients = await Promise.all([connected(server, "tcp"), connected(server, "unix")]);
  contentOf(await clients[0].request(helloMessage({ clientName: "drained" })), "welcome");
  const stopping = server.server.stop();
  await Promise.all(clients.map(async (client) => {
    const notice = contentOf(await client.readMessage(), "error");
    assert.equal(notice.closeReason, CloseReason.SHUTDOWN);
    assert.equal(notice.code, ErrorCode.UNAVAILABLE);
    assert.equal(notice.retryable, true);
    contentOf(await client.request(echoMessage("one more")), "echoMessage");
    await client.closeWrite();
    assert.equal(await client.readMessageOrEnd(), null);
    client.close();
  }));
  await settles(stopping, "stop");
});

Deno.test("nobody new gets in while the server stops, over any listener", async () => {
  await using server = await startServer({ limits: { drain_quiet_ms: 5000 } });
  const client = await connected(server, "tcp");
  const stopping = server.server.stop();
  for (const kind of ALL_KINDS) await assert.rejects(server.connect(kind), kind);
  contentOf(await client.readMessage(), "error");
  contentOf(await client.request(echoMessage("still served")), "echoMessage");
  client.close();
  await settles(stopping, "stop");
});

Deno.test("a stop without connections ends by itself", async () => {
  await using server = await startServer();
  await settles(server.server.stop(), "stop");
});

Deno.test("a client that never closes does not hold the stop", async () => {
  await using server = await startServer({ limits: SHORT });
  const clients = await Promise.all(ALL_KINDS.map((kind) => connected(server, kind)));
  await settles(server.server.stop(), "stop");
  assert.equal(server.stats().connectionsOpen, 0);
  for (const client of clients) client.close();
});

Deno.test("a client that never stops asking does not hold the stop", async () => {
  await using server = await startServer({ limits: SHORT });
  const client = await connected(server, "tcp");
  let stopped = false;
  const asking = (async () => {
    while (!stopped) await client.request(echoMessage("again")).catch(() => stopped = true);
  })();
  await settles(server.server.stop(), "stop");
  stopped = true;
  await settles(asking, "the client");
  client.close();
});

Deno.test({
  name: "a client that never reads does not hold the stop",
  ignore: !CLOSE_ENDS_WRITES,
  async fn() {
    await using server = await startServer({
      limits: { ...SHORT, outbox_high_water_bytes: 64 * 1024 },
    });
    const floods = await Promise.all(ALL_KINDS.map(async (kind) => {
      const client = await SocketClient.connect(server, kind);
      const request = frame(echoMessage("f".repeat(50_000)), client.framing);
      const flooding = (async () => {
        for (;;) await client.send(request);
      })();
      return { client, ended: assert.rejects(flooding) };
    }));
    await until(() => server.stats().bytesIn > 0, "the flood has begun");
    await settled(() => server.stats().bytesIn, "the server stops reading");
    await settles(server.server.stop(), "stop");
    assert.equal(server.stats().outboxBytes, 0);
    for (const { client, ended } of floods) {
      await settles(ended, "the flood");
      client.close();
    }
  },
});

Deno.test("half a message does not hold the stop", async () => {
  await using server = await startServer({ limits: SHORT });
  const client = await connected(server, "tcp");
  await client.send(hex("ff ff 03 0a"));
  await settles(server.server.stop(), "stop");
  client.close();
});

Deno.test("abort ends everything at once, also while the server drains", async () => {
  for (const drainFirst of [false, true]) {
    await using server = await startServer();
    const clients = await Promise.all(ALL_KINDS.map((kind) => connected(server, kind)));
    let stopping = Promise.resolve();
    if (drainFirst) stopping = server.server.stop();
    server.server.abort();
    await settles(server.server.stopped, "stopped");
    await settles(stopping, "stop");
    assert.equal(server.stats().connectionsOpen, 0);
    for (const client of clients) {
      await client.closedByServer();
      client.close();
    }
  }
});
