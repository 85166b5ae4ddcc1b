/**
 * What processes of `parley` write, to real streams: such that do not block, that nobody reads, that were closed,
 * and terminals that were stopped. Commands write all of it; a server never waits.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { root, run } from "../../interop/programs.ts";
import { python } from "../../interop/protoc.ts";
import { COMMAND, hasScript, Running, spawn, startOnTerminal } from "../processes.ts";
import { listenOptions } from "../../support/listen_options.ts";

const KINDS = ["pipe", "socket", "terminal"];
/** Refused requests that log more than a pipe and the queue before it hold. */
const REQUESTS = 9000;

Deno.test({
  name: python === undefined
    ? "output to streams that do not block (needs python3)"
    : "all of the output reaches streams that do not block, exactly once",
  ignore: python === undefined || Deno.build.os !== "linux",
  async fn() {
    const whole = await run(COMMAND[0], [...COMMAND.slice(1), "config", "schema", "--markdown"]);
    const script = `
      import { StandardStream } from "./lib/cli/terminal/standard_stream.ts";
      const stream = new StandardStream(Deno.stdout, 1);
      const encoder = new TextEncoder();
      for (const text of ${writes}()) {
        if (Deno.args[0] === "sync") stream.writeSync(encoder.encode(text));
        else {
          for (let rest = encoder.encode(text); rest.length > 0;) {
            try { rest = rest.subarray(await stream.writeSome(rest)); }
            catch (error) { if (!(error instanceof Deno.errors.WouldBlock)) throw error; }
          }
        }
      }
      Deno.exit(0);`;
    const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
    try {
      const path = `${folder}/script.ts`;
      await Deno.writeTextFile(path, script.replace("./lib", `file://${root}/lib`));
      const expected = [...writes()].join("");
      for (const kind of KINDS) {
        const odd = ["tests/cli/terminal/odd_stream.py", kind];
        const command = [...COMMAND, "config", "schema", "--markdown"];
        assert.equal(await run(python!, [...odd, ...command]), whole, kind);
        for (const way of ["sync", "async"]) {
          const program = [...COMMAND.slice(0, -1), path, way];
          const came = await run(python!, [...odd, ...program]);
          assert(came === expected, `${kind} ${way}: ${came.length} of ${expected.length} came`);
        }
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

/** Texts of many shapes: lines short and long, parts of lines, many lines at once. */
function* writes(): Generator<string> {
  let seed = 7;
  const random = (most: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor(seed / 2_147_483_648 * most);
  };
  for (let count = 0; count < 400; count++) {
    let text = "";
    for (let lines = random(8); lines >= 0; lines--) {
      const length = random([60, 60, 1500, 1030, 9000][random(5)]);
      text += `${count}:${"abcdefghij".repeat(length / 10)}${random(10) === 0 ? "" : "\n"}`;
    }
    yield text;
  }
}

/** Options of a server that logs much. */
const TALKATIVE = [
  "serve",
  "--json",
  ...[...listenOptions({ tcp: "127.0.0.1:0", http: "127.0.0.1:0" }), "--data", ""],
  ...["--log-level", "debug", "--log-format", "json"],
];

interface Listening {
  readonly pid: number;
  readonly url: string;
  readonly http: Deno.ConnectOptions;
}

function listening(line: string): Listening {
  const { pid, listeners } = JSON.parse(line);
  const [tcp, http] = listeners;
  const port = Number(http.addresses[0].split(":").at(-1));
  return { pid, url: tcp.urls[0], http: { hostname: "127.0.0.1", port } };
}

/** Makes the server log, and then asks it something. */
async function talkTo({ http, url }: Listening, requests = REQUESTS): Promise<void> {
  const request = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n");
  let left = requests;
  await Promise.all(Array.from({ length: 8 }, async () => {
    const buffer = new Uint8Array(1024);
    while (left-- > 0) {
      using connection = await Deno.connect(http);
      await connection.write(request);
      await connection.read(buffer);
    }
  }));
  await using client = await connect(url);
  assert.equal(await client.echo("hello"), "hello");
}

/** The first line of a process's output. */
async function firstLine(output: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const reader = output.getReader();
  const decoder = new TextDecoder();
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    assert(!done, `it ended after ${JSON.stringify(text)}`);
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return text.split("\n")[0];
}

Deno.test("a log that nobody reads stops nothing; what is read later is in order and says what is missing", async () => {
  const child = spawn(TALKATIVE);
  const server = listening(await firstLine(child.stdout));
  await talkTo(server);
  child.kill("SIGHUP");
  const log = new Response(child.stderr).text();
  await talkTo(server, 1);
  child.kill("SIGTERM");
  assert.equal((await child.status).code, 0);
  const lines = (await log).trim().split("\n").map((line) => JSON.parse(line));
  const missing = lines.filter(({ message }) => message.includes("lines of the log were dropped"));
  assert(missing.length >= 1);
  assert.equal(missing[0].level, "warning");
  assert(missing[0].lines > 0);
  const times = lines.filter((line) => !missing.includes(line)).map(({ time }) => time);
  assert.deepEqual(times, times.toSorted());
  assert(lines.some(({ signal }) => signal === "SIGHUP"));
  assert.equal(lines.at(-1).message, "stopped");
});

Deno.test("a log that is never read or was closed holds up no stop", async () => {
  for (const close of [false, true]) {
    const child = spawn(TALKATIVE);
    const server = listening(await firstLine(child.stdout));
    if (close) await child.stderr.cancel();
    await talkTo(server, close ? 50 : REQUESTS);
    child.kill("SIGTERM");
    assert.equal((await child.status).code, 0, close ? "closed" : "unread");
    if (!close) await child.stderr.cancel();
  }
});

Deno.test({
  name: "a terminal that was stopped with Ctrl-S stops no server",
  ignore: !hasScript,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
    try {
      // Apart from the log: a terminal may take a line of one stream in the middle of another's.
      const stdout = `${folder}/stdout`;
      assert((await new Deno.Command("mkfifo", { args: [stdout] }).output()).success);
      await using running = startOnTerminal(TALKATIVE, {}, { stdout });
      const server = listening(await firstLine((await Deno.open(stdout)).readable));
      await running.prints('"message":"listening"');
      await running.write("\x13");
      await talkTo(server, 1000);
      Deno.kill(server.pid, "SIGTERM");
      assert.equal((await running.ended()).code, 0);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "signals that end other processes leave a server alone",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using server = new Running(TALKATIVE);
    const [line] = await server.lines(1);
    server.child.kill("SIGPIPE");
    for (const signal of ["SIGHUP", "SIGUSR1", "SIGUSR2"] as const) {
      server.child.kill(signal);
      await server.says(`"signal":"${signal}"`);
    }
    await talkTo(listening(line), 1);
    assert.equal((await server.end("SIGTERM")).code, 0);
  },
});
