/**
 * Live tails over a real server: what comes is told as a sample with exact counts, filtered by the server, only of what may be
 * read at that moment, and gone when nobody asks any more.
 */
import assert from "node:assert/strict";
import {
  callMethod,
  type Client,
  connect,
  ErrorCode,
  type MessageInitShape,
  ParleyError,
} from "../../../lib/client/mod.ts";
import { Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { MAX_TAILED_BYTES } from "../../../lib/services/topics/tailed_event.ts";
import { MAX_TAILS, TAIL_IDLE_MS } from "../../../lib/services/topics/tails.ts";
import { type Config, configFrom, type ConfigInput } from "../../../lib/server/config/config.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { user } from "../../support/users.ts";

type Request = MessageInitShape<typeof Topics.method.tail.input>;

const urlOf = (server: TestServer) => `parley://127.0.0.1:${server.port("tcp")}`;
const isCode = (code: ErrorCode) => (error: unknown) =>
  error instanceof ParleyError && error.code === code;

function tail(client: Client, request: Request) {
  return callMethod(client, Topics.method.tail, { tail: 1n, pattern: ">", ...request });
}

/** What came of a tail until `count` events have: the sums of all answers. */
async function gathered(client: Client, request: Request, count: number) {
  const payloads: string[] = [];
  const sums = { came: 0, fit: 0, unsearched: 0, dropped: 0 };
  while (sums.came < count) {
    const { events, came, fit, unsearched, dropped } = await tail(client, request);
    payloads.push(...events.map(({ event }) => new TextDecoder().decode(event?.payload)));
    sums.came += Number(came);
    sums.fit += Number(fit);
    sums.unsearched += Number(unsearched);
    sums.dropped += Number(dropped);
  }
  return { payloads, ...sums };
}

Deno.test("a tail gives what is published from its first request on, kept or not", async () => {
  await using server = await startServer({ keep: [{ pattern: "kept.>" }] });
  await using client = await connect(urlOf(server));
  await client.publish("news.early", "nobody looks");
  assert.equal((await tail(client, {})).began, true);
  await client.publish("news.today", "rain", { type: "acme.v1.News", headers: { from: "ada" } });
  await client.publish("kept.one", "stays");
  const found = await gathered(client, {}, 2);
  assert.deepEqual(found, {
    payloads: ["rain", "stays"],
    came: 2,
    fit: 2,
    unsearched: 0,
    dropped: 0,
  });
  const { events, began, came } = await tail(client, {});
  assert.deepEqual([events.length, began, came], [0, false, 0n]);
});

Deno.test("an event comes with all that it has, and of a long payload its beginning", async () => {
  await using server = await startServer({ keep: [{ pattern: "kept.>" }] });
  await using client = await connect(urlOf(server));
  await tail(client, {});
  const payload = "x".repeat(MAX_TAILED_BYTES + 1000);
  await client.publish("kept.one", payload, { type: "acme.v1.Long", headers: { a: "b" } });
  let events: Awaited<ReturnType<typeof tail>>["events"] = [];
  while (events.length === 0) ({ events } = await tail(client, {}));
  const [{ event, payloadBytes }] = events;
  assert.equal(event?.payload.length, MAX_TAILED_BYTES);
  assert.equal(payloadBytes, BigInt(payload.length));
  assert.deepEqual(
    [event.topic, event.type, event.headers, event.seq, event.sender],
    ["kept.one", "acme.v1.Long", { a: "b" }, 1n, client.welcome.sessionId],
  );
  assert(event.timeUnixMicros > 0n);
});

Deno.test("the server filters by pattern, type and text", async () => {
  await using server = await startServer();
  await using client = await connect(urlOf(server));
  const filter = { pattern: "orders.*", type: "acme.v1.Order", contains: "Ada" };
  await tail(client, filter);
  const type = "acme.v1.Order";
  await client.publish("orders.eu", "for Ada", { type });
  await client.publish("orders.us", "for bob", { type, headers: { by: "Ada Lovelace" } });
  await client.publish("orders.eu", "for ada", { type });
  await client.publish("orders.eu", "for Ada", { type: "acme.v1.Refund" });
  await client.publish("orders.eu.paid", "for Ada", { type });
  await client.publish("orders.it", "the last", { type });
  const { payloads, came, fit } = await gathered(client, filter, 4);
  assert.deepEqual([payloads, came, fit], [["for Ada", "for bob"], 4, 2]);
});

Deno.test("of many events some are given, and all are counted", async () => {
  await using server = await startServer();
  await using client = await connect(urlOf(server));
  await using publisher = await connect(urlOf(server));
  const request = { pattern: "flood", eventsPerSecond: 20 };
  await tail(client, request);
  const count = 20_000;
  for (let number = 1; number < count; number++) {
    publisher.publish("flood", String(number), { ack: false }).catch(() => {});
  }
  await publisher.publish("flood", String(count));
  const { payloads, came, fit } = await gathered(client, request, count);
  assert.deepEqual([came, fit], [count, count]);
  assert(payloads.length >= 20 && payloads.length < count / 10, `${payloads.length}`);
  const numbers = payloads.map(Number);
  assert.deepEqual(numbers, numbers.toSorted((one, other) => one - other));
});

Deno.test("a connection's own subscription gets its events beside a tail of them", async () => {
  await using server = await startServer();
  await using client = await connect(urlOf(server));
  const got: string[] = [];
  await client.subscribe("news", { echo: true }, (event) => void got.push(event.text()));
  await tail(client, { pattern: "news" });
  const { receivers } = await client.publish("news", "one");
  assert.equal(receivers, 2);
  assert.deepEqual((await gathered(client, { pattern: "news" }, 1)).payloads, ["one"]);
  while (got.length === 0) await client.publish("other", "", { ack: true });
  assert.deepEqual(got, ["one"]);
});

Deno.test("tails are changed, ended, and no more than a few", async () => {
  await using server = await startServer();
  await using client = await connect(urlOf(server));
  await tail(client, { pattern: "a" });
  assert.equal((await tail(client, { pattern: "b" })).began, true);
  await client.publish("a", "no");
  await client.publish("b", "yes");
  assert.deepEqual((await gathered(client, { pattern: "b" }, 1)).payloads, ["yes"]);
  for (let number = 2n; number <= MAX_TAILS; number++) await tail(client, { tail: number });
  await assert.rejects(tail(client, { tail: 99n }), isCode(ErrorCode.RESOURCE_EXHAUSTED));
  assert.equal(server.stats().subscriptions, MAX_TAILS);
  for (let number = 1n; number <= MAX_TAILS; number++) {
    await tail(client, { tail: number, end: true });
  }
  assert.equal(server.stats().subscriptions, 0);
  for (
    const request of [
      { tail: 0n },
      { pattern: "bad pattern" },
      { contains: "x".repeat(257) },
      { eventsPerSecond: 201 },
    ]
  ) await assert.rejects(tail(client, request), isCode(ErrorCode.INVALID_ARGUMENT));
});

Deno.test("a tail ends with its connection, and when it is not asked for any more", async () => {
  const clock = new ManualClock();
  await using server = await startServer({}, { clock });
  await using client = await connect(urlOf(server));
  await using other = await connect(urlOf(server));
  await tail(other, {});
  await tail(client, {});
  assert.equal(server.stats().subscriptions, 2);
  await other.close();
  while (server.stats().subscriptions > 1) await client.call("parley.v1.Demo/Echo", "");
  clock.advance(TAIL_IDLE_MS);
  while (server.stats().subscriptions > 0) await client.call("parley.v1.Demo/Echo", "");
  assert.equal((await tail(client, {})).began, true);
});

Deno.test("only what may be read is given, by the permissions of each moment", async () => {
  const roles = (deny: string) => ({
    reader: { allow: { subscribe: "orders.>" }, deny: { subscribe: deny } },
    writer: { allow: { publish: ">", manage: ">" } },
  });
  const users = [await user("ada", "reader"), await user("bob", "writer")];
  let next: Config;
  await using server = await startServer({ users, roles: roles("orders.secret") }, {
    reread: () => Promise.resolve(next),
  });
  const give = async (changed: ConfigInput["roles"]) => {
    next = { ...server.config, roles: configFrom({ users, roles: changed }).roles };
    await server.server.reload();
  };
  const as = (name: string) =>
    connect(urlOf(server), { user: name, password: `${name}'s secret`, reconnect: false });
  await using ada = await as("ada");
  await using bob = await as("bob");
  await assert.rejects(tail(ada, { pattern: ">" }), isCode(ErrorCode.PERMISSION_DENIED));
  await assert.rejects(tail(bob, { pattern: "orders.>" }), isCode(ErrorCode.PERMISSION_DENIED));
  const request = { pattern: "orders.>" };
  await tail(ada, request);
  await bob.publish("orders.secret", "no");
  await bob.publish("orders.eu", "yes");
  assert.deepEqual((await gathered(ada, request, 1)).payloads, ["yes"]);
  await give(roles("orders.eu"));
  await bob.publish("orders.eu", "no more");
  await bob.publish("orders.us", "still");
  assert.deepEqual((await gathered(ada, request, 1)).payloads, ["still"]);
  await give({ ...roles("x"), reader: { allow: { subscribe: "news" } } });
  assert.equal(server.stats().subscriptions, 0);
  await assert.rejects(tail(ada, request), isCode(ErrorCode.PERMISSION_DENIED));
});
