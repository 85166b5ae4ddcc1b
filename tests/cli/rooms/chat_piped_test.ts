/**
 * `parley chat` without a terminal: lines in, lines out.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
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
  const stdin = "hello\n\n/quit is no command here\nlast without an end";
  const { code, stdout, stderr } = await run(
    ["chat", "tea", "--name", "ci"],
    options(server, { stdin }),
  );
  assert.deepEqual([code, stderr], [0, ""]);
  assert.deepEqual(untimed(stdout), [
    "* ci has joined",
    "<ci> hello",
    "<ci> /quit is no command here",
    "<ci> last without an end",
  ]);
  // It has left, history stays, and comes first.
  const again = await run(["chat", "tea", "--name", "ci"], options(server));
  assert.deepEqual(untimed(again.stdout).slice(-2), ["* ci has left", "* ci has joined"]);
  assert.equal(untimed(again.stdout).length, 6);
  const none = await run(["chat", "tea", "--name", "ci", "--history", "0"], options(server));
  assert.deepEqual(untimed(none.stdout), ["* ci has joined"]);
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

Deno.test("wrong use is said", async () => {
  await using server = await startServer();
  const bad = await run(["chat", "No Room", "--name", "ann"], options(server));
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /cannot use the room "No Room"/);
  const name = await run(["chat", "tea", "--name", "no name"], options(server));
  assert.match(name.stderr, /cannot take the name "no name"/);
  const user = begin(["chat", "tea"], {
    environment: { ...options(server).environment, USER: "ann" },
  });
  assert.match((await user.ended).stdout, /ann has joined/);
});
