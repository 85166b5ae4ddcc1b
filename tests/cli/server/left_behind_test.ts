/**
 * What is over is over: a program when it ends itself, whatever it has left running, for jobs and for calls; and a
 * connection, with a line in the log that says why.
 */
import assert from "node:assert/strict";
import { VERSION } from "../../../lib/base/version.ts";
import { Running, runProcess, startServerProcess } from "../processes.ts";
import { listenOptions } from "../../support/listen_options.ts";

const ignore = Deno.build.os === "windows";

Deno.test({
  name: "a job is done when its program has ended, though its children hold everything open",
  ignore,
  async fn() {
    const { server, environment } = await startServerProcess();
    await using _ = server;
    const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
    try {
      // More input than a pipe holds, which nobody reads.
      const input = "x".repeat(100_000);
      const push = await runProcess(["queue", "push", "q", input], environment);
      assert.equal(push.code, 0);
      const exec = `sleep 1000 & echo $! > '${folder}/pid'; seq 20000; echo done >&2`;
      const args = ["queue", "pull", "q", "--count", "1", "--exec", exec];
      await using pull = new Running(args, environment);
      const { code, log, rest } = await pull.ended();
      assert.equal(code, 0);
      assert.match(log, /done\n(.|\n)*1 job done/);
      assert.equal(rest.trimEnd().split("\n").length, 20_000, "all that it printed");
      Deno.kill(Number(await Deno.readTextFile(`${folder}/pid`)), "SIGKILL");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "a call is answered when its program has ended, though its children hold its output open",
  ignore,
  async fn() {
    const { server, environment } = await startServerProcess();
    await using _ = server;
    const exec = "sleep 5 & echo answer";
    await using responder = new Running(["respond", "m.X", "--exec", exec], environment);
    await responder.says("answering");
    const { code, stdout } = await runProcess(["call", "m.X", "--timeout", "4s"], environment);
    assert.deepEqual([code, stdout], [0, "answer\n"]);
    assert.equal((await responder.end("SIGINT")).code, 0);
  },
});

Deno.test({
  name: "chat without USER goes by the name of the user's id",
  ignore,
  async fn() {
    const { server, environment } = await startServerProcess();
    await using _ = server;
    const id = await new Deno.Command("id", { args: ["-un"] }).output();
    const name = new TextDecoder().decode(id.stdout).trim();
    const unnamed = { ...environment, USER: "", LOGNAME: "", USERNAME: "" };
    await using chat = new Running(["chat", "lobby", "--json"], unnamed, { stdin: "piped" });
    await chat.write("hello\n");
    await chat.prints(`"name":"${name}"`);
    await chat.closeInput();
    assert.equal((await chat.ended()).code, 0);
  },
});

Deno.test("clients that come and go are lines of the log at debug, with their reasons", async () => {
  await using server = new Running([
    ...["serve", "--json", "--log-level", "debug", "--log-format", "json"],
    ...[...listenOptions({ tcp: "127.0.0.1:0" }), "--data", ""],
  ]);
  const { listeners } = JSON.parse((await server.lines(1))[0]);
  const environment = { PARLEY_SERVER: listeners[0].urls[0] };
  assert.equal((await runProcess(["echo", "x"], environment)).code, 0);
  await server.says("ended: its peer closed it");
  const port = Number(environment.PARLEY_SERVER.split(":").at(-1));
  using bad = await Deno.connect({ hostname: "127.0.0.1", port });
  await bad.write(new Uint8Array([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]));
  await server.says("ended: cannot");
  const { log } = await server.end("SIGTERM");
  const lines = log.trim().split("\n").map((line) => JSON.parse(line));
  const of = (connection: number) =>
    lines.filter((line) => line.connection === connection).map(({ message }) => message);
  assert.deepEqual(of(1), [
    "connected",
    `Hello from parley-cli with parley-ts/${VERSION}`,
    "ended: its peer closed it",
  ]);
  assert.equal(of(2)[0], "connected");
});
