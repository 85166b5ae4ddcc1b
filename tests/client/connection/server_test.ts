/**
 * The client against the real server: every request it knows, at scale, and through stops and restarts.
 */
import assert from "node:assert/strict";
import { handled } from "../../../lib/base/detached.ts";
import { CloseReason } from "../../../lib/base/errors.ts";
import { VERSION } from "../../../lib/base/version.ts";
import { type Client, connect, type ConnectOptions } from "../../../lib/client/mod.ts";
import { textOf } from "../../support/frames.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { settles, until } from "../../support/until.ts";
import { rejection } from "../rejections.ts";
import { ownPort } from "../../support/own_port.ts";

const reconnect = { minMs: 1, maxMs: 20 };

/** Connects over each listener that the client speaks with. */
function urls(server: TestServer): string[] {
  return [`parley://127.0.0.1:${server.port("tcp")}`, `unix://${server.path}`];
}

function connectTcp(server: TestServer, options: ConnectOptions = {}): Promise<Client> {
  return connect(urls(server)[0], { reconnect, ...options });
}

Deno.test("echo, add and ping, over tcp and unix", async () => {
  await using server = await startServer();
  for (const url of urls(server)) {
    await using client = await connect(url, { name: "tester" });
    assert.equal(client.welcome.serverVersion, VERSION);
    assert.equal(client.welcome.serverId, server.server.serverId);
    for (const bytes of [0, 1, 127, 128, 511, 1024, 65_535, 65_536, 1_048_000]) {
      const text = textOf(bytes);
      assert.equal(await client.echo(text), text);
    }
    assert.equal(await client.echo("\uFEFF\0"), "\uFEFF\0");
    assert.equal(await client.add(40, 2), 42);
    assert.equal(await client.add(-5, 3), -2);
    assert.equal(await client.add(-2147483648, 2147483647), -1);
    assert(await client.ping() >= 0);
    const answer = await client.request({ case: "ping", value: { nonce: 5n } });
    assert(answer.case === "pong");
    assert.equal(answer.value.nonce, 5n);
  }
});

Deno.test("localhost is found, whichever address that is", async () => {
  await using server = await startServer();
  await using client = await connect(`parley://localhost:${server.port("tcp")}`);
  assert.equal(await client.add(1, 1), 2);
});

Deno.test("a sum that is no int32, and a message over the limit, are refused one by one", async () => {
  await using server = await startServer();
  await using client = await connectTcp(server);
  const [overflow, underflow, large, fine] = await Promise.allSettled([
    client.add(2147483647, 1),
    client.add(-2147483648, -1),
    client.echo("x".repeat(1 << 20)),
    client.add(1, 2),
  ]);
  assert.equal(overflow.status === "rejected" && overflow.reason.codeName, "INVALID_ARGUMENT");
  assert.equal(underflow.status === "rejected" && underflow.reason.codeName, "INVALID_ARGUMENT");
  assert.equal(large.status === "rejected" && large.reason.codeName, "RESOURCE_EXHAUSTED");
  assert.equal(fine.status === "fulfilled" && fine.value, 3);
  assert.equal(server.stats().protocolErrors, 0);
});

Deno.test("10,000 requests at once are all answered, each with its own answer", async () => {
  await using server = await startServer();
  for (const pool of [1, 4]) {
    await using client = await connectTcp(server, { pool, requestTimeoutMs: 60_000 });
    const sums = await Promise.all(
      Array.from({ length: 10_000 }, (_, index) => client.add(index, -3 * index)),
    );
    assert(sums.every((sum, index) => sum === -2 * index));
    const texts = await Promise.all(
      Array.from({ length: 10_000 }, (_, index) => client.echo(`text ${index}`)),
    );
    assert(texts.every((text, index) => text === `text ${index}`));
  }
});

Deno.test("a pool opens as many connections as it was told, and closes them", async () => {
  await using server = await startServer();
  {
    await using client = await connectTcp(server, { pool: 5 });
    await client.ping();
    assert.equal(server.stats().connectionsOpen, 5);
  }
  await until(() => server.stats().connectionsOpen === 0, "the end of the connections");
});

Deno.test("many signals and deadlines leave the other requests alone", async () => {
  await using server = await startServer();
  await using client = await connectTcp(server, { maxInFlight: 64, requestTimeoutMs: 60_000 });
  const controller = new AbortController();
  const asked = Array.from(
    { length: 3_000 },
    (_, index) =>
      index % 3 === 0
        ? client.echo("aborted", { signal: controller.signal })
        : index % 3 === 1
        ? client.echo("hurried", { timeoutMs: 1 + index % 7 })
        : client.echo(`${index}`),
  );
  controller.abort(new Error("enough"));
  const outcomes = await Promise.allSettled(asked);
  outcomes.forEach((outcome, index) => {
    if (index % 3 === 0) assert.equal(outcome.status, "rejected");
    if (index % 3 === 2) {
      assert(outcome.status === "fulfilled");
      assert.equal(outcome.value, `${index}`);
    }
  });
  assert.equal(await client.echo("still here"), "still here");
});

Deno.test("a server that is started again on its port gets its clients back", async () => {
  using own = ownPort();
  const listen = { tcp: `127.0.0.1:${own.port}` };
  const first = await startServer({ listen });
  const client = await connectTcp(first, { pool: 2 });
  assert.equal(await client.echo("before"), "before");
  const serverId = client.welcome.serverId;
  await first[Symbol.asyncDispose]();
  await until(() => client.status === "reconnecting", "the loss of the connections");
  const waiting = client.echo("asked meanwhile");
  await using second = await startServer({ listen });
  assert.equal(await waiting, "asked meanwhile");
  assert.notEqual(client.welcome.serverId, serverId);
  assert.equal(client.welcome.serverId, second.server.serverId);
  await client.close();
});

Deno.test("a stop of the server loses no request that was sent before", async () => {
  await using server = await startServer();
  const client = await connectTcp(server, { pool: 2, requestTimeoutMs: 60_000, reconnect: false });
  const asked = Array.from({ length: 3_000 }, (_, index) => client.echo(`${index}`));
  await asked[0];
  const stopped = server.server.stop();
  const answers = await settles(Promise.all(asked), "the answers");
  assert(answers.every((answer, index) => answer === `${index}`));
  await stopped;
  await until(() => client.status === "closed", "the end of the client");
  const error = await rejection(client.echo("late"), "UNAVAILABLE");
  assert.equal(error.closeReason, CloseReason.SHUTDOWN);
  await client.close();
});

Deno.test("through stops and restarts every request is answered or rejects, and none hangs", async () => {
  using own = ownPort();
  const listen = { tcp: `127.0.0.1:${own.port}` };
  let server = await startServer({ listen });
  await using client = await connectTcp(server, { pool: 3, requestTimeoutMs: 30_000 });
  let answered = 0;
  let lost = 0;
  let going = true;
  const worker = async (number: number) => {
    for (let count = 0; going; count++) {
      try {
        assert.equal(await client.add(number, count), number + count);
        answered++;
      } catch (error) {
        assert.equal((error as { codeName?: string }).codeName, "UNAVAILABLE", String(error));
        lost++;
      }
    }
  };
  const workers = Promise.all(Array.from({ length: 20 }, (_, number) => worker(number)));
  handled(workers);
  for (let round = 0; round < 3; round++) {
    const before = answered;
    await until(() => answered > before + 200, "answers");
    if (round === 1) server.server.abort();
    await server[Symbol.asyncDispose]();
    server = await startServer({ listen });
  }
  const before = answered;
  await until(() => answered > before + 200, "answers of the last server");
  going = false;
  await settles(workers, "the workers");
  // Only what was in flight when a server was cut off is lost.
  assert(lost <= 3 * 20, `${lost} requests were lost`);
  await client.close();
  await server[Symbol.asyncDispose]();
});

Deno.test("200 clients come and go and leave nothing behind", async () => {
  await using server = await startServer();
  for (let round = 0; round < 10; round++) {
    await Promise.all(Array.from({ length: 20 }, async (_, index) => {
      await using client = await connect(urls(server)[index % 2]);
      assert.equal(await client.add(round, index), round + index);
    }));
  }
  await until(() => server.stats().connectionsOpen === 0, "the end of the connections");
});
