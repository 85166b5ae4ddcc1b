/**
 * `parley serve` as a process: what it prints, that its own commands reach it, signals, exit codes, and
 * that it is plain in pipes and coloured on terminals.
 *
 * It runs server.ts with the permissions of the executable.
 */
import assert from "node:assert/strict";
import { VERSION } from "../../lib/base/version.ts";
import { PERMISSIONS } from "../../tools/compile.ts";
import { childEnvironment, root } from "../interop/programs.ts";

const COMMAND = [Deno.execPath(), "run", "--quiet", "--no-check", ...PERMISSIONS, "server.ts"];
const LOCAL = ["--tcp", "127.0.0.1:0", "--raw", "127.0.0.1:0", "--http", ""];

type Environment = Record<string, string>;

function spawn(args: readonly string[], environment: Environment = {}): Deno.ChildProcess {
  return new Deno.Command(COMMAND[0], {
    args: [...COMMAND.slice(1), ...args],
    cwd: root,
    env: childEnvironment(environment),
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs a command to its end. */
async function run(args: readonly string[], environment: Environment = {}) {
  const { code, stdout, stderr } = await spawn(args, environment).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A server process. */
class Running implements AsyncDisposable {
  readonly child: Deno.ChildProcess;
  readonly stderr: Promise<string>;
  #reader: ReadableStreamDefaultReader<string>;
  #text = "";
  #ended = false;

  constructor(args: readonly string[], environment: Environment = {}) {
    this.child = spawn(args, environment);
    this.stderr = new Response(this.child.stderr).text();
    this.#reader = this.child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Waits for the first lines of its output. */
  async lines(count: number): Promise<string[]> {
    while (this.#text.split("\n").length <= count) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error(`it ended before ${count} lines:\n${await this.stderr}`);
      this.#text += value;
    }
    return this.#text.split("\n").slice(0, count);
  }

  /** Ends what a failed test left running. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.child.kill("SIGKILL");
    await Promise.all([this.#reader.cancel(), this.stderr, this.child.status]);
  }

  /** Sends a signal and waits for the end. */
  async end(signal: Deno.Signal): Promise<{ code: number; log: string; rest: string }> {
    this.child.kill(signal);
    const log = await this.stderr;
    for (let more; !(more = await this.#reader.read()).done;) this.#text += more.value;
    const { code } = await this.child.status;
    this.#ended = true;
    return { code, log, rest: this.#text };
  }
}

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

  const inUse = await run(["--tcp", tcp.addresses[0], "--raw", "", "--http", ""]);
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

const hasScript = Deno.build.os === "linux" && await scriptIsThere();

async function scriptIsThere(): Promise<boolean> {
  try {
    return (await new Deno.Command("script", { args: ["--version"], stdout: "null" }).output())
      .success;
  } catch {
    return false;
  }
}

/** Runs a command of parley with a terminal as its output. */
async function onTerminal(args: readonly string[], environment: Environment): Promise<string> {
  const quoted = [...COMMAND, ...args].map((each) => `'${each.replaceAll("'", "'\\''")}'`);
  const { stdout } = await new Deno.Command("script", {
    args: ["-qec", quoted.join(" "), "/dev/null"],
    cwd: root,
    env: { ...childEnvironment(), NO_COLOR: "", ...environment },
    clearEnv: true,
    stdin: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}

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
