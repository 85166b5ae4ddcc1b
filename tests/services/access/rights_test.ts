/**
 * Tests that every verb is decided by the permissions of who asks, over every listener, and every method of the
 * server's own for every role; and that a refusal names the permission that is missing.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { Rooms } from "../../../lib/gen/parley/v1/room_pb.ts";
import { Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { NAMED_MEMBERS } from "../../../lib/logic/access/access.ts";
import type { ConfigInput } from "../../../lib/server/config/config.ts";
import { BUS_KINDS, BusClient } from "../../support/bus_client.ts";
import { bytesOf, call, publish, register, subscribe } from "../../support/bus_messages.ts";
import type { ClientMessageInit } from "../../support/frames.ts";
import { contentOf, helloMessage } from "../../support/frames.ts";
import { lengthDelimited, OWN_REQUESTS } from "../../support/own_requests.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { ask, enterBus, user } from "../../support/users.ts";

const ROLES: ConfigInput["roles"] = {
  some: {
    allow: {
      publish: "a.>",
      subscribe: ["a.>", "t.> acme.v1.Good"],
      call: "acme.Text/*",
      serve: "acme.Text/*",
      push: "jobs",
      pull: "jobs",
      join: "lobby",
    },
    deny: {
      publish: "a.secret",
      subscribe: "a.secret",
      call: "acme.Text/Secret",
      serve: "acme.Text/Secret",
    },
  },
  nothing: {},
  reader: { allow: { subscribe: ">", pull: ">", join: ">", call: ">" } },
  manager: { allow: { manage: ">" }, deny: { manage: ["topic.k.secret", "queue.secret"] } },
  all: {
    allow: Object.fromEntries(
      ["publish", "subscribe", "call", "serve", "push", "pull", "join", "manage"].map((
        verb,
      ) => [verb, ">"]),
    ),
  },
};

async function start(more: ConfigInput = {}): Promise<TestServer> {
  const names = ["some", "nothing", "reader", "manager", "all"];
  return await startServer({
    users: await Promise.all(names.map((name) => user(name, name))),
    roles: ROLES,
    keep: [{ pattern: "k.>" }],
    ...more,
  });
}

const pull = (queue: string): ClientMessageInit => ({
  message: { case: "pull", value: { consumer: 1n, queue, prefetch: 0 } },
});
const push = (queue: string): ClientMessageInit => ({
  message: { case: "job", value: { queue } },
});

/** Requests of the user "some"; null where it may, otherwise the permission that is missing. */
const REQUESTS: [request: ClientMessageInit, missing: string | null][] = [
  [publish({ topic: "a.b" }), null],
  [publish({ topic: "b" }), 'publish "b"'],
  [publish({ topic: "a.secret" }), 'publish "a.secret"'],
  [subscribe("a.>"), null],
  [subscribe("a.b"), null],
  [subscribe({ pattern: "a.*", group: "g" }), null],
  [subscribe(">"), 'subscribe ">"'],
  [subscribe("*.b"), 'subscribe "*.b"'],
  [subscribe("a.secret"), 'subscribe "a.secret"'],
  [subscribe({ pattern: "b", group: "g" }), 'subscribe "b"'],
  [subscribe({ type: "acme.v1.Bad" }), 'subscribe "> acme.v1.Bad"'],
  [subscribe({ pattern: "t.>", type: "acme.v1.Good" }), null],
  [subscribe("t.>"), 'subscribe "t.>"'],
  [subscribe("room.lobby"), null],
  [subscribe("room.lobby.presence"), null],
  [subscribe("room.board"), 'subscribe "room.board"'],
  [register("acme.Text/Length"), null],
  [register("acme.Text/Secret"), 'serve "acme.Text/Secret"'],
  [register("acme.Other/Length"), 'serve "acme.Other/Length"'],
  [call({ method: "acme.Text/Secret" }), 'call "acme.Text/Secret"'],
  [call({ method: "acme.Other/Length" }), 'call "acme.Other/Length"'],
  [push("jobs"), null],
  [push("other"), 'push "other"'],
  [pull("other"), 'pull "other"'],
  [pull("jobs.dead"), 'pull "jobs.dead"'],
  [pull("jobs"), null],
];

for (const kind of BUS_KINDS) {
  Deno.test(`each verb is allowed by the roles of the user or refused by name: ${kind}`, async () => {
    await using server = await start();
    await using client = await enterBus(server, kind, "some");
    for (const [request, missing] of REQUESTS) {
      const { message } = await client.ask(request);
      const what = Deno.inspect(request.message);
      if (missing === null) {
        assert.equal(message.case, "ack", `${what}: ${Deno.inspect(message.value)}`);
        continue;
      }
      assert.equal(message.case, "error", what);
      assert.equal(message.value.code, ErrorCode.PERMISSION_DENIED, what);
      assert.ok(
        message.value.message.endsWith(`this user has no permission ${missing}`),
        message.value.message,
      );
    }
  });

  Deno.test(`a guest may do what its role allows, without a Hello and with one: ${kind}`, async () => {
    await using server = await start({ auth: { guest_role: "some" } });
    for (const says of [false, true]) {
      await using client = await BusClient.connect(server, kind);
      if (says) assert.equal((await client.ask(helloMessage())).message.case, "welcome");
      for (const [request, missing] of REQUESTS) {
        const { message } = await client.ask(request);
        const what = `${Deno.inspect(request.message)}: ${Deno.inspect(message.value)}`;
        assert.equal(message.case, missing === null ? "ack" : "error", what);
        if (message.case !== "error") continue;
        assert.ok(message.value.message.endsWith(`a guest has no permission ${missing}`), what);
      }
      for (const name of MANAGED) {
        const error = contentOf(await client.ask(call({ method: name })), "error");
        assert.equal(error.code, ErrorCode.PERMISSION_DENIED, name);
      }
    }
  });

  Deno.test(`a user without any role may do nothing: ${kind}`, async () => {
    await using server = await start();
    await using client = await enterBus(server, kind, "nothing");
    for (const [request] of REQUESTS) {
      const error = contentOf(await client.ask(request), "error");
      assert.equal(error.code, ErrorCode.PERMISSION_DENIED, Deno.inspect(request.message));
    }
  });
}

Deno.test("each member that is decided by a name has a request here that is refused", () => {
  const refused = REQUESTS.filter(([, missing]) => missing !== null)
    .map(([request]) => request.message!.case);
  assert.deepEqual([...new Set(refused)].toSorted(), NAMED_MEMBERS.toSorted());
});

Deno.test("a call that is allowed reaches whoever answers it", async () => {
  await using server = await start();
  await using one = await enterBus(server, "tcp", "some");
  await one.acknowledged(register("acme.Text/Length"));
  await using other = await enterBus(server, "tcp", "reader");
  await other.send(call({ method: "acme.Text/Length" }, 77n));
  await one.when(
    () => one.messages.some(({ message }) => message.case === "call"),
    "a call",
  );
});

/** The methods that change or remove something, and need `manage`. */
const MANAGED = [
  "parley.v1.Topics/Trim",
  "parley.v1.Topics/Remove",
  "parley.v1.Topics/Explain",
  "parley.v1.Queues/Purge",
  "parley.v1.Queues/Remove",
  "parley.v1.Queues/Redrive",
  "parley.v1.Queues/Pause",
  "parley.v1.Queues/Resume",
  "parley.v1.Rooms/Remove",
];
/** The methods that anybody may ask: they tell only what may be told. */
const OPEN = [
  "parley.v1.Demo/Echo",
  "parley.v1.Demo/Add",
  "parley.v1.Topics/List",
  "parley.v1.Topics/Levels",
  "parley.v1.Topics/Policies",
  "parley.v1.Queues/Policies",
  "parley.v1.Queues/List",
  "parley.v1.Rooms/List",
  "parley.v1.Rooms/Leave",
  "parley.v1.Types/List",
  "parley.v1.Types/Get",
  "parley.v1.Server/About",
  "parley.v1.Server/Permissions",
  "parley.v1.Server/Problems",
];

Deno.test("every method of the server's own is denied to a user without roles, but for those that tell nothing", async () => {
  await using server = await start();
  await using client = await enterBus(server, "tcp", "nothing");
  for (const { name } of OWN_REQUESTS) {
    const { message } = await client.ask(call({ method: name }));
    const denied = message.case === "error" && message.value.code === ErrorCode.PERMISSION_DENIED;
    assert.equal(denied, !OPEN.includes(name), `${name}: ${Deno.inspect(message.value)}`);
  }
});

Deno.test("who may read, pull, call and join everything can change nothing", async () => {
  await using server = await start();
  await using client = await enterBus(server, "tcp", "reader");
  for (const name of MANAGED) {
    const error = contentOf(await client.ask(call({ method: name })), "error");
    assert.equal(error.code, ErrorCode.PERMISSION_DENIED, name);
    assert.match(error.message, /no permission manage "(topic|queue|room)\./, name);
  }
});

Deno.test("no call of the server's own methods needs a permission to call, and none gives it", async () => {
  await using server = await start();
  await using client = await enterBus(server, "tcp", "manager");
  const { answer } = await ask(client, Queues.method.list, {});
  assert.deepEqual(answer?.queues, []);
  const { message } = await client.ask(call({ method: "parley.v1.Queues/Purge" }));
  assert.equal(message.case, "error");
});

Deno.test("lists hold what may be looked at, and what is managed as a whole leaves out what is denied", async () => {
  await using server = await start();
  await using all = await enterBus(server, "tcp", "all");
  for (const topic of ["k.a", "k.secret", "k.b"]) await all.acknowledged(publish({ topic }));
  for (const queue of ["jobs", "other", "secret"]) await all.acknowledged(push(queue));
  await using some = await enterBus(server, "tcp", "some");
  await using manager = await enterBus(server, "tcp", "manager");
  const topicsOf = async (client: typeof all) =>
    (await ask(client, Topics.method.list, {})).answer?.topics.map(({ topic }) => topic);
  const queuesOf = async (client: typeof all) =>
    (await ask(client, Queues.method.list, {})).answer?.queues.map(({ queue }) => queue);
  assert.deepEqual(await topicsOf(some), []);
  assert.deepEqual(await topicsOf(all), ["k.a", "k.b", "k.secret"]);
  assert.deepEqual(await topicsOf(manager), ["k.a", "k.b"]);
  assert.deepEqual(await queuesOf(some), ["jobs"]);
  assert.deepEqual(await queuesOf(all), ["jobs", "other", "secret"]);
  assert.deepEqual(await queuesOf(manager), ["jobs", "other"]);
  const denied = await ask(manager, Topics.method.info, { topic: "k.secret" });
  assert.match(
    denied.error?.message ?? "",
    /no permission subscribe "k.secret" or manage "topic.k.secret"$/,
  );
  assert.equal((await ask(manager, Topics.method.info, { topic: "k.a" })).error, null);
  const removed = await ask(manager, Topics.method.remove, { pattern: "k.>" });
  assert.equal(removed.answer?.removed, 2n);
  assert.deepEqual(await topicsOf(all), ["k.secret"]);
  const purge = await ask(manager, Queues.method.purge, { queue: "secret" });
  assert.equal(purge.error?.code, ErrorCode.PERMISSION_DENIED);
  assert.equal((await ask(manager, Queues.method.purge, { queue: "jobs" })).answer?.dropped, 1n);
  assert.equal((await ask(manager, Queues.method.peek, { queue: "jobs" })).error?.code, 3);
  // Dead letters go back into the queue that they came from, whatever the name they are asked by.
  const redrive = await ask(manager, Queues.method.redrive, { queue: "secret.dead" });
  assert.equal(redrive.error?.code, ErrorCode.PERMISSION_DENIED);
});

Deno.test("rooms are joined, read and listed by who may join or read them", async () => {
  await using server = await start();
  await using all = await enterBus(server, "tcp", "all");
  await ask(all, Rooms.method.claimName, { name: "Boss" });
  for (const room of ["lobby", "board"]) {
    await ask(all, Rooms.method.join, { room });
    await ask(all, Rooms.method.say, { room, text: "hello" });
  }
  await using some = await enterBus(server, "tcp", "some");
  assert.equal((await ask(some, Rooms.method.claimName, { name: "Some" })).error, null);
  assert.equal((await ask(some, Rooms.method.join, { room: "lobby" })).error, null);
  assert.equal((await ask(some, Rooms.method.say, { room: "lobby", text: "hi" })).error, null);
  assert.equal((await ask(some, Rooms.method.tell, { to: "Boss", text: "hi" })).error, null);
  const rooms = (await ask(some, Rooms.method.list, {})).answer?.rooms.map(({ name }) => name);
  assert.deepEqual(rooms, ["lobby"]);
  assert.equal((await ask(some, Rooms.method.history, { room: "lobby" })).error, null);
  // The room is the first field of each of these.
  const payload = lengthDelimited(1, bytesOf("board"));
  for (const name of ["Join", "History", "Members", "Say", "SetTopicLine"]) {
    const request = call({ method: `parley.v1.Rooms/${name}`, payload });
    const error = contentOf(await some.ask(request), "error");
    assert.match(error.message, /no permission (join "board"|subscribe "room.board )/, name);
  }
  await using nothing = await enterBus(server, "tcp", "nothing");
  for (const name of ["ClaimName", "Tell"]) {
    const error = contentOf(
      await nothing.ask(call({ method: `parley.v1.Rooms/${name}` })),
      "error",
    );
    assert.match(error.message, /no permission join$/, name);
  }
});
