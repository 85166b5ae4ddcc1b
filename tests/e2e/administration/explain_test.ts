/**
 * What becomes of an event on a topic, as the server explains it: every receiver, every rule, and nobody is told who may
 * not be.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { PolicyOrigin, Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { publish, subscribe } from "../../support/bus_messages.ts";
import { BusClient } from "../../support/bus_client.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { ask, enterBus, user } from "../../support/users.ts";
import { run } from "../../cli/fake_io.ts";

const urlOf = (server: TestServer) => `parley://127.0.0.1:${server.port("tcp")}`;
const { explain } = Topics.method;

async function start(): Promise<TestServer> {
  const names = ["ada", "bob", "eve", "off"];
  return await startServer({
    users: await Promise.all(
      names.map((name) => user(name, name, name === "off" ? { disabled: true } : {})),
    ),
    roles: {
      ada: { allow: { manage: ["topic.>", "server.>"], publish: ">", subscribe: ">" } },
      bob: { allow: { subscribe: "a.>", manage: "topic.a.>" }, deny: { subscribe: "a.secret" } },
      eve: { allow: { subscribe: ">", publish: ">", pull: ">", join: ">" } },
      off: {},
    },
    keep: [{ pattern: "a.*", max_events: 10 }],
    queue: [{ name: "copies", bind: ["a.b", "a.c.>"] }, { name: "others", bind: ["x"] }],
    types: [{ topics: "a.b", type: "acme.v1.T", check: "warn" }],
  });
}

Deno.test("a topic is explained: who gets it, who may not, what is kept and where that comes from, and which queues", async () => {
  await using server = await start();
  await using ada = await enterBus(server, "tcp", "ada");
  await using bob = await enterBus(server, "ws", "bob");
  await using eve = await enterBus(server, "tcp", "eve");
  await bob.acknowledged(subscribe("a.>"));
  await bob.acknowledged(subscribe({ pattern: "a.*", group: "g" }));
  await eve.acknowledged(subscribe({ pattern: "a.b", group: "g" }));
  await eve.acknowledged(subscribe({ pattern: ">", type: "acme.v1.T" }));
  await eve.acknowledged(subscribe("other"));
  await eve.acknowledged(publish({ topic: "a.b" }));
  const { answer: found } = await ask(ada, explain, { topic: "a.b" });
  assert(found !== null);
  assert.deepEqual(
    found.subscriptions.map(({ user, pattern, group, denied }) =>
      [user, pattern, group, denied].join()
    ).toSorted(),
    ["bob,a.*,g,false", "bob,a.>,,false", "eve,a.b,g,false"],
  );
  // Groups of one name but different patterns are different groups.
  assert.deepEqual([found.matching, found.receivers, found.denied], [3n, 3n, 0n]);
  assert.equal(found.info?.events, 1n);
  assert.deepEqual([found.info?.policy?.pattern, found.info?.policy?.maxEvents], ["a.*", 10n]);
  assert.equal(found.info?.policy?.origin, PolicyOrigin.CONFIGURATION);
  assert.deepEqual(found.queues, ["copies"]);
  assert.deepEqual(
    [found.checkedType, found.checkRejects, found.checkedTypeKnown],
    ["acme.v1.T", false, false],
  );
  assert.equal(found.publish?.why, 'publish "a.b" is allowed: role "ada" allows publish ">"');
  const typed = await ask(ada, explain, { topic: "a.b", type: "acme.v1.T" });
  assert.deepEqual([typed.answer?.matching, typed.answer?.receivers], [4n, 4n]);

  // Who may not read it is counted and named, and gets nothing.
  const secret = (await ask(ada, explain, { topic: "a.secret" })).answer;
  assert.deepEqual([secret?.matching, secret?.receivers, secret?.denied], [2n, 0n, 2n]);
  assert(secret?.subscriptions.every(({ user, denied }) => user === "bob" && denied));
  const plain = (await ask(ada, explain, { topic: "other" })).answer;
  assert.deepEqual([plain?.info, plain?.queues, plain?.receivers], [undefined, [], 1n]);
});

Deno.test("a user's rules are explained, those of others to who manages users only", async () => {
  await using server = await start();
  await using ada = await enterBus(server, "tcp", "ada");
  await using bob = await enterBus(server, "tcp", "bob");
  await using eve = await enterBus(server, "tcp", "eve");
  const rulings = async (topic: string, user: string) => {
    const { answer, error } = await ask(ada, explain, { topic, user });
    assert.equal(error, null, user);
    return [answer.publish?.why, answer.subscribe?.why];
  };
  assert.deepEqual(await rulings("a.secret", "bob"), [
    'publish "a.secret" is denied: no rule allows it',
    'subscribe "a.secret" is denied: role "bob" denies subscribe "a.secret"',
  ]);
  assert.deepEqual(await rulings("a.b", "off"), [
    "everything is denied: the user is disabled",
    "everything is denied: the user is disabled",
  ]);
  assert.equal(
    (await rulings("room.lobby", "eve"))[0],
    'publish "room.lobby" is denied: only the server publishes there',
  );
  const none = await ask(ada, explain, { topic: "a", user: "nobody" });
  assert.equal(none.error?.code, ErrorCode.NOT_FOUND);
  assert.equal((await ask(bob, explain, { topic: "a.b", user: "bob" })).error, null);
  const refusals: [BusClient, { topic: string; user?: string }, RegExp][] = [
    [bob, { topic: "b" }, /no permission manage "topic\.b"$/],
    [bob, { topic: "a.b", user: "eve" }, /no permission manage "server\.users"$/],
    [eve, { topic: "a.b" }, /no permission manage "topic\.a\.b"$/],
  ];
  for (const [client, request, told] of refusals) {
    const { error } = await ask(client, explain, request);
    assert.equal(error?.code, ErrorCode.PERMISSION_DENIED);
    assert.match(error.message, told);
  }
  for (const request of [{ topic: "a.>" }, { topic: "" }, { topic: "a", type: "no type" }]) {
    const { error } = await ask(ada, explain, request);
    assert.equal(error?.code, ErrorCode.INVALID_ARGUMENT, JSON.stringify(request));
  }
});

Deno.test("of very many subscriptions a thousand are told, and all are counted", async () => {
  await using server = await startServer({ limits: { max_subscriptions: 2000 } });
  await using client = await BusClient.connect(server, "tcp");
  const each = Array.from(
    { length: 1200 },
    (_, index) => subscribe({ pattern: "t", group: `g${index}` }),
  );
  for (const one of each) await client.acknowledged(one);
  const { answer } = await ask(client, explain, { topic: "t" });
  assert.deepEqual([answer?.subscriptions.length, answer?.matching, answer?.receivers], [
    1000,
    1200n,
    1200n,
  ]);
  assert.equal(answer?.publish?.why, "everything is allowed: no users are configured");
  const { error } = await ask(client, explain, { topic: "t", user: "ada" });
  assert.equal(error?.code, ErrorCode.NOT_FOUND);
});

Deno.test("the command line explains a topic, with exit code 1 where publishing is refused", async () => {
  await using server = await start();
  await using bob = await enterBus(server, "tcp", "bob");
  await bob.acknowledged(subscribe("a.>"));
  const parley = async (name: string, ...args: string[]) => {
    const environment = { PARLEY_USER: name, PARLEY_PASSWORD: `${name}'s secret` };
    return await run(["explain", ...args, "--server", urlOf(server)], { environment });
  };
  const told = await parley("ada", "a.b");
  assert.equal(told.code, 0, told.stderr);
  for (
    const line of [
      /^publishing {3}publish "a\.b" is allowed: role "ada" allows publish ">"$/m,
      /^receivers {4}1, by 1 subscription$/m,
      /^kept {9}10 events, by the policy a\.\* \(configuration\)$/m,
      /^queues {7}copies$/m,
      /^type {9}acme\.v1\.T, which the server does not know: .*taken, with a line in the log$/m,
      /^\S+ +bob +a\.> /m,
    ]
  ) assert.match(told.stdout, line);
  assert.equal((await parley("bob", "a.b")).code, 1);
  const json = await parley("ada", "a.secret", "--of", "bob", "--json");
  assert.equal(json.code, 1);
  const { publish, denied, kept } = JSON.parse(json.stdout);
  assert.deepEqual([publish.allowed, denied, kept.policy.origin], [false, 1, "configuration"]);
  const refused = await parley("eve", "a.b");
  assert.deepEqual([refused.code, refused.stdout], [1, ""]);
});
