/**
 * `parley record` and `parley play` against real servers: what is played is what was recorded, in its order, whatever its bytes; with
 * its times, faster, or all at once; files that are there are not lost; lines that are wrong are named.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { settles } from "../../support/until.ts";
import { begin, type FakeOptions, run } from "../fake_io.ts";

function environmentOf(server: TestServer) {
  return { PARLEY_SERVER: `parley://127.0.0.1:${server.port("tcp")}` };
}

function ask(server: TestServer, args: readonly string[], options: FakeOptions = {}) {
  return run(args, { environment: environmentOf(server), ...options });
}

/** A path in a directory of its own. */
async function newFile(): Promise<{ path: string } & AsyncDisposable> {
  const directory = await Deno.makeTempDir({ prefix: "parley-record-" });
  return {
    path: `${directory}/events.jsonl`,
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

Deno.test("what is played is what was recorded, in order, byte for byte", async () => {
  await using server = await startServer({ keep: [{ pattern: "k.>" }] });
  await using file = await newFile();
  await using client = await connect(environmentOf(server).PARLEY_SERVER);
  const recording = begin(["record", file.path, "k.>", "x", "--count", "4"], {
    environment: environmentOf(server),
  });
  await recording.says("recording k.> x");
  await client.publish("k.a", "one", {
    type: "acme.v1.A",
    headers: { h: "\u202e" },
    messageId: "m",
  });
  await client.publish("x", new Uint8Array([0, 255, 10]));
  await client.publish("elsewhere", "not this");
  await client.publish("k.b", "");
  await client.publish("k.a", "\ufeffline\nfeed");
  const { code, stdout } = await recording.ended;
  assert.deepEqual([code, stdout], [0, "recorded 4 events of 3 topics\n"]);
  const got: unknown[] = [];
  const all = Promise.withResolvers<void>();
  await using reader = await connect(environmentOf(server).PARLEY_SERVER);
  await reader.subscribe(">", {}, ({ topic, type, payload, headers, messageId }) => {
    got.push([topic, type, [...payload], headers, messageId]);
    if (got.length === 4) all.resolve();
  });
  const played = await ask(server, ["play", file.path, "--rate", "max", "--prefix", "t."]);
  assert.deepEqual([played.code, played.stdout, played.stderr], [0, "played 4 events\n", ""]);
  await settles(all.promise, "what is played");
  const bytes = (text: string) => [...new TextEncoder().encode(text)];
  assert.deepEqual(got, [
    ["t.k.a", "acme.v1.A", bytes("one"), { h: "\u202e" }, ""],
    ["t.x", "", [0, 255, 10], {}, ""],
    ["t.k.b", "", [], {}, ""],
    ["t.k.a", "", bytes("\ufeffline\nfeed"), {}, ""],
  ]);
});

Deno.test("message ids are played when that is wanted: what is a repeat is not kept again", async () => {
  await using server = await startServer({ keep: [{ pattern: "k.>" }] });
  await using file = await newFile();
  await using client = await connect(environmentOf(server).PARLEY_SERVER);
  await client.publish("k.a", "one", { messageId: "m" });
  const recorded = await ask(server, [
    "record",
    file.path,
    "k.a",
    "--since",
    "all",
    "--count",
    "1",
  ]);
  assert.equal(recorded.code, 0, recorded.stderr);
  await ask(server, ["play", file.path, "--keep-ids"]);
  assert.equal((await client.publish("k.a", "two")).seq, 2n);
  await ask(server, ["play", file.path]);
  assert.equal((await client.publish("k.a", "three")).seq, 4n);
});

Deno.test("events are played in the times between them, as many times as fast as wanted", async () => {
  await using server = await startServer();
  await using client = await connect(environmentOf(server).PARLEY_SERVER);
  const line = (second: string) =>
    JSON.stringify({ time: `2026-01-01T00:00:${second}Z`, topic: "a", payload: second });
  const stdin = [line("00.000"), line("00.200"), '{"topic": "a", "payload": "no time"}', ""].join(
    "\n",
  );
  const texts: string[] = [];
  await client.subscribe(
    "a",
    {},
    ({ payload }) => void texts.push(new TextDecoder().decode(payload)),
  );
  const beganMs = performance.now();
  const slow = await ask(server, ["play", "-", "--rate", "1x", "--json"], { stdin });
  // It cannot be over before the second is due, however busy the machine is.
  assert(performance.now() - beganMs >= 199);
  assert.deepEqual(JSON.parse(slow.stdout), { played: 3 });
  await client.echo("behind all of it");
  assert.deepEqual(texts, ["00.000", "00.200", "no time"]);
});

Deno.test("a file that is there is not lost, and what cannot be is told", async () => {
  await using server = await startServer();
  await using file = await newFile();
  await Deno.writeTextFile(file.path, "mine");
  const refused = await ask(server, ["record", file.path, "a"]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /it is there already; --force writes it anew/);
  assert.equal(await Deno.readTextFile(file.path), "mine");
  const anew = await ask(server, ["record", file.path, "a", "--for", "1ms", "--force"]);
  assert.deepEqual([anew.code, anew.stdout], [0, "recorded 0 events of 0 topics\n"]);
  assert.equal(await Deno.readTextFile(file.path), "");
  const nowhere = await ask(server, ["record", `${file.path}/x`, "a"]);
  assert.equal(nowhere.code, 2);
  const missing = await ask(server, ["play", `${file.path}.not`]);
  assert.equal(missing.code, 2);
  const wrong = await ask(server, ["play", "-"], {
    stdin: '{"topic": "a", "payload": "x"}\n{"no": 1}\n',
  });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /line 2: /);
  for (const rate of ["0", "-1x", "fast", "1e9x"]) {
    assert.equal((await ask(server, ["play", file.path, "--rate", rate])).code, 2, rate);
  }
});
