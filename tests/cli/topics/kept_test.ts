/**
 * Kept topics and rooms on the command line, against a real server in this process: `sub --since`, `pub`,
 * `topic ls|info|trim|rm`, `room ls|history|rm`.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { since } from "../../../lib/cli/topics/since.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { begin, type FakeOptions, run } from "../fake_io.ts";

function start(): Promise<TestServer> {
  return startServer({ keep: [{ pattern: "k.>", max_events: 5000, max_age_ms: 7_200_000 }] });
}

function urlOf(server: TestServer): string {
  return `parley://127.0.0.1:${server.port("tcp")}`;
}

function ask(server: TestServer, args: readonly string[], options: FakeOptions = {}) {
  return run(args, { environment: { PARLEY_SERVER: urlOf(server) }, ...options });
}

/** What a command prints; fails unless it ends with 0 and says nothing else. */
async function output(server: TestServer, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await ask(server, args);
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout;
}

Deno.test("--since is read as it is meant, or refused", () => {
  const read: [string, unknown][] = [
    ["all", "all"],
    ["new", "new"],
    ["0", { seq: 0 }],
    ["1234", { seq: 1234 }],
    ["last", { last: 1 }],
    ["last:20", { last: 20 }],
    ["500ms", { time: 500 }],
    ["1.5h", { time: 5_400_000 }],
    ["7d", { time: 604_800_000 }],
    ["2026-01-20T15:48:41Z", { time: new Date("2026-01-20T15:48:41Z") }],
    ["2026-01-20", { time: new Date("2026-01-20") }],
  ];
  for (const [text, expected] of read) assert.deepEqual(since(text), expected, text);
  for (const text of ["", "-1", "1.5", "last:0", "last:", "5 m", "2026-13-40", "yesterday"]) {
    assert.throws(() => since(text), /must be a seq/, text);
  }
});

Deno.test("pub tells the seq of what is kept", async () => {
  await using server = await start();
  assert.equal(
    await output(server, "pub", "k.a", "x"),
    "published 1 event, 1 kept as seq 1\n",
  );
  const more = await output(server, "pub", "k.a", "x", "--count", "3", "--json");
  assert.deepEqual(JSON.parse(more), {
    published: 3,
    kept: 3,
    duplicates: 0,
    first_seq: 2,
    last_seq: 4,
  });
  const lines = ["a", "a", "b"].map((topic, index) =>
    JSON.stringify({ topic: `k.${topic}`, payload: "x", message_id: `m${Math.min(index, 1)}` })
  );
  const repeated = [...lines, lines[2]].join("\n");
  const several = await ask(server, ["pub", "--json-lines"], { stdin: repeated });
  assert.equal(
    several.stdout,
    "published 4 events, 3 kept, 1 duplicate not kept again\n",
  );
  assert.equal(await output(server, "pub", "plain", "x"), "published 1 event, 0 deliveries\n");
  // Of some it is known, of others not: told is what is known.
  const both = '{"topic":"plain","payload":"x"}\n{"topic":"k.a","payload":"x"}\n';
  const { stdout } = await ask(server, ["pub", "--json-lines"], { stdin: both });
  assert.equal(stdout, "published 2 events, 0 deliveries, 1 kept as seq 7\n");
});

Deno.test("sub --since prints history, then what comes, each event once", async () => {
  await using server = await start();
  for (const data of ["1", "2", "3"]) await output(server, "pub", "k.a", data);
  const ended = (...args: string[]) => ask(server, ["sub", "--raw", ...args]);
  assert.equal((await ended("k.a", "--since", "2", "--count", "2")).stdout, "2\n3\n");
  assert.equal((await ended("k.a", "--since", "last:1", "--count", "1")).stdout, "3\n");
  assert.equal((await ended("k.>", "--since", "1h", "--count", "3")).stdout, "1\n2\n3\n");
  const live = begin(["sub", "k.a", "k.*", "k.>", "--since", "all", "--count", "4"], {
    environment: { PARLEY_SERVER: urlOf(server) },
  });
  await live.says("subscribed");
  await output(server, "pub", "k.a", "4");
  const { stdout, code } = await live.ended;
  assert.equal(code, 0);
  const lines = stdout.trimEnd().split("\n").map((line) => line.split("  ").slice(1));
  assert.deepEqual(lines.map((cells) => [cells[0], cells[1], cells.at(-1)]), [
    ["k.a", "#1", "1"],
    ["k.a", "#2", "2"],
    ["k.a", "#3", "3"],
    ["k.a", "#4", "4"],
  ]);
  const plain = await ended("plain", "--since", "all");
  assert.equal(plain.code, 1);
  assert.match(plain.stderr, /no policy keeps it/);
  const wrong = await ended("k.a", "--since", "yesterday");
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /--since.*must be a seq/);
});

Deno.test("topic rm removes topics once it is meant, and says what is in use", async () => {
  await using server = await start();
  await using client = await connect(urlOf(server));
  for (const topic of ["k.1", "k.2", "k.3"]) await client.publish(topic, "x");
  const unasked = await ask(server, ["topic", "rm", "k.1"]);
  assert.equal(unasked.code, 2);
  assert.match(unasked.stderr, /removing is for good, and nobody can be asked here: --yes/);
  const declined = await ask(server, ["topic", "rm", "k.*"], {
    stdin: "n\n",
    terminal: true,
    colors: false,
    stdinTerminal: true,
  });
  assert.equal(declined.code, 1);
  assert.match(
    declined.stderr,
    /remove 3 topics with 3 events for good\? \[y\/N\] nothing was removed/,
  );
  assert.equal(
    await output(server, "topic", "rm", "k.1", "--yes"),
    "removed 1 topic with 1 event\n",
  );
  const missing = await ask(server, ["topic", "rm", "k.1", "--yes"]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /^parley: cannot remove "k\.1": it is not there/);
  const json = JSON.parse(await output(server, "topic", "rm", "k.>", "--yes", "--json"));
  assert.deepEqual(json, { pattern: "k.>", removed: 2, dropped: 2, kept: [] });
  const room = await client.room("tea", { nick: "ann" });
  const used = await ask(server, ["topic", "rm", "room.tea", "--yes"]);
  assert.deepEqual([used.code, used.stdout], [
    1,
    "removed 0 topics with 0 events\nroom.tea stays: it is in use\n",
  ]);
  await room.leave();
});

Deno.test("topic ls and topic info tell what is kept, topic trim drops the oldest", async () => {
  await using server = await start();
  assert.equal(await output(server, "topic", "ls"), "no topics\n");
  assert.equal(await output(server, "topic", "ls", "--kept"), "no topics are kept\n");
  for (const topic of ["k.b", "k.a", "k.a", "p"]) await output(server, "pub", topic, "x");
  const [heading, ...rows] = (await output(server, "topic", "ls")).trimEnd().split("\n");
  assert.match(heading, /^topic +events\/s +bytes\/s +subs +last seq +kept +size +newest +policy$/);
  assert.match(rows[0], /^k\.a +[\d.]+ +\d+ B +0 +2 +2 +\d+ B +\d{4}-\S+Z +k\.>$/);
  assert.match(rows[1], /^k\.b .* 1 +1 +\d+ B /);
  assert.match(rows[2], /^p +[\d.]+ +\d+ B +0 +- +- +- +- +-$/);
  const kept = (await output(server, "topic", "ls", "--kept")).trimEnd().split("\n");
  assert.deepEqual(kept.slice(1).map((row) => row.split(" ")[0]), ["k.a", "k.b"]);
  const one = JSON.parse(await output(server, "topic", "ls", "k.b", "--json"));
  assert.deepEqual([one.topic, one.events, one.policy.max_events, one.policy.max_bytes], [
    "k.b",
    1,
    5000,
    null,
  ]);
  const info = await output(server, "topic", "info", "k.a");
  assert.match(
    info,
    /subscribers +0\npublished +2 events, \d+ B\nrate +[\d.]+ events\/s, \d+ B\/s\n/,
  );
  assert.match(info, /kept +2\nseq +1 to 2\n/);
  assert.match(info, /keeps +5,000 events, 2 hours\n/);
  assert.equal(
    await output(server, "topic", "trim", "k.a", "--before", "2"),
    "dropped 1 event, 1 left\n",
  );
  const trimmed = await output(server, "topic", "trim", "k.a", "--before", "3", "--json");
  const { dropped, events, last_seq } = JSON.parse(trimmed);
  assert.deepEqual([dropped, events, last_seq], [1, 0, 2]);
  assert.match(await output(server, "topic", "info", "k.a"), /seq +none, last 2\n/);
  assert.match(
    await output(server, "topic", "info", "p"),
    /published +1 event, .*\n.*\nkept +nothing: /,
  );
  const unkept = await ask(server, ["topic", "info", "plain"]);
  assert.equal(unkept.code, 1);
  assert.match(unkept.stderr, /no policy keeps it/);
  assert.equal((await ask(server, ["topic", "trim", "k.a"])).code, 2);
});

Deno.test("room rm removes a room that nobody is in", async () => {
  await using server = await start();
  await using client = await connect(urlOf(server));
  const room = await client.room("tea", { nick: "ann" });
  await room.setTopicLine("green");
  const used = await ask(server, ["room", "rm", "tea", "--yes"]);
  assert.equal(used.code, 1);
  assert.match(used.stderr, /cannot remove the room "tea": 1 are in it/);
  await room.leave();
  assert.equal((await ask(server, ["room", "rm", "tea"])).code, 2);
  assert.equal(await output(server, "room", "rm", "tea", "--yes"), "removed tea with 3 events\n");
  assert.equal(await output(server, "room", "ls"), "no rooms\n");
  assert.equal((await ask(server, ["room", "rm", "tea", "--yes"])).code, 1);
});

Deno.test("room ls shows all rooms, however many there are", async () => {
  await using server = await start();
  await using client = await connect(urlOf(server));
  const rooms = 1_050;
  const names = Array.from({ length: rooms }, (_, index) => `r${index}`);
  const room = await client.room(names[0], { nick: "ann" });
  for (const name of names.slice(1)) await (await client.room(name, { nick: "ann" })).leave();
  const lines = (await output(server, "room", "ls", "--json")).trimEnd().split("\n");
  assert.deepEqual(lines.map((line) => JSON.parse(line).name), names.sort());
  await room.leave();
});

Deno.test("room ls and room history show rooms without coming in", async () => {
  await using server = await start();
  assert.equal(await output(server, "room", "ls"), "no rooms\n");
  await using client = await connect(urlOf(server));
  const room = await client.room("tea", { nick: "ann" });
  await room.setTopicLine("green");
  for (let index = 1; index <= 300; index++) await room.say(`m${index}`);
  const [heading, row] = (await output(server, "room", "ls")).trimEnd().split("\n");
  assert.match(heading, /^room +online +last seq +topic$/);
  assert.match(row, /^tea +1 +302 +green$/);
  assert.deepEqual(JSON.parse(await output(server, "room", "ls", "--json")), {
    name: "tea",
    topic_line: "green",
    online: 1,
    last_seq: 302,
  });
  const lines = (await output(server, "room", "history", "tea", "-n", "2")).trimEnd().split("\n");
  assert.match(lines[0], /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d <ann> m299$/);
  assert.match(lines[1], /<ann> m300$/);
  const whole = (await output(server, "room", "history", "tea", "-n", "1000", "--json")).trimEnd()
    .split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(whole.map(({ seq }) => seq), Array.from({ length: 302 }, (_, at) => at + 1));
  assert.deepEqual([whole[0].kind, whole[1].kind, whole[2].text], ["joined", "topic_line", "m1"]);
  const first = await output(server, "room", "history", "tea", "--before", "3");
  assert.match(first, /^\S+ \S+ \* ann has joined\n\S+ \S+ \* ann set the topic: green\n$/);
  const nowhere = await ask(server, ["room", "history", "empty"]);
  assert.deepEqual([nowhere.code, nowhere.stdout], [1, ""]);
  assert.match(nowhere.stderr, /^parley: cannot print the history of empty: there is no such room/);
  assert.equal((await ask(server, ["room", "history", "No Room"])).code, 1);
});
