/**
 * The system topics over real sockets: what the server tells of itself, to whom, and that nobody else does.
 */
import assert from "node:assert/strict";
import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import { DeathReason, Verdict } from "../../../lib/gen/parley/v1/queue_pb.ts";
import {
  ConfigurationReloadedSchema,
  ConnectedSchema,
  DeadLetterAddedSchema,
  DisconnectedSchema,
  EventsLeftOutSchema,
  IdentifiedSchema,
  LimitHitSchema,
  SlowConsumerSchema,
  UserChange,
  UserChangedSchema,
} from "../../../lib/gen/parley/v1/system_pb.ts";
import { BusClient } from "../../support/bus_client.ts";
import { OverflowPolicy, publish, subscribe } from "../../support/bus_messages.ts";
import { contentOf, helloMessage } from "../../support/frames.ts";
import { LogRecords } from "../../support/log_records.ts";
import { startServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import { enterBus, user } from "../../support/users.ts";

/** The messages of one type that a client got. */
function told<D extends DescMessage>(client: BusClient, schema: D): MessageShape<D>[] {
  return client.events.filter(({ type }) => type === schema.typeName)
    .map(({ payload }) => fromBinary(schema, payload));
}

/** Waits until a client got so many messages of a type, and gives them. */
async function whenTold<D extends DescMessage>(
  client: BusClient,
  schema: D,
  count = 1,
): Promise<MessageShape<D>[]> {
  await client.when(() => told(client, schema).length >= count, `${count} of ${schema.typeName}`);
  return told(client, schema);
}

Deno.test("system topics: connections come, say who they are, and go", async () => {
  await using server = await startServer();
  await using operator = await BusClient.connect(server, "tcp");
  await operator.acknowledged(subscribe("sys.>"));
  const client = await BusClient.connect(server, "ws");
  const hello = helloMessage({ clientName: "probe", library: "tests 1" });
  const { sessionId } = contentOf(await client.ask(hello), "welcome");
  const [connected] = await whenTold(operator, ConnectedSchema);
  assert.equal(connected.connection?.listener, "ws");
  assert.equal(connected.connection?.sessionId, sessionId);
  const [identified] = await whenTold(operator, IdentifiedSchema);
  assert.equal(identified.connection?.clientName, "probe");
  assert.equal(identified.connection?.library, "tests 1");
  client.close();
  const [gone] = await whenTold(operator, DisconnectedSchema);
  assert.equal(gone.connection?.sessionId, sessionId);
  assert.equal(gone.closeReason, CloseReason.UNSPECIFIED);
  await using broken = await BusClient.connect(server, "tcp");
  await broken.sendBytes(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff));
  const [, ended] = await whenTold(operator, DisconnectedSchema, 2);
  assert.equal(ended.closeReason, CloseReason.PROTOCOL_ERROR);
  assert.notEqual(ended.reason, "");
  const [event] = operator.events;
  assert.equal(event.sender, "server");
  assert(event.timeUnixMicros > 0n);
});

Deno.test("system topics: who subscribes to everything else is told nothing of them", async () => {
  await using server = await startServer();
  await using everything = await BusClient.connect(server, "tcp");
  for (const pattern of [">", "*.connected", "*.>"]) {
    await everything.acknowledged(subscribe(pattern));
  }
  await using both = await BusClient.connect(server, "tcp");
  await both.acknowledged(subscribe(">"));
  await both.acknowledged(subscribe("sys.*"));
  await using groups = await BusClient.connect(server, "tcp");
  await groups.acknowledged(subscribe({ pattern: ">", group: "g" }));
  await groups.acknowledged(subscribe({ pattern: "sys.connected", group: "g" }));
  await using _other = await BusClient.connect(server, "tcp");
  await whenTold(both, ConnectedSchema);
  await whenTold(groups, ConnectedSchema);
  await both.acknowledged(publish({ topic: "end" }));
  await everything.whenEvents(1);
  assert.deepEqual(everything.events.map(({ topic }) => topic), ["end"]);
  assert.equal(told(both, ConnectedSchema).length, told(groups, ConnectedSchema).length + 1);
});

Deno.test("system topics: nobody but the server publishes there", async () => {
  await using server = await startServer({ keep: [{ pattern: ">" }] });
  await using client = await BusClient.connect(server, "tcp");
  for (const topic of ["sys.connected", "sys.x", "sys.a.b", "sys"]) {
    const { code, accepted } = contentOf(await client.ask(publish({ topic })), "error");
    assert.equal(code, ErrorCode.PERMISSION_DENIED);
    assert.match(accepted, /"sys\."/);
  }
  await client.acknowledged(publish({ topic: "system.x" }));
});

Deno.test("system topics: with users they need a rule of their own", async () => {
  await using server = await startServer({
    users: [await user("ops", "ops"), await user("eve", "eve"), await user("cut", "cut")],
    roles: {
      ops: { allow: { subscribe: ["sys.>"] } },
      eve: { allow: { subscribe: [">", "*.connected"] } },
      cut: { allow: { subscribe: ["sys.>"] }, deny: { subscribe: ["*.disconnected"] } },
    },
  });
  await using ops = await enterBus(server, "tcp", "ops");
  await using eve = await enterBus(server, "tcp", "eve");
  await using cut = await enterBus(server, "tcp", "cut");
  for (const pattern of ["sys.>", "sys.connected", "sys.*"]) {
    const { code } = contentOf(await eve.ask(subscribe(pattern)), "error");
    assert.equal(code, ErrorCode.PERMISSION_DENIED, pattern);
    await ops.acknowledged(subscribe(pattern));
  }
  await eve.acknowledged(subscribe(">"));
  await cut.acknowledged(subscribe("sys.>"));
  const denied = contentOf(await cut.ask(subscribe("sys.disconnected")), "error");
  assert.equal(
    denied.code,
    ErrorCode.PERMISSION_DENIED,
    "a rule that denies with a wildcard counts",
  );
  const another = await enterBus(server, "tcp", "ops");
  another.close();
  await whenTold(ops, DisconnectedSchema);
  assert.deepEqual(eve.events, []);
  assert.equal(told(cut, DisconnectedSchema).length, 0);
  assert.equal(told(cut, ConnectedSchema).length, 1);
  const [{ connection }] = told(ops, IdentifiedSchema);
  assert.equal(connection?.user, "ops");
});

Deno.test("system topics: a limit that was met, and by whom", async () => {
  await using server = await startServer({ limits: { max_subscriptions: 1 } });
  await using operator = await BusClient.connect(server, "tcp");
  await operator.acknowledged(subscribe("sys.limit_hit"));
  await using client = await BusClient.connect(server, "tcp");
  const session = await client.sessionId();
  await client.acknowledged(subscribe("a"));
  contentOf(await client.ask(subscribe("b")), "error");
  const [{ limit, reason, connection }] = await whenTold(operator, LimitHitSchema);
  assert.equal(limit, "subscriptions");
  assert.match(reason, /^cannot subscribe to "b"/);
  assert.equal(connection?.sessionId, session);
});

Deno.test("system topics: so many a second, and the rest is counted", async () => {
  await using server = await startServer({ limits: { max_subscriptions: 1 } });
  await using operator = await BusClient.connect(server, "tcp");
  await operator.acknowledged(subscribe("sys.>"));
  await using client = await BusClient.connect(server, "tcp");
  await client.acknowledged(subscribe("a"));
  const refused = 400;
  await client.send(...Array.from({ length: refused }, () => subscribe("b")));
  const sum = () =>
    told(operator, LimitHitSchema).length +
    told(operator, EventsLeftOutSchema).reduce((all, { count }) => all + Number(count), 0);
  await operator.when(() => sum() === refused, "all of them, told or counted");
  const leftOut = told(operator, EventsLeftOutSchema);
  assert(leftOut.length > 0);
  for (const { topic } of leftOut) assert.equal(topic, "sys.limit_hit");
  assert(told(operator, LimitHitSchema).length >= 100);
});

Deno.test("system topics: a connection that does not read", async () => {
  const limits = { max_outbox_bytes: 2 ** 20, max_frame_bytes: 2 ** 18 };
  await using server = await startServer({ limits });
  await using operator = await BusClient.connect(server, "tcp");
  await operator.acknowledged(subscribe("sys.slow_consumer"));
  const slow = await BusClient.connect(server, "tcp", { reading: false });
  const loses = await BusClient.connect(server, "tcp", { reading: false });
  await slow.send(subscribe("t"));
  await loses.send(subscribe({ pattern: "t", overflow: OverflowPolicy.DROP_NEWEST }));
  await until(() => server.stats().subscriptions === 3, "three subscriptions");
  await using publisher = await BusClient.connect(server, "tcp");
  const payload = new Uint8Array(16 * 1024);
  const isWhole = () => {
    const all = told(operator, SlowConsumerSchema);
    return all.some(({ ended }) => ended) && all.some(({ ended }) => !ended);
  };
  for (let count = 0; count < 3000 && !isWhole(); count++) {
    await publisher.acknowledged(publish({ topic: "t", payload }));
  }
  await operator.when(isWhole, "both of them");
  const one = told(operator, SlowConsumerSchema).find(({ ended }) => !ended);
  assert.equal(one?.topic, "t");
  slow.close();
  loses.close();
});

Deno.test("system topics: a job that was given up", async () => {
  await using server = await startServer({ queue: [{ name: "q", max_deliveries: 1 }] });
  await using operator = await BusClient.connect(server, "tcp");
  await operator.acknowledged(subscribe("sys.dead_letter"));
  await using client = await BusClient.connect(server, "tcp");
  await client.acknowledged({ message: { case: "job", value: { queue: "q" } } });
  await client.acknowledged({ message: { case: "pull", value: { queue: "q", consumer: 1n } } });
  await client.when(() => client.messages.some(({ message }) => message.case === "job"), "the job");
  const { message } = client.messages.find(({ message }) => message.case === "job")!;
  assert(message.case === "job");
  const settle = { consumer: 1n, tokens: [message.value.token], verdict: Verdict.REJECT };
  await client.ask({ message: { case: "settle", value: { ...settle, error: "no use" } } });
  const [{ death }] = await whenTold(operator, DeadLetterAddedSchema);
  assert.equal(death?.queue, "q");
  assert.equal(death?.id, 1n);
  assert.equal(death?.reason, DeathReason.REJECTED);
  assert.equal(death?.lastError, "no use");
});

Deno.test("system topics: users that change, and a configuration that was read again", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
  try {
    const users_file = `${folder}/users.toml`;
    const write = async (...names: string[]) => {
      const entries = await Promise.all(names.map((name) => user(name.split("!")[0], "ops")));
      const text = entries.map(({ name, password }, index) =>
        `[[users]]\nname = "${name}"\npassword = "${password}"\nroles = ["ops"]\n` +
        (names[index].endsWith("!") ? "disabled = true\n" : "")
      ).join("");
      await Deno.writeTextFile(users_file, text);
    };
    await write("ops", "bob");
    using log = new LogRecords();
    await using server = await startServer({
      auth: { users_file },
      roles: { ops: { allow: { subscribe: ["sys.>"] } } },
    });
    await using operator = await enterBus(server, "tcp", "ops");
    await operator.acknowledged(subscribe("sys.user_changed"));
    await operator.acknowledged(subscribe("sys.configuration_reloaded"));
    const before = await Deno.readTextFile(users_file);
    // The entry of the operator stays as it is, or its login would be over.
    const [first] = before.split("[[users]]").filter((part) => part !== "");
    await write("bob!", "eve");
    const after = await Deno.readTextFile(users_file);
    await Deno.writeTextFile(users_file, `[[users]]${first}${after}`);
    const changes = (await whenTold(operator, UserChangedSchema, 2))
      .map(({ user, change }) => `${user} ${UserChange[change]}`);
    assert.deepEqual(changes.sort(), ["bob CHANGED", "eve ADDED"]);
    await Deno.writeTextFile(users_file, `[[users]]${first}`);
    const [, , ...removed] = (await whenTold(operator, UserChangedSchema, 4))
      .map(({ user, change }) => `${user} ${UserChange[change]}`);
    assert.deepEqual(removed.sort(), ["bob REMOVED", "eve REMOVED"]);
    const audited = log.records.filter(({ category }) => category[1] === "audit")
      .map(({ properties }) => `${properties.target} ${properties.outcome}`);
    const all = ["bob changed", "bob removed", "eve added", "eve removed"];
    assert.deepEqual(audited.sort(), all);
    await server.server.reload();
    const [reloaded] = await whenTold(operator, ConfigurationReloadedSchema);
    assert.deepEqual([reloaded.applied, reloaded.waiting], [[], []]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
