/**
 * Policies of topics and queues that are set while the server runs: in force at once, stored, over what the configuration
 * says, and gone when they are taken back; by the protocol, over HTTP and by the command line.
 */
import assert from "node:assert/strict";
import {
  callMethod,
  type Client,
  connect,
  ErrorCode,
  ParleyError,
} from "../../../lib/client/mod.ts";
import { Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { PolicyOrigin, Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { type Config, configFrom, type ConfigInput } from "../../../lib/server/config/config.ts";
import { run } from "../../cli/fake_io.ts";
import { KeptServer } from "../../sim/kept_server.ts";
import { ask } from "../../support/http_api.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { user } from "../../support/users.ts";

const urlOf = (server: TestServer) => `parley://127.0.0.1:${server.port("tcp")}`;
const isCode = (code: ErrorCode) => (error: unknown) =>
  error instanceof ParleyError && error.code === code;

async function keptPatterns(client: Client): Promise<[string, PolicyOrigin][]> {
  const { policies } = await callMethod(client, Topics.method.policies, {});
  return policies.map(({ pattern, origin }) => [pattern, origin]);
}

async function queueNames(client: Client): Promise<string[]> {
  const { queues } = await callMethod(client, Queues.method.list, {});
  return queues.map(({ queue }) => queue);
}

const keep = (client: Client, policy: { pattern: string; maxEvents?: bigint; maxAgeMs?: bigint }) =>
  callMethod(client, Topics.method.keep, { policy });

Deno.test("a topic is kept as soon as that is set, and no longer once it is taken back", async () => {
  await using server = await startServer({ keep: [{ pattern: "c.>", max_events: 5 }] });
  await using client = await connect(urlOf(server));
  assert.equal((await client.publish("a.b", "x")).seq, 0n);
  const { policy } = await keep(client, { pattern: "a.>", maxEvents: 2n });
  assert.equal(policy?.origin, PolicyOrigin.RUNTIME);
  for (let count = 1; count <= 3; count++) await client.publish("a.b", `${count}`);
  const { info } = await callMethod(client, Topics.method.info, { topic: "a.b" });
  assert.deepEqual([info?.lastSeq, info?.policy?.origin], [3n, PolicyOrigin.RUNTIME]);
  assert.deepEqual(await keptPatterns(client), [
    ["a.>", PolicyOrigin.RUNTIME],
    ["c.>", PolicyOrigin.CONFIGURATION],
    ["room.*", PolicyOrigin.BUILT_IN],
  ]);
  await callMethod(client, Topics.method.unkeep, { pattern: "a.>" });
  assert.equal((await client.publish("a.b", "x")).seq, 0n);
});

Deno.test("one of the same pattern takes the place of the configuration's, any other comes first", async () => {
  await using server = await startServer({
    keep: [{ pattern: "a.>", max_events: 5 }, { pattern: "b.>", max_events: 5 }],
  });
  await using client = await connect(urlOf(server));
  await keep(client, { pattern: "b.>", maxEvents: 7n });
  await keep(client, { pattern: "a.x", maxEvents: 1n });
  await keep(client, { pattern: "a.y", maxEvents: 2n });
  await keep(client, { pattern: "a.x", maxEvents: 3n });
  const { policies } = await callMethod(client, Topics.method.policies, {});
  assert.deepEqual(policies.map(({ pattern, maxEvents }) => [pattern, maxEvents]), [
    ["a.y", 2n],
    ["a.x", 3n],
    ["a.>", 5n],
    ["b.>", 7n],
    ["room.*", 2048n],
  ]);
  await callMethod(client, Topics.method.unkeep, { pattern: "b.>" });
  const after = await callMethod(client, Topics.method.policies, {});
  assert.equal(after.policies.find(({ pattern }) => pattern === "b.>")?.maxEvents, 5n);
  await assert.rejects(
    callMethod(client, Topics.method.unkeep, { pattern: "b.>" }),
    isCode(ErrorCode.FAILED_PRECONDITION),
  );
  await assert.rejects(
    callMethod(client, Topics.method.unkeep, { pattern: "none" }),
    isCode(ErrorCode.NOT_FOUND),
  );
});

Deno.test("a queue is made, changed, taken back and removed while the server runs", async () => {
  await using server = await startServer({ queue: [{ name: "c", lease_ms: 1234 }] });
  await using client = await connect(urlOf(server));
  const set = (policy: Parameters<typeof callMethod>[2], create = false) =>
    callMethod(client, Queues.method.set, { policy: policy as { name: string }, create });
  await set({ name: "q", leaseMs: 5000, maxDeliveries: 3, bind: ["events.>"] }, true);
  assert.deepEqual(await queueNames(client), ["q"]);
  await assert.rejects(set({ name: "q" }, true), isCode(ErrorCode.ALREADY_EXISTS));
  await client.publish("events.a", "becomes a job");
  await set({ name: "q", leaseMs: 7000 });
  const { info } = await callMethod(client, Queues.method.info, { queue: "q" });
  const { settings } = info!;
  assert.deepEqual([info?.ready, settings?.leaseMs, settings?.maxDeliveries], [1n, 7000, 3]);
  assert.deepEqual(settings?.bind, ["events.>"]);
  await set({ name: "q", unbind: true });
  await client.publish("events.a", "no job");
  assert.equal((await client.queue("q").info()).ready, 1);
  await set({ name: "c", maxDeliveries: 2 });
  assert.deepEqual(
    (await callMethod(client, Queues.method.policies, {})).policies
      .map(({ name, leaseMs, maxDeliveries, origin }) => [name, leaseMs, maxDeliveries, origin]),
    [
      ["q", 7000, 3, PolicyOrigin.RUNTIME],
      ["c", 1234, 2, PolicyOrigin.RUNTIME],
    ],
  );
  await callMethod(client, Queues.method.unset, { name: "c" });
  await assert.rejects(
    callMethod(client, Queues.method.unset, { name: "c" }),
    isCode(ErrorCode.FAILED_PRECONDITION),
  );
  await client.queue("q").remove({ force: true });
  assert(!(await queueNames(client)).includes("q"));
  const { policies } = await callMethod(client, Queues.method.policies, {});
  assert.deepEqual(policies.map(({ name }) => name), ["c"]);
});

Deno.test("what is set is checked as the configuration is, at its bounds", async () => {
  await using server = await startServer();
  await using client = await connect(urlOf(server));
  const invalid = isCode(ErrorCode.INVALID_ARGUMENT);
  const set = (policy: Record<string, unknown>) =>
    callMethod(client, Queues.method.set, { policy: policy as { name: string } });
  const keeping = (policy: Record<string, unknown>) =>
    callMethod(client, Topics.method.keep, { policy: policy as { pattern: string } });
  const most = BigInt(Number.MAX_SAFE_INTEGER);
  for (const maxEvents of [0n, 1n, 2n ** 31n, most]) await keeping({ pattern: "k", maxEvents });
  for (
    const wrong of [
      {},
      { pattern: "" },
      { pattern: "a..b" },
      { pattern: "k", maxEvents: most + 1n },
      { pattern: "k", maxAgeMs: 2n ** 63n },
      { pattern: "k", forgetAfterMs: 1n },
    ]
  ) {
    await assert.rejects(keeping(wrong), invalid);
  }
  for (const leaseMs of [10, 2 ** 31 - 1]) await set({ name: "q", leaseMs });
  for (
    const wrong of [
      {},
      { name: "a..b" },
      { name: "q.dead" },
      { name: "q.>", bind: ["x"] },
      { name: "q", bind: ["a..b"] },
      { name: "q", leaseMs: 9 },
      { name: "q", leaseMs: 2 ** 31 },
      { name: "q", maxDeliveries: 65_536 },
      { name: "q", maxJobs: 0n },
      { name: "q", maxBytes: 2n ** 53n },
      { name: "q", backoffMinMs: 2000, backoffMaxMs: 1000 },
    ]
  ) {
    await assert.rejects(set(wrong), invalid, JSON.stringify(Object.keys(wrong)));
  }
  assert.equal((await client.queue("q").info()).settings.leaseMs, 2 ** 31 - 1, "nothing changed");
});

Deno.test("a reload changes what the configuration says, and nothing of what was set", async () => {
  const first: ConfigInput = { keep: [{ pattern: "a.>", max_events: 5 }] };
  let next: Config = configFrom(first);
  await using server = await startServer(first, { reread: () => Promise.resolve(next) });
  await using client = await connect(urlOf(server));
  await keep(client, { pattern: "x.>" });
  next = { ...server.config, keep: configFrom({ keep: [{ pattern: "b.>" }] }).keep };
  await server.server.reload();
  assert.deepEqual(await keptPatterns(client), [
    ["x.>", PolicyOrigin.RUNTIME],
    ["b.>", PolicyOrigin.CONFIGURATION],
    ["room.*", PolicyOrigin.BUILT_IN],
  ]);
});

Deno.test("policies need the permission to manage all that they are about", async () => {
  const users = [await user("ada", "some")];
  const roles = {
    some: { allow: { manage: ["topic.a.>", "queue.a.>"], subscribe: "s" } },
  };
  await using server = await startServer({ users, roles, keep: [{ pattern: "secret.>" }] });
  await using client = await connect(urlOf(server), { user: "ada", password: "ada's secret" });
  const denied = isCode(ErrorCode.PERMISSION_DENIED);
  await keep(client, { pattern: "a.b" });
  await assert.rejects(keep(client, { pattern: ">" }), denied);
  await assert.rejects(keep(client, { pattern: "b" }), denied);
  await assert.rejects(callMethod(client, Topics.method.unkeep, { pattern: "b" }), denied);
  await callMethod(client, Queues.method.set, { policy: { name: "a.q" } });
  await assert.rejects(callMethod(client, Queues.method.set, { policy: { name: "b" } }), denied);
  await assert.rejects(callMethod(client, Queues.method.unset, { name: "b" }), denied);
  const { policies } = await callMethod(client, Topics.method.policies, {});
  assert.deepEqual(policies.map(({ pattern, setBy }) => [pattern, setBy]), [["a.b", "ada"]]);
});

Deno.test("what was set survives a kill, whatever the process was at", async () => {
  const directory = await Deno.makeTempDir({ prefix: "parley-policies-" });
  try {
    let acknowledged = 0;
    for (let round = 0; round < 3; round++) {
      await using server = await KeptServer.start(directory);
      const client = await connect(`parley://127.0.0.1:${server.port}`);
      const names = await queueNames(client);
      const patterns = (await keptPatterns(client)).map(([pattern]) => pattern);
      for (let number = 0; number < acknowledged; number++) {
        assert(patterns.includes(`set.${number}`), `set.${number} after ${round} kills`);
        assert(names.includes(`made.${number}`), `made.${number} after ${round} kills`);
      }
      for (let count = 0; count < 3; count++, acknowledged++) {
        await keep(client, { pattern: `set.${acknowledged}`, maxEvents: 3n });
        const policy = { name: `made.${acknowledged}`, leaseMs: 5000 };
        await callMethod(client, Queues.method.set, { policy, create: true });
      }
      // One is under way.
      const underWay = keep(client, { pattern: "under.way" }).catch(() => {});
      await server.kill();
      await underWay;
      await client.close().catch(() => {});
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the command line sets, shows and takes back policies; so does curl's JSON", async () => {
  await using server = await startServer({ keep: [{ pattern: "c.>" }] });
  const parley = async (...args: string[]) => {
    const { code, stdout, stderr } = await run([...args, "--server", urlOf(server)]);
    return { code, text: stdout + stderr };
  };
  assert.equal((await parley("topic", "keep", "a.>", "--max-age", "7d")).code, 0);
  const topics = await parley("topic", "policies");
  assert.match(topics.text, /^a\.> +- +7d +- +- +set at run time, /m);
  assert.match(topics.text, /^c\.> .*configuration$/m);
  const made = await parley("queue", "create", "q", "--lease", "1m", "--bind", "b.>", "--json");
  assert.equal(JSON.parse(made.text).leaseMs, 60_000);
  assert.equal((await parley("queue", "create", "q")).code, 1);
  assert.equal((await parley("queue", "set", "q", "--max-deliveries", "3", "--ordered")).code, 0);
  assert.match((await parley("queue", "policies")).text, /^q +set at run time[^]*leaseMs +60,000/);
  const printed = await run(["config", "print", "--running", urlOf(server)]);
  assert.equal(printed.code, 0, printed.stderr);
  assert.match(printed.stdout, /^\[\[keep\]\]  # set at run time, [^]*pattern = "a\.>"$/m);
  assert.match(printed.stdout, /^\[\[queue\]\]  # set at run time, [^]*bind = \["b\.>"\]$/m);
  assert.equal((await parley("queue", "set", "q", "--lease", "soon")).code, 2);
  assert.equal((await parley("topic", "unkeep", "a.>")).code, 0);
  assert.equal((await parley("topic", "unkeep", "c.>")).code, 1);
  assert.equal((await parley("queue", "unset", "q")).code, 0);
  const keeping = await ask(server, "/parley.v1.Topics/Keep", {
    body: '{"policy":{"pattern":"h.>","maxEvents":"9"}}',
    headers: { "content-type": "application/json" },
  });
  assert.deepEqual([keeping.status, keeping.json.policy.origin], [200, "POLICY_ORIGIN_RUNTIME"]);
});
