/**
 * `parley chat` without a terminal: lines in, lines out.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import { user } from "../../support/users.ts";
import { begin, type FakeOptions, run } from "../fake_io.ts";
import { Running } from "../processes.ts";

function options(server: TestServer, more: FakeOptions = {}): FakeOptions {
  return { environment: { PARLEY_SERVER: `parley://127.0.0.1:${server.port("tcp")}` }, ...more };
}

/** The lines without their times. */
function untimed(stdout: string): string[] {
  return stdout.trimEnd().split("\n").map((line) => line.replace(/^\d{4}-\d\d-\d\d [\d:]{8} /, ""));
}

Deno.test("lines of standard input are said as they are, and what happens is printed", async () => {
  await using server = await startServer();
  const stdin = "hello\n\n//quit is no command\n  indented\nlast without an end";
  const { code, stdout, stderr } = await run(
    ["chat", "tea", "--name", "ci"],
    options(server, { stdin }),
  );
  assert.deepEqual([code, stderr], [0, ""]);
  assert.deepEqual(untimed(stdout), [
    "* ci has joined",
    "<ci> hello",
    "<ci> /quit is no command",
    "<ci>   indented",
    "<ci> last without an end",
  ]);
  // It has left, history stays, and comes first.
  const again = await run(["chat", "tea", "--name", "ci"], options(server));
  assert.deepEqual(untimed(again.stdout).slice(-2), ["* ci has left", "* ci has joined"]);
  assert.equal(untimed(again.stdout).length, 7);
  const none = await run(["chat", "tea", "--name", "ci", "--history", "0"], options(server));
  assert.deepEqual(untimed(none.stdout), ["* ci has joined"]);
});

Deno.test("a line that looks like a command is neither said nor obeyed, unless commands are asked for", async () => {
  await using server = await startServer();
  const stdin = "one\n/quit\n /me waves\ntwo\n";
  const args = ["chat", "tea", "--name", "ci"];
  const refused = await run(args, options(server, { stdin }));
  assert.equal(refused.code, 1);
  assert.deepEqual(untimed(refused.stdout), ["* ci has joined", "<ci> one", "<ci> two"]);
  const why = "not said, since it looks like a command; --commands takes it as one, and // says it";
  assert.equal(
    refused.stderr,
    [2, 3].map((line) => `parley: line ${line} of standard input: ${why}\n`).join(""),
  );
  const commands = [
    "/me waves",
    "/topic green tea",
    "/topic",
    "/names",
    "/list",
    "/nick cd",
    "/msg nobody hi",
    "/join coffee",
    "/me",
    "//quit",
    "/quit",
    "never",
  ];
  const done = await run(
    [...args, "--history", "0", "--commands"],
    options(server, { stdin: commands.join("\n") }),
  );
  assert.equal(done.code, 1);
  assert.deepEqual(untimed(done.stdout), [
    "* ci has joined",
    "* ci waves",
    "* ci set the topic: green tea",
    "* ci is cd now",
    "<cd> /quit",
  ]);
  const line = (number: number) => `parley: line ${number} of standard input:`;
  assert.deepEqual(done.stderr.trimEnd().split("\n"), [
    "parley: topic: green tea",
    "parley: 1 here: ci",
    "parley: tea (1 online): green tea",
    `${line(7)} cannot tell "nobody": nobody goes by that name`,
    `${
      line(8)
    } there is no command /join here; accepted: /me, /msg, /name, /topic, /who, /rooms or /quit`,
    `${line(9)} something is missing; accepted: /me TEXT`,
  ]);
});

Deno.test("--json prints objects, and what cannot be said is reported by its line", async () => {
  await using server = await startServer();
  const stdin = `ok\n${"x".repeat(5000)}\nbell\x07\nok again\n`;
  const { code, stdout, stderr } = await run(
    ["chat", "--name", "ci", "--json"],
    options(server, { stdin }),
  );
  assert.equal(code, 1);
  const messages = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(messages.map(({ seq, kind, text }) => [seq, kind, text]), [
    [1, "joined", ""],
    [2, "said", "ok"],
    [3, "said", "ok again"],
  ]);
  assert.match(
    stderr,
    /^parley: line 2 of standard input: cannot say 5000 bytes; accepted: at most 4096 bytes\n/,
  );
  assert.match(stderr, /\nparley: line 3 of standard input: cannot say text with /);
});

Deno.test("what others say is printed while it waits for lines, and made harmless", async () => {
  await using server = await startServer();
  const { environment } = options(server);
  await using ci = new Running(["chat", "tea", "--name", "ci"], { ...environment }, {
    stdin: "piped",
  });
  await ci.prints("* ci has joined");
  await using client = await connect(environment!.PARLEY_SERVER);
  const room = await client.room("tea", { nick: "ann", history: 0 });
  await room.say("to all");
  await room.tell("ci", "to you");
  await ci.prints("<ann> to all\n");
  await ci.prints("[ann to you] to you\n");
  await ci.write("answer\n");
  await ci.prints("<ci> answer\n");
  const { code } = await ci.end("SIGINT");
  assert.equal(code, 0);
  await until(() => client.status === "connected", "the client");
  const members = await room.members();
  assert.deepEqual(members.map(({ name }) => name), ["ann"]);
});

Deno.test("a user of the server goes by that name, unless another one is said", async () => {
  await using server = await startServer({
    users: [await user("ada", "all")],
    roles: { all: { allow: { join: ">" } } },
  });
  const { environment } = options(server);
  const said = { environment: { ...environment, USER: "root", PARLEY_PASSWORD: "ada's secret" } };
  const own = await run(["chat", "tea", "--user", "ada"], said);
  assert.deepEqual(untimed(own.stdout), ["* ada has joined"], own.stderr);
  const other = await run(["chat", "tea", "--user", "ada", "--name", "countess"], said);
  assert.match(other.stdout, /\* countess has joined/);
});

Deno.test("everything that is subscribed to counts, what happens in rooms as well", async () => {
  await using server = await startServer();
  const more = options(server);
  for (const args of [["sub", ">"], ["sub", ">", "room.>"], ["sub", ">", "--group", "g"]]) {
    const sub = begin([...args, "--count", "4", "--json"], more);
    await sub.says("subscribed to");
    await run(["chat", "tea", "--name", "ci"], { ...more, stdin: "hello\n" });
    await run(["pub", "orders.eu", "x"], more);
    const { code, stdout } = await sub.ended;
    assert.equal(code, 0);
    const topics = stdout.trimEnd().split("\n").map((line) => JSON.parse(line).topic);
    assert.deepEqual(topics, ["room.tea", "room.tea", "room.tea", "orders.eu"], args.join(" "));
  }
});

Deno.test("wrong use is said", async () => {
  await using server = await startServer();
  const bad = await run(["chat", "No Room", "--name", "ann"], options(server));
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /cannot use the room "No Room"/);
  const name = await run(["chat", "tea", "--name", "no name"], options(server));
  assert.match(name.stderr, /cannot take the name "no name"/);
  const person = begin(["chat", "tea"], {
    environment: { ...options(server).environment, USER: "ann" },
  });
  assert.match((await person.ended).stdout, /ann has joined/);
});
