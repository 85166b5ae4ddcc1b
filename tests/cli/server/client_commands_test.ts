/**
 * The commands that ask a server, against a real one: answers, exit codes, and what a terminal gets to see.
 */
import assert from "node:assert/strict";
import { VERSION } from "../../../lib/base/version.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { type FakeOptions, run } from "../fake_io.ts";
import { ownPort } from "../../support/own_port.ts";
import { user } from "../../support/users.ts";

/** Runs a command against `server`, which it learns of from the environment. */
function ask(server: TestServer, args: readonly string[], options: FakeOptions = {}) {
  const environment = { PARLEY_SERVER: `parley://127.0.0.1:${server.port("tcp")}` };
  return run(args, { environment, ...options });
}

Deno.test("echo prints what comes back", async () => {
  await using server = await startServer();
  for (const text of ["Hello, World!", "", "Grüße, 世界 🦀", "-"]) {
    const args = text === "-" ? ["echo", "--json", "--", "x"] : ["echo", text];
    const { code, stdout, stderr } = await ask(server, args);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.equal(stdout, text === "-" ? '{"content":"x"}\n' : `${text}\n`);
  }
});

Deno.test("echo - sends standard input and gives it back byte for byte", async () => {
  await using server = await startServer();
  for (const stdin of ["", "no line end", "one\ntwo\n", "\ufeffmark\x1b[31m\0\u202e"]) {
    assert.deepEqual(await ask(server, ["echo", "-"], { stdin }), {
      code: 0,
      stdout: stdin,
      stderr: "",
    });
  }
  const refused = await ask(server, ["echo", "-"], { stdin: new Uint8Array([0xff]) });
  assert.equal(refused.code, 1);
  assert.equal(refused.stderr, "parley: cannot send standard input: it is not valid UTF-8\n");
});

Deno.test("on a terminal, what came from the server is shown and not obeyed", async () => {
  await using server = await startServer();
  const hostile = "a\x1b]52;c;aGk=\x07\x9b2J\u202eb\nc";
  const shown = await ask(server, ["echo", hostile], { terminal: true });
  assert.equal(shown.stdout, "a\\x1b]52;c;aGk=\\x07\\x9b2J\\u{202e}b\nc\n");
  const piped = await ask(server, ["echo", hostile]);
  assert.equal(piped.stdout, `${hostile}\n`);
});

Deno.test("add adds, also negative numbers, and the server refuses what does not fit", async () => {
  await using server = await startServer();
  const add = (...args: string[]) => ask(server, ["add", ...args]);
  assert.deepEqual(await add("40", "2"), { code: 0, stdout: "42\n", stderr: "" });
  assert.equal((await add("-5", "3")).stdout, "-2\n");
  assert.equal((await add("-5", "-3")).stdout, "-8\n");
  assert.equal((await add("--", "-5", "3")).stdout, "-2\n");
  assert.equal((await add("-5", "3", "--json")).stdout, '{"result":-2}\n');
  const overflow = await add("2147483647", "1");
  assert.equal(overflow.code, 1);
  assert.match(overflow.stderr, /^parley: .*2147483648.*\n$/);
  for (const wrong of [["1"], ["1", "x"], ["1", "2.5"], ["2147483648", "0"], ["1", "2", "3"]]) {
    const { code, stderr, stdout } = await add(...wrong);
    assert.deepEqual([code, stdout], [2, ""], wrong.join(" "));
    assert.match(stderr, /^parley: .*\n$/, "one line");
  }
});

Deno.test("health says whether a server answers", async () => {
  await using server = await startServer();
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  const healthy = await ask(server, ["health"]);
  assert.equal(healthy.code, 0);
  assert.match(healthy.stdout, new RegExp(`^ok  \\d+\\.\\d\\d ms  parley ${VERSION}  ${url}\n$`));
  const { latency_ms, ...rest } = JSON.parse((await ask(server, ["health", "--json"])).stdout);
  assert.equal(typeof latency_ms, "number");
  const server_id = server.server.serverId;
  assert.deepEqual(rest, { ok: true, url, server_version: VERSION, server_id });
  const unix = await run(["health", "--server", `unix://${server.path}`]);
  assert.equal(unix.code, 0, unix.stderr);
});

Deno.test("health of an http listener says whether it is ready, and why not", async () => {
  await using server = await startServer({ limits: { max_connections: 2 } });
  const url = `http://127.0.0.1:${server.port("ws")}`;
  const ready = await run(["health", "--server", url]);
  assert.deepEqual([ready.code, ready.stdout, ready.stderr], [0, `ready  ${url}\n`, ""]);
  const json = JSON.parse((await run(["health", "--server", url, "--json"])).stdout);
  assert.deepEqual([json.ok, json.url, json.status], [true, url, "ready"]);
  assert(json.checks.length > 3);
  const one = await server.connect("tcp");
  const full = await run(["health", "--server", url]);
  assert.equal(full.code, 1);
  assert.equal(
    full.stdout,
    `not ready  ${url}\n  connections: 2 of 2 connections are taken\n`,
  );
  one.close();
});

Deno.test("health of an http listener needs no user, and tells reasons to who has one", async () => {
  await using server = await startServer({
    users: [await user("ada", "admin")],
    roles: { admin: { allow: { manage: ">" } } },
  });
  const place = `127.0.0.1:${server.port("ws")}`;
  const stranger = await run(["health", "--server", `http://${place}`, "--json"]);
  assert.equal(stranger.code, 0);
  assert.deepEqual(JSON.parse(stranger.stdout), {
    ok: true,
    url: `http://${place}`,
    status: "ready",
  });
  const url = `http://ada:ada's%20secret@${place}`;
  const known = await run(["health", "--server", url, "--json"]);
  assert.equal(known.code, 0, known.stderr);
  assert(!known.stdout.includes("secret"));
  assert(JSON.parse(known.stdout).checks.length > 3);
});

Deno.test("health of what is no http listener of Parley fails, and says so", async () => {
  using own = ownPort();
  const url = `http://127.0.0.1:${own.port}`;
  const nobody = await run(["health", "--server", url]);
  assert.deepEqual([nobody.code, nobody.stdout], [1, ""]);
  assert.match(nobody.stderr, /^parley: cannot ask http:\/\/127\.0\.0\.1:\d+\/readyz: .+\n$/);
  await using other = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("hello"),
  );
  const wrong = await run(["health", "--server", `http://127.0.0.1:${other.addr.port}`]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /it answers 200 where a Parley server says whether it is ready/);
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr;
  const late = await run(["health", "--server", `http://127.0.0.1:${port}`, "--timeout", "50ms"]);
  assert.equal(late.code, 1);
  assert.match(late.stderr, /no answer in 50 ms/);
});

Deno.test("health fails where nobody listens", async () => {
  using own = ownPort();
  const url = `parley://127.0.0.1:${own.port}`;
  const plain = await run(["health", "--server", url]);
  assert.equal(plain.code, 1);
  assert.equal(plain.stdout, "");
  assert.match(plain.stderr, /^parley: cannot connect to .*\n$/);
  const json = await run(["health", "--server", url, "--json"]);
  assert.equal(json.code, 1);
  const answer = JSON.parse(json.stdout);
  assert.equal(answer.ok, false);
  assert.equal(answer.error.code, "UNAVAILABLE");
});

Deno.test("a server that does not answer is given up after --timeout", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `parley://127.0.0.1:${(silent.addr as Deno.NetAddr).port}`;
  const { code, stderr } = await run(["health", "--server", url, "--timeout", "50ms"]);
  assert.equal(code, 1);
  assert.match(stderr, /^parley: .*50 ms.*\n$/);
});

Deno.test("the option wins over PARLEY_SERVER, and a wrong URL is wrong use", async () => {
  await using server = await startServer();
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  const environment = { PARLEY_SERVER: "nonsense" };
  const good = await run(["echo", "x", "--server", url], { environment });
  assert.deepEqual([good.code, good.stdout], [0, "x\n"]);
  const bad = await run(["echo", "x"], { environment });
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /^parley: PARLEY_SERVER: .*"nonsense".*parley:\/\/.*\n$/);
  const flag = await run(["echo", "x", "--server", "http://localhost"]);
  assert.equal(flag.code, 2);
  assert.match(flag.stderr, /^parley: --server: /);
});
