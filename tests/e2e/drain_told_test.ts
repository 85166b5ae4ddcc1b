/**
 * How clients are told that a server stops: where to go instead, many one after the other, people without what others
 * said last; and who may have it stop.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../lib/base/errors.ts";
import { Admin } from "../../lib/gen/parley/v1/admin_pb.ts";
import { configFrom } from "../../lib/server/config/config.ts";
import { BUS_KINDS, BusClient, busTest } from "../support/bus_client.ts";
import { contentOf, echoMessage } from "../support/frames.ts";
import { LogRecords } from "../support/log_records.ts";
import { startServer } from "../support/server.ts";
import { settles, until } from "../support/until.ts";
import { ask, enterBus, user } from "../support/users.ts";
import { Guest } from "../adapters/text/text_support.ts";

const HINT = ["parleys://other.example.com", "wss://example.com:8443/ws"];
const QUICK = { drain_quiet_ms: 50, linger_ms: 50 };

busTest("the notice says where to go", async (kind) => {
  for (const given of [undefined, ["parley://10.0.0.9"]]) {
    await using server = await startServer({ limits: QUICK, drain: { hint: HINT } });
    await using client = await BusClient.connect(server, kind);
    contentOf(await client.ask(echoMessage("here")), "echoMessage");
    const stopping = server.server.stop(given);
    await client.whenEnded();
    const notice = contentOf(client.messages[0], "error");
    assert.equal(notice.closeReason, CloseReason.SHUTDOWN);
    assert.deepEqual(notice.goTo, given ?? HINT);
    client.close();
    await settles(stopping, "stop");
  }
});

Deno.test("many are told one after the other, and those who are not told yet are served", async () => {
  await using server = await startServer({ limits: { drain_ms: 20_000, linger_ms: 50 } });
  const count = 200;
  const clients = await Promise.all(
    Array.from({ length: count }, () => BusClient.connect(server, "tcp")),
  );
  for (const client of clients) contentOf(await client.ask(echoMessage("here")), "echoMessage");
  const before = server.stats().messagesOut;
  const stopping = server.server.stop();
  assert.equal(server.stats().messagesOut - before, 50, "so many are told at once");
  contentOf(await clients.at(-1)!.ask(echoMessage("still")), "echoMessage");
  await Promise.all(clients.map(async (client) => {
    await client.whenEnded();
    const notices = client.messages.filter(({ message }) => message.case === "error");
    assert.equal(notices.length, 1);
    client.close();
  }));
  await settles(stopping, "stop");
  assert.equal(server.stats().messagesOut - before, count + 1);
});

Deno.test("who comes while the server stops is told at once, and an abort ends the telling", async () => {
  await using server = await startServer({ limits: { drain_ms: 20_000, drain_quiet_ms: 10_000 } });
  const clients = await Promise.all(
    Array.from({ length: 120 }, () => BusClient.connect(server, "tcp")),
  );
  for (const client of clients) contentOf(await client.ask(echoMessage("here")), "echoMessage");
  const stopping = server.server.stop();
  server.server.abort();
  await settles(stopping, "stop");
  for (const client of clients) client.close();
});

Deno.test("people are not shown first what waits, but told how much it was", async () => {
  using logs = new LogRecords();
  await using server = await startServer({ limits: { ...QUICK, drain_ms: 30_000 } });
  const people: Guest[] = [];
  for (let index = 0; index < 60; index++) {
    const person = await Guest.connect(server);
    people.push(person);
    await person.type(`p${index}\n`);
    await person.shows(`][p${index}]:`);
  }
  const lines = 40;
  // All of it waits to be shown to everybody when the server stops.
  await Promise.all(people.map((person) => person.type("hello everybody\n".repeat(lines))));
  await until(() => server.stats().eventsOut > 60 * 60, "they have spoken");
  const stopping = server.server.stop();
  await Promise.all(people.map(async (person) => {
    await person.shows("The connection ends: the server stops");
    await person.end();
  }));
  await settles(stopping, "stop");
  const missed = people.filter(({ seen }) => / messages were missed\)/.test(seen));
  assert(missed.length > 0, "some of it was left out");
  assert(!logs.templates("warning").some((text) => text.includes("drain time")));
  for (const person of people) await person[Symbol.asyncDispose]();
});

for (const kind of BUS_KINDS) {
  Deno.test(`Admin/Drain has the server stop for those who may manage it: ${kind}`, async () => {
    const roles = {
      boss: { allow: { manage: "server.drain" } },
      none: { allow: { manage: ["topic.>", "server.reload"], call: ">" } },
    };
    const users = await Promise.all(["boss", "none"].map((name) => user(name, name)));
    await using server = await startServer({ users, roles, limits: QUICK });
    await using other = await enterBus(server, kind, "none");
    const { error } = await ask(other, Admin.method.drain, {});
    assert.equal(error?.code, ErrorCode.PERMISSION_DENIED);
    await using client = await enterBus(server, kind, "boss");
    const wrong = await ask(client, Admin.method.drain, { goTo: ["http://elsewhere"] });
    assert.equal(wrong.error?.code, ErrorCode.INVALID_ARGUMENT);
    assert.match(wrong.error.accepted, /parleys:/);
    const { answer } = await ask(client, Admin.method.drain, { goTo: HINT });
    assert.equal(answer?.connections, 2);
    for (const each of [client, other]) {
      await each.whenEnded();
      assert.deepEqual(contentOf(each.messages[0], "error").goTo, HINT);
      each.close();
    }
    await settles(server.server.stopped, "stopped");
  });
}

Deno.test("what clients cannot be pointed to is refused with the configuration", () => {
  const refused = (hint: string | string[]) =>
    assert.throws(() => configFrom({ drain: { hint } }), /drain\.hint/);
  for (const hint of ["elsewhere", "http://a", "parley://", "parley://a b", "parley://u:p@a"]) {
    refused(hint);
  }
  const many = (count: number) => Array.from({ length: count }, (_, index) => `parley://h${index}`);
  assert.equal(configFrom({ drain: { hint: many(16) } }).drain.hint.length, 16);
  refused(many(17));
  const long = (length: number) => `parley://${"a".repeat(length - "parley://".length)}`;
  assert.equal(configFrom({ drain: { hint: long(256) } }).drain.hint.length, 1);
  refused(long(257));
});
