/**
 * The commands of the bus as processes: two terminals that talk, pipes, signals, exit codes, programs that
 * answer calls, and a server that goes away and comes back.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { root } from "../../interop/programs.ts";
import { COMMAND, LOCAL, Running, runProcess, startServerProcess } from "../processes.ts";
import { ownPort } from "../../support/own_port.ts";
import { listenOptions } from "../../support/listen_options.ts";

const posix = Deno.build.os !== "windows";
const needsPosix = posix ? "" : " (needs a POSIX shell)";

Deno.test("one terminal prints what another publishes, until Ctrl-C", async () => {
  const { server, environment } = await startServerProcess();
  await using _ = server;
  await using sub = new Running(["sub", "orders.>"], environment);
  await sub.says("parley: subscribed to orders.>\n");
  const pub = await runProcess(["pub", "orders.eu", "hello", "--type", "acme.T"], environment);
  assert.deepEqual(pub, { code: 0, stdout: "published 1 event, 1 delivery\n", stderr: "" });
  const [line] = await sub.lines(1);
  assert.match(line, /^\S+Z {2}orders\.eu {2}acme\.T {2}\S+ {2}hello$/);
  const ended = await sub.end("SIGINT");
  assert.deepEqual([ended.code, ended.log], [0, "parley: subscribed to orders.>\n"]);
});

Deno.test("every command that runs for long ends in order with a signal", async () => {
  const { server, environment } = await startServerProcess();
  await using _ = server;
  const cases: [args: string[], ready: string][] = [
    [["sub", ">"], "subscribed to"],
    [["topic", "hz", ">"], "measuring"],
    [["topic", "bw", ">", "--json"], "measuring"],
    [["respond", "m.X", "--echo"], "answering"],
  ];
  await Promise.all(cases.map(async ([args, ready], index) => {
    await using running = new Running(args, environment);
    await running.says(ready);
    const { code, log } = await running.end(index % 2 === 0 ? "SIGINT" : "SIGTERM");
    assert.equal(code, 0, log);
  }));
});

Deno.test("Ctrl-C ends a command that has not reached its server yet", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr;
  const environment = { PARLEY_SERVER: `parley://127.0.0.1:${port}` };
  for (const args of [["sub", ">"], ["pub", "t", "x"], ["call", "m"], ["respond", "m", "--echo"]]) {
    await using running = new Running(args, environment);
    using connection = await silent.accept();
    assert.notEqual(await connection.read(new Uint8Array(1)), null, "it says Hello");
    const { code, log, rest } = await running.end("SIGINT");
    assert.deepEqual([code, log, rest], [130, "", ""], args[0]);
  }
});

Deno.test("pub publishes lines as they arrive, and Ctrl-C sums up what was published", async () => {
  const { server, environment } = await startServerProcess();
  await using _ = server;
  await using sub = new Running(["sub", "log", "--raw"], environment);
  await sub.says("subscribed to");
  await using pub = new Running(["pub", "log", "--lines"], environment, { stdin: "piped" });
  await pub.write("one\nhalf a ");
  await sub.prints("one\n");
  await pub.write("line\n");
  await sub.prints("half a line\n");
  const { code, rest } = await pub.end("SIGINT");
  assert.deepEqual([code, rest], [130, "published 2 events, 2 deliveries\n"]);
  assert.equal((await sub.end("SIGINT")).rest, "one\nhalf a line\n");
});

Deno.test({
  name: `sub ends quietly when nobody reads it any more${needsPosix}`,
  ignore: !posix,
  async fn() {
    const { server, environment } = await startServerProcess();
    await using _ = server;
    for (const mode of ["", "--json", "--raw"]) {
      const line = `${COMMAND.map((each) => `'${each}'`).join(" ")} sub '>' ${mode} | head -1`;
      await using pipeline = new Running([], environment, { words: ["sh", "-c", line] });
      await pipeline.says("subscribed to");
      await using client = await connect(environment.PARLEY_SERVER);
      let over = false;
      const ended = pipeline.ended().finally(() => over = true);
      // The first event makes head end; one of the next finds the pipe closed.
      while (!over) await client.publish("t", "x");
      const { code, log, rest } = await ended;
      assert.equal(code, 0);
      assert.equal(log, "parley: subscribed to >\n");
      assert.equal(rest.split("\n").length, 2, rest);
    }
  },
});

Deno.test("sub finds its server again, and says that something may be missing", async () => {
  using own = ownPort();
  const first = await startServerProcess(own.port);
  await using sub = new Running(["sub", "a", "b", "--raw", "--count", "1"], first.environment);
  await using hz = new Running(["topic", "hz", "a"], first.environment);
  {
    await using _ = first.server;
    await Promise.all([sub.says("subscribed to"), hz.says("measuring")]);
  }
  await Promise.all([sub.says("connecting again\n"), hz.says("connecting again\n")]);
  const listen = [...listenOptions({ tcp: `127.0.0.1:${first.port}` }), "--data", ""];
  await using second = new Running(["serve", "--json", ...listen]);
  await second.lines(1);
  await sub.says("parley: reconnected: events in between may be missing\n");
  await using client = await connect(first.environment.PARLEY_SERVER);
  let published = false;
  const ended = sub.ended().finally(() => published = true);
  while (!published) await client.publish("b", "again");
  const { code, log, rest } = await ended;
  assert.deepEqual([code, rest], [0, "again\n"]);
  assert.equal(log.match(/reconnected/g)?.length, 1, "once, for two patterns");
  assert.equal((await hz.end("SIGINT")).code, 0);
});

/** A program that runs until it is ended, and a pipe that tells when it began and when it ended. */
async function endlessProgram(): Promise<{ folder: string; exec: string; path: string }> {
  const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
  const path = `${folder}/alive`;
  assert((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
  // The shell starts another program, which must not outlive it.
  return { folder, path, exec: `sleep 1000 > '${path}' & wait` };
}

Deno.test({
  name: `the program of a call that is given up is ended, with all it has started${needsPosix}`,
  ignore: !posix,
  async fn() {
    const { server, environment } = await startServerProcess();
    await using _ = server;
    const { folder, exec, path } = await endlessProgram();
    try {
      await using responder = new Running(["respond", "m.X", "--exec", exec], environment);
      await responder.says("answering");
      await using call = new Running(["call", "m.X", "--timeout", "600s"], environment);
      // Opening waits for the program, and reading for its end.
      using alive = await Deno.open(path);
      const { code, log } = await call.end("SIGINT");
      assert.deepEqual([code, log], [130, ""]);
      assert.equal(await alive.read(new Uint8Array(1)), null);
      await responder.prints("UNAVAILABLE: the caller has given up");
      assert.equal((await responder.end("SIGINT")).code, 0);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: `a second Ctrl-C ends respond and its programs at once${needsPosix}`,
  ignore: !posix,
  async fn() {
    const { server, environment } = await startServerProcess();
    await using _ = server;
    const { folder, exec, path } = await endlessProgram();
    try {
      await using responder = new Running(["respond", "m.X", "--exec", exec], environment);
      await responder.says("answering");
      await using call = new Running(["call", "m.X", "--timeout", "600s"], environment);
      using alive = await Deno.open(path);
      responder.child.kill("SIGINT");
      await responder.says("1 call in hand; Ctrl-C again ends at once\n");
      const { code } = await responder.end("SIGINT");
      assert.equal(code, 130);
      assert.equal(await alive.read(new Uint8Array(1)), null);
      const { code: failed, log } = await call.ended();
      assert.equal(failed, 1);
      assert.match(log, /^parley: UNAVAILABLE: .*\n$/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("topic hz and topic bw report what is published", async () => {
  const { server, environment } = await startServerProcess();
  await using _ = server;
  const args = ["s.>", "--interval", "20ms"];
  await using hz = new Running(["topic", "hz", ...args, "--json"], environment);
  await using bw = new Running(["topic", "bw", ...args], environment);
  await Promise.all([hz.says("measuring"), bw.says("measuring")]);
  const pub = ["pub", "s.one", "12345678", "--count", "3", "--interval", "2ms"];
  assert.equal((await runProcess(pub, environment)).code, 0);
  await hz.prints('"events":3');
  await bw.prints("window 3");
  const [first, second] = await Promise.all([hz.end("SIGINT"), bw.end("SIGTERM")]);
  const [{ topic, window, events_per_second }] = JSON.parse(
    first.rest.split("\n").find((line) => line.includes('"events":3'))!,
  ).topics;
  assert.deepEqual([topic, window, events_per_second > 0], ["s.one", 3, true]);
  assert.match(
    second.rest,
    /^\S+Z {2}s\.one {2}average \S+ \w*B\/s {2}mean-size 8 B {2}.*window 3/m,
  );
});

Deno.test("a server that listens can neither read its environment nor run a program", async () => {
  const code = `
    import { processIo } from "./lib/cli/io.ts";
    await processIo().releasePermissions();
    for (const use of [() => Deno.env.get("PATH"), () => new Deno.Command("true").outputSync()]) {
      try { use(); console.log("allowed"); } catch (error) { console.log(error.name); }
    }`;
  const child = new Deno.Command(COMMAND[0], {
    args: [...COMMAND.slice(1, -1), "-"],
    cwd: root,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(code));
  await writer.close();
  const { stdout } = await child.output();
  assert.equal(new TextDecoder().decode(stdout), "NotCapable\nNotCapable\n");
  assert(LOCAL.length > 0);
});
