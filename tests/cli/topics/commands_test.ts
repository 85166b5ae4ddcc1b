/**
 * `pub`, `sub`, `call`, `respond` and `topic` against a real server, in this process: what they print, how
 * they end, and what they say of what is wrong.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { begin, type Begun, type FakeOptions, run } from "../fake_io.ts";

function urlOf(server: TestServer): FakeOptions["environment"] {
  return { PARLEY_SERVER: `parley://127.0.0.1:${server.port("tcp")}` };
}

/** Runs a command against `server` to its end. */
function ask(server: TestServer, args: readonly string[], options: FakeOptions = {}) {
  return run(args, { environment: urlOf(server), ...options });
}

/** Begins a command against `server`, and waits until it is ready. */
async function ready(
  server: TestServer,
  args: readonly string[],
  options: FakeOptions = {},
): Promise<Begun> {
  const begun = begin(args, { environment: urlOf(server), ...options });
  await begun.says(READY[args[0]]);
  return begun;
}

const READY: Record<string, string> = {
  sub: "subscribed to",
  subscribe: "subscribed to",
  respond: "answering",
};

Deno.test("pub publishes what sub prints", async () => {
  await using server = await startServer();
  const subs = await Promise.all([
    ready(server, ["sub", "a.>", "--count", "2", "--json"]),
    ready(server, ["sub", "a.*", "x.>", "a.b", "--count", "2"]),
    ready(server, ["sub", "--type", "acme.T", "--count", "1", "--raw"]),
  ]);
  const first = await ask(server, ["pub", "a.b", "hello", "--header", "k=v=w", "--header", "e="]);
  assert.deepEqual(first, { code: 0, stdout: "published 1 event, 2 deliveries\n", stderr: "" });
  const second = await ask(server, ["pub", "a.b", '{"n": 1}', "--type", "acme.T", "--json"]);
  assert.deepEqual(JSON.parse(second.stdout), { published: 1, deliveries: 3 });
  const [json, plain, raw] = await Promise.all(subs.map((each) => each.ended));
  assert.deepEqual([json.code, plain.code, raw.code], [0, 0, 0]);
  const [one, two] = json.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual([one.topic, one.payload, one.headers], ["a.b", "hello", { k: "v=w", e: "" }]);
  assert.deepEqual([two.type, two.payload], ["acme.T", '{"n": 1}']);
  assert.notEqual(one.sender, "");
  assert.equal(raw.stdout, '{"n": 1}\n');
  const lines = plain.stdout.trimEnd().split("\n");
  assert.equal(lines.length, 2, "an event that two patterns match is printed once");
  assert.match(lines[1], /^\d{4}-\S+Z {2}a\.b {2}acme\.T {2}\S+ {2}\{"n":1\}$/);
  assert.equal(plain.stderr, "parley: subscribed to a.* x.> a.b\n");
});

Deno.test("--count repeats DATA, and with --lines every line of standard input is an event", async () => {
  await using server = await startServer();
  const sub = await ready(server, ["sub", "t", "--raw", "--count", "7"]);
  const repeated = await ask(server, ["pub", "t", "again", "--count", "3", "--interval", "1ms"]);
  assert.equal(repeated.stdout, "published 3 events, 3 deliveries\n");
  const stdin = "one\n\nthree\r\nlast without a line feed";
  for (const data of [["-"], []]) {
    const lines = await ask(server, ["pub", "t", ...data, "--lines", "--count", "2"], { stdin });
    assert.equal(lines.stdout, "published 2 events, 2 deliveries\n");
  }
  assert.equal((await sub.ended).stdout, "again\nagain\nagain\none\n\none\n\n");
  const all = await ready(server, ["sub", "t", "--raw", "--count", "4"]);
  await ask(server, ["publish", "t", "--lines"], { stdin });
  assert.equal((await all.ended).stdout, "one\n\nthree\r\nlast without a line feed\n");
  const nothing = await ask(server, ["pub", "t", "--lines"], { stdin: "" });
  assert.deepEqual([nothing.code, nothing.stdout], [0, "published 0 events\n"]);
});

Deno.test("without --lines all of standard input is one event, byte for byte", async () => {
  await using server = await startServer();
  const inputs = ['{\n "id": 7\n}\n', "", "no line feed", new Uint8Array([0xff, 0, 0x0a])];
  const sub = await ready(server, ["subscribe", "t", "--json", "--count", "6"]);
  for (const [index, stdin] of inputs.entries()) {
    const data = index % 2 === 0 ? [] : ["-"];
    const { stdout } = await ask(server, ["pub", "t", ...data], { stdin });
    assert.equal(stdout, "published 1 event, 1 delivery\n");
  }
  await ask(server, ["pub", "t", "--count", "2"], { stdin: "x\ny" });
  const got = (await sub.ended).stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(got.map((each) => each.payload ?? each.payload_base64), [
    inputs[0],
    inputs[1],
    inputs[2],
    "/wAK",
    "x\ny",
    "x\ny",
  ]);
});

Deno.test("what happens in rooms is shown as what it says, and bytes that only claim so as bytes", async () => {
  await using server = await startServer();
  const subs = await Promise.all([
    ready(server, ["sub", "room.>", "x", "--count", "3"]),
    ready(server, ["sub", "room.>", "x", "--count", "3", "--json"]),
    ready(server, ["sub", "room.>", "x", "--count", "3"], { terminal: true, colors: false }),
  ]);
  await using client = await connect(`parley://127.0.0.1:${server.port("tcp")}`);
  const room = await client.room("tea", { nick: "Ada" });
  await room.say("hi");
  const type = "parley.v1.RoomEvent";
  await client.publish("x", new Uint8Array([0xff]), { type });
  const [plain, json, shown] = (await Promise.all(subs.map((each) => each.ended)))
    .map(({ stdout }) => stdout);
  assert.match(plain, / {2}room\.tea {2}.* {2}\{"joined":\{"name":"Ada","online":1\}\}\n/);
  assert.match(
    plain,
    / {2}\{"said":\{"name":"Ada","text":"hi"\}\}\n.* {2}hex:ff {2}\(it is no parley\.v1\.RoomEvent: .+\)\n$/,
  );
  const [joined, said, claimed] = json.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(joined.decoded, { joined: { name: "Ada", online: 1 } });
  assert.deepEqual(said.decoded, { said: { name: "Ada", text: "hi" } });
  assert.deepEqual([claimed.payload_base64, claimed.decoded], ["/w==", undefined]);
  assert.match(claimed.decode_error, /^it is no parley\.v1\.RoomEvent: /);
  assert(shown.includes('    "text": "hi"\n'), shown);
  // What was printed can be published, elsewhere.
  const again = JSON.stringify({ ...said, topic: "copy" });
  const copied = await ask(server, ["pub", "--json-lines"], { stdin: again });
  assert.equal(copied.stdout, "published 1 event, 0 deliveries\n", copied.stderr);
});

Deno.test("many lines keep their order", async () => {
  await using server = await startServer();
  const numbers = Array.from({ length: 5000 }, (_, index) => `${index}\n`).join("");
  const sub = await ready(server, ["sub", "n", "--raw", "--count", "5000"]);
  const { stdout } = await ask(server, ["pub", "n", "--lines"], { stdin: numbers });
  assert.equal(stdout, "published 5,000 events, 5,000 deliveries\n");
  assert.equal((await sub.ended).stdout, numbers);
});

Deno.test("lines of JSON go where they say, and what sub --json printed can be published", async () => {
  await using server = await startServer();
  const original = await ready(server, ["sub", ">", "--json", "--count", "3"]);
  const stdin = '{"topic":"a","payload":"x","message_id":"m"}\n\n' +
    '{"topic":"b","payload_json":{"big":12345678901234567890},"headers":{"h":"v"}}\r\n' +
    '{"payload_base64":"AP8=","type":"T"}\n';
  const { stdout, code } = await ask(server, ["pub", "c", "--json-lines"], { stdin });
  assert.deepEqual([code, stdout], [0, "published 3 events, 3 deliveries\n"]);
  const printed = (await original.ended).stdout;
  const copy = await ready(server, ["sub", ">", "--json", "--count", "3"]);
  await ask(server, ["pub", "--json-lines"], { stdin: printed });
  const bare = (text: string) =>
    text.trimEnd().split("\n").map((line) => {
      const { time: _, sender: __, ...rest } = JSON.parse(line);
      return rest;
    });
  const expected = [
    { topic: "a", message_id: "m", payload: "x" },
    { topic: "b", headers: { h: "v" }, payload: '{"big":12345678901234567890}' },
    { topic: "c", type: "T", payload_base64: "AP8=" },
  ];
  assert.deepEqual(bare(printed), expected);
  assert.deepEqual(bare((await copy.ended).stdout), expected);
});

Deno.test("pub names the line that failed and says what was published", async () => {
  await using server = await startServer({ limits: { max_frame_bytes: 2000 } });
  const wrong = await ask(server, ["pub", "--json-lines"], {
    stdin: '{"topic":"a"}\n{"topic":"a"}\n{"topik":"a"}\n{"topic":"a"}\n',
  });
  assert.deepEqual([wrong.code, wrong.stdout], [1, ""]);
  assert.equal(
    wrong.stderr,
    'parley: line 3 of standard input: unknown key "topik"; did you mean topic?; ' +
      "2 events published all the same\n",
  );
  const refused = await ask(server, ["pub", "--json-lines"], {
    stdin: '{"topic":"a"}\n{"topic":"a.>"}\n',
  });
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /^parley: line 2 of standard input: cannot publish to "a\.>": .*no wildcards.*1 event .*\n$/,
  );
  const large = await ask(server, ["pub", "a", "--lines"], { stdin: `ok\n${"x".repeat(3000)}\n` });
  assert.match(large.stderr, /^parley: line 2 of standard input: .*at most 2000 bytes.*\n$/);
  const argument = await ask(server, ["pub", "a..b", "x"]);
  assert.equal(argument.code, 1);
  assert.match(argument.stderr, /^parley: cannot publish to "a\.\.b": [^\n]*empty level[^\n]*\n$/);
});

Deno.test("a person who types is told how to end, and sees no progress of what is quick", async () => {
  await using server = await startServer();
  const terminal = { stdin: "x\n", terminal: true, stdinTerminal: true };
  const typed = await ask(server, ["pub", "t"], terminal);
  assert.equal(typed.stderr, "one event up to Ctrl-D\n");
  for (const flag of ["--lines", "--json-lines"]) {
    const lines = await ask(server, ["pub", "t", flag], { ...terminal, stdin: "{}\n" });
    assert.match(lines.stderr, /^one event a line; Ctrl-D ends\n/);
  }
});

Deno.test("sub refuses a wrong pattern with the server's words", async () => {
  await using server = await startServer();
  const { code, stdout, stderr } = await ask(server, ["sub", "a", "b.>.c"]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^parley: cannot subscribe to "b\.>\.c": .*\n$/);
});

Deno.test("members of a group share the events", async () => {
  await using server = await startServer();
  const members = await Promise.all(
    [1, 2].map(() => ready(server, ["sub", "j", "--group", "g", "--raw", "--count", "10"])),
  );
  const stdin = Array.from({ length: 20 }, (_, index) => `${index}\n`).join("");
  const { stdout } = await ask(server, ["pub", "j", "--lines"], { stdin });
  assert.equal(stdout, "published 20 events, 20 deliveries\n");
  const got = (await Promise.all(members.map((each) => each.ended))).flatMap((each) =>
    each.stdout.trimEnd().split("\n").map(Number)
  );
  assert.deepEqual(got.sort((a, b) => a - b), Array.from({ length: 20 }, (_, index) => index));
});

Deno.test("raw payloads are exact in a pipe and escaped on a terminal", async () => {
  await using server = await startServer();
  const payload = "\x1b]52;c;aGk=\x07\u202e";
  const args = ["sub", "r", "--raw", "--count", "1"];
  const [pipe, terminal] = await Promise.all([
    ready(server, args),
    ready(server, args, { terminal: true }),
  ]);
  await ask(server, ["pub", "r", payload]);
  assert.equal((await pipe.ended).stdout, `${payload}\n`);
  assert.equal((await terminal.ended).stdout, "\\x1b]52;c;aGk=\\x07\\u{202e}\n");
  const binary = await ready(server, args);
  await ask(server, ["pub", "--json-lines"], { stdin: '{"topic":"r","payload_base64":"AP8K"}' });
  assert.deepEqual([...(await binary.ended).stdoutBytes], [0, 255, 10, 10]);
});

Deno.test("respond answers with a text, the request or a program, and call prints it", async () => {
  await using server = await startServer();
  const call = (method: string, ...args: string[]) => ask(server, ["call", method, ...args]);
  const cases: [how: string[], request: string[], answer: string][] = [
    [["--reply", "sunny"], ["x"], "sunny\n"],
    [["--reply", "sunny\n"], [], "sunny\n"],
    [["--echo"], ["abc"], "abc\n"],
    [["--exec", "tr a-z A-Z"], ["abc"], "ABC\n"],
    [["--exec", 'printf %s "$PARLEY_METHOD $PARLEY_TYPE"'], ["x", "--type", "a.B"], "m.X a.B\n"],
    [["--exec", "true"], ["never read by the program"], "\n"],
  ];
  for (const [how, request, answer] of cases) {
    const responder = await ready(server, ["respond", "m.X", ...how, "--count", "1"]);
    assert.deepEqual(await call("m.X", ...request), { code: 0, stdout: answer, stderr: "" });
    const { code, stdout } = await responder.ended;
    assert.equal(code, 0);
    assert.match(stdout, /^m\.X {2}from \S+ {2}\d+ B in, \d+ B out {2}[\d.]+ ms\n$/);
  }
});

Deno.test("an answer is exact in a pipe, shown on a terminal, and told as JSON", async () => {
  await using server = await startServer();
  const args = ["respond", "m.X", "--echo", "--type", "a.T", "--count", "4"];
  const responder = await ready(server, args);
  const environment = urlOf(server);
  const binary = begin(["call", "m.X", "-"], { environment, stdin: new Uint8Array([0, 255]) });
  assert.deepEqual([...(await binary.ended).stdoutBytes], [0, 255]);
  const shown = await ask(server, ["call", "m.X", "\x1b[2J{"], { terminal: true });
  assert.equal(shown.stdout, "\\x1b[2J{\n");
  const json = await ask(server, ["call", "m.X", "x", "--header", "k=v", "--json"]);
  assert.deepEqual(JSON.parse(json.stdout), { type: "a.T", headers: { k: "v" }, payload: "x" });
  const dump = await ask(server, ["call", "m.X", "-"], {
    terminal: true,
    stdin: new Uint8Array([0, 255]),
  });
  assert.match(dump.stdout, /^00000000 {2}00 ff +\|\.\.\|\n$/);
  await responder.ended;
});

Deno.test("a call that fails says how, and what to do about it", async () => {
  await using server = await startServer();
  const call = (...args: string[]) => ask(server, ["call", ...args]);
  const nobody = await call("acme.None/X");
  assert.deepEqual([nobody.code, nobody.stdout], [1, ""]);
  assert.equal(
    nobody.stderr,
    'parley: UNAVAILABLE: cannot call "acme.None/X": nobody answers it now; ' +
      "start somebody who does: parley respond acme.None/X --reply TEXT\n",
  );
  assert.match((await call("no method")).stderr, /^parley: INVALID_ARGUMENT: .*white space.*\n$/);
  assert.match(
    (await call("parley.v1.Demo/No")).stderr,
    /^parley: UNIMPLEMENTED: .*Demo\/Echo.*\n$/,
  );
  const responder = await ready(server, [
    "respond",
    "m.X",
    "--exec",
    'echo "first \x1b[31mline" >&2; echo second >&2; exit 3',
    "--count",
    "1",
    "--json",
  ]);
  const failed = await call("m.X");
  assert.deepEqual(failed, {
    code: 1,
    stdout: "",
    stderr: "parley: INTERNAL: first \\x1b[31mline\n",
  });
  const { error } = JSON.parse((await responder.ended).stdout);
  assert.deepEqual(error, { code: "INTERNAL", message: "first \x1b[31mline" });
  const silent = await ready(server, ["respond", "m.Y", "--exec", "exit 4", "--count", "1"]);
  assert.match((await call("m.Y")).stderr, /INTERNAL: the program ended with exit code 4\n$/);
  await silent.ended;
});

Deno.test("an answer that is larger than can be sent ends its program", async () => {
  await using server = await startServer({ limits: { max_frame_bytes: 2000 } });
  const args = ["respond", "m.X", "--exec", "cat /dev/zero", "--count", "1"];
  const responder = await ready(server, args);
  const { code, stderr } = await ask(server, ["call", "m.X"]);
  assert.equal(code, 1);
  assert.match(stderr, /^parley: RESOURCE_EXHAUSTED: .*printed more than 2000 bytes\n$/);
  assert.equal((await responder.ended).code, 0);
});

Deno.test("a method cannot be answered under the server's own name", async () => {
  await using server = await startServer();
  const { code, stderr } = await ask(server, ["respond", "parley.v1.X", "--echo"]);
  assert.equal(code, 1);
  assert.match(stderr, /^parley: .*parley\.v1\.X.*the server's own.*\n$/);
});

Deno.test("topic hz and topic bw say when there is nothing, and when a pattern is wrong", async () => {
  await using server = await startServer();
  const args = ["--interval", "1ms", "--count", "2"];
  const quiet = await ask(server, ["topic", "hz", "s.>", ...args]);
  assert.equal(quiet.code, 0);
  assert.match(quiet.stdout, /^\S+Z {2}no events\n\S+Z {2}no events\n$/);
  const json = await ask(server, ["topic", "bw", "s.>", ...args, "--json"]);
  for (const line of json.stdout.trimEnd().split("\n")) {
    const { topics, events_on_other_topics } = JSON.parse(line);
    assert.deepEqual([topics, events_on_other_topics], [[], 0]);
  }
  assert.match(
    (await ask(server, ["topic", "hz", "a..b"])).stderr,
    /^parley: cannot measure "a\.\.b": .*\n$/,
  );
});
