/**
 * Topics as the server measures them: every event is counted, whoever publishes it and however little of it the one who asks
 * could read, and nobody is told of topics that are not theirs to see.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { callMethod, type Client, connect } from "../../../lib/client/mod.ts";
import { type MeasuredTopic, Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { rejection } from "../../client/rejections.ts";
import { Running } from "../../cli/processes.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { ask, enterBus, user } from "../../support/users.ts";

const { info, list, measure } = Topics.method;
const urlOf = (server: TestServer) => `parley://127.0.0.1:${server.port("tcp")}`;
const shown = ({ topic, events, bytes, minBytes, maxBytes, intervals }: MeasuredTopic) =>
  `${topic}: ${events} of ${bytes} (${minBytes} to ${maxBytes}), ${intervals} intervals`;

/** Asks until so many events were told in all; gives the sums by topic. */
async function measured(client: Client, pattern: string, most: number) {
  const events = new Map<string, number>();
  for (let sum = 0; sum < most;) {
    const { topics } = await callMethod(client, measure, { pattern });
    for (const each of topics) {
      events.set(each.topic, (events.get(each.topic) ?? 0) + Number(each.events));
      sum += Number(each.events);
    }
  }
  return events;
}

/** Publishes so many events, and waits for the last. */
async function flood(client: Client, most: number, topicOf: (index: number) => string) {
  for (let index = 1; index < most; index++) {
    await client.publish(topicOf(index), "x", { ack: false });
  }
  await client.publish(topicOf(most), "x");
}

Deno.test("all events of all publishers are counted once, with their payloads and the time between them", async () => {
  await using server = await startServer({ keep: [{ pattern: "m.kept" }] });
  await using asking = await connect(urlOf(server));
  await using one = await connect(urlOf(server));
  await using other = await connect(`ws://127.0.0.1:${server.port("ws")}/ws`);
  // Known before, so that what publishers remember has to be looked up anew.
  await one.publish("m.plain", "before");
  const begun = await callMethod(asking, measure, { pattern: "m.>" });
  assert.deepEqual([begun.topics, begun.elapsedMicros], [[], 0n]);
  await one.publish("m.plain", "12345");
  await one.publish("m.plain", "123");
  await other.publish("m.kept", "1");
  await other.publish("elsewhere", "1");
  const first = await callMethod(asking, measure, { pattern: "m.>" });
  assert.deepEqual(first.topics.map(shown), [
    "m.kept: 1 of 1 (1 to 1), 0 intervals",
    "m.plain: 2 of 8 (3 to 5), 1 intervals",
  ]);
  const { intervalSeconds, intervalSecondsSquared, minIntervalSeconds, maxIntervalSeconds } =
    first.topics[1];
  assert(first.elapsedMicros > 0n);
  assert(intervalSeconds > 0 && intervalSeconds * 1e6 <= Number(first.elapsedMicros));
  assert.deepEqual([minIntervalSeconds, maxIntervalSeconds], [intervalSeconds, intervalSeconds]);
  assert(Math.abs(intervalSecondsSquared - intervalSeconds ** 2) < 1e-12);
  const silent = await callMethod(asking, measure, { pattern: "m.>" });
  assert.deepEqual(silent.topics.map(shown), [
    "m.kept: 0 of 0 (0 to 0), 0 intervals",
    "m.plain: 0 of 0 (0 to 0), 0 intervals",
  ]);

  // A flood from two connections, most of it on topics of its own, and asked all the while.
  const total = 20_000;
  const counting = measured(asking, "m.>", total);
  const topicOf = (index: number) => `m.t${index % 50}`;
  await Promise.all([one, other].map((client) => flood(client, total / 2, topicOf)));
  const events = await counting;
  events.delete("m.plain");
  events.delete("m.kept");
  assert.equal(events.size, 50);
  assert(events.values().every((count) => count === total / 50));
});

Deno.test("types are told apart, another pattern begins anew, and rooms and what the server tells are measured, too", async () => {
  await using server = await startServer();
  await using asking = await connect(urlOf(server));
  await using client = await connect(urlOf(server));
  const typed = { pattern: ">", type: "acme.v1.T" };
  await callMethod(asking, measure, typed);
  await client.publish("a", "x", { type: "acme.v1.T" });
  await client.publish("a", "x", { type: "acme.v1.U" });
  await client.publish("b", "x");
  const { topics } = await callMethod(asking, measure, typed);
  assert.deepEqual(topics.map(shown), ["a: 1 of 1 (1 to 1), 0 intervals"]);
  assert.equal((await callMethod(asking, measure, { pattern: ">" })).elapsedMicros, 0n);
  const room = await client.room("tea", { nick: "ann" });
  await room.say("hello");
  const said = (await callMethod(asking, measure, { pattern: ">" })).topics;
  assert.deepEqual(
    said.map(({ topic }) => topic),
    ["room.tea", "room.tea.presence"].slice(0, said.length),
  );
  assert.equal(said[0].events >= 1n, true);
  await callMethod(asking, measure, { pattern: "sys.>" });
  await using _third = await connect(urlOf(server));
  for (;;) {
    const { topics } = await callMethod(asking, measure, { pattern: "sys.>" });
    if (topics.some(({ topic }) => topic.startsWith("sys."))) break;
  }
  for (const request of [{ pattern: "" }, { pattern: "a..b" }, { pattern: "a", type: "a b" }]) {
    await rejection(callMethod(asking, measure, request), "INVALID_ARGUMENT");
  }
});

Deno.test("only who may read or manage topics measures them, and what is denied is left out", async () => {
  await using server = await startServer({
    users: await Promise.all(["ada", "bob", "eve"].map((name) => user(name, name))),
    roles: {
      ada: { allow: { subscribe: "a.>", publish: ">" }, deny: { subscribe: "a.secret" } },
      bob: { allow: { manage: "topic.a.>" } },
      eve: { allow: { publish: ">", call: ">" } },
    },
  });
  await using ada = await enterBus(server, "tcp", "ada");
  await using bob = await enterBus(server, "tcp", "bob");
  await using eve = await enterBus(server, "tcp", "eve");
  const pattern = "a.>";
  for (const one of [ada, bob]) await ask(one, measure, { pattern });
  assert.equal((await ask(eve, measure, { pattern })).error?.code, ErrorCode.PERMISSION_DENIED);
  assert.equal(
    (await ask(ada, measure, { pattern: ">" })).error?.code,
    ErrorCode.PERMISSION_DENIED,
  );
  for (const topic of ["a.open", "a.secret", "b.open"]) {
    await ada.acknowledged({ message: { case: "event", value: { topic } } });
  }
  const told = async (one: typeof ada) =>
    (await ask(one, measure, { pattern })).answer?.topics.map(({ topic }) => topic);
  assert.deepEqual(await told(ada), ["a.open"]);
  assert.deepEqual(await told(bob), ["a.open", "a.secret"]);
});

Deno.test("measurements are bounded, and end with their connections", async () => {
  await using server = await startServer();
  const clients: Client[] = [];
  try {
    for (let index = 0; index < 64; index++) {
      clients.push(await connect(urlOf(server)));
      await callMethod(clients[index], measure, { pattern: ">" });
    }
    await using late = await connect(urlOf(server));
    const refused = await rejection(
      callMethod(late, measure, { pattern: ">" }),
      "RESOURCE_EXHAUSTED",
    );
    assert.equal(refused.retryable, true);
    await clients.pop()!.close();
    for (;;) {
      try {
        await callMethod(late, measure, { pattern: ">" });
        break;
      } catch {
        // Its place is free with the next sweep.
      }
    }
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
});

Deno.test("a list tells rates, bytes and subscribers, of topics that are not kept, too", async () => {
  await using server = await startServer({ keep: [{ pattern: "k" }] });
  await using client = await connect(urlOf(server));
  await using reader = await connect(urlOf(server));
  await reader.subscribe("p.>", { group: "g" });
  await reader.subscribe("p.*", { type: "acme.v1.T" });
  await client.subscribe("p.one");
  await client.subscribe(">", { type: "acme.v1.T", group: "g" });
  for (const topic of ["k", "p.one", "p.one", "p.two"]) await client.publish(topic, "12345");
  const { topics } = await callMethod(client, list, { plain: true });
  assert.deepEqual(
    topics.map((each) => [
      each.topic,
      each.lastSeq,
      each.publishedEvents,
      each.subscribers,
      each.eventsPerSecond > 0,
      each.bytesPerSecond > 5 * each.eventsPerSecond,
    ]),
    [
      ["k", 1n, 1n, 1n, true, true],
      // A group with a pattern of its own each, a connection by type, and one by name.
      ["p.one", 0n, 2n, 4n, true, true],
      ["p.two", 0n, 1n, 3n, true, true],
    ],
  );
  assert.deepEqual((await callMethod(client, list, {})).topics.map(({ topic }) => topic), ["k"]);
  const page = await callMethod(client, list, { plain: true, limit: 2, after: "k" });
  assert.deepEqual([page.topics.map(({ topic }) => topic), page.more], [["p.one", "p.two"], false]);
  // One that was never published on is there for its subscribers, another one is not.
  const told = await callMethod(client, info, { topic: "p.never" });
  assert.deepEqual([told.info?.subscribers, told.info?.publishedEvents], [3n, 0n]);
});

Deno.test("topic hz counts every event of a flood", async () => {
  await using server = await startServer();
  await using client = await connect(urlOf(server));
  const args = ["topic", "hz", "s.>", "--interval", "10ms", "--window", "2", "--json"];
  await using hz = new Running([...args, "-s", urlOf(server)]);
  await hz.says("measuring");
  await flood(client, 5000, () => "s.flood");
  await hz.prints('"events":5000');
  assert.equal((await hz.end("SIGINT")).code, 0);
});
