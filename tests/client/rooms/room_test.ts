/**
 * Rooms of the client library against a real server: what everybody sees, and that a lost connection loses
 * and repeats nothing.
 */
import assert from "node:assert/strict";
import type { Client, Room, RoomMessage } from "../../../lib/client/mod.ts";
import { settles, until } from "../../support/until.ts";
import { GapCollector, HistoryFixture } from "../topics/history_support.ts";
import { rejection } from "../rejections.ts";

/** Reads a room until the end, and keeps what it read. */
class Reader {
  readonly messages: RoomMessage[] = [];
  readonly done: Promise<void>;

  constructor(readonly room: Room) {
    this.done = this.#read();
    this.done.catch(() => {});
  }

  /** As lines: what happened, by whom, and the text. */
  get lines(): string[] {
    return this.messages.map(({ kind, name, text }) => `${kind} ${name} ${text}`.trimEnd());
  }

  /** Resolves once it has read this line; gives all lines. */
  async has(line: string): Promise<string[]> {
    await until(() => this.lines.includes(line), `"${line}" in ${this.lines}`);
    return this.lines;
  }

  async #read(): Promise<void> {
    for await (const message of this.room) this.messages.push(message);
  }
}

async function enter(client: Client, nick: string, history = 0): Promise<[Room, Reader]> {
  const room = await client.room("tea", { nick, history });
  return [room, new Reader(room)];
}

Deno.test("what is said and done in a room is seen by all in the same order", async () => {
  await using bus = await HistoryFixture.start();
  const [ann, annSees] = await enter(await bus.client(), "Ann");
  const [bob, bobSees] = await enter(await bus.client(), "bob");
  const { seq } = await ann.say("hello");
  await bob.say("ho");
  await bob.rename("bert");
  await ann.setTopicLine("tea only");
  await bob.say("as bert");
  await bob.leave();
  const lines = await annSees.has("left bert");
  assert.deepEqual(lines, [
    "joined Ann",
    "joined bob",
    "said Ann hello",
    "said bob ho",
    "renamed bob bert",
    "topic_line Ann tea only",
    "said bert as bert",
    "left bert",
  ]);
  await settles(bobSees.done, "the end of bob's reading");
  assert.deepEqual(bobSees.lines, lines.slice(1, -1));
  assert.deepEqual(annSees.messages.map((each) => each.seq), lines.map((_, at) => BigInt(at + 1)));
  assert.equal(annSees.messages[2].seq, seq);
  assert.equal(annSees.messages.at(-1)!.lost, false);
  assert.equal(bob.nick, "bert");
  assert.deepEqual([ann.topicLine, ann.online], ["tea only", 1]);
  await rejection(bob.say("gone"), "FAILED_PRECONDITION");
});

Deno.test("history comes first, marked as past, and older pages on request", async () => {
  await using bus = await HistoryFixture.start();
  const [ann] = await enter(await bus.client(), "ann");
  for (const text of ["1", "2", "3", "4"]) await ann.say(text);
  const [bob, bobSees] = await enter(await bus.client(), "bob", 2);
  await bob.say("5");
  await bobSees.has("said bob 5");
  assert.deepEqual(bobSees.messages.map(({ text, kind, past }) => `${text || kind} ${past}`), [
    "3 true",
    "4 true",
    "joined false",
    "5 false",
  ]);
  const page = await bob.history({ before: bobSees.messages[0].seq, limit: 2 });
  assert.deepEqual(page.messages.map(({ text, past }) => [text, past]), [["1", true], ["2", true]]);
  assert.equal(page.more, true);
  const newest = await bob.history();
  assert.equal(newest.messages.at(-1)?.text, "5");
  assert.equal(newest.more, false);
});

Deno.test("members, rooms, and words for one person alone", async () => {
  await using bus = await HistoryFixture.start();
  const annsClient = await bus.client();
  const [ann, annSees] = await enter(annsClient, "ann");
  const second = await annsClient.room("coffee", { nick: "ann" });
  const [bob] = await enter(await bus.client(), "bob");
  assert.deepEqual((await bob.members()).map(({ name, idle }) => [name, idle]), [
    ["ann", false],
    ["bob", false],
  ]);
  assert.deepEqual((await annsClient.rooms()).map(({ name, online }) => [name, online]), [
    ["coffee", 1],
    ["tea", 2],
  ]);
  const everything = new GapCollector();
  await annsClient.subscribe(">", {}, everything.take);
  await bob.tell("ANN", "psst");
  await annSees.has("direct bob psst");
  assert.equal(annSees.messages.at(-1)!.seq, 0n);
  await rejection(bob.tell("nobody", "psst"), "NOT_FOUND");
  await ann.leave();
  // It goes to the room that is left, and to no subscription.
  await bob.tell("ann", "again");
  const next = await settles(second[Symbol.asyncIterator]().next(), "the first message");
  assert.equal(next.value?.kind, "direct");
  assert.deepEqual(everything.events.filter(({ topic }) => topic === "direct"), []);
});

Deno.test("names are unique, and a client has one", async () => {
  await using bus = await HistoryFixture.start();
  const annsClient = await bus.client();
  const [ann] = await enter(annsClient, "ann");
  const bobsClient = await bus.client();
  await rejection(bobsClient.room("tea", { nick: "ANN" }), "ALREADY_EXISTS");
  await rejection(bobsClient.room("tea", { nick: "no name" }), "INVALID_ARGUMENT");
  await rejection(bobsClient.room("No Room", { nick: "bob" }), "INVALID_ARGUMENT");
  await rejection(bobsClient.room("tea", { nick: "bob", history: -1 }), "INVALID_ARGUMENT");
  await rejection(annsClient.room("tea", { nick: "ann" }), "ALREADY_EXISTS");
  await rejection(annsClient.room("coffee", { nick: "else" }), "FAILED_PRECONDITION");
  await rejection(ann.rename("no name"), "INVALID_ARGUMENT");
  // After leaving, the name can change, and the former one is free.
  await ann.leave();
  const again = await annsClient.room("tea", { nick: "anna" });
  assert.equal(again.nick, "anna");
  await bobsClient.room("tea", { nick: "ann" });
});

Deno.test("closing a client leaves its rooms", async () => {
  await using bus = await HistoryFixture.start();
  const [, annSees] = await enter(await bus.client(), "ann");
  const client = await bus.client();
  const [, bobSees] = await enter(client, "bob");
  await client.close();
  await settles(bobSees.done, "the end of bob's reading");
  await annSees.has("left bob");
  assert.equal(annSees.messages.at(-1)!.lost, false);
  // The name is free at once.
  await enter(await bus.client(), "bob");
});

Deno.test("after a lost connection everything goes on: name, rooms, history, and what is said", async () => {
  await using bus = await HistoryFixture.start();
  const [ann, annSees] = await enter(await bus.client(), "ann");
  const client = await bus.behindDoor();
  const gaps = new GapCollector();
  const bob = await client.room("tea", { nick: "bob", history: 0, onGap: gaps.onGap });
  const bobSees = new Reader(bob);
  const second = await client.room("coffee", { nick: "bob" });
  const token = bob.token;
  for (const round of ["1", "2", "3"]) {
    bus.shut();
    await until(() => client.status === "reconnecting", "the loss");
    await ann.say(`while away ${round}`);
    const saying = bob.say(`draft ${round}`);
    const asking = bob.members();
    bus.open();
    await settles(saying, "what was said");
    assert.deepEqual((await asking).map(({ name }) => name), ["ann", "bob"]);
  }
  await ann.say("end");
  await annSees.has("said ann end");
  await bobSees.has("said ann end");
  assert.equal(bob.token, token);
  assert.deepEqual(gaps.gaps, []);
  // The same in the same order, from his first coming on.
  assert.deepEqual(bobSees.lines, annSees.lines.slice(1));
  const said = annSees.lines.filter((line) => line.startsWith("said bob"));
  assert.deepEqual(said, ["said bob draft 1", "said bob draft 2", "said bob draft 3"]);
  assert.deepEqual((await second.members()).map(({ name }) => name), ["bob"]);
});

Deno.test("what is on its way when the connection is lost is said once", async () => {
  await using bus = await HistoryFixture.start();
  const [, annSees] = await enter(await bus.client(), "ann");
  const client = await bus.behindDoor();
  const [bob] = await enter(client, "bob");
  const texts = Array.from({ length: 200 }, (_, index) => `m${index}`);
  const saying: Promise<unknown>[] = [];
  for (const [index, text] of texts.entries()) {
    saying.push(bob.say(text));
    if (index % 40 !== 20) continue;
    // Some are sent, some are answered, some are neither.
    await Promise.race(saying.slice(-3));
    bus.shut();
    await until(() => client.status === "reconnecting", "the loss");
    bus.open();
  }
  await settles(Promise.all(saying), "everything that was said");
  await until(() => texts.every((text) => annSees.lines.includes(`said bob ${text}`)), "all");
  const said = annSees.messages.filter(({ kind }) => kind === "said").map(({ text }) => text);
  assert.deepEqual(said.toSorted(), texts.toSorted());
});

Deno.test("a server that is started again gets its people back; a name that went to another ends it", async () => {
  await using bus = await HistoryFixture.start();
  const client = await bus.behindDoor();
  const gaps = new GapCollector();
  const bob = await client.room("tea", { nick: "bob", history: 0, onGap: gaps.onGap });
  const bobSees = new Reader(bob);
  await bobSees.has("joined bob");
  await bus.restart();
  await bob.say("again");
  await bobSees.has("said bob again");
  assert.deepEqual(gaps.gaps, [{ kind: "history_lost" }]);
  assert.deepEqual((await bob.members()).map(({ name }) => name), ["bob"]);

  await bus.restart({}, false);
  await enter(await bus.client(), "Bob");
  bus.open();
  const error = await rejection(settles(bobSees.done, "the end"), "ALREADY_EXISTS");
  assert.match(error.message, /"bob"/);
  await rejection(bob.say("nobody"), "FAILED_PRECONDITION");
  // The client can come in under another name.
  const other = await client.room("tea", { nick: "bert" });
  assert.deepEqual((await other.members()).map(({ name }) => name), ["Bob", "bert"]);
});

Deno.test("what a room waits for ends with its client", async () => {
  await using bus = await HistoryFixture.start();
  const client = await bus.behindDoor();
  const [bob, bobSees] = await enter(client, "bob");
  await bobSees.has("joined bob");
  bus.shut();
  await until(() => client.status === "reconnecting", "the loss");
  const saying = rejection(bob.say("never"), "FAILED_PRECONDITION");
  await rejection(bob.say("late", { timeoutMs: 5 }), "DEADLINE_EXCEEDED");
  await client.close();
  await saying;
  await settles(bobSees.done, "the end of reading");
});

Deno.test("leaving the loop leaves the room as it is, and the next loop goes on", async () => {
  await using bus = await HistoryFixture.start();
  const client = await bus.client();
  const room = await client.room("tea", { nick: "ann", history: 0 });
  for (const text of ["1", "2"]) await room.say(text);
  const seen: string[] = [];
  for await (const { text } of room) {
    if (text === "") continue;
    seen.push(text);
    break;
  }
  for await (const { text } of room) {
    seen.push(text);
    break;
  }
  assert.deepEqual(seen, ["1", "2"]);
  assert.equal((await room.members()).length, 1);
});

Deno.test("direct messages that nobody reads are dropped past their bound, and that is told", async () => {
  await using bus = await HistoryFixture.start();
  const gaps = new GapCollector();
  const ann = await (await bus.client()).room("tea", {
    nick: "ann",
    history: 0,
    onGap: (gap) => gaps.onGap(gap),
  });
  const bob = await (await bus.client()).room("tea", { nick: "bob", history: 0 });
  for (let from = 0; from < 1026; from += 64) {
    const texts = Array.from({ length: Math.min(64, 1026 - from) }, (_, index) => from + index);
    await Promise.all(texts.map((text) => bob.tell("ann", String(text))));
  }
  await until(() => gaps.gaps.length === 2, "both gaps");
  assert.deepEqual(gaps.gaps, Array(2).fill({ kind: "missed", topic: "direct", count: 1n }));
  for await (const { text } of ann) {
    assert.equal(text, "2");
    break;
  }
});
