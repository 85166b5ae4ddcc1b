/**
 * What a user does first, done with the executable: start it, ask it, disturb it, stop it.
 *
 * These tests see only what a user sees. What each part does in detail is tested in the part's own tests.
 */
import assert from "node:assert/strict";
import { sizeDelimitedDecodeStream, sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import { create } from "@bufbuild/protobuf";
import { CloseReason } from "../../lib/base/errors.ts";
import { VERSION } from "../../lib/base/version.ts";
import { AckLevel, connect } from "../../lib/client/mod.ts";
import { ClientMessageSchema, ServerMessageSchema } from "../../lib/gen/parley/v1/envelope_pb.ts";
import { parley, ServerProcess } from "./executable.ts";
import { ownPort } from "../support/own_port.ts";
import { listenOptions } from "../support/listen_options.ts";

Deno.test("--version prints the version and nothing else", async () => {
  assert.deepEqual(await parley(["--version"]), { code: 0, stdout: `${VERSION}\n`, stderr: "" });
});

Deno.test("--help lists the commands", async () => {
  const { code, stdout } = await parley(["--help"]);
  assert.equal(code, 0);
  const commands =
    "serve echo add pub sub call respond chat topic room queue health bench backup " +
    "config completion";
  for (const name of commands.split(" ")) {
    assert.match(stdout, new RegExp(`^\\s+${name}\\b`, "m"));
  }
});

Deno.test("serve --json says where it listens, and its own commands reach it", async () => {
  await using server = await ServerProcess.start();
  assert.equal(server.listening.version, VERSION);
  const ask = (name: string, ...args: string[]) => parley([name, "--server", server.url, ...args]);

  assert.equal((await ask("health")).code, 0);
  const texts = ["Hello, World!", "", "Grüße, 世界 🦀"];
  for (const text of texts) assert.equal((await ask("echo", text)).stdout, `${text}\n`);
  assert.equal((await ask("add", "40", "2")).stdout, "42\n");
  assert.equal((await ask("add", "-5", "3")).stdout, "-2\n");
  assert.deepEqual(JSON.parse((await ask("add", "20", "3", "--json")).stdout), { result: 23 });

  const refused = await ask("add", "2147483647", "1");
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^parley: .*2147483648/);
  assert.equal((await ask("add", "one", "2")).code, 2, "wrong use");
});

Deno.test("a server that listens may neither run programs nor read its environment", async () => {
  await using server = await ServerProcess.start();
  server.signal("SIGTERM");
  const { log } = await server.ended();
  const line = log.split("\n").find((each) => each.includes('"permissions"'));
  assert.deepEqual(JSON.parse(line ?? "{}").permissions, ["net", "read", "write"]);
});

Deno.test("reload and drain reach a server, which tells its clients where to go", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-smoke-" });
  try {
    const file = `${folder}/parley.toml`;
    await Deno.writeTextFile(file, "");
    await using server = await ServerProcess.start(["--config", file]);
    const ask = (...args: string[]) => parley([...args, "--server", server.url]);
    await Deno.writeTextFile(file, "[limits]\nmax_calls = 7\n");
    assert.equal((await ask("reload")).stdout, "in force: limits.max_calls\n");
    await Deno.writeTextFile(file, "[limits]\nmax_calls = -7\n");
    const refused = await ask("reload");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /parley\.toml:2: limits\.max_calls: must be/);
    const lost = Promise.withResolvers<readonly string[]>();
    await using _client = await connect(server.url, {
      reconnect: false,
      onStatus: (_status, reason) => reason && lost.resolve(reason.goTo),
    });
    assert.equal((await ask("drain", "--to", "parley://elsewhere")).code, 0);
    assert.deepEqual(await lost.promise, ["parley://elsewhere"]);
    assert.equal((await server.ended()).code, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("health fails where nobody listens", async () => {
  using own = ownPort();
  const url = `parley://127.0.0.1:${own.port}`;
  const { code, stderr } = await parley(["health", "--server", url]);
  assert.equal(code, 1);
  assert.match(stderr, /^parley: .*\n$/, "one sentence");
});

Deno.test("a raw client gets one bare message for each bare message", async () => {
  await using server = await ServerProcess.start();
  using connection = await Deno.connect(server.address("raw"));
  const reply = new Uint8Array(1024);
  const text = new TextEncoder().encode("\x0a\x0f\x0a\x0dHello, World!");
  const sum = [0x12, 0x0b, 0x08, 0xfe, ...Array(8).fill(0xff), 0x01];
  const summands = [0x12, 0x0d, 0x08, 0xfb, ...Array(8).fill(0xff), 0x01, 0x10, 0x03];
  for (const [request, expected] of [[[...text], [...text]], [summands, sum]]) {
    await connection.write(new Uint8Array(request!));
    const count = await connection.read(reply);
    assert.deepEqual([...reply.subarray(0, count!)], expected);
  }
});

Deno.test("events and calls pass between its commands and other programs", async () => {
  await using server = await ServerProcess.start();
  await using client = await connect(server.url);
  await using events = await client.subscribe("orders.>");
  const pub = ["pub", "orders.eu.created", "a lamp", "--server", server.url];
  assert.equal((await parley(pub)).stdout, "published 1 event, 1 delivery\n");
  const { value: event } = await events[Symbol.asyncIterator]().next();
  assert.equal(new TextDecoder().decode(event?.payload), "a lamp");

  await using _service = await client.serve("acme.Text/Echo", ({ payload }) => payload);
  const call = ["call", "acme.Text/Echo", "hello", "--server", server.url];
  assert.equal((await parley(call)).stdout, "hello\n");
  const nobody = await parley(["call", "acme.Text/Nobody", "--server", server.url]);
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /^parley: UNAVAILABLE: /);
});

Deno.test("what is kept is there after a restart, and what was said in a room", async () => {
  const data = await Deno.makeTempDir({ prefix: "parley-smoke-" });
  const more = ["--data", data, "--set", "keep=orders.>", "--text", "127.0.0.1:0"];
  try {
    {
      await using server = await ServerProcess.start(more);
      await using client = await connect(server.url);
      const { level, seq } = await client.publish("orders.eu", "a lamp");
      assert.deepEqual([level, seq], [AckLevel.FSYNCED, 1n]);
      const chat = await Deno.connect(server.address("text"));
      await chat.write(new TextEncoder().encode("Ada\nHello, everybody!\n/quit\n"));
      const shown = await new Response(chat.readable).text();
      assert.match(shown, /\[Ada\]:\nGoodbye\.\n$/);
      server.signal("SIGTERM");
      const { code, log } = await server.ended();
      assert.equal(code, 0, log);
    }
    await using server = await ServerProcess.start(more);
    await using client = await connect(server.url);
    const orders = await client.subscribe("orders.>", { since: "all" });
    const { value: event } = await orders[Symbol.asyncIterator]().next();
    assert.deepEqual([event?.seq, new TextDecoder().decode(event?.payload)], [1n, "a lamp"]);
    using chat = await Deno.connect(server.address("text"));
    await chat.write(new TextEncoder().encode("Bob\n/quit\n"));
    const shown = new Response(chat.readable).text();
    assert.match(await shown, /\[Ada\]:Hello, everybody!\n/, "the history is shown");
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("a job outlives its server, and is done once", async () => {
  const data = await Deno.makeTempDir({ prefix: "parley-smoke-" });
  try {
    {
      await using server = await ServerProcess.start(["--data", data]);
      const push = ["queue", "push", "emails", "to Ann", "--server", server.url];
      const { stdout } = await parley(push);
      assert.equal(stdout, "pushed 1 job into emails as 1, on disk\n");
      server.signal("SIGKILL");
      await server.ended();
    }
    await using server = await ServerProcess.start(["--data", data]);
    const pull = ["queue", "pull", "emails", "--drain", "--server", server.url];
    const windows = Deno.build.os === "windows";
    const [how, done] = windows ? [["--raw"], "to Ann\n"] : [["--exec", "tr a-z A-Z"], "TO ANN"];
    assert.equal((await parley([...pull, ...how])).stdout, done);
    assert.equal((await parley([...pull, "--raw"])).stdout, "", "there is nothing left to do");
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("a unix socket is listened on and removed in the end", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-smoke-" });
  const path = `${folder}/parley.sock`;
  try {
    {
      await using _server = await ServerProcess.start(["--unix", path]);
      const { stdout } = await parley(["echo", "hello", "--server", `unix://${path}`]);
      assert.equal(stdout, "hello\n");
    }
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("an address in use ends the second server with one sentence and exit code 1", async () => {
  await using server = await ServerProcess.start();
  const { port } = server.address("tcp");
  const { code, stderr } = await parley([
    "serve",
    ...listenOptions({ tcp: `127.0.0.1:${port}` }),
    ...["--data", ""],
  ]);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`^parley: .*127\\.0\\.0\\.1:${port}.*\n$`));
});

Deno.test("a wrong configuration ends it with the line at fault and exit code 1", async () => {
  const file = await Deno.makeTempFile({ prefix: "parley-smoke-", suffix: ".toml" });
  try {
    await Deno.writeTextFile(file, "[limits]\nmax_frame_bites = 1\n");
    for (const args of [["serve"], ["config", "check"]]) {
      const { code, stderr, stdout } = await parley([...args, "--config", file]);
      assert.equal(code, 1);
      assert.match(stderr + stdout, /:2.*max_frame_bytes/s, "the line and a suggestion");
    }
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("SIGTERM answers what is in hand, tells clients SHUTDOWN, and ends with exit code 0", async () => {
  const server = await ServerProcess.start();
  using connection = await Deno.connect(server.address("tcp"));
  const messages = sizeDelimitedDecodeStream(ServerMessageSchema, connection.readable)
    [Symbol.asyncIterator]();
  const ask = (content: string) =>
    connection.write(sizeDelimitedEncode(
      ClientMessageSchema,
      create(ClientMessageSchema, { message: { case: "echoMessage", value: { content } } }),
    ));
  const next = async () => (await messages.next()).value?.message;

  await ask("before");
  assert.equal((await next())?.case, "echoMessage");
  server.signal("SIGTERM");
  const notice = await next();
  assert.equal(notice?.case, "error");
  assert.equal(notice.value.closeReason, CloseReason.SHUTDOWN);
  await ask("after");
  const answer = await next();
  assert.equal(answer?.case, "echoMessage");
  assert.equal(answer.value.content, "after");
  assert.equal(await next(), undefined, "then the server closes");
  const { code, log } = await server.ended();
  assert.equal(code, 0, log);
});

Deno.test("SIGINT ends it with exit code 0 too", async () => {
  const server = await ServerProcess.start();
  server.signal("SIGINT");
  const { code, log } = await server.ended();
  assert.equal(code, 0, log);
});

Deno.test("a second signal ends it at once", async () => {
  // It would wait for the quiet of this client for nine seconds, and then end with 0.
  const quiet = ["--set", "limits.drain_quiet_ms=9000"];
  const server = await ServerProcess.start(quiet);
  using connection = await Deno.connect(server.address("tcp"));
  const buffer = new Uint8Array(1024);
  await connection.write(new Uint8Array([2, 0x0a, 0]));
  assert.notEqual(await connection.read(buffer), null, "the connection is taken");
  server.signal("SIGTERM");
  assert.notEqual(await connection.read(buffer), null, "the client is told");
  server.signal("SIGTERM");
  assert.equal((await server.ended()).code, 143);
});

Deno.test("the log is JSON lines in a pipe, with nothing of the messages in it", async () => {
  const server = await ServerProcess.start();
  const secret = "a text that belongs to nobody's log";
  assert.equal((await parley(["echo", secret, "--server", server.url])).stdout, `${secret}\n`);
  server.signal("SIGTERM");
  const { log } = await server.ended();
  const lines = log.trimEnd().split("\n");
  assert(lines.length >= 2, log);
  for (const line of lines) assert.equal(typeof JSON.parse(line), "object");
  assert(!log.includes(secret));
});
