/**
 * `parley serve` as a process: what it prints, that its own commands reach it, signals, exit codes, and
 * that it is plain in pipes and coloured on terminals.
 *
 * It runs server.ts with the permissions of the executable.
 */
import assert from "node:assert/strict";
import { VERSION } from "../../../lib/base/version.ts";
import { hasScript, LOCAL, onTerminal, Running, runProcess as run, spawn } from "../processes.ts";
import { listenOptions } from "../../support/listen_options.ts";

Deno.test("serve --json prints one line, its commands reach it, and SIGTERM ends it with 0", async () => {
  await using server = new Running(["serve", "--json", ...LOCAL]);
  const [line] = await server.lines(1);
  const { event, version, pid, listeners } = JSON.parse(line);
  assert.deepEqual([event, version, pid], ["listening", VERSION, server.child.pid]);
  assert.deepEqual(listeners.map((each: { kind: string }) => each.kind), ["tcp", "raw"]);
  const [tcp, raw] = listeners;
  assert.match(tcp.addresses[0], /^127\.0\.0\.1:[1-9]\d*$/);
  assert.deepEqual(tcp.urls, [`parley://${tcp.addresses[0]}`]);
  assert.deepEqual(raw.urls, [], "the client library does not speak raw");

  const environment = { PARLEY_SERVER: tcp.urls[0] };
  const [echo, add, health] = await Promise.all([
    run(["echo", "hello"], environment),
    run(["add", "-5", "3"], environment),
    run(["health", "--json"], environment),
  ]);
  assert.deepEqual(echo, { code: 0, stdout: "hello\n", stderr: "" });
  assert.deepEqual(add, { code: 0, stdout: "-2\n", stderr: "" });
  assert.equal(JSON.parse(health.stdout).server_version, VERSION);

  const inUse = await run([
    ...listenOptions({ tcp: tcp.addresses[0] }),
    ...["--data", ""],
  ]);
  assert.equal(inUse.code, 1);
  assert.equal(inUse.stdout, "");
  assert.match(
    inUse.stderr,
    /^parley: cannot listen on tcp 127\.0\.0\.1:\d+: address in use \(.+\)\n$/,
  );

  const { code, log, rest } = await server.end("SIGTERM");
  assert.equal(code, 0, log);
  assert.equal(rest, `${line}\n`, "nothing else goes to standard output");
  for (const each of log.trim().split("\n")) JSON.parse(each);
});

Deno.test("without a command and in a pipe, it prints one plain line an address", async () => {
  await using server = new Running(LOCAL, { PARLEY_LOG_FORMAT: "pretty" });
  const lines = await server.lines(2);
  assert.match(lines[0], /^listening tcp 127\.0\.0\.1:\d+$/);
  assert.match(lines[1], /^listening raw 127\.0\.0\.1:\d+$/);
  const { code, log } = await server.end("SIGINT");
  assert.equal(code, 0);
  assert.match(log, /INFO {4}server/);
  assert(!log.includes("\x1b"), "no colour in a pipe");
});

Deno.test("a misspelt variable is found, and the file of PARLEY_CONFIG is read", async () => {
  const misspelt = await run(["serve"], { PARLEY_LISTEN_TPC: "localhost:0" });
  assert.deepEqual(misspelt, {
    code: 1,
    stdout: "",
    stderr: "parley: PARLEY_LISTEN_TPC: unknown variable; did you mean PARLEY_LISTEN_TCP?\n",
  });
  const missing = await run(["config", "check"], { PARLEY_CONFIG: "/nowhere/parley.toml" });
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /^parley: PARLEY_CONFIG: cannot read .*no such file\n$/);
});

Deno.test("a reader that has had enough is no failure to talk about", async () => {
  const child = spawn(["config", "schema"]);
  await child.stdout.cancel();
  assert.equal(await new Response(child.stderr).text(), "");
  await child.status;
});

Deno.test({
  name: "a terminal gets colours unless NO_COLOR is set, and hostile text escaped",
  ignore: !hasScript,
  async fn() {
    await using server = new Running(["serve", "--json", ...LOCAL]);
    const url = JSON.parse((await server.lines(1))[0]).listeners[0].urls[0];
    const environment = { PARLEY_SERVER: url };
    const coloured = await onTerminal(["health"], environment);
    assert(coloured.includes("\x1b[32mok"), JSON.stringify(coloured));
    const plain = await onTerminal(["health"], { ...environment, NO_COLOR: "1" });
    assert.match(plain, /^ok /);
    assert(!plain.includes("\x1b"));
    const hostile = await onTerminal(["echo", "a\x1b]52;c;aGk=\x07b"], environment);
    assert.equal(hostile, "a\\x1b]52;c;aGk=\\x07b\r\n");
    assert.equal((await server.end("SIGTERM")).code, 0);
  },
});

Deno.test("serve --text-classic says where it listens, and wrong arguments get the usage line", async () => {
  await using server = new Running(["serve", ...LOCAL, "--text-classic", "0"]);
  const lines = await server.lines(5);
  const [, port] = /^Listening on the port :(\d+)$/.exec(lines.at(-1)!) ?? [];
  assert(lines.includes(`listening text_classic 127.0.0.1:${port}`), lines.join());
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  const greeting = new Uint8Array(1024);
  const count = await connection.read(greeting);
  assert(new TextDecoder().decode(greeting.subarray(0, count!)).startsWith("Welcome to TCP-Chat!"));
  connection.close();
  assert.equal((await server.end("SIGTERM")).code, 0);
  for (const wrong of [["2525", "localhost"], ["65536"], ["port"], ["-1"], ["0.0.0.0:2525"]]) {
    const usage = { code: 2, stdout: "", stderr: "[USAGE]: parley serve --text-classic $port\n" };
    assert.deepEqual(await run(["serve", "--text-classic", ...wrong]), usage, wrong.join());
  }
  const excess = await run(["serve", "2525"]);
  assert.equal(excess.code, 2);
  assert.match(excess.stderr, /^parley: too many arguments for 'serve'/);
});
