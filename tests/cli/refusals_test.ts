/**
 * Commands that read lines end at once when one is refused or the server is gone, not with the next line; and end
 * without a word when nobody reads what they print.
 */
import assert from "node:assert/strict";
import { COMMAND, Running, startServerProcess } from "./processes.ts";

const COMMANDS = [["pub", "a..b", "--lines"], ["queue", "push", "a..b"]];

Deno.test("a refused line ends pub and push while their input is open", async () => {
  const { server, environment } = await startServerProcess();
  await using _ = server;
  for (const args of COMMANDS) {
    await using running = new Running(args, environment, { stdin: "piped" });
    await running.write("one\n");
    const { code, log, rest } = await running.ended();
    assert.deepEqual([code, rest], [1, ""], args[0]);
    assert.match(log, /^parley: line 1 of standard input: cannot .*\n$/);
  }
});

Deno.test("a refused event ends pub before the next is due", async () => {
  const { server, environment } = await startServerProcess();
  await using _ = server;
  await using pub = new Running(
    ["pub", "a..b", "x", "--interval", "20h", "--count", "2"],
    environment,
  );
  assert.equal((await pub.ended()).code, 1);
});

Deno.test("a server that is gone ends pub and push while their input is open", async () => {
  const { server, environment } = await startServerProcess();
  await using running = new Running(["pub", "a.b", "--lines"], environment, { stdin: "piped" });
  await using push = new Running(["queue", "push", "a"], environment, { stdin: "piped" });
  await using sub = new Running(["sub", "a.b", "--count", "1"], environment);
  await sub.says("subscribed to");
  await running.write("one\n");
  await push.write("one\n");
  assert.equal((await sub.ended()).code, 0, "pub is connected");
  {
    await using pull = new Running(["queue", "pull", "a", "--count", "1"], environment);
    assert.equal((await pull.ended()).code, 0, "push is connected");
  }
  assert.equal((await server.end("SIGTERM")).code, 0);
  for (const each of [running, push]) {
    const { code, log } = await each.ended();
    assert.equal(code, 1);
    assert.match(log, /^parley: .*; 1 (event published|job pushed) all the same\n$/);
  }
});

Deno.test({
  name: "commands end without a word when nobody reads their output",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { server, environment } = await startServerProcess();
    await using _ = server;
    const parley = COMMAND.map((each) => `'${each}'`).join(" ");
    const lines = [
      `${parley} config schema | head -1`,
      `${parley} help | head -1`,
      `yes | head -1000 | ${parley} pub a.b | true`,
      `${parley} queue push q x --count 3 >/dev/null; ${parley} queue pull q --json --count 3 2>/dev/null | head -1`,
      `${parley} nonsense 2>&1 | true`,
    ];
    for (const line of lines) {
      await using pipeline = new Running([], environment, { words: ["sh", "-c", line] });
      const { log } = await pipeline.ended();
      assert.equal(log, "", line);
    }
  },
});
