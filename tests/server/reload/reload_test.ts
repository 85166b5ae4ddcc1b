/**
 * Tests what a running server takes over of a configuration: limits, policies, users, certificates and the log, for
 * connections, topics and queues that are there and that come; and that one wrong value changes nothing.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { Admin } from "../../../lib/gen/parley/v1/admin_pb.ts";
import { AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { configFrom, type ConfigInput, type LogConfig } from "../../../lib/server/config/config.ts";
import { BUS_KINDS, BusClient } from "../../support/bus_client.ts";
import { publish, publishNumber, register, subscribe, textIn } from "../../support/bus_messages.ts";
import { contentOf, echoMessage } from "../../support/frames.ts";
import { LogRecords } from "../../support/log_records.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import { ask, enterBus, user } from "../../support/users.ts";

/** A server whose configuration a test writes anew: over the listeners and files of its start. */
class Reloadable implements AsyncDisposable {
  next: ConfigInput | Error;

  private constructor(readonly server: TestServer, first: ConfigInput) {
    this.next = first;
  }

  static async start(first: ConfigInput = {}, log?: (config: LogConfig) => void) {
    const test = { one: null as Reloadable | null };
    const read = () => Promise.resolve().then(() => test.one!.config());
    const server = await startServer(first, { reread: read, log });
    return test.one = new Reloadable(server, first);
  }

  config() {
    if (this.next instanceof Error) throw this.next;
    const { data, listen, tls } = this.server.config;
    const { next } = this;
    return configFrom({
      data,
      ...next,
      listen: { ...listen, ...next.listen },
      tls: { ...tls, ...next.tls },
    });
  }

  /** Reloads with what parley.toml is to say, besides listeners. */
  reload(next: ConfigInput | Error) {
    this.next = next;
    return this.server.server.reload();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server[Symbol.asyncDispose]();
  }
}

/** Whether events of a topic are kept at present. */
async function isKept(client: BusClient, topic: string): Promise<boolean> {
  return contentOf(await client.ask(publish({ topic })), "ack").seq > 0n;
}

Deno.test("limits hold from then on for connections that are there and that come", async () => {
  await using test = await Reloadable.start({ limits: { max_subscriptions: 1 } });
  await using client = await BusClient.connect(test.server, "tcp");
  await client.acknowledged(subscribe("a"));
  const refused = async (pattern: string) =>
    contentOf(await client.ask(subscribe(pattern)), "error").code;
  assert.equal(await refused("b"), ErrorCode.RESOURCE_EXHAUSTED);
  const { applied, waiting } = await test.reload({
    limits: {
      max_subscriptions: 2,
      max_methods_per_connection: 1,
      max_connections: 3,
      max_frame_bytes: 2000,
    },
  });
  assert.deepEqual([...applied].toSorted(), [
    "limits.max_connections",
    "limits.max_frame_bytes",
    "limits.max_methods_per_connection",
    "limits.max_subscriptions",
  ]);
  assert.deepEqual(waiting, []);
  await client.acknowledged(subscribe("b"));
  assert.equal(await refused("c"), ErrorCode.RESOURCE_EXHAUSTED);
  await client.acknowledged(register("a.One"));
  const second = contentOf(await client.ask(register("a.Two")), "error");
  assert.match(second.message, /1 methods/);
  assert.equal(test.server.stats().maxConnections, 3);
  await client.send(echoMessage("x".repeat(2000)));
  const end = contentOf((await client.whenEnded(), client.messages.at(-1)!), "error");
  assert.match(`${end.message} ${end.accepted}`, /2000/);
});

Deno.test("rates hold from then on for connections that are there, and end with their limit", async () => {
  await using test = await Reloadable.start();
  await using client = await BusClient.connect(test.server, "tcp");
  const many = async (count: number) => {
    const ids = Array.from({ length: count }, () => client.nextId());
    await client.send(...ids.map((id) => ({ ...echoMessage("x"), id })));
    for (const id of ids) await client.answerTo(id);
  };
  await many(500);
  const { rateHolds } = test.server.stats();
  assert.equal(rateHolds, 0);
  await test.reload({ limits: { rate_messages_per_second: 100, rate_messages_burst: 10 } });
  await many(20);
  await until(() => test.server.stats().rateHolds > 0, "the rate holds");
  await test.reload({});
  const held = test.server.stats().rateHolds;
  await many(500);
  assert.equal(test.server.stats().rateHolds, held);
});

Deno.test("topics that are there are kept by new policies, and by others, and not any more", async () => {
  const store = { retention_interval_ms: 10 };
  await using test = await Reloadable.start({ store });
  await using client = await BusClient.connect(test.server, "tcp");
  await using reader = await BusClient.connect(test.server, "tcp");
  await reader.acknowledged(subscribe("a.>"));
  assert.equal(await isKept(client, "a.b"), false);
  await test.reload({ store, keep: [{ pattern: "a.>" }] });
  for (let number = 1; number <= 20; number++) {
    const ack = contentOf(await client.ask(publishNumber("a.b", number)), "ack");
    assert.deepEqual([ack.level, ack.seq], [AckLevel.ROUTED, BigInt(number)]);
  }
  assert.equal(await isKept(client, "a.other"), true);
  // A tighter bound drops what is over it, in the background.
  await test.reload({ store, keep: [{ pattern: "a.>", max_events: 5 }] });
  assert.equal(await isKept(client, "a.b"), true);
  const info = async () => {
    const { info } = (await ask(client, Topics.method.info, { topic: "a.b" })).answer!;
    return { events: Number(info!.events), last: Number(info!.lastSeq), policy: info!.policy };
  };
  while ((await info()).events > 5) assert.equal(await isKept(client, "a.b"), true);
  // Without a policy it is as any topic; what it holds stays, and no bound is on it.
  await test.reload({ store });
  assert.equal(await isKept(client, "a.b"), false);
  const left = await info();
  assert.deepEqual([left.events, left.policy], [5, undefined]);
  // With one again, its numbers go on.
  await test.reload({ store, keep: [{ pattern: "a.b" }] });
  const ack = contentOf(await client.ask(publish({ topic: "a.b" })), "ack");
  assert.equal(ack.seq, BigInt(left.last) + 1n);
  assert.equal(await isKept(client, "a.other"), false);
  await reader.whenEvents(1);
});

Deno.test("events of a publisher stay in their order when their topic is not kept any more", async () => {
  // On a disk a commit takes its time.
  const data = await Deno.makeTempDir({ prefix: "parley-reload-" });
  await using _removed = { [Symbol.asyncDispose]: () => Deno.remove(data, { recursive: true }) };
  await using test = await Reloadable.start({ data, keep: [{ pattern: "a" }] });
  await using reader = await BusClient.connect(test.server, "tcp");
  await reader.acknowledged(subscribe("a"));
  await using client = await BusClient.connect(test.server, "tcp");
  let count = 0;
  let over = false;
  const publishing = (async () => {
    while (!over) {
      await client.send(...Array.from({ length: 50 }, () => publishNumber("a", count++)));
      // Gives the reloads a turn of the event loop, too.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  })();
  for (let round = 0; round < 40; round++) {
    await test.reload({ keep: round % 2 === 1 ? [{ pattern: "a" }] : [] });
    const { messagesIn } = test.server.stats();
    await until(() => test.server.stats().messagesIn > messagesIn, "events come");
  }
  over = true;
  await publishing;
  const events = await reader.whenEvents(count);
  assert.deepEqual(
    events.map(({ payload }) => Number(textIn(payload))),
    Array.from({ length: count }, (_, index) => index),
  );
});

Deno.test("queues that are there go by new policies and bindings; being ordered waits, and is named", async () => {
  await using test = await Reloadable.start({ queue: [{ name: "jobs", max_jobs: 1 }] });
  await using client = await BusClient.connect(test.server, "tcp");
  const push = async () =>
    (await client.ask({ message: { case: "job", value: { queue: "jobs" } } })).message.case;
  assert.deepEqual([await push(), await push()], ["ack", "error"]);
  const { applied, waiting } = await test.reload({
    queue: [{ name: "jobs", max_jobs: 3, lease_ms: 1234, ordered: true, bind: ["made.*"] }],
  });
  assert.deepEqual(applied, ["queue"]);
  assert.deepEqual(waiting, [
    { key: 'queue "jobs": ordered', running: "false", configured: "true" },
  ]);
  assert.equal(await push(), "ack");
  await client.acknowledged(publish({ topic: "made.one" }));
  assert.equal(await push(), "error");
  const { info } = (await ask(client, Queues.method.info, { queue: "jobs" })).answer!;
  assert.equal(info!.ready, 3n);
  assert.deepEqual(
    [info!.settings!.leaseMs, info!.settings!.ordered, info!.settings!.bind],
    [1234, false, ["made.*"]],
  );
  await test.reload({ queue: [{ name: "jobs", max_jobs: 100 }] });
  await client.acknowledged(publish({ topic: "made.two" }));
  const after = (await ask(client, Queues.method.info, { queue: "jobs" })).answer!.info!;
  assert.equal(after.ready, 3n, "it is bound no more");
});

Deno.test("the log is set up anew when its part of the configuration changes", async () => {
  const told: LogConfig[] = [];
  await using test = await Reloadable.start({}, (config) => told.push(config));
  await test.reload({ limits: { max_calls: 7 } });
  assert.equal(told.length, 0);
  await test.reload({ log: { level: "debug", levels: { connection: "error" } } });
  await test.reload({ log: { level: "debug", levels: { connection: "error" } } });
  assert.deepEqual(told.map(({ level, levels }) => [level, levels.connection]), [[
    "debug",
    "error",
  ]]);
});

Deno.test("one thing that is wrong changes nothing of the rest, and is told", async () => {
  using logs = new LogRecords();
  const folder = await Deno.makeTempDir({ prefix: "parley-reload-" });
  try {
    const ada = await user("ada", "all");
    const roles = { all: { allow: { publish: ">", subscribe: ">", manage: ">" } } };
    const good = { users: [ada], roles };
    await using test = await Reloadable.start(good);
    const { certificate, key } = test.server.config.tls;
    await Deno.writeTextFile(`${folder}/broken.pem`, "nothing");
    await Deno.writeTextFile(`${folder}/users.toml`, '[[users]]\nname = ""\n');
    const more = {
      ...good,
      limits: { max_subscriptions: 1 },
      keep: [{ pattern: "a" }],
      log: { level: "error" as const },
    };
    await using client = await enterBus(test.server, "tcp", "ada");
    const wrong: [next: ConfigInput | Error, told: RegExp][] = [
      [new Error("no such file"), /no such file/],
      [
        { ...more, tls: { certificate: `${folder}/broken.pem`, key } },
        /broken\.pem has no certificate/,
      ],
      [{ ...more, tls: { certificate, key: `${folder}/none.pem` } }, /cannot read the key/],
      [
        { ...more, auth: { users_file: `${folder}/users.toml` } },
        /users\.toml:2: users\[0\]\.name/,
      ],
      [{ ...more, users: [] }, /without users while/],
      [{ ...more, listen: { deny_addresses: "1.2.3.4/99" } }, /99/],
    ];
    for (const [next, told] of wrong) {
      await assert.rejects(test.reload(next), (error: unknown) => {
        assert(error instanceof ParleyError);
        assert.match(error.message, told);
        return true;
      });
      const [line] = logs.records.filter(({ level }) => level === "error").slice(-1);
      assert.match(String(line.rawMessage), /the former stays in force/);
      assert.match(String(line.properties.reason), told);
      assert.equal(await isKept(client, "a"), false, String(told));
      await client.acknowledged(subscribe(`${told}`.replace(/\W+/g, "")));
    }
    const { applied } = await test.reload(more);
    assert.deepEqual(applied, ["keep", "limits.max_subscriptions", "log.level"]);
    assert.equal(await isKept(client, "a"), true);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what takes a restart is named with both values, again with each reload, and the rest is taken", async () => {
  using logs = new LogRecords();
  await using test = await Reloadable.start();
  const tcp = test.server.config.listen.tcp;
  for (let round = 0; round < 2; round++) {
    const { applied, waiting } = await test.reload({
      listen: { tcp: "localhost:7777" },
      limits: { max_calls: 5 + round },
      tls: { http: true },
    });
    assert.deepEqual(applied, ["limits.max_calls"]);
    assert.deepEqual(waiting, [
      { key: "listen.tcp", running: JSON.stringify(tcp), configured: '["localhost:7777"]' },
      { key: "tls.http", running: "false", configured: "true" },
    ]);
  }
  assert.equal(logs.templates("warning").length, 2);
  assert.deepEqual((await test.reload({ limits: { max_calls: 6 } })).waiting, []);
  assert(logs.templates("info").some((text) => text.includes("has not changed")));
});

Deno.test("reloads that are asked for at once are few, and each tells what is in force", async () => {
  let reads = 0;
  await using server = await startServer({}, {
    reread: () => Promise.reject(new Error(`read ${++reads}`)),
  });
  const outcomes = Array.from({ length: 50 }, () => server.server.reload());
  for (const outcome of await Promise.allSettled(outcomes)) {
    assert.equal(outcome.status, "rejected");
    assert.match(outcome.reason.message, /^read [12]$/);
  }
});

for (const kind of BUS_KINDS) {
  Deno.test(`Admin/Reload does it for those who may manage the server: ${kind}`, async () => {
    const roles = {
      boss: { allow: { manage: "server.*" } },
      half: { allow: { manage: ">" }, deny: { manage: "server.reload" } },
      none: { allow: { publish: ">", call: ">" } },
    };
    const users = await Promise.all(["boss", "half", "none"].map((name) => user(name, name)));
    await using test = await Reloadable.start({ users, roles });
    test.next = { users, roles, limits: { max_calls: 9 }, chat: { first_room: "hall" } };
    for (const name of ["half", "none"]) {
      await using client = await enterBus(test.server, kind, name);
      const { error } = await ask(client, Admin.method.reload, {});
      assert.equal(error?.code, ErrorCode.PERMISSION_DENIED);
      assert.match(error.message, /manage "?server\.reload/);
    }
    await using client = await enterBus(test.server, kind, "boss");
    const done = (await ask(client, Admin.method.reload, {})).answer!;
    assert.deepEqual(done.applied, ["limits.max_calls"]);
    const [{ key, running, configured }] = done.waiting;
    assert.deepEqual([key, running, configured], ["chat.first_room", '"lobby"', '"hall"']);
    test.next = new Error("parley.toml:3: wrong");
    const { error } = await ask(client, Admin.method.reload, {});
    assert.equal(error?.message, "parley.toml:3: wrong");
  });
}

Deno.test("without users, only the server's own machine may reload", async () => {
  await using test = await Reloadable.start({ listen: { proxy_protocol: "127.0.0.1" } });
  await using local = await BusClient.connect(test.server, "unix");
  assert.deepEqual((await ask(local, Admin.method.reload, {})).answer?.applied, []);
  await using remote = new BusClient(await test.server.connect("tcp"));
  remote.startReading();
  await remote.sendBytes(
    new TextEncoder().encode("PROXY TCP4 192.0.2.7 192.0.2.8 1000 7311\r\n"),
  );
  const { error } = await ask(remote, Admin.method.reload, {});
  assert.equal(error?.code, ErrorCode.PERMISSION_DENIED);
  assert.match(error.message, /192\.0\.2\.7/);
});
