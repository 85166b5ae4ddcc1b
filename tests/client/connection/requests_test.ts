/**
 * Requests against a server that does as it is told: matching by id, deadlines, signals, bounds.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import type { ClientMessage } from "../../../lib/gen/parley/v1/envelope_pb.ts";
import { connect } from "../../../lib/client/mod.ts";
import { settles, until } from "../../support/until.ts";
import { FakeServer } from "../fake_server.ts";
import { rejection } from "../rejections.ts";

Deno.test("answers are matched by id, in whatever order they come", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    const requests: ClientMessage[] = [];
    while (requests.length < 10) requests.push((await peer.read())!);
    assert.equal(new Set(requests.map((request) => request.id)).size, 10);
    for (const request of requests.reverse()) await peer.answer(request);
    await peer.serve();
  });
  await using client = await connect(server.url);
  const texts = Array.from({ length: 10 }, (_, index) => `text ${index}`);
  assert.deepEqual(await Promise.all(texts.map((text) => client.echo(text))), texts);
});

Deno.test("an error of the server arrives with everything it says", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    const { id } = await peer.expect("addRequest");
    const value = {
      code: ErrorCode.INVALID_ARGUMENT,
      message: "no",
      retryable: true,
      accepted: "yes",
    };
    await peer.send({ message: { case: "error", value }, id });
    await peer.serve();
  });
  await using client = await connect(server.url);
  const error = await rejection(client.add(1, 2), "INVALID_ARGUMENT");
  assert.deepEqual([error.message, error.retryable, error.accepted], [
    "no; accepted: yes",
    true,
    "yes",
  ]);
  assert.equal(await client.add(1, 2), 3);
});

Deno.test("a deadline passes, and the late answer harms nobody", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    const late = (await peer.read())!;
    const next = (await peer.read())!;
    await peer.answer(late);
    await peer.send({ message: { case: "echoMessage", value: { content: "?" } }, id: 999n });
    await peer.send({ message: { case: "echoMessage", value: { content: "?" } } });
    await peer.answer(next);
    await peer.serve();
  });
  await using client = await connect(server.url);
  const error = await rejection(client.echo("late", { timeoutMs: 10 }), "DEADLINE_EXCEEDED");
  assert.match(error.message, /no answer within 10 ms: parley:.* has not answered it yet/);
  assert.equal(error.retryable, true);
  assert.equal(await client.echo("next"), "next");
});

Deno.test("each deadline counts for itself", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    while (await peer.read() !== null);
  });
  const client = await connect(server.url, { requestTimeoutMs: 60 });
  await Promise.all([undefined, 15, 5, 30].map(async (timeoutMs) => {
    const error = await rejection(client.echo("x", { timeoutMs }), "DEADLINE_EXCEEDED");
    assert.match(error.message, new RegExp(`within ${timeoutMs ?? 60} ms`));
  }));
  await client.close();
});

Deno.test("a signal gives a request up with its own reason", async () => {
  const asked = Promise.withResolvers<void>();
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    await peer.expect("echoMessage");
    asked.resolve();
    await peer.serve();
  });
  await using client = await connect(server.url);
  const controller = new AbortController();
  const given = client.echo("never", { signal: controller.signal });
  await asked.promise;
  controller.abort(new TypeError("changed my mind"));
  await assert.rejects(given, new TypeError("changed my mind"));
  await assert.rejects(client.echo("x", { signal: controller.signal }), TypeError);
  assert.equal(await client.echo("next"), "next");
});

Deno.test("with as many in flight as may be, requests wait their turn, in order", async () => {
  let most = 0;
  const release = Promise.withResolvers<void>();
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    const first = [(await peer.read())!, (await peer.read())!, (await peer.read())!];
    await release.promise;
    for (const request of first) await peer.answer(request);
    const order: string[] = [];
    for (let index = 3; index < 20; index++) {
      const request = (await peer.read())!;
      assert(request.message.case === "echoMessage");
      order.push(request.message.value.content);
      most = Math.max(most, index);
      await peer.answer(request);
    }
    assert.deepEqual(order, Array.from({ length: 17 }, (_, index) => `${index + 3}`));
    await peer.serve();
  });
  await using client = await connect(server.url, { maxInFlight: 3 });
  const asked = Array.from({ length: 20 }, (_, index) => client.echo(`${index}`));
  // Those that wait can be given up as those in flight can.
  const waits = await rejection(client.echo("waits", { timeoutMs: 5 }), "DEADLINE_EXCEEDED");
  assert.match(waits.message, /was never sent/);
  release.resolve();
  assert.deepEqual(await Promise.all(asked), Array.from({ length: 20 }, (_, index) => `${index}`));
});

Deno.test("a message that the server would not take is refused here", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome({ maxFrameBytes: 100 });
    await peer.serve();
  });
  await using client = await connect(server.url);
  // 4 bytes of tags and lengths, 2 bytes of id.
  assert.equal(await client.echo("x".repeat(94)), "x".repeat(94));
  const error = await rejection(client.echo("x".repeat(95)), "RESOURCE_EXHAUSTED");
  assert.equal(error.reason, `cannot send a message of 101 bytes to ${server.url}`);
  assert.equal(error.accepted, "at most 100 bytes");
  assert.equal(await client.echo("x"), "x");
});

Deno.test("a server that does not read slows its client down, and loses nothing", async () => {
  const read = Promise.withResolvers<void>();
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    await read.promise;
    await peer.serve();
  });
  await using client = await connect(server.url);
  const text = "x".repeat(200_000);
  const asked = Array.from({ length: 60 }, () => client.echo(text));
  const waits = await rejection(client.echo("y", { timeoutMs: 20 }), "DEADLINE_EXCEEDED");
  assert.match(waits.message, /was never sent/);
  read.resolve();
  for (const answer of await Promise.all(asked)) assert.equal(answer.length, text.length);
});

Deno.test("the server's pings are answered", async () => {
  const answered = Promise.withResolvers<bigint>();
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    await peer.send({ message: { case: "ping", value: { nonce: 2n ** 63n } } });
    answered.resolve((await peer.expect("pong")).value.nonce);
    await peer.serve();
  });
  await using client = await connect(server.url);
  assert.equal(await settles(answered.promise, "a pong"), 2n ** 63n);
  assert((await client.ping()) >= 0);
});

Deno.test("messages that nobody asked for are passed over, whatever id they carry", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    const { id, value } = await peer.expect("echoMessage");
    await peer.send(
      { message: { case: "event", value: { topic: "a.b" } } },
      { message: { case: "call", value: { method: "M" } }, id },
      { message: { case: "cancel", value: {} }, id },
      { message: { case: "missed", value: { topic: "a.b", count: 1n } }, id },
      { message: { case: "error", value: { code: 1, message: "of nothing" } } },
      { message: { case: "echoMessage", value }, id },
    );
    await peer.serve();
  });
  await using client = await connect(server.url);
  assert.equal(await client.echo("mine"), "mine");
});

Deno.test("any member can be asked for that is answered", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    const { id, value } = await peer.expect("event");
    assert.equal(value.topic, "a.b");
    await peer.send({ message: { case: "ack", value: { level: 1, receivers: 7 } }, id });
    await peer.serve();
  });
  await using client = await connect(server.url);
  const ack = await client.request({ case: "event", value: { topic: "a.b" } });
  assert(ack.case === "ack");
  assert.equal(ack.value.receivers, 7);
  await rejection(client.request({ case: "cancel", value: {} }), "INVALID_ARGUMENT");
});

Deno.test("bytes that are no messages end the connection, and what was asked", async () => {
  const garbage = [
    [0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
    [0x81, 0x00],
    [0x03, 0x0a, 0x7f, 0x00],
    [0x06, 0x0a, 0x00, 0x12, 0x00, 0x78, 0x02],
    [0x02, 0x08, 0x01],
    [0x05, 0x2a, 0x01, 0xff, 0x78, 0x02],
    [0x07, 0x0a, 0x03, 0x0a, 0x01, 0xff, 0x78, 0x02],
    [0x04, 0x2a, 0x00, 0x78, 0x02],
  ];
  for (const bytes of garbage) {
    await using server = new FakeServer(async (peer) => {
      await peer.welcome();
      await peer.expect("echoMessage");
      await peer.sendBytes(new Uint8Array(bytes));
      assert.equal(await peer.read(), null);
    });
    await using client = await connect(server.url, { reconnect: false });
    const error = await rejection(client.echo("x"), "INTERNAL");
    assert.equal(error.closeReason, CloseReason.PROTOCOL_ERROR, error.message);
    await until(() => client.status === "closed", "the end of the client");
  }
});

Deno.test("what cannot be encoded or waited for rejects, and never throws", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    await peer.serve();
  });
  await using client = await connect(server.url);
  await rejection(client.add(0.5, 1), "INVALID_ARGUMENT");
  await rejection(client.echo("\ud800"), "INVALID_ARGUMENT");
  await rejection(client.echo("x", { timeoutMs: 0 }), "INVALID_ARGUMENT");
  assert.equal(await client.add(-2147483648, 0), -2147483648);
});
