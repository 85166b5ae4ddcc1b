/**
 * Connecting: what the client says first, and everything that can go wrong before it is welcome.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import { VERSION } from "../../../lib/base/version.ts";
import { connect } from "../../../lib/client/mod.ts";
import { settles } from "../../support/until.ts";
import { FakeServer, serverFrame, welcome } from "../fake_server.ts";
import { rejection } from "../rejections.ts";
import { ownPort } from "../../support/own_port.ts";

Deno.test("the client says Hello first, and takes the Welcome", async () => {
  await using server = new FakeServer(async (peer) => {
    const { id, value } = await peer.expect("hello");
    assert.notEqual(id, 0n);
    assert.deepEqual(
      [value.protocolVersion, value.clientName, value.library, value.answersPings],
      [1, "tester", `parley-ts/${VERSION}`, true],
    );
    await peer.send({ message: welcome(), id });
    await peer.serve();
  });
  await using client = await connect(server.url, { name: "tester" });
  assert.equal(client.status, "connected");
  assert.equal(client.url, server.url);
  assert.equal(client.welcome.sessionId, "fake");
  assert.equal(client.welcome.limits?.maxFrameBytes, 1 << 20);
  assert.equal(await client.echo("hä"), "hä");
});

Deno.test("a wrong URL or option rejects, without an attempt", async () => {
  await rejection(connect("localhost:7311"), "INVALID_ARGUMENT");
  await rejection(connect("parley://127.0.0.1:1", { pool: 0 }), "INVALID_ARGUMENT");
});

Deno.test("nobody listens: UNAVAILABLE, at once, with the address", async () => {
  using own = ownPort();
  const url = `parley://127.0.0.1:${own.port}`;
  const error = await rejection(connect(url), "UNAVAILABLE");
  assert(error.message.startsWith(`cannot connect to ${url}: nobody listens there`), error.message);
  assert.equal(error.retryable, true);
});

Deno.test("a host that is not known: UNAVAILABLE, and what to check", async () => {
  const error = await rejection(connect("parley://nowhere.invalid"), "UNAVAILABLE");
  assert.match(error.message, /the host nowhere\.invalid cannot be found/);
});

Deno.test("a socket that is not there: UNAVAILABLE, with the path", async () => {
  const error = await rejection(connect("unix:///nowhere/parley.sock"), "UNAVAILABLE");
  assert.match(error.message, /no socket \/nowhere\/parley\.sock; is the server running\?/);
});

Deno.test("a server that never answers Hello: DEADLINE_EXCEEDED, and nothing is left", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.expect("hello");
    assert.equal(await peer.read(), null);
  });
  const error = await rejection(
    connect(server.url, { connectTimeoutMs: 30 }),
    "DEADLINE_EXCEEDED",
  );
  assert.match(error.message, /no Welcome within 30 ms/);
});

Deno.test("a server that closes at once: UNAVAILABLE", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.expect("hello");
  });
  const error = await rejection(connect(server.url), "UNAVAILABLE");
  assert.match(
    error.message,
    /^cannot connect to parley:.*: lost the connection before the Welcome/,
  );
});

Deno.test("a server that speaks something else is told apart from one that is away", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.sendBytes(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
    await peer.read();
  });
  const error = await rejection(connect(server.url), "INTERNAL");
  assert.match(error.message, /is it the tcp or unix listener of a Parley server\?/);
  assert.equal(error.retryable, false);
});

Deno.test("a refused Hello rejects with the server's reason", async () => {
  await using server = new FakeServer(async (peer) => {
    const { id } = await peer.expect("hello");
    const value = { code: ErrorCode.PERMISSION_DENIED, message: "not you", accepted: "others" };
    await peer.send({ message: { case: "error", value }, id });
    assert.equal(await peer.read(), null);
  });
  const error = await rejection(connect(server.url), "PERMISSION_DENIED");
  assert.equal(error.message, `cannot connect to ${server.url}: not you; accepted: others`);
  assert.equal(error.accepted, "others");
});

Deno.test("a farewell instead of a Welcome, or right behind it, rejects with its reason", async () => {
  await using full = new FakeServer((peer) =>
    peer.sayWhy(CloseReason.TOO_MANY_CONNECTIONS, ErrorCode.RESOURCE_EXHAUSTED)
  );
  const error = await rejection(connect(full.url), "RESOURCE_EXHAUSTED");
  assert.equal(error.closeReason, CloseReason.TOO_MANY_CONNECTIONS);

  for (const closeReason of [CloseReason.SHUTDOWN, CloseReason.KICKED]) {
    await using server = new FakeServer(async (peer) => {
      const { id } = await peer.expect("hello");
      const farewell = { code: ErrorCode.UNAVAILABLE, message: "bye", closeReason };
      await peer.send(
        { message: welcome(), id },
        { message: { case: "error", value: farewell } },
      );
      assert.equal(await peer.read(), null);
    });
    const farewell = await rejection(connect(server.url), "UNAVAILABLE");
    assert.equal(farewell.closeReason, closeReason);
  }
});

Deno.test("an aborted signal gives up, before and while connecting, and nothing later", async () => {
  const reason = new Error("no longer wanted");
  await assert.rejects(
    connect("parley://127.0.0.1:1", { signal: AbortSignal.abort(reason) }),
    reason,
  );

  const controller = new AbortController();
  await using silent = new FakeServer(async (peer) => {
    await peer.expect("hello");
    controller.abort(reason);
    assert.equal(await peer.read(), null);
  });
  await assert.rejects(connect(silent.url, { signal: controller.signal }), reason);

  const late = new AbortController();
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    await peer.serve();
  });
  await using client = await connect(server.url, { signal: late.signal });
  late.abort(reason);
  assert.equal(await client.add(1, 2), 3);
});

Deno.test("a pool connects as a whole or not at all", async () => {
  const ended = Promise.withResolvers<void>();
  await using server = new FakeServer(async (peer) => {
    if (peer.number === 2) {
      await peer.expect("hello");
      return;
    }
    await peer.welcome();
    assert.equal(await peer.read(), null);
    ended.resolve();
  });
  await rejection(connect(server.url, { pool: 3 }), "UNAVAILABLE");
  await settles(ended.promise, "the end of the other connections");
});

Deno.test("everything the server sends may come one byte at a time", async () => {
  await using server = new FakeServer(async (peer) => {
    const { id } = await peer.expect("hello");
    for (const byte of serverFrame({ message: welcome(), id })) {
      await peer.sendBytes(new Uint8Array([byte]));
    }
    for (let message = await peer.read(); message !== null; message = await peer.read()) {
      if (message.message.case !== "echoMessage") continue;
      for (const byte of serverFrame({ message: message.message, id: message.id })) {
        await peer.sendBytes(new Uint8Array([byte]));
      }
    }
  });
  await using client = await connect(server.url);
  const texts = ["", "a", "ä".repeat(100)];
  assert.deepEqual(await Promise.all(texts.map((text) => client.echo(text))), texts);
});
