/**
 * Tests that nothing is delivered but what the roles of a user allow, on every way on which events come: live, in
 * groups, by type, out of the history, and as positions.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { matchesPattern } from "../../../lib/logic/topics/pattern.ts";
import type { BusClient } from "../../support/bus_client.ts";
import { publish, subscribe, type SubscribeInit } from "../../support/bus_messages.ts";
import { contentOf, echoMessage } from "../../support/frames.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { enterBus, user } from "../../support/users.ts";

const TOPICS = ["a", "a.a", "a.b", "b.a", "b.b.a", "k.a", "k.b", "k.a.b"];
const TYPES = ["", "T", "U"];

async function start(allow: string[], deny: string[]): Promise<TestServer> {
  return await startServer({
    users: [await user("reader", "some"), await user("writer", "writer")],
    roles: {
      some: { allow: { subscribe: allow }, deny: { subscribe: deny } },
      writer: { allow: { publish: ">", subscribe: ">" } },
    },
    keep: [{ pattern: "k.>" }],
  });
}

function isAbout(rules: readonly string[], topic: string, type: string): boolean {
  return rules.some((rule) => {
    const [pattern, only = ""] = rule.split(" ");
    return matchesPattern(pattern, topic) && (only === "" || only === type);
  });
}

async function publishAll(writer: BusClient): Promise<void> {
  for (const topic of TOPICS) {
    for (const type of TYPES) await writer.acknowledged(publish({ topic, type }));
  }
}

/** What has come of everything that was published and acknowledged before, as texts without a repetition. */
async function received(reader: BusClient): Promise<string[]> {
  // An answer comes behind what was delivered before.
  await reader.ask(echoMessage("behind"));
  return [...new Set(reader.events.map(({ topic, type }) => `${topic} ${type}`))].toSorted();
}

/** Subscribes where that is allowed; gives what was. */
async function subscribeAll(
  reader: BusClient,
  wanted: readonly SubscribeInit[],
): Promise<SubscribeInit[]> {
  const granted: SubscribeInit[] = [];
  for (const one of wanted) {
    const { message } = await reader.ask(subscribe(one));
    if (message.case === "ack") granted.push(one);
    else assert.equal(message.case === "error" && message.value.code, ErrorCode.PERMISSION_DENIED);
  }
  return granted;
}

function expected(granted: readonly SubscribeInit[], allow: string[], deny: string[]): string[] {
  const all = TOPICS.flatMap((topic) => TYPES.map((type) => ({ topic, type })));
  return all.filter(({ topic, type }) =>
    isAbout(allow, topic, type) && !isAbout(deny, topic, type) &&
    granted.some((one) =>
      matchesPattern(one.pattern || ">", topic) && (!one.type || one.type === type)
    )
  ).map(({ topic, type }) => `${topic} ${type}`).toSorted();
}

Deno.test("what a rule cuts out of a subscription is not delivered, live, to a group or out of the history", async () => {
  const allow = ["a.>", "k.>", "b.> T"];
  const deny = ["a.b", "k.b", "> U"];
  for (const group of ["", "g"]) {
    await using server = await start(allow, deny);
    await using writer = await enterBus(server, "tcp", "writer");
    await using reader = await enterBus(server, "tcp", "reader");
    const granted = await subscribeAll(reader, [
      { pattern: "a.>", group },
      { pattern: "k.>", group },
      { pattern: "b.>", type: "T", group },
      { pattern: "b.>", group },
      { pattern: ">", group },
      { type: "U", group },
    ]);
    assert.equal(granted.length, 3);
    await publishAll(writer);
    const live = await received(reader);
    assert.deepEqual(live, expected(granted, allow, deny), group);
    assert.deepEqual(live, [
      "a.a ",
      "a.a T",
      "b.a T",
      "b.b.a T",
      "k.a ",
      "k.a T",
      "k.a.b ",
      "k.a.b T",
    ]);
    if (group !== "") continue;
    await using late = await enterBus(server, "tcp", "reader");
    for (const since of [{ case: "all", value: true }, { case: "last", value: 3 }] as const) {
      await late.acknowledged(subscribe({ pattern: "k.>", start: { since } }));
    }
    await late.whenEvents(4);
    await publishAll(writer);
    const fed = await received(late);
    assert.deepEqual(fed, ["k.a ", "k.a T", "k.a.b ", "k.a.b T"]);
    const missed = late.messages.filter(({ message }) => message.case === "missed");
    assert.deepEqual(missed, []);
  }
});

Deno.test("of a group only members that may read an event get it", async () => {
  await using server = await start(["a.>"], ["a.b"]);
  await using writer = await enterBus(server, "tcp", "writer");
  await using reader = await enterBus(server, "tcp", "reader");
  await using other = await enterBus(server, "tcp", "writer");
  for (const member of [reader, other]) {
    await member.acknowledged(subscribe({ pattern: "a.>", group: "g" }));
  }
  for (let round = 0; round < 10; round++) {
    assert.equal(await writer.acknowledged(publish({ topic: "a.b" })), 1);
    assert.equal(await writer.acknowledged(publish({ topic: "a.a" })), 1);
  }
  await other.whenEvents(15);
  await reader.whenEvents(5);
  assert.deepEqual(reader.events.filter(({ topic }) => topic === "a.b"), []);
  assert.equal(other.events.filter(({ topic }) => topic === "a.b").length, 10);
});

Deno.test("positions name only topics that may be read", async () => {
  await using server = await start(["k.>"], ["k.b"]);
  await using writer = await enterBus(server, "tcp", "writer");
  await publishAll(writer);
  await using reader = await enterBus(server, "tcp", "reader");
  const told = await reader.ask(subscribe({ pattern: "k.>", tellPositions: true }));
  const topics = contentOf(told, "ack").positions.map(({ topic }) => topic);
  assert.deepEqual(topics.toSorted(), ["k.a", "k.a.b"]);
});

const levels = fc.array(fc.constantFrom("a", "b", "k", "*"), { minLength: 0, maxLength: 2 });
const pattern = fc.tuple(levels, fc.constantFrom("a", "b", "*", ">"))
  .map(([front, last]) => [...front, last].join("."));
const rule = fc.tuple(pattern, fc.constantFrom("", "", " T", " U")).map((parts) => parts.join(""));
const wanted = fc.record({
  pattern: fc.oneof(pattern, fc.constantFrom("a.>", "k.>", ">")),
  type: fc.constantFrom("", "", "T", "U"),
  group: fc.constantFrom("", "", "g"),
});

Deno.test("over random rules and subscriptions exactly what is allowed is delivered, live and out of the history", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(rule, { minLength: 1, maxLength: 4 }),
      fc.array(rule, { maxLength: 3 }),
      fc.array(wanted, { minLength: 1, maxLength: 5 }),
      async (allow, deny, asked) => {
        await using server = await start(allow, deny);
        await using writer = await enterBus(server, "tcp", "writer");
        await using reader = await enterBus(server, "tcp", "reader");
        const granted = await subscribeAll(reader, asked);
        await publishAll(writer);
        assert.deepEqual(await received(reader), expected(granted, allow, deny));

        // The same out of the history.
        await using late = await enterBus(server, "tcp", "reader");
        const start_ = { since: { case: "all", value: true } } as const;
        const again = granted.filter(({ group }) => group === "")
          .map((one) => ({ ...one, start: start_ }))
          .filter(({ pattern }) => /[*>]/.test(pattern!) || pattern!.startsWith("k."));
        const replayed = await subscribeAll(late, again);
        const kept = expected(replayed, allow, deny).filter((one) => one.startsWith("k."));
        const seen = () => new Set(late.events.map(({ topic, type }) => `${topic} ${type}`));
        await late.when(() => kept.every((one) => seen().has(one)), "the history");
        assert.deepEqual(await received(late), kept);
      },
    ),
    { numRuns: 40 },
  );
});
