/**
 * Tests the limits of users: over all of their connections, at the limit and one past it, by role, and for nobody else.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import { Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import type { ConfigInput } from "../../../lib/server/config/config.ts";
import { configFrom } from "../../../lib/server/config/config.ts";
import type { BusClient } from "../../support/bus_client.ts";
import { bytesOf, publish, subscribe, unsubscribe } from "../../support/bus_messages.ts";
import {
  type ClientMessageInit,
  contentOf,
  echoMessage,
  type ServerMessage,
} from "../../support/frames.ts";
import { SocketClient } from "../../support/socket_client.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { ask, enter, enterBus, greet, open, user } from "../../support/users.ts";

const ALL = { publish: ">", subscribe: ">", push: ">", pull: ">", manage: ">", join: ">" };

type Limits = NonNullable<ConfigInput["roles"]>[string]["limits"];

/** A server whose user ada has these limits; bob has none. */
async function start(limits: Limits, more: ConfigInput = {}): Promise<TestServer> {
  return await startServer({
    users: [await user("ada", ["all", "few"]), await user("bob", "all")],
    roles: { all: { allow: ALL }, few: { limits } },
    keep: [{ pattern: "k.>" }],
    ...more,
  });
}

function refusalOf(message: ServerMessage | null, expected: RegExp): void {
  assert.ok(message !== null, "the server answers");
  const error = contentOf(message, "error");
  assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
  assert.match(`${error.message}; ${error.accepted}`, expected);
}

const kept = (name: string): ClientMessageInit =>
  publish({ topic: `k.${name}`, payload: bytesOf("x") });
const job = (queue: string): ClientMessageInit => ({
  message: { case: "job", value: { queue, payload: bytesOf("x") } },
});
const pull = (queue: string, consumer = 1n): ClientMessageInit => ({
  message: { case: "pull", value: { consumer, queue, prefetch: 1 } },
});

async function isDone(client: BusClient, ...messages: ClientMessageInit[]): Promise<void> {
  for (const message of messages) {
    assert.equal((await client.ask(message)).message.case, "ack");
  }
}

Deno.test("a user has as many connections as it may, and one more when one has gone", async () => {
  await using server = await start({ max_connections: 2 });
  const said = { user: "ada", password: "ada's secret" };
  const first = await enter(server, "tcp", "ada");
  const second = await enter(server, "ws", "ada");
  const third = await greet(server, "tcp", said);
  refusalOf(third.answer, /"ada" has 2 connections; at most 2 \(max_connections of its roles\)/);
  // It is nobody still, and may try again on the same connection.
  first.close();
  for (;;) {
    const { client, answer } = await greet(server, "tcp", said);
    client.close();
    if (answer.message.case === "welcome") break;
    refusalOf(answer, /"ada" has 2 connections/);
  }
  (await enter(server, "tcp", "bob")).close();
  second.close();
  third.client.close();
});

Deno.test("guests of one address are counted together, and told before they are closed", async () => {
  await using server = await start({}, {
    auth: { guest_role: "guest" },
    roles: { all: { allow: ALL }, few: {}, guest: { limits: { max_connections: 1 } } },
  });
  const one = await open(server, "tcp");
  assert.equal((await one.request(echoMessage("x", 1n))).message.case, "echoMessage");
  const two = await open(server, "tcp");
  const told = contentOf(await two.readMessage(), "error");
  assert.equal(told.closeReason, CloseReason.TOO_MANY_CONNECTIONS);
  assert.match(told.message, /guests of this address has 1 connections/);
  assert.equal(await two.readMessageOrEnd(), null);
  one.close();
  two.close();
});

Deno.test("subscriptions are counted over all connections of a user", async () => {
  await using server = await start({ max_subscriptions: 2 });
  await using one = await enterBus(server, "tcp", "ada");
  await using two = await enterBus(server, "ws", "ada");
  await isDone(one, subscribe("a"));
  await isDone(two, subscribe("a"), subscribe("a"));
  refusalOf(
    await one.ask(subscribe("b")),
    /cannot subscribe to "b": "ada" has 2 subscriptions; at most 2/,
  );
  await isDone(two, unsubscribe("a"));
  await isDone(one, subscribe("b"));
  await using bob = await enterBus(server, "tcp", "bob");
  await isDone(bob, subscribe("a"), subscribe("b"), subscribe("c"));
});

Deno.test("kept topics that a user makes are counted, until they are removed", async () => {
  await using server = await start({ max_topics: 2 });
  await using client = await enterBus(server, "tcp", "ada");
  await using bob = await enterBus(server, "tcp", "bob");
  await isDone(bob, kept("bob"));
  await isDone(client, kept("a"), kept("b"), kept("a"), kept("bob"));
  refusalOf(
    await client.ask(kept("c")),
    /cannot make "k\.c": "ada" has 2 kept topics that it made; at most 2/,
  );
  await isDone(client, publish({ topic: "plain", payload: bytesOf("x") }));
  await isDone(bob, kept("c"), kept("d"));
  await isDone(client, kept("c"));
  assert.equal((await ask(bob, Topics.method.remove, { pattern: "k.a" })).answer?.removed, 1n);
  await isDone(client, kept("e"));
  refusalOf(await client.ask(kept("f")), /has 2 kept topics/);
  // Who comes again has made them still.
  await using again = await enterBus(server, "tcp", "ada");
  refusalOf(await again.ask(kept("g")), /has 2 kept topics/);
});

Deno.test("queues that a user makes are counted, by pushing and by pulling", async () => {
  await using server = await start({ max_queues: 2 });
  await using client = await enterBus(server, "tcp", "ada");
  await isDone(client, job("a"), job("a"), pull("b"));
  refusalOf(
    await client.ask(job("c")),
    /cannot make "c": "ada" has 2 queues that it made; at most 2/,
  );
  refusalOf(await client.ask(pull("c", 2n)), /cannot make "c"/);
  await using bob = await enterBus(server, "tcp", "bob");
  await isDone(bob, job("c"), job("d"), job("e"));
  await isDone(client, job("c"));
});

Deno.test("all connections of a user share its rate, and others have their own", async () => {
  await using server = await start({ rate_messages_per_second: 1, rate_messages_burst: 20 });
  const clients = [await enter(server, "tcp", "ada"), await enter(server, "tcp", "ada")];
  const bob = await enter(server, "tcp", "bob");
  const answered = [0, 0];
  const begunMs = performance.now();
  const work = clients.map(async (client, index) => {
    const frames = Array.from({ length: 40 }, (_, at) => echoMessage("x", BigInt(at + 1)));
    await client.sendMessages(...frames);
    while (await isAnswered(client)) answered[index]++;
  });
  for (let at = 0; at < 200; at++) await bob.request(echoMessage("x", BigInt(at + 1)));
  const total = answered[0] + answered[1];
  // The burst, and what came in the meantime, however long that was.
  const most = 20 + Math.ceil((performance.now() - begunMs) / 1000) + 1;
  assert.ok(total <= most, `${total} were answered, at most ${most} may be`);
  assert.ok(server.stats().rateHolds > 0);
  for (const client of clients) client.close();
  bob.close();
  await Promise.all(work);
});

async function isAnswered(client: SocketClient): Promise<boolean> {
  try {
    return await client.readMessageOrEnd() !== null;
  } catch {
    return false;
  }
}

Deno.test("what is said for all users counts for those whose roles say nothing", async () => {
  await using server = await start({ max_subscriptions: 2 }, {
    auth: { limits: { max_subscriptions: 1 } },
  });
  await using ada = await enterBus(server, "tcp", "ada");
  await using bob = await enterBus(server, "tcp", "bob");
  await isDone(ada, subscribe("a"), subscribe("b"));
  await isDone(bob, subscribe("a"));
  refusalOf(await bob.ask(subscribe("b")), /"bob" has 1 subscriptions; at most 1/);
});

Deno.test("a burst without a rate, and what is no limit, is told", () => {
  const of = (limits: Limits) => () => configFrom({ roles: { few: { limits } } });
  assert.throws(of({ rate_messages_burst: 5 }), /rate_messages_burst \(5\) has no effect without/);
  assert.throws(of({ max_topics: -1 }), /max_topics/);
  assert.throws(of({ max_rooms: 1 } as Limits), /unknown key/);
});
