/**
 * The methods that tell about kept topics and trim them, through a real server.
 */
import assert from "node:assert/strict";
import {
  callMessage,
  callMethod,
  type Client,
  connect,
  type MessageInitShape,
} from "../../../lib/client/mod.ts";
import {
  ListTopicsRequestSchema,
  ListTopicsResponseSchema,
  TopicInfoRequestSchema,
  TopicInfoResponseSchema,
  Topics,
  TrimTopicRequestSchema,
  TrimTopicResponseSchema,
} from "../../../lib/gen/parley/v1/topic_pb.ts";
import type { ConfigInput } from "../../../lib/server/config/config.ts";
import { rejection } from "../../client/rejections.ts";
import { Random } from "../../support/random.ts";
import { startServer } from "../../support/server.ts";

/** Runs `test` with a client of a server that keeps `k.>`. */
async function withClient(
  test: (client: Client) => Promise<void>,
  input: ConfigInput = {},
): Promise<void> {
  await using server = await startServer({
    keep: [{ pattern: "k.>", max_events: 1000, max_age_ms: 3_600_000, max_bytes: 1_000_000 }],
    ...input,
  });
  await using client = await connect(`parley://127.0.0.1:${server.port("tcp")}`);
  await test(client);
}

function list(
  client: Client,
  request: { pattern?: string; after?: string; limit?: number; contains?: string },
) {
  const method = "parley.v1.Topics/List";
  return callMessage(client, method, ListTopicsRequestSchema, ListTopicsResponseSchema, request);
}

async function info(client: Client, topic: string) {
  const answer = await callMessage(
    client,
    "parley.v1.Topics/Info",
    TopicInfoRequestSchema,
    TopicInfoResponseSchema,
    { topic },
  );
  return answer.info!;
}

function trim(client: Client, topic: string, beforeSeq: bigint) {
  const request = { topic, beforeSeq };
  return callMessage(
    client,
    "parley.v1.Topics/Trim",
    TrimTopicRequestSchema,
    TrimTopicResponseSchema,
    request,
  );
}

Deno.test("info tells what is kept of a topic, and by which policy", () =>
  withClient(async (client) => {
    const before = BigInt(Date.now()) * 1000n;
    for (const text of ["one", "two"]) await client.publish("k.a", text);
    const { $typeName: _, policy, ...known } = await info(client, "k.a");
    assert.deepEqual([known.topic, known.firstSeq, known.lastSeq, known.events], [
      "k.a",
      1n,
      2n,
      2n,
    ]);
    assert(known.bytes > 6n);
    assert(known.firstTimeUnixMicros >= before);
    assert(known.lastTimeUnixMicros >= known.firstTimeUnixMicros);
    assert.deepEqual([policy?.pattern, policy?.maxEvents, policy?.maxAgeMs, policy?.maxBytes], [
      "k.>",
      1000n,
      3_600_000n,
      1_000_000n,
    ]);
    const quiet = await info(client, "k.quiet");
    assert.deepEqual([quiet.firstSeq, quiet.lastSeq, quiet.events], [1n, 0n, 0n]);
    await rejection(info(client, "plain"), "NOT_FOUND");
    await rejection(info(client, "k.*"), "INVALID_ARGUMENT");
  }));

Deno.test("a list has the topics that match, in order, in pages that miss nothing", () =>
  withClient(async (client) => {
    const names = Array.from({ length: 25 }, (_, index) => `k.${index}.x`);
    // In an order that is not that of the names.
    for (const name of names.toReversed()) await client.publish(name, "");
    await client.publish("k.other", "");
    await client.publish("plain", "");
    const listed: string[] = [];
    for (let after = "", more = true; more;) {
      const page = await list(client, { pattern: "k.*.x", after, limit: 7 });
      assert(page.topics.length <= 7);
      listed.push(...page.topics.map(({ topic }) => topic));
      after = listed.at(-1)!;
      more = page.more;
    }
    assert.deepEqual(listed, names.toSorted());
    const all = await list(client, {});
    assert.equal(all.more, false);
    assert.deepEqual(all.topics.map(({ topic }) => topic), [...names, "k.other"].toSorted());
    assert.deepEqual((await list(client, { pattern: "nothing" })).topics, []);
    await rejection(list(client, { pattern: "a..b" }), "INVALID_ARGUMENT");
  }));

Deno.test("topics are found by a part of their names, page by page", () =>
  withClient(async (client) => {
    for (const name of ["k.orders.eu", "k.orders.us", "k.news.eu", "k.Orders.eu"]) {
      await client.publish(name, "");
    }
    const named = async (request: Parameters<typeof list>[1]) => {
      const { topics, more } = await list(client, request);
      return [...topics.map(({ topic }) => topic), more];
    };
    assert.deepEqual(await named({ contains: "orders" }), ["k.orders.eu", "k.orders.us", false]);
    assert.deepEqual(await named({ contains: "eu", limit: 2 }), [
      "k.Orders.eu",
      "k.news.eu",
      true,
    ]);
    assert.deepEqual(await named({ contains: "s.e", pattern: "k.*.eu", after: "k.O" }), [
      "k.Orders.eu",
      "k.news.eu",
      "k.orders.eu",
      false,
    ]);
    assert.deepEqual(await named({ contains: "nothing" }), [false]);
  }));

function levels(client: Client, request: MessageInitShape<typeof Topics.method.levels.input>) {
  return callMethod(client, Topics.method.levels, request);
}

Deno.test("names are told level by level, with what is below each, in pages that miss nothing", () =>
  withClient(async (client) => {
    const names = ["k.b.x", "k.a", "k.a.1", "k.a.2.x", "k.c", "kk.z"];
    for (const name of names) await client.publish(name, "payload");
    await client.publish("k.a.1", "payload");
    const { levels: first } = await levels(client, {});
    assert.deepEqual(
      first.map(({ name, topics, events, isTopic }) => [
        name,
        Number(topics),
        Number(events),
        isTopic,
      ]),
      [["k", 5, 6, false]],
    );
    const { levels: second, more } = await levels(client, { above: "k" });
    assert.deepEqual(
      second.map(({ name, topics, events, isTopic }) => [
        name,
        Number(topics),
        Number(events),
        isTopic,
      ]),
      [["k.a", 3, 4, true], ["k.b", 1, 1, false], ["k.c", 1, 1, true]],
    );
    assert.equal(more, false);
    assert.equal(second.reduce((sum, { bytes }) => sum + bytes, 0n), first[0].bytes);
    const page = async (after: string) => {
      const { levels: some, more } = await levels(client, { above: "k", after, limit: 2 });
      return [...some.map(({ name, topics }) => `${name} ${topics}`), more];
    };
    assert.deepEqual(await page(""), ["k.a 3", "k.b 1", true]);
    assert.deepEqual(await page("k.b"), ["k.c 1", false]);
    assert.deepEqual((await levels(client, { above: "k.c" })).levels, []);
    await rejection(levels(client, { above: "k.*" }), "INVALID_ARGUMENT");
  }));

Deno.test("levels that were left out of a page are whole in the next one", () =>
  withClient(async (client) => {
    const random = new Random(3);
    const counts = new Map<string, number>();
    const names = Array.from({ length: 300 }, (_, index) => `k.${random.below(40)}.${index}`);
    for (const name of names) {
      await client.publish(name, "");
      const level = name.split(".").slice(0, 2).join(".");
      counts.set(level, (counts.get(level) ?? 0) + 1);
    }
    const told = new Map<string, number>();
    for (let after = "", more = true; more;) {
      const page = await levels(client, { above: "k", after, limit: 7 });
      for (const { name, topics } of page.levels) told.set(name, Number(topics));
      after = page.levels.at(-1)!.name;
      more = page.more;
    }
    assert.deepEqual([...told], [...counts].toSorted(([one], [other]) => one < other ? -1 : 1));
  }));

Deno.test("a page fits into a message, however small that may be", () =>
  withClient(async (client) => {
    const names = Array.from({ length: 20 }, (_, index) => `k.${"n".repeat(200)}.${index + 10}`);
    for (const name of names) await client.publish(name, "");
    const listed: string[] = [];
    for (let after = "", more = true; more;) {
      const page = await list(client, { after });
      assert(page.topics.length < names.length);
      listed.push(...page.topics.map(({ topic }) => topic));
      after = listed.at(-1)!;
      more = page.more;
    }
    assert.deepEqual(listed, names);
  }, { limits: { max_frame_bytes: 8192 } }));

Deno.test("trim drops the events before a seq, and nothing else", () =>
  withClient(async (client) => {
    for (const text of ["1", "2", "3", "4"]) await client.publish("k.a", text);
    const { dropped, info: left } = await trim(client, "k.a", 3n);
    assert.equal(dropped, 2n);
    assert.deepEqual([left?.firstSeq, left?.lastSeq, left?.events], [3n, 4n, 2n]);
    assert.equal((await trim(client, "k.a", 3n)).dropped, 0n);
    // All of it, also what never was.
    const { info: none } = await trim(client, "k.a", 100n);
    assert.deepEqual([none?.events, none?.lastSeq], [0n, 4n]);
    assert.equal((await client.publish("k.a", "5")).seq, 5n);
    assert.equal((await trim(client, "k.quiet", 1n)).dropped, 0n);
    await rejection(trim(client, "k.a", 0n), "INVALID_ARGUMENT");
    await rejection(trim(client, "plain", 1n), "NOT_FOUND");
  }));
