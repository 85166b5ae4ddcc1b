/**
 * Rooms: coming and going, what is said and to whom, history, topic lines and limits.
 */
import assert from "node:assert/strict";
import { ManualClock } from "../../support/manual_clock.ts";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { DEFAULT_LIMITS } from "../../../lib/base/limits.ts";
import { RoomEventSchema } from "../../../lib/gen/parley/v1/room_pb.ts";
import { call, subscribe } from "../../support/bus_messages.ts";
import { contentOf } from "../../support/frames.ts";
import { DoomedClient } from "../../support/doomed_client.ts";
import { startServer } from "../../support/server.ts";
import { range, storeTest } from "../kept/kept_support.ts";
import { inShort, Person } from "./rooms_support.ts";
import { create, toBinary } from "@bufbuild/protobuf";
import { ClaimNameRequestSchema, JoinRequestSchema } from "../../../lib/gen/parley/v1/room_pb.ts";

storeTest("people come, talk and go, and all see the same", async (data) => {
  await using server = await startServer({ data });
  await using ann = await Person.connect(server, "ann", "tcp");
  await using bob = await Person.connect(server, "bob", "unix");
  const first = await ann.enter("tea");
  assert.deepEqual([first.seq, first.room!.online], [0n, 1]);
  const second = await bob.enter("tea");
  assert.deepEqual(second.members.map(({ name }) => name), ["ann", "bob"]);
  assert.equal((await ann.join("tea")).room!.online, 2, "joining again is no news");
  assert.equal((await ann.say("tea", "e\u0301")).seq, 3n);
  await bob.say("tea", "two");
  await bob.leave("tea");
  await bob.leave("tea");
  await ann.say("tea", "alone");
  const seen = [
    "ann joined (1)",
    "bob joined (2)",
    "ann: é",
    "bob: two",
    "bob left (1)",
    "ann: alone",
  ];
  assert.deepEqual(await ann.whenSeen(6), seen);
  // Leaving a room does not end the subscription, which is the client's own affair.
  assert.deepEqual(await bob.whenSeen(5), seen.slice(1));
  await assert.rejects(bob.say("tea", "hi"), { code: ErrorCode.FAILED_PRECONDITION });
  await assert.rejects(bob.setTopicLine("tea", "hi"), { code: ErrorCode.FAILED_PRECONDITION });
});

Deno.test("who is lost is announced once, however the connection ends", async () => {
  await using server = await startServer();
  await using ann = await Person.connect(server, "ann");
  await ann.enter("tea");
  const crash = new DoomedClient(server, "tcp");
  const rooms = "parley.v1.Rooms/";
  await crash.send(
    call({
      method: `${rooms}ClaimName`,
      payload: toBinary(ClaimNameRequestSchema, create(ClaimNameRequestSchema, { name: "eve" })),
    }),
    call({
      method: `${rooms}Join`,
      payload: toBinary(JoinRequestSchema, create(JoinRequestSchema, { room: "tea" })),
    }),
  );
  await ann.whenSeen(2);
  await crash.kill();
  await ann.whenSeen(3);
  const quiet = await Person.connect(server, "bob");
  await quiet.enter("tea");
  await quiet.client.closeWrite();
  await quiet.client.whenEnded();
  quiet.client.close();
  const seen = await ann.whenSeen(5);
  assert.deepEqual(seen.slice(1), [
    "eve joined (2)",
    "eve lost (1)",
    "bob joined (2)",
    "bob lost (1)",
  ]);
  await ann.say("tea", "all?");
  assert.equal((await ann.whenSeen(6))[5], "ann: all?");
  assert.deepEqual((await ann.members("tea")).map(({ name }) => name), ["ann"]);
});

Deno.test("who does nothing becomes idle, and is back with the next word", async () => {
  const clock = new ManualClock();
  await using server = await startServer({}, { clock });
  await using ann = await Person.connect(server, "ann");
  await using bob = await Person.connect(server, "bob");
  await ann.enter("tea");
  await bob.enter("tea");
  const watch = (type: string) => subscribe({ pattern: "room.tea.presence", type });
  await ann.client.acknowledged(watch(""));
  await using other = await Person.connect(server);
  await other.client.acknowledged(watch(RoomEventSchema.typeName));
  clock.advance(DEFAULT_LIMITS.presenceIdleMs);
  assert.deepEqual(await other.whenSeen(2), ["ann idle (2)", "bob idle (2)"]);
  assert.deepEqual((await ann.members("tea")).map(({ idle }) => idle), [true, true]);
  await bob.say("tea", "hi");
  assert.deepEqual((await other.whenSeen(3))[2], "bob back (2)");
  await ann.client.when(() => ann.seen.includes("bob back (2)"), "the same without a type");
  assert.deepEqual((await ann.members("tea")).map(({ idle }) => idle), [true, false]);
});

Deno.test("a topic line survives a restart, and an empty one takes it away for good", async () => {
  const data = await Deno.makeTempDir({ prefix: "parley-rooms-" });
  const session = async (run: (person: Person) => Promise<void>) => {
    await using server = await startServer({ data });
    await using person = await Person.connect(server, "ann");
    await run(person);
  };
  const infoOf = async (person: Person, name: string) =>
    (await person.list()).find((room) => room.name === name);
  try {
    await session(async (ann) => {
      await ann.enter("tea");
      await ann.setTopicLine("tea", "first");
      const { seq } = await ann.setTopicLine("tea", "Biscuits, e\u0301clairs");
      assert.equal(seq, 3n);
      assert.deepEqual((await ann.whenSeen(3)).slice(1), [
        'ann set "first"',
        'ann set "Biscuits, éclairs"',
      ]);
      await ann.leave("tea");
    });
    await session(async (ann) => {
      const { topicLine, online, lastSeq } = (await infoOf(ann, "tea"))!;
      assert.deepEqual([topicLine, online, lastSeq], ["Biscuits, éclairs", 0, 4n]);
      assert.equal((await ann.join("tea")).room!.topicLine, "Biscuits, éclairs");
      await ann.setTopicLine("tea", "");
      assert.equal((await infoOf(ann, "tea"))!.topicLine, "");
    });
    await session(async (ann) => {
      const info = (await infoOf(ann, "tea"))!;
      assert.equal(info.topicLine, "");
      assert.equal(info.lastSeq, 7n, "and it was left when the server stopped");
      await assert.rejects(ann.setTopicLine("tea", "x"), /join the room/);
      await ann.join("tea");
      await assert.rejects(ann.setTopicLine("tea", "x".repeat(257)), /257 bytes/);
      await assert.rejects(ann.setTopicLine("tea", "a\u001b[2J"), /U\+001B/);
    });
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

storeTest(
  "the history comes in pages, from the newest back, also to those who look on",
  async (data) => {
    await using server = await startServer({ data });
    await using ann = await Person.connect(server, "ann");
    await ann.enter("tea");
    for (const number of range(1, 300)) await ann.say("tea", `${number}`);
    await using reader = await Person.connect(server);
    const page = await reader.history("tea");
    assert.deepEqual(page.events.map(inShort), range(251, 300).map((each) => `ann: ${each}`));
    assert.equal(page.more, true);
    const texts: string[] = [];
    for (let before = 0n;;) {
      const { events, more } = await reader.history("tea", before, 1000);
      assert(events.length <= 256);
      texts.unshift(...events.map(inShort));
      if (!more) break;
      before = events[0].seq;
    }
    assert.deepEqual(texts, ["ann joined (1)", ...range(1, 300).map((each) => `ann: ${each}`)]);
    for (const [room, before] of [["tea", 1n], ["none", 0n]] as const) {
      const { events, more } = await reader.history(room, before);
      assert.deepEqual([events.length, more], [0, false]);
    }
    assert.equal((await reader.history("tea", 1n << 60n, 1)).events[0].seq, 301n);
    await assert.rejects(reader.history("Tea"), { code: ErrorCode.INVALID_ARGUMENT });
  },
);

Deno.test("a page of history fits into a message, however long the texts are", async () => {
  await using server = await startServer();
  await using ann = await Person.connect(server, "ann");
  await ann.enter("tea");
  const text = "x".repeat(4096);
  await Promise.all(range(1, 260).map(() => ann.say("tea", text)));
  const { events, more } = await ann.history("tea", 0n, 256);
  assert(events.length > 100 && events.length < 130, `${events.length} events`);
  assert.equal(more, true);
});

Deno.test("a direct message reaches one person, and nobody else", async () => {
  await using server = await startServer();
  await using ann = await Person.connect(server, "Ann");
  await using bob = await Person.connect(server, "bob", "ws");
  await using eve = await Person.connect(server, "eve");
  await eve.client.acknowledged(subscribe({ pattern: ">", echo: true }));
  await bob.tell("ann", "e\u0301");
  assert.deepEqual(await ann.whenSeen(1), ["bob -> Ann: é"]);
  const [event] = ann.client.events;
  assert.equal(event.topic, "direct");
  assert.equal(event.sender, await bob.client.sessionId());
  await bob.tell("BOB", "me");
  assert.deepEqual(await bob.whenSeen(1), ["bob -> bob: me"]);
  await assert.rejects(bob.tell("nobody", "x"), { code: ErrorCode.NOT_FOUND });
  for (const text of ["", "  ", "a\u001bb", "x".repeat(4097)]) {
    await assert.rejects(bob.tell("ann", text), { code: ErrorCode.INVALID_ARGUMENT });
  }
  assert.deepEqual(eve.seen, []);
});

Deno.test("what may not be said is refused with its reason, and the limit passes", async () => {
  await using server = await startServer();
  await using ann = await Person.connect(server, "ann");
  await ann.enter("tea");
  for (
    const [text, reason] of [["a\u202eb", /U\+202E/], ["\u009b2J", /U\+009B/], [
      "",
      /empty/,
    ]] as const
  ) {
    await assert.rejects(ann.say("tea", text), {
      code: ErrorCode.INVALID_ARGUMENT,
      message: reason,
    });
  }
  await assert.rejects(ann.say("tea", "x".repeat(4097)), { accepted: "at most 4096 bytes" });
  const full = "é".repeat(2048);
  await ann.say("tea", full);
  assert.deepEqual((await ann.whenSeen(2))[1], `ann: ${full}`);
});

storeTest("a repeated message_id is said once, and is nobody else's", async (data) => {
  await using server = await startServer({ data });
  await using ann = await Person.connect(server, "ann");
  await using eve = await Person.connect(server, "eve");
  await ann.enter("tea");
  await eve.join("tea");
  await eve.say("tea", "mine", "id-1");
  const [one, two] = await Promise.all([
    ann.say("tea", "once", "id-1"),
    ann.say("tea", "once", "id-1"),
  ]);
  assert.deepEqual([one.seq, two.seq], [4n, 4n]);
  await ann.say("tea", "twice", "id-2");
  assert.deepEqual((await ann.whenSeen(5)).slice(2), ["eve: mine", "ann: once", "ann: twice"]);
  await assert.rejects(ann.say("tea", "x", "i".repeat(257)), { accepted: "at most 256 bytes" });
});

Deno.test("a room takes as many as it may, and the next is told", async () => {
  await using server = await startServer({
    limits: { max_room_members: 10, max_rooms_per_connection: 2 },
  });
  await using stack = new AsyncDisposableStack();
  const people: Person[] = [];
  for (const number of range(1, 11)) {
    people.push(stack.use(await Person.connect(server, `p${number}`)));
  }
  for (const person of people.slice(0, 10)) await person.join("tea");
  const full = {
    code: ErrorCode.RESOURCE_EXHAUSTED,
    accepted: "at most 10 members",
    retryable: true,
  };
  await assert.rejects(people[10].join("tea"), full);
  await people[10].join("pub");
  await people[3].leave("tea");
  const { members } = await people[10].join("tea");
  assert.equal(members.length, 10);
  await assert.rejects(people[10].join("third"), { accepted: "at most 2 rooms a connection" });
});

Deno.test("the list has rooms with people, with history and with a line, by name", async () => {
  await using server = await startServer();
  await using ann = await Person.connect(server, "ann");
  for (const room of ["tea", "zoo", "bar"]) await ann.join(room);
  await ann.leave("zoo");
  const rooms = (await ann.list()).map(({ name, online, lastSeq }) => [name, online, lastSeq]);
  assert.deepEqual(rooms, [["bar", 1, 1n], ["tea", 1, 1n], ["zoo", 0, 2n]]);
});

Deno.test("a payload that is no request is refused, and the person stays", async () => {
  await using server = await startServer();
  await using ann = await Person.connect(server, "ann");
  const payload = Uint8Array.of(0xff, 0xff);
  const answer = await ann.client.ask(call({ method: "parley.v1.Rooms/Join", payload }));
  const { code, message } = contentOf(answer, "error");
  assert.equal(code, ErrorCode.INVALID_ARGUMENT);
  assert.match(message, /no parley.v1.JoinRequest/);
  await ann.join("tea");
});

Deno.test("who could not join a room is not in it, and is not told to have come", async () => {
  await using server = await startServer({
    store: { max_kept_topics: 1 },
    limits: { guest_names_percent: 100 },
  });
  await using ann = await Person.connect(server, "ann");
  await ann.enter("tea");
  await assert.rejects(ann.join("coffee"), { code: ErrorCode.RESOURCE_EXHAUSTED });
  assert.deepEqual(await ann.members("coffee"), []);
  assert.deepEqual((await ann.list()).map(({ name }) => name), ["tea"]);
  await assert.rejects(ann.say("coffee", "hello"), { code: ErrorCode.FAILED_PRECONDITION });
  assert.deepEqual((await ann.members("tea")).map(({ name }) => name), ["ann"]);
});
