/**
 * Which methods clients answer, by whom, how long that takes, and which calls wait, as administrators see it.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { callMethod, connect, type ReceivedCall } from "../../../lib/client/mod.ts";
import { Services } from "../../../lib/gen/parley/v1/service_pb.ts";
import { MethodCounts } from "../../../lib/services/calls/method_counts.ts";
import { run } from "../../cli/fake_io.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import { ask, enterBus, user } from "../../support/users.ts";

const urlOf = (server: TestServer) => `parley://127.0.0.1:${server.port("tcp")}`;
const { list, instances, calls } = Services.method;

Deno.test("methods are listed with who answers them, how calls end, and how long they take", async () => {
  await using server = await startServer();
  await using admin = await connect(urlOf(server));
  await using one = await connect(urlOf(server), { name: "one" });
  const held: ((text: string) => void)[] = [];
  const handler = ({ payload }: ReceivedCall) => {
    if (payload.length === 0) throw new Error("nothing");
    if (payload.length > 1) return new Promise<string>((resolve) => held.push(resolve));
    return "ok";
  };
  await one.serve("acme.A/Do", handler);
  {
    await using two = await connect(urlOf(server), { name: "two" });
    await two.serve("acme.A/Do", handler);
    await two.serve("acme.B/Do", handler);
    const found = (await callMethod(admin, list, {})).methods;
    assert.deepEqual(found.map(({ method, instances }) => [method, instances]), [
      ["acme.A/Do", 2],
      ["acme.B/Do", 1],
    ]);
    const begun = await callMethod(admin, list, { prefix: "acme.B/" });
    assert.deepEqual(begun.methods.map(({ method }) => method), ["acme.B/Do"]);
    const page = await callMethod(admin, list, { limit: 1 });
    assert.deepEqual([page.methods.length, page.more], [1, true]);
    const next = await callMethod(admin, list, { limit: 1, after: page.methods[0].method });
    assert.deepEqual([next.methods[0].method, next.more], ["acme.B/Do", false]);
    const who = await callMethod(admin, instances, { method: "acme.A/Do" });
    assert.deepEqual(who.instances.map(({ clientName }) => clientName), ["one", "two"]);
    assert.deepEqual([who.total, who.instances[0].sessionId], [2, one.welcome.sessionId]);
    assert.match(who.instances[0].peer, /^127\.0\.0\.1:\d+$/);
  }
  await until(() => server.stats().connectionsOpen === 2, "one has gone");
  await admin.call("acme.A/Do", "x");
  await assert.rejects(admin.call("acme.A/Do", ""));
  const first = admin.call("acme.A/Do", "wait");
  await until(() => held.length === 1, "a call waits");
  const second = admin.call("acme.A/Do", "wait", { timeoutMs: 30_000 });
  // Whatever fails below, nobody is left to wait.
  using _answered = { [Symbol.dispose]: () => held.forEach((answer) => answer("done")) };
  for (const call of [first, second]) call.catch(() => {});
  await until(() => held.length === 2, "two calls wait");
  const { calls: waiting, total } = await callMethod(admin, calls, {});
  assert.equal(total, 2);
  assert.deepEqual(
    waiting.map(({ method, caller, responder }) => [method, caller, responder]),
    [1, 2].map(() => ["acme.A/Do", admin.welcome.sessionId, one.welcome.sessionId]),
  );
  assert(waiting[0].ageMs >= waiting[1].ageMs && waiting[1].leftMs <= 30_000n);
  const limited = await callMethod(admin, calls, { method: "acme.A/Do", limit: 1 });
  assert.deepEqual([limited.calls.length, limited.total], [1, 2]);
  assert.equal((await callMethod(admin, calls, { method: "acme.B/Do" })).total, 0);
  const [info, ...more] = (await callMethod(admin, list, {})).methods;
  assert.equal(more.length, 0);
  assert.deepEqual([info.callsUnderWay, info.answered, info.failed], [2, 1n, 1n]);
  held.forEach((answer) => answer("done"));
  await Promise.all([first, second]);
  const [after] = (await callMethod(admin, list, {})).methods;
  assert.deepEqual([after.callsUnderWay, after.answered], [0, 3n]);
  assert(after.maxMicros > 0n && after.p50Micros <= after.p99Micros);
  assert(after.p99Micros <= after.maxMicros && after.averageMicros <= after.maxMicros);
});

Deno.test("calls that are given up, late or abandoned are counted, and counts begin anew with the next instance", async () => {
  await using server = await startServer();
  await using admin = await connect(urlOf(server));
  const begun: ReceivedCall[] = [];
  const one = await connect(urlOf(server));
  await one.serve("acme.A/Do", (call) => {
    begun.push(call);
    return new Promise<string>(() => {});
  });
  const controller = new AbortController();
  const cancelled = admin.call("acme.A/Do", "x", { signal: controller.signal });
  await until(() => begun.length === 1, "it came");
  controller.abort();
  await assert.rejects(cancelled);
  await assert.rejects(admin.call("acme.A/Do", "x", { timeoutMs: 20 }));
  await until(() => begun.length === 2, "the late one came");
  const info = async () => (await callMethod(admin, list, {})).methods[0];
  const found = await info();
  // Of the late one the client gives up, or the server, whoever looks first.
  assert.deepEqual([found.cancelled + found.expired, found.callsUnderWay], [2n, 0]);
  assert(found.cancelled >= 1n);
  // What nobody has answered took no time.
  assert.deepEqual([found.maxMicros, found.p99Micros, found.averageMicros], [0n, 0n, 0n]);
  await one.close();
  await until(() => server.stats().connectionsOpen === 1, "it is gone");
  assert.equal(await info(), undefined);
  await using two = await connect(urlOf(server));
  await two.serve("acme.A/Do", () => "ok");
  assert.deepEqual([(await info()).cancelled, (await info()).answered], [0n, 0n]);
});

Deno.test("whoever may not manage services is refused each of the methods", async () => {
  await using server = await startServer({
    users: [await user("ada", "admin"), await user("eve", "other")],
    roles: {
      admin: { allow: { manage: "server.services" } },
      other: {
        allow: { manage: ["server.connections", "topic.>"], call: ">", serve: ">" },
      },
    },
  });
  await using ada = await enterBus(server, "tcp", "ada");
  await using eve = await enterBus(server, "tcp", "eve");
  for (
    const [method, request] of [[list, {}], [instances, { method: "a" }], [calls, {}]] as const
  ) {
    const { error } = await ask(eve, method as typeof list, request as object);
    assert.equal(error?.code, ErrorCode.PERMISSION_DENIED, method.name);
    assert.match(error.message, /no permission manage "server\.services"$/);
  }
  assert.equal((await ask(ada, list, {})).error, null);
  assert.equal((await ask(ada, calls, {})).error, null);
  const none = await ask(ada, instances, { method: "acme.A/Do" });
  assert.equal(none.error?.code, ErrorCode.NOT_FOUND);
  const wrong = await ask(ada, instances, { method: "a b" });
  assert.equal(wrong.error?.code, ErrorCode.INVALID_ARGUMENT);
});

Deno.test("shares of times are bounds of buckets, and never more than the longest", () => {
  const counts = new MethodCounts("a");
  assert.deepEqual([counts.withinMs(0.5), counts.averageMs], [0, 0]);
  for (let index = 0; index < 99; index++) counts.took(2);
  counts.took(40);
  assert.deepEqual([counts.withinMs(0.5), counts.withinMs(0.99), counts.withinMs(1)], [
    2.5,
    2.5,
    40,
  ]);
  counts.took(60_000);
  assert.deepEqual([counts.withinMs(1), counts.maxMs], [60_000, 60_000]);
});

Deno.test("parley service lists methods, who answers them, and calls that wait", async () => {
  await using server = await startServer();
  const parley = (...args: string[]) => run(["service", ...args, "--server", urlOf(server)]);
  assert.equal((await parley("ls")).stdout, "no methods are answered\n");
  assert.equal((await parley("calls")).stdout, "no calls wait\n");
  await using client = await connect(urlOf(server), { name: "one" });
  const { promise, resolve } = Promise.withResolvers<string>();
  using _answered = { [Symbol.dispose]: () => resolve("done") };
  await client.serve("acme.A/Do", () => promise);
  await client.serve("acme.B/Do", () => "ok");
  await client.call("acme.B/Do", "x");
  const call = client.call("acme.A/Do", "x");
  call.catch(() => {});
  await until(() => server.stats().callsUnderWay === 1, "a call waits");
  const [heading, first, second] = (await parley("ls")).stdout.split("\n");
  assert.match(
    heading,
    /^method +answer it +waiting +answered +failed +expired +given up +lost +average +p99 +longest$/,
  );
  assert.match(first, /^acme\.A\/Do +1 +1 +0 +0 +0 +0 +0 +- +- +-$/);
  assert.match(second, /^acme\.B\/Do +1 +0 +1 +0 +0 +0 +0 +[\d.]+ (?:µs|ms) /);
  const [json] = (await parley("ls", "acme.B/", "--json")).stdout.split("\n");
  const { method, answered, instances } = JSON.parse(json);
  assert.deepEqual([method, answered, instances], ["acme.B/Do", 1, 1]);
  assert.match((await parley("info", "acme.A/Do")).stdout, /\n\S+ +one +127\.0\.0\.1:\d+ +1\n$/);
  const { code, stderr } = await parley("info", "acme.None/Do");
  assert.deepEqual([code, /acme\.None\/Do/.test(stderr)], [1, true]);
  const session = client.welcome.sessionId;
  assert.match(
    (await parley("calls")).stdout,
    new RegExp(`\\nacme\\.A/Do +${session} +${session} +[\\d.]+ s +[\\d.]+ s\\n$`),
  );
  assert.equal((await parley("calls", "acme.B/Do")).stdout, "no calls wait\n");
});
