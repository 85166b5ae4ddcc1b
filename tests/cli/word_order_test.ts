/**
 * Options before the command, as people write them who come from other message servers; and what is said of what is missing.
 */
import assert from "node:assert/strict";
import { processIo } from "../../lib/cli/io.ts";
import { makeProgram } from "../../lib/cli/program.ts";
import { inOrder } from "../../lib/cli/word_order.ts";
import { startServer } from "../support/server.ts";
import { run } from "./fake_io.ts";

const program = makeProgram(processIo(), { exitCode: 0 });
const ordered = (line: string) => inOrder(program, line.split(" ").filter((word) => word !== ""));

Deno.test("options that reach or set up a server may stand before the command, and between its words", () => {
  const cases: [written: string, taken: string][] = [
    ["", "serve"],
    ["--tcp x:1", "serve --tcp x:1"],
    ["--json serve", "serve --json"],
    ["--config p.toml config check", "config check --config p.toml"],
    ["--set a.b=1 serve --json", "serve --set a.b=1 --json"],
    ["-s h:1 pub x", "pub -s h:1 x"],
    ["-sh:1 pub x", "pub -sh:1 x"],
    ["--server=h:1 --json sub a", "sub --server=h:1 --json a"],
    ["--context shop --timeout 5s queue info q", "queue info --context shop --timeout 5s q"],
    ["queue -s h:1 info q --json", "queue info -s h:1 q --json"],
    ["--user ada publish a.b x", "publish --user ada a.b x"],
    ["pub -s h:1 x -s", "pub -s h:1 x -s"],
    ["pub -- -s", "pub -- -s"],
    ["--help", "--help"],
    ["-V", "-V"],
    ["queue --help", "queue --help"],
    ["-s h:1 --help", "--help"],
    ["--tcp x:1 --help", "serve --tcp x:1 --help"],
    ["-s h:1 pubb x", "pubb x -s h:1"],
    ["pubb x", "pubb x"],
    ["--nonsense x", "serve --nonsense x"],
    ["--text-classic 8989", "serve --text-classic 8989"],
    ["--text-classic 8989 x", "serve --text-classic 8989 x"],
    ["--text-classic --json", "serve --text-classic --json"],
  ];
  for (const [written, taken] of cases) {
    assert.equal(ordered(written).join(" "), taken, written);
  }
  assert.throws(
    () => ordered("-s h:1"),
    /missing a command behind -s h:1, as in: parley -s h:1 health/,
  );
  assert.throws(() => ordered("--server"), /missing a command behind --server/);
});

Deno.test("a command asks the server that is named before it", async () => {
  await using server = await startServer();
  const address = `127.0.0.1:${server.port("tcp")}`;
  assert.equal((await run(["-s", address, "echo", "hello"])).stdout, "hello\n");
  assert.equal((await run(["--json", "-s", address, "add", "40", "2"])).stdout, '{"result":42}\n');
  const listed = await run(["queue", "-s", address, "ls"]);
  assert.deepEqual([listed.code, listed.stdout], [0, "no queues\n"]);
  assert.match((await run(["-s", address])).stderr, /^parley: missing a command behind -s 127/);
  assert.match((await run(["-s", address, "ecko", "x"])).stderr, /unknown command 'ecko'.*echo/);
  assert.match((await run(["-s", address, "man"])).stderr, /unknown option '-s'/);
});

Deno.test("what is missing is shown by an example", async () => {
  const cases: [args: string[], stderr: string][] = [
    [
      ["pub"],
      `topic', as in: parley pub orders.eu.created '{"id": 7}' --type acme.v1.OrderCreated`,
    ],
    [["queue", "push"], "name', as in: parley queue push "],
    [["call"], "method', as in: parley call acme."],
    [["context", "add", "x"], "server', as in: parley context add home localhost:7311"],
    [["queue", "info"], "name', as in: parley queue info emails"],
    [["user", "rm"], "name', as in: parley user rm [options] <name>"],
  ];
  for (const [args, stderr] of cases) {
    const told = await run(args);
    assert.equal(told.code, 2);
    assert(told.stderr.startsWith(`parley: missing required argument '${stderr}`), told.stderr);
    assert.match(told.stderr, /^[^\n]+\n$/);
  }
});

Deno.test("a header is written with = or, as elsewhere, with a colon", async () => {
  await using server = await startServer();
  const { connect } = await import("../../lib/client/mod.ts");
  const address = `127.0.0.1:${server.port("tcp")}`;
  await using client = await connect(`parley://${address}`);
  const events = await client.subscribe("a", { maxEvents: 1 });
  const written = ["a=b:c", "d:e=f", "g: h=i", "j:k", "l:", "m: n: o"];
  const headers = written.flatMap((each) => ["-H", each]);
  assert.equal((await run(["-s", address, "pub", "a", "x", ...headers])).code, 0);
  for await (const event of events) {
    assert.deepEqual(event.headers, { a: "b:c", "d:e": "f", g: "h=i", j: "k", l: "", m: "n: o" });
  }
});
