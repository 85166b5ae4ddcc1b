/**
 * Losing connections: what becomes of requests, when and how the client connects again, and when not.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode, type ParleyError } from "../../../lib/base/errors.ts";
import { type ClientStatus, connect } from "../../../lib/client/mod.ts";
import { settles, until } from "../../support/until.ts";
import { FakeServer, serverFrame, welcome } from "../fake_server.ts";
import { rejection } from "../rejections.ts";
import { ResettingServer } from "./resetting_server.ts";

/** Quick attempts, so that tests do not wait. */
const reconnect = { minMs: 1, maxMs: 10 };

/** Collects what `onStatus` is told. */
function statusLog() {
  const seen: ClientStatus[] = [];
  const reasons: (ParleyError | undefined)[] = [];
  const onStatus = (status: ClientStatus, reason?: ParleyError) => {
    seen.push(status);
    reasons.push(reason);
  };
  return { seen, reasons, onStatus };
}

Deno.test("a lost connection rejects what is in flight, and is opened again", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    if (peer.number > 0) return await peer.serve();
    await peer.expect("echoMessage");
  });
  const { seen, reasons, onStatus } = statusLog();
  const client = await connect(server.url, { reconnect, onStatus });
  const error = await rejection(client.echo("x"), "UNAVAILABLE");
  assert.match(error.message, /may or may not have been carried out/);
  assert.equal(client.status, "reconnecting");
  // Asked while there is no connection: it waits for one.
  assert.equal(await client.echo("again"), "again");
  assert.equal(client.status, "connected");
  await client.close();
  assert.equal(client.status, "closed");
  assert.deepEqual(seen, ["connected", "reconnecting", "connected", "closed"]);
  assert.equal(reasons[1]?.message, error.message);
});

Deno.test("a connection that ends within an answer is a lost one", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    const { id, value } = await peer.expect("echoMessage");
    const answer = serverFrame({ message: { case: "echoMessage", value }, id });
    if (peer.number === 0) return await peer.sendBytes(answer.subarray(0, answer.length - 1));
    await peer.sendBytes(answer);
    await peer.serve();
  });
  await using client = await connect(server.url, { reconnect });
  await rejection(client.echo("x"), "UNAVAILABLE");
  assert.equal(await client.echo("x"), "x");
});

Deno.test("a reset is a loss that says so", async () => {
  // The answer is a Welcome without fields, for the id of the Hello.
  await using server = await ResettingServer.start(new Uint8Array([4, 0x22, 0, 0x78, 1]));
  await using client = await connect(`parley://127.0.0.1:${server.port}`, { reconnect: false });
  const error = await rejection(client.echo("x"), "UNAVAILABLE");
  assert.match(error.message, /lost the connection to parley:.*reset/i);
});

Deno.test("requests wait for a server that is away no longer than their deadline", async () => {
  const server = new FakeServer(async (peer) => {
    await peer.welcome();
    await peer.read();
  });
  const client = await connect(server.url, { reconnect });
  await using port = server;
  server.stopListening();
  await rejection(client.echo("x"), "UNAVAILABLE");
  const error = await rejection(client.echo("x", { timeoutMs: 20 }), "DEADLINE_EXCEEDED");
  assert.match(error.message, /was never sent/);
  const controller = new AbortController();
  const given = client.echo("x", { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(given, /enough/);

  await using second = new FakeServer(async (peer) => {
    await peer.welcome();
    await peer.serve();
  }, port.port);
  assert.equal(await client.echo("back"), "back");
  assert.equal(second.taken, 1);
  await client.close();
});

Deno.test("closing while the server is away rejects what waits, and leaves nothing", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
  });
  const client = await connect(server.url, { reconnect: { minMs: 60_000, maxMs: 60_000 } });
  await until(() => client.status === "reconnecting", "the loss of the connection");
  const waiting = rejection(client.echo("x"), "FAILED_PRECONDITION");
  await client.close();
  await waiting;
});

Deno.test("closing while an attempt is under way ends that too", async () => {
  const greeted = Promise.withResolvers<void>();
  await using server = new FakeServer(async (peer) => {
    if (peer.number === 0) return await peer.welcome();
    await peer.expect("hello");
    greeted.resolve();
    assert.equal(await peer.read(), null);
  });
  const client = await connect(server.url, { reconnect });
  await greeted.promise;
  await client.close();
  assert.equal(client.status, "closed");
});

Deno.test("without reconnecting, the loss of the last connection closes the client", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    await peer.read();
  });
  const { seen, onStatus } = statusLog();
  const client = await connect(server.url, { reconnect: false, pool: 2, onStatus });
  const errors = [
    await rejection(client.echo("x"), "UNAVAILABLE"),
    await rejection(client.echo("x"), "UNAVAILABLE"),
  ];
  await until(() => client.status === "closed", "the end of the client");
  await rejection(client.echo("x"), "UNAVAILABLE");
  assert.match(errors[0].message, /lost the connection/);
  await client.close();
  assert.equal(seen.at(-1), "closed");
});

Deno.test("when all attempts fail, the client is closed and says why", async () => {
  const server = new FakeServer(async (peer) => {
    await peer.welcome();
    await peer.read();
  });
  const { reasons, onStatus } = statusLog();
  const client = await connect(server.url, { reconnect: { ...reconnect, attempts: 3 }, onStatus });
  await using _ = server;
  server.stopListening();
  await rejection(client.echo("x"), "UNAVAILABLE");
  const error = await rejection(client.echo("waits"), "UNAVAILABLE");
  assert.match(error.message, /nobody listens there/);
  assert.equal(client.status, "closed");
  await client.close();
  assert.equal(reasons.at(-1)?.message, error.message);
});

Deno.test("a server that says goodbye for another reason rejects what is in flight with it", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    if (peer.number > 0) return await peer.serve();
    await peer.expect("echoMessage");
    await peer.sayWhy(CloseReason.PROTOCOL_ERROR, ErrorCode.INVALID_ARGUMENT, "cannot read that");
    assert.equal(await peer.read(), null);
  });
  await using client = await connect(server.url, { reconnect });
  const error = await rejection(client.echo("x"), "INVALID_ARGUMENT");
  assert.deepEqual(
    [error.message, error.closeReason],
    ["cannot read that", CloseReason.PROTOCOL_ERROR],
  );
  assert.equal(await client.echo("y"), "y");
});

Deno.test("a client that was replaced, thrown out or locked out stays away", async () => {
  for (const closeReason of [CloseReason.REPLACED, CloseReason.KICKED]) {
    await using server = new FakeServer(async (peer) => {
      await peer.welcome();
      await peer.answer((await peer.read())!);
      await peer.sayWhy(closeReason);
      await peer.read();
    });
    const client = await connect(server.url, { reconnect });
    await client.ping();
    await until(() => client.status === "closed", "the end of the client");
    const error = await rejection(client.echo("x"), "UNAVAILABLE");
    assert.equal(error.closeReason, closeReason);
    await client.close();
    assert.equal(server.taken, 1);
  }
  await using server = new FakeServer(async (peer) => {
    if (peer.number === 0) return await peer.welcome();
    const { id } = await peer.expect("hello");
    const value = { code: ErrorCode.UNAUTHENTICATED, message: "who?" };
    await peer.send({ message: { case: "error", value }, id });
    await peer.read();
  });
  const client = await connect(server.url, { reconnect });
  await until(() => client.status === "closed", "the end of the client");
  await rejection(client.echo("x"), "UNAUTHENTICATED");
  await client.close();
  assert.equal(server.taken, 2);
});

Deno.test("SHUTDOWN: answers under way arrive, new requests go to the next connection", async () => {
  const told = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    if (peer.number > 0) return await peer.serve();
    const first = (await peer.read())!;
    const second = (await peer.read())!;
    await peer.sayWhy(CloseReason.SHUTDOWN, ErrorCode.UNAVAILABLE, "stopping");
    told.resolve();
    await goOn.promise;
    await peer.answer(first);
    await peer.answer(second);
    // The client closes when it has its answers, and has sent nothing more here.
    assert.equal(await peer.read(), null);
  });
  const { reasons, onStatus } = statusLog();
  const client = await connect(server.url, { reconnect, onStatus });
  const underWay = [client.echo("one"), client.echo("two")];
  await told.promise;
  await until(() => client.status === "reconnecting" || server.taken > 1, "the news of the stop");
  assert.equal(await client.echo("three"), "three");
  assert.equal(server.taken, 2);
  goOn.resolve();
  assert.deepEqual(await Promise.all(underWay), ["one", "two"]);
  assert.equal(reasons[1]?.closeReason, CloseReason.SHUTDOWN);
  await client.close();
});

Deno.test("SHUTDOWN with nothing under way: the client closes that connection", async () => {
  const ended = Promise.withResolvers<void>();
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    if (peer.number > 0) return await peer.serve();
    await peer.answer((await peer.read())!);
    await peer.sayWhy(CloseReason.SHUTDOWN);
    assert.equal(await peer.read(), null);
    ended.resolve();
  });
  await using client = await connect(server.url, { reconnect });
  await client.ping();
  await settles(ended.promise, "the end of the connection");
  assert.equal(await client.echo("x"), "x");
});

Deno.test("SHUTDOWN, and then the server is gone: what it did not answer rejects", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    if (peer.number > 0) return await peer.serve();
    const first = (await peer.read())!;
    await peer.read();
    await peer.sayWhy(CloseReason.SHUTDOWN);
    await peer.answer(first);
  });
  await using client = await connect(server.url, { reconnect });
  const first = client.echo("one");
  const second = client.echo("two");
  await Promise.all([first, rejection(second, "UNAVAILABLE")]);
  assert.equal(await client.echo("x"), "x");
});

Deno.test("closing waits for the answers under way, and takes nothing new", async () => {
  const asked = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    const first = (await peer.read())!;
    asked.resolve();
    await goOn.promise;
    await peer.answer(first);
    await peer.serve();
  });
  const client = await connect(server.url, { maxInFlight: 1 });
  const underWay = client.echo("one");
  const waiting = client.echo("two");
  await asked.promise;
  const closing = Promise.all([client.close(), client.close()]);
  const refused = await rejection(client.echo("three"), "FAILED_PRECONDITION");
  assert.match(refused.message, /the client is closed/);
  goOn.resolve();
  assert.deepEqual(await Promise.all([underWay, waiting]), ["one", "two"]);
  await settles(closing, "closing");
  assert.equal(client.status, "closed");
});

Deno.test("closing does not wait for ever", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    while (await peer.read() !== null);
  });
  const client = await connect(server.url, { requestTimeoutMs: 20 });
  const never = rejection(client.echo("x", { timeoutMs: 100_000 }), "UNAVAILABLE");
  await client.close();
  assert.match((await never).message, /without an answer after 20 ms/);
});

Deno.test("a server that is silent is asked, and given up when it does not answer", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome({ pingIntervalMs: 20 });
    if (peer.number === 0) {
      // The first question is answered, the second is not.
      const ping = (await peer.read())!;
      assert.equal(ping.message.case, "ping");
      await peer.answer(ping);
      await peer.expect("ping");
      assert.equal(await peer.read(), null);
    } else await peer.serve();
  });
  const { reasons, onStatus } = statusLog();
  await using client = await connect(server.url, { reconnect, onStatus });
  await until(() => server.taken === 2, "another connection");
  assert.equal(await client.echo("x"), "x");
  assert.match(reasons[1]?.message ?? "", /nothing was heard from the server for 60 ms/);
});

Deno.test("requests go to the connection with the fewest in flight", async () => {
  const seen = [0, 0, 0];
  const all = Promise.withResolvers<void>();
  await using server = new FakeServer(async (peer) => {
    const { id } = await peer.expect("hello");
    await peer.send({ message: welcome(), id });
    for (let count = 0; count < 10; count++) {
      await peer.expect("echoMessage");
      seen[peer.number]++;
      if (seen.every((each) => each === 10)) all.resolve();
    }
    await peer.read();
  });
  const client = await connect(server.url, { pool: 3, requestTimeoutMs: 5_000, reconnect: false });
  const asked = Array.from({ length: 30 }, () => client.echo("x"));
  const settledAll = Promise.allSettled(asked);
  await settles(all.promise, "ten requests on each of three connections");
  await server[Symbol.asyncDispose]();
  await settledAll;
  await client.close();
});

Deno.test("a pool goes on with the connections that are left", async () => {
  const keep = Promise.withResolvers<void>();
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    if (peer.number === 0) return await keep.promise;
    await peer.serve();
  });
  const { seen, onStatus } = statusLog();
  await using client = await connect(server.url, { pool: 2, reconnect, onStatus });
  keep.resolve();
  await until(() => server.taken === 3, "another connection in the place of the lost one");
  for (let index = 0; index < 50; index++) assert.equal(await client.add(index, 1), index + 1);
  assert.deepEqual(seen, ["connected"]);
});
