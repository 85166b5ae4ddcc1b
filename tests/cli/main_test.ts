/**
 * The command line as such: help, version, wrong use, configuration, completion.
 */
import assert from "node:assert/strict";
import { VERSION } from "../../lib/base/version.ts";
import { configFrom } from "../../lib/server/config/config.ts";
import { LOG_FORMATS, LOG_LEVELS } from "../../lib/server/config/schema.ts";
import { configMarkdown } from "../../lib/server/config/text.ts";
import { processIo } from "../../lib/cli/io.ts";
import { makeProgram } from "../../lib/cli/program.ts";
import { completionTree, everyNode } from "../../lib/cli/server/completion_tree.ts";
import { startServer } from "../support/server.ts";
import { run } from "./fake_io.ts";

Deno.test("--version prints the version and nothing else", async () => {
  assert.deepEqual(await run(["--version"]), { code: 0, stdout: `${VERSION}\n`, stderr: "" });
});

Deno.test("help lists the commands, and each command explains itself", async () => {
  const { code, stdout } = await run(["--help"]);
  assert.equal(code, 0);
  const names = ["serve", "echo", "add", "pub", "sub", "call", "respond", "topic"].concat(
    ["health", "bench", "config", "completion"],
  );
  for (const name of names) {
    assert.match(stdout, new RegExp(`^  ${name}\\b`, "m"));
    const help = await run([name, "--help"]);
    assert.equal(help.code, 0);
    assert.match(help.stdout, new RegExp(`^Usage: parley ${name}`));
  }
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(stdout, /\x1b/, "no colour in a pipe");
  assert((await run(["--help"], { terminal: true })).stdout.includes("\x1b[1m"));
  assert(!(await run(["--help"], { terminal: true, colors: false })).stdout.includes("\x1b"));
});

Deno.test("wrong use is told in one line, with what may have been meant, and exit code 2", async () => {
  const cases: [args: string[], stderr: RegExp][] = [
    [["ecko", "x"], /unknown command 'ecko'.*Did you mean echo\?/],
    [["config", "chek"], /unknown command 'chek'.*Did you mean check\?/],
    [["echo", "x", "--jsn"], /unknown option '--jsn'.*Did you mean --json\?/],
    [["--tpc", "x"], /unknown option '--tpc'.*Did you mean --tcp\?/],
    [["echo"], /missing required argument 'text'/],
    [["echo", "x", "--timeout", "soon"], /--timeout.*from 1ms to 24d/],
    [["serve", "--log-level", "loud"], /--log-level.*debug, info, warn, warning, error/],
    [["serve", "--set", "drain"], /--set.*KEY=VALUE/],
    [["completion", "tcsh"], /bash, zsh, fish/],
    [["bench", "echo", "--connections", "0"], /--connections.*whole number from 1/],
    [["serve", "--tcp", "0.0.0.0:0"], /--tcp: .*--insecure/],
    [
      ["serve", "--set", "log.levl=info"],
      /--set log\.levl: unknown key; did you mean log\.level\?/,
    ],
    [["pub"], /missing required argument 'topic'/],
    [["pub", "a", "x", "--lines"], /--lines: the events come from standard input/],
    [["pub", "a", "--lines", "--json-lines"], /--lines and --json-lines exclude each other/],
    [["queue", "push", "a", "x", "--lines"], /--lines: jobs come from standard input/],
    [["queue", "push", "a", "--lines", "--whole"], /--whole and --lines exclude each other/],
    [["hea"], /unknown command 'hea'.*Did you mean health\?/],
    [["queue", "pur"], /unknown command 'pur'.*Did you mean purge\?/],
    [["queue", "pu"], /Did you mean one of push, pull, purge\?/],
    [["queue", "push", "q", "x", "--head", "a=b"], /'--head'.*Did you mean --header\?/],
    [["help", "nope"], /unknown command 'nope'/],
    [["help", "queue", "pusch"], /unknown command 'pusch'.*Did you mean push\?/],
    [["queue", "help", "nope"], /unknown command 'nope'/],
    [["help", "echo", "x"], /unknown command 'x'/],
    [["explain", "publsh", "a"], /there is no verb "publsh": .*; did you mean publish\?/],
    [["serve", "--set", "limits.max_frame=1"], /did you mean limits\.max_frame_bytes\?/],
    [["pub", "a", "x", "--json-lines"], /--json-lines: the events come from standard input/],
    [["pub", "a", "x", "--header", "novalue"], /--header.*name=value/],
    [["pub", "a", "x", "--interval", "soon"], /--interval.*from 1ms to 1d/],
    [["pub", "a", "x", "--cuont", "1"], /Did you mean --count\?/],
    [["subb", "a"], /unknown command 'subb'.*Did you mean sub\?/],
    [["sub"], /missing a pattern: '>' for every topic, or --type/],
    [["sub", "a", "--raw", "--json"], /--raw and --json exclude each other/],
    [["sub", "a", "--overflow", "x"], /--overflow.*disconnect, drop-oldest, drop-newest/],
    [["respond", "m"], /say how to answer: one of --exec, --reply and --echo/],
    [["respond", "m", "--echo", "--reply", "x"], /one of --exec, --reply and --echo/],
    [["topic", "hx", "a"], /unknown command 'hx'.*Did you mean hz\?/],
    [["topic", "hz", "a", "--window", "1"], /--window.*from 2 to 100000/],
    [["bench", "bus", "--rate", "0"], /--rate.*above 0/],
    [["\x1b[31mx"], /unknown command '\\x1b\[31mx'/],
  ];
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await run(args);
    assert.equal(code, 2, args.join(" "));
    assert.equal(stdout, "");
    assert.match(stderr, /^parley: [^\n]+\n$/);
    assert.match(stderr, expected);
  }
});

Deno.test("releases of Deno that are not tested are refused, unless an executable brings its own", async () => {
  const on = (version: string, standalone = false) =>
    run(["--version"], { runtime: { version, standalone } });
  for (const version of ["1.46.3", "2.0.0", "2.6.8", "2.8.3", "2.8.99"]) {
    const { code, stdout, stderr } = await on(version);
    assert.deepEqual([code, stdout], [1, ""], version);
    assert.match(
      stderr,
      /^parley: cannot run on Deno [\d.]+: accepted: Deno 2\.9\.0 or newer \(deno upgrade gets it\)\n$/,
    );
    assert.equal((await on(version, true)).code, 0, `an executable on ${version}`);
  }
  for (const version of ["2.9.0", "2.9.0-rc.1", "2.9.6", "2.10.0", "3.0.0"]) {
    assert.equal((await on(version)).code, 0, version);
  }
});

Deno.test("help explains a command however deep it lies, and by its other names", async () => {
  const same: [string[], string[]][] = [
    [["help"], ["--help"]],
    [["help", "queue"], ["queue", "--help"]],
    [["help", "queue", "push"], ["queue", "push", "--help"]],
    [["queue", "help", "push"], ["queue", "push", "--help"]],
    [["queue", "help"], ["queue", "--help"]],
    [["help", "publish"], ["pub", "--help"]],
    [["subscribe", "--help"], ["sub", "--help"]],
  ];
  for (const [words, other] of same) {
    const { code, stdout, stderr } = await run(words);
    assert.deepEqual([code, stderr], [0, ""], words.join(" "));
    assert.equal(stdout, (await run(other)).stdout, words.join(" "));
  }
});

Deno.test("help is broken between words on terminals of any width", async () => {
  const program = makeProgram(processIo(), { exitCode: 0 });
  const commands = everyNode(completionTree(program)).map(({ path }) => path.split(" "));
  assert(commands.length > 40, `${commands.length} commands`);
  for (const command of commands) {
    const words = command[0] === ""
      ? ["--help"]
      : command.at(-1) === "help"
      ? command
      : [...command, "--help"];
    const plain = await run(words);
    for (const columns of [16, 40, 60, 80, 200]) {
      const { stdout } = await run(words, { terminal: true, colors: false, columns });
      const squeezed = (text: string) => text.replaceAll(/\s+/g, " ");
      assert.equal(squeezed(stdout), squeezed(plain.stdout), `${words.join(" ")} in ${columns}`);
      // A word that is wider than the terminal stays whole.
      const long = stdout.split("\n").filter((line) =>
        line.length > columns && / \S/.test(line.trim())
      );
      assert.deepEqual(long, [], `${words.join(" ")} in ${columns} columns`);
    }
  }
});

Deno.test("in a pipe help is as wide as COLUMNS says", async () => {
  const plain = await run(["pub", "--help"]);
  const narrow = await run(["pub", "--help"], { environment: { COLUMNS: "40" } });
  const terminal = await run(["pub", "--help"], { terminal: true, colors: false, columns: 40 });
  assert.equal(narrow.stdout, terminal.stdout);
  assert.notEqual(narrow.stdout, plain.stdout);
  for (const COLUMNS of ["0", "wide", "-5", ""]) {
    assert.equal((await run(["pub", "--help"], { environment: { COLUMNS } })).stdout, plain.stdout);
  }
});

Deno.test("where help is narrow its paragraphs are broken anew, and no line of them stands alone", async () => {
  const { stdout } = await run(["backup", "--help"], { environment: { COLUMNS: "40" } });
  const paragraph = stdout.slice(stdout.indexOf("Over a connection")).trimEnd().split("\n");
  assert(paragraph.length > 5);
  for (const [index, line] of paragraph.slice(0, -1).entries()) {
    const [next] = paragraph[index + 1].split(" ", 1);
    assert(line.length <= 40 && `${line} ${next}`.length > 40, `${line}\n${next}`);
  }
  assert.match(
    stdout,
    /^ {2}parley backup --data \/var\/lib\/parley$/m,
    "examples are no paragraphs",
  );
});

Deno.test("errors of the system are told without its number and its call", async () => {
  await using server = await startServer();
  const address = `127.0.0.1:${server.port("tcp")}`;
  const { code, stderr } = await run(["play", "nothing.jsonl", "-s", address]);
  assert.equal(code, 2);
  assert.equal(stderr, 'parley: cannot play "nothing.jsonl": No such file or directory\n');
});

Deno.test("a group of commands alone explains itself", async () => {
  const { code, stderr } = await run(["bench"]);
  assert.equal(code, 2);
  assert.match(stderr, /^Usage: parley bench/);
});

Deno.test("config print shows what is in force and where it comes from", async () => {
  const environment = { PARLEY_LOG_LEVEL: "error" };
  const { code, stdout } = await run(["config", "print", "--tcp", "[::1]:1"], { environment });
  assert.equal(code, 0);
  assert.match(stdout, /^tcp = \[ "\[::1\]:1" \] # --tcp$/m);
  assert.match(stdout, /^level = "error" # PARLEY_LOG_LEVEL$/m);
  const json = await run(["config", "print", "--json", "--insecure"]);
  assert.deepEqual(JSON.parse(json.stdout), configFrom({ insecure: true }));
});

Deno.test("config check names the line at fault", async () => {
  const file = await Deno.makeTempFile({ prefix: "parley-test-", suffix: ".toml" });
  try {
    await Deno.writeTextFile(file, "[limits]\ndrain_ms = 5000\n");
    for (const args of [[file], ["--config", file]]) {
      assert.deepEqual(await run(["config", "check", ...args]), {
        code: 0,
        stdout: `ok: ${file}\n`,
        stderr: "",
      });
    }
    await Deno.writeTextFile(file, "[limits]\nmax_frame_bites = 1\n[log]\nlevel = 1\n");
    for (const args of [["config", "check", file], ["serve", "--config", file]]) {
      const { code, stderr } = await run(args);
      assert.equal(code, 1);
      assert.deepEqual(stderr.split("\n"), [
        `parley: ${file}:2: limits.max_frame_bites: unknown key; did you mean limits.max_frame_bytes?`,
        `parley: ${file}:4: log.level: must be one of debug, info, warning, error, not 1`,
        "",
      ]);
    }
    const json = await run(["config", "check", file, "--json"]);
    assert.equal(json.code, 1);
    const { ok, problems } = JSON.parse(json.stdout);
    assert.equal(ok, false);
    assert.deepEqual(problems[0].source, { kind: "file", file, line: 2 });
    assert.equal((await run(["config", "check", file, "--config", "other"])).code, 2);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("config schema prints a JSON Schema, or the reference", async () => {
  const { stdout } = await run(["config", "schema"]);
  const schema = JSON.parse(stdout);
  assert.equal(schema.properties.limits.properties.drain_ms.default, 10_000);
  assert.equal((await run(["config", "schema", "--markdown"])).stdout, configMarkdown());
});

Deno.test("the log's options take what the schema takes", async () => {
  for (const level of LOG_LEVELS) {
    assert.equal((await run(["config", "check", "--log-level", level])).code, 0, level);
  }
  for (const format of LOG_FORMATS) {
    assert.equal((await run(["config", "check", "--log-format", format])).code, 0, format);
  }
});

Deno.test("commands of the bus explain themselves with examples that are right", async () => {
  const commands = [["pub"], ["sub"], ["call"], ["respond"], ["topic", "hz"], ["bench", "bus"]];
  for (const words of commands) {
    const { code, stdout } = await run([...words, "--help"]);
    assert.equal(code, 0);
    const [, examples] = stdout.split(/^Examples?:$/m);
    assert.match(examples, /^ {2}.*parley /m, words.join(" "));
    for (const [, option] of examples.matchAll(/ (--[a-z-]+)/g)) {
      assert(examples.includes("| parley") || stdout.includes(`${option} `), option);
    }
  }
});
