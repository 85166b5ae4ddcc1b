/**
 * What a server tells of itself: to everybody what it is, to each caller what that one may do and what is wrong as far as
 * it may see, and its figures over time.
 */
import assert from "node:assert/strict";
import { connect, ErrorCode, ParleyError } from "../../../lib/client/mod.ts";
import { Server } from "../../../lib/gen/parley/v1/server_pb.ts";
import { Admin } from "../../../lib/gen/parley/v1/admin_pb.ts";
import { MAX_QUEUE_HISTORIES } from "../../../lib/server/monitoring/queue_history.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { user } from "../../support/users.ts";

const urlOf = (server: TestServer) => `parley://127.0.0.1:${server.port("tcp")}`;
const isCode = (code: ErrorCode) => (error: unknown) =>
  error instanceof ParleyError && error.code === code;

const ROLES = {
  operator: { allow: { manage: "server.>" } },
  worker: { allow: { pull: "emails", subscribe: ["orders.> acme.v1.Order", "news.>"] } },
};

async function users() {
  return [await user("ada", "operator"), await user("bob", "worker")];
}

const as = (name: string) => ({ user: name, password: `${name}'s secret` });

Deno.test("a server says what it is, guests are told as well", async () => {
  const console = { environment: "staging", color: "orange" } as const;
  await using server = await startServer({
    console,
    users: await users(),
    roles: { ...ROLES, visitor: { allow: {} } },
    auth: { guest_role: "visitor" },
  });
  await using guest = await connect(urlOf(server));
  const about = await guest.server.about();
  const { environment, environmentColor, hasUsers, serverId, version, started, now } = about;
  assert.deepEqual([environment, environmentColor, hasUsers], ["staging", "orange", true]);
  assert.deepEqual([serverId, version], [server.server.serverId, guest.welcome.serverVersion]);
  assert(started <= now && now.getTime() - started.getTime() < 3_600_000);
  const { user: name, methods, verbs } = await guest.server.permissions();
  assert.equal(name, "");
  assert.deepEqual(verbs, []);
  assert(methods.includes("parley.v1.Server/About"));
  assert(!methods.some((method) => /Purge|Kick|Push|Reload|Join/.test(method)), methods.join());
});

Deno.test("a caller is told what it may do, and no more is done for it", async () => {
  await using server = await startServer({ users: await users(), roles: ROLES });
  await using ada = await connect(urlOf(server), as("ada"));
  await using bob = await connect(urlOf(server), as("bob"));
  const operator = await ada.server.permissions();
  assert.deepEqual([operator.user, operator.roles], ["ada", ["operator"]]);
  for (const { name } of Admin.methods) {
    assert(operator.methods.includes(`${Admin.typeName}/${name}`), name);
  }
  const worker = await bob.server.permissions([
    { verb: "pull", name: "emails" },
    { verb: "pull", name: "others" },
    { verb: "subscribe", name: "orders.eu" },
    { verb: "subscribe", name: "orders.eu", type: "acme.v1.Order" },
    { verb: "subscribe", name: "news.>", whole: true },
    { verb: "subscribe", name: ">", whole: true },
    { verb: "manage", name: "server.kick" },
  ]);
  assert.deepEqual(worker.allowed, [true, false, false, true, true, false, false]);
  assert.deepEqual(worker.verbs, ["subscribe", "pull"]);
  assert(worker.methods.includes("parley.v1.Queues/Peek"));
  assert(!worker.methods.some((method) => method.startsWith("parley.v1.Admin/")));
  assert(!worker.methods.includes("parley.v1.Queues/Purge"));
  await assert.rejects(
    bob.server.permissions([{ verb: "eat", name: "x" }]),
    isCode(ErrorCode.INVALID_ARGUMENT),
  );
  const many = Array.from({ length: 257 }, () => ({ verb: "pull", name: "x" }));
  await assert.rejects(bob.server.permissions(many), isCode(ErrorCode.INVALID_ARGUMENT));
});

Deno.test("without users everything is allowed", async () => {
  await using server = await startServer();
  await using client = await connect(urlOf(server));
  const { user: name, methods, verbs, allowed } = await client.server.permissions([
    { verb: "manage", name: "server.drain" },
  ]);
  assert.deepEqual([name, verbs.length, allowed], ["", 9, [true]]);
  assert(methods.includes("parley.v1.Admin/Drain"));
});

Deno.test("what is wrong is told in words, to each caller as far as it may see", async () => {
  const queue = [{ name: "small", max_jobs: 2 }];
  await using server = await startServer({ queue });
  await using client = await connect(urlOf(server));
  assert.deepEqual(await client.server.problems(), {
    problems: [],
    total: 0,
    serverChecked: true,
  });
  await client.queue("emails").push("one");
  for (const text of ["one", "two"]) await client.queue("small").push(text);
  for await (const job of client.queue("small").pull({ prefetch: 1 })) {
    await job.reject({ error: "no such address" });
    break;
  }
  await client.queue("small").push("three");
  const { problems, total } = await client.server.problems();
  assert.equal(total, 4);
  assert.deepEqual(
    problems.map(({ kind, name, severity, text }) => [severity, kind, name, text]),
    [
      ["error", "queue_full", "small", "it holds 2 of at most 2 jobs"],
      ["warning", "no_consumers", "emails", "1 job ready, and nobody takes any"],
      ["warning", "dead_letters", "small", "1 dead letter"],
      ["warning", "no_consumers", "small", "2 jobs ready, and nobody takes any"],
    ].toSorted((one, other) =>
      problemOrder(problems, one[1], one[2]) - problemOrder(problems, other[1], other[2])
    ),
  );
  assert.equal(problems[0].kind, "queue_full");
});

function problemOrder(
  problems: readonly { kind: string; name: string }[],
  kind: string,
  name: string,
): number {
  return problems.findIndex((one) => one.kind === kind && one.name === name);
}

Deno.test("who may not see a queue or the server is told nothing of it", async () => {
  await using server = await startServer({
    users: [...await users(), await user("eve", "pusher")],
    roles: { ...ROLES, pusher: { allow: { push: ["emails", "secret"] } } },
  });
  await using eve = await connect(urlOf(server), as("eve"));
  await using bob = await connect(urlOf(server), as("bob"));
  await using ada = await connect(urlOf(server), as("ada"));
  await eve.queue("emails").push("one");
  await eve.queue("secret").push("one");
  const bobs = await bob.server.problems();
  assert.deepEqual(bobs.problems.map(({ name }) => name), ["emails"]);
  assert.equal(bobs.serverChecked, false);
  const adas = await ada.server.problems();
  assert.deepEqual([adas.problems, adas.serverChecked], [[], true]);
  assert.equal((await eve.server.problems()).total, 2);
  await assert.rejects(bob.server.history(), isCode(ErrorCode.PERMISSION_DENIED));
  await assert.rejects(
    bob.server.history({ queue: "secret" }),
    isCode(ErrorCode.PERMISSION_DENIED),
  );
  assert((await ada.server.history()).series.length > 20);
  assert.deepEqual((await bob.server.history({ queue: "emails", limit: 1 })).stepMs, 2000);
});

Deno.test("figures are noted as time passes, for the server and its busiest queues", async () => {
  await using server = await startServer();
  await using client = await connect(urlOf(server));
  for (let index = 0; index < MAX_QUEUE_HISTORIES + 3; index++) {
    await client.queue(`q${index}`).push("one");
  }
  let last: Date | null = null;
  const look = async () => last = (await client.server.history({ queue: "q0" })).last;
  while (last === null) await look();
  const { series, stepMs } = await client.server.history({ queue: "q0" });
  const newest = (name: string) => series.find((one) => one.name === name)?.values.at(-1);
  assert.deepEqual([stepMs, newest("ready"), newest("dead")], [2000, 1, 0]);
  // A history begins before the first job, so that this one is in it: half a job a second for two seconds.
  const rates = series.find((one) => one.name === "pushed")!.values;
  assert.equal(rates.reduce((sum, rate) => sum + rate, 0), 0.5);
  // All of them hold jobs, so none gives its place up.
  const later = await client.server.history({ queue: `q${MAX_QUEUE_HISTORIES + 1}` });
  assert.deepEqual([later.series, later.last], [[], null]);
  const own = await client.server.history({ names: ["jobs_ready", "messages_in"], limit: 1 });
  assert.deepEqual(own.series.map(({ name, kind }) => [name, kind]), [
    ["messages_in", "rate"],
    ["jobs_ready", "level"],
  ]);
  assert.equal(own.series[1].values.length, 1);
  assert(own.last!.getTime() <= Date.now() + 1000);
  const hours = await client.server.history({ of: "hours" });
  assert.deepEqual([hours.stepMs, hours.last], [60_000, null]);
  await assert.rejects(
    client.server.history({ names: Array.from({ length: 65 }, String) }),
    isCode(ErrorCode.INVALID_ARGUMENT),
  );
});

Deno.test("every method of Server changes nothing, and has a right of its own", async () => {
  await using server = await startServer({ users: await users(), roles: ROLES });
  await using ada = await connect(urlOf(server), as("ada"));
  const { methods } = await ada.server.permissions();
  for (const { name } of Server.methods) assert(methods.includes(`${Server.typeName}/${name}`));
});
