/**
 * Rates over real sockets: who sends more than it may is not read for a moment and loses nothing, and is closed only where
 * that is wanted.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import { contentOf, echoMessage, frame, join } from "../../support/frames.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { ALL_KINDS, startServer } from "../../support/server.ts";
import { SocketClient } from "../../support/socket_client.ts";
import { settled, settles, until } from "../../support/until.ts";

/** Sends so many echoes in one go. */
async function sendEchoes(client: SocketClient, from: number, count: number): Promise<void> {
  const echoes = Array.from(
    { length: count },
    (_, index) => frame(echoMessage(`${from + index}`), client.framing),
  );
  await client.send(join(...echoes));
}

async function readEchoes(client: SocketClient, from: number, count: number): Promise<void> {
  for (let index = from; index < from + count; index++) {
    assert.equal(contentOf(await client.readMessage(), "echoMessage").content, `${index}`);
  }
}

Deno.test("messages over the rate are answered later, in order, and none is lost", async () => {
  await using server = await startServer({
    limits: { rate_messages_per_second: 500, rate_messages_burst: 10 },
  });
  for (const kind of ALL_KINDS) {
    using client = await SocketClient.connect(server, kind);
    const { rateHolds } = server.stats();
    if (kind === "raw") {
      // One request at a time.
      for (let index = 0; index < 30; index++) await client.request(echoMessage("x"));
    } else {
      await sendEchoes(client, 0, 100);
      await readEchoes(client, 0, 100);
    }
    assert(server.stats().rateHolds > rateHolds, kind);
  }
  assert.equal(server.stats().rateCloses, 0);
});

Deno.test("bytes over the rate come later, and all of them", async () => {
  await using server = await startServer({
    limits: { rate_bytes_per_second: 1_000_000, rate_bytes_burst: 10_000 },
  });
  for (const kind of ["tcp", "tls", "ws"] as const) {
    using client = await SocketClient.connect(server, kind);
    const content = "x".repeat(300_000);
    assert.equal(
      contentOf(await client.request(echoMessage(content)), "echoMessage").content,
      content,
    );
    contentOf(await client.request(echoMessage("small")), "echoMessage");
  }
  assert(server.stats().rateHolds >= 3);
});

Deno.test("exactly the burst passes, one more waits for its token, and others do not wait", async () => {
  const clock = new ManualClock();
  await using server = await startServer(
    { limits: { rate_messages_per_second: 1, rate_messages_burst: 5 } },
    { clock },
  );
  using busy = await SocketClient.connect(server, "tcp");
  using calm = await SocketClient.connect(server, "tcp");
  await sendEchoes(busy, 0, 5);
  await readEchoes(busy, 0, 5);
  await sendEchoes(busy, 5, 2);
  await sendEchoes(calm, 0, 1);
  await readEchoes(calm, 0, 1);
  assert.equal(await settled(() => server.stats().messagesIn, "nothing more"), 6);
  clock.advance(1000);
  await readEchoes(busy, 5, 1);
  assert.equal(await settled(() => server.stats().messagesIn, "one more"), 7);
  clock.advance(1000);
  await readEchoes(busy, 6, 1);
  assert.equal(server.stats().connectionsOpen, 2);
});

Deno.test("who is over the rate for too long is told RATE_LIMIT, where that is wanted", async () => {
  const clock = new ManualClock();
  await using server = await startServer({
    limits: { rate_messages_per_second: 1, rate_messages_burst: 2, rate_close_after_ms: 500 },
  }, { clock });
  for (const kind of ["tcp", "tls", "ws", "unix"] as const) {
    const before = server.stats();
    using client = await SocketClient.connect(server, kind);
    await sendEchoes(client, 0, 10);
    await readEchoes(client, 0, 2);
    await until(() => server.stats().rateHolds > before.rateHolds, "it is held");
    clock.advance(499);
    await settled(() => server.stats().connectionsOpen, "it stays");
    assert.equal(server.stats().rateCloses, before.rateCloses);
    clock.advance(1);
    const error = contentOf(await client.readMessage(), "error");
    assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
    assert.equal(error.closeReason, CloseReason.RATE_LIMIT);
    assert.match(error.message, /more than its rates allow for 500 ms/);
    assert.equal(await client.readMessageOrEnd(), null);
    assert.equal(server.stats().rateCloses, before.rateCloses + 1);
  }
});

Deno.test("all connections of one address share its rate, and a unix socket has none", async () => {
  const clock = new ManualClock();
  await using server = await startServer(
    { limits: { rate_messages_per_second_per_address: 4 } },
    { clock },
  );
  using first = await SocketClient.connect(server, "tcp");
  using second = await SocketClient.connect(server, "tls");
  using local = await SocketClient.connect(server, "unix");
  await sendEchoes(first, 0, 3);
  await readEchoes(first, 0, 3);
  await sendEchoes(second, 0, 2);
  await readEchoes(second, 0, 1);
  await sendEchoes(local, 0, 50);
  await readEchoes(local, 0, 50);
  assert.equal(await settled(() => server.stats().messagesIn, "nothing more"), 54);
  first.close();
  using again = await SocketClient.connect(server, "tcp");
  await sendEchoes(again, 0, 1);
  assert.equal(await settled(() => server.stats().messagesIn, "nothing more"), 54);
  clock.advance(500);
  await readEchoes(second, 1, 1);
  await readEchoes(again, 0, 1);
});

Deno.test("a person who types too fast is read more slowly", async () => {
  await using server = await startServer({
    limits: { rate_messages_per_second: 20, rate_messages_burst: 2 },
  });
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port("text") });
  // Of what one says oneself only this comes back.
  const lines = Array.from({ length: 8 }, (_, index) => `/me writes line ${index}\n`);
  await connection.write(new TextEncoder().encode(`Ada\n${lines.join("")}/quit\n`));
  let text = "";
  for (const chunk = new Uint8Array(4096);;) {
    const count = await settles(connection.read(chunk), "what is said");
    if (count === null) break;
    text += new TextDecoder().decode(chunk.subarray(0, count));
  }
  for (const line of lines) assert(text.includes(line.slice(4).trim()), text);
  assert(server.stats().rateHolds > 0);
});

Deno.test("a connection that is held can be stopped, ended and lost", async () => {
  const clock = new ManualClock();
  await using server = await startServer({
    limits: { rate_messages_per_second: 1, drain_ms: 300, linger_ms: 100, drain_quiet_ms: 10 },
  }, { clock });
  using held = await SocketClient.connect(server, "tcp");
  const lost = await SocketClient.connect(server, "tls");
  for (const client of [held, lost]) {
    await sendEchoes(client, 0, 3);
    await readEchoes(client, 0, 1);
  }
  await until(() => server.stats().rateHolds >= 2, "both are held");
  lost.close();
  await settles(server.server.stop(), "the stop");
  assert.equal(server.stats().connectionsOpen, 0);
});
