/**
 * The commands of queues as processes: two terminals, pipes, signals, exit codes, programs that do jobs, and a
 * server that goes away and comes back.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { COMMAND, Running, runProcess, startServerProcess } from "../processes.ts";
import { ownPort } from "../../support/own_port.ts";
import { listenOptions } from "../../support/listen_options.ts";

const posix = Deno.build.os !== "windows";
const posixTest = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name: name + (posix ? "" : " (needs a POSIX shell)"), ignore: !posix, fn });

/** A folder with a pipe that programs can wait at. */
async function withPipe(use: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
  try {
    const path = `${folder}/pipe`;
    assert((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
    await use(path, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("one terminal does what another pushes, until Ctrl-C", async () => {
  const { server, environment } = await startServerProcess();
  await using _ = server;
  await using pull = new Running(["queue", "pull", "emails"], environment);
  await pull.says("parley: pulling emails\n");
  const push = ["queue", "push", "emails", "hello", "--type", "acme.T"];
  assert.deepEqual(await runProcess(push, environment), {
    code: 0,
    stdout: "pushed 1 job into emails as 1, in memory only\n",
    stderr: "",
  });
  const [line] = await pull.lines(1);
  assert.match(line, /^\S+Z {2}#1 {2}acme\.T {2}attempt 1 {2}hello$/);
  const ended = await pull.end("SIGINT");
  assert.equal(ended.code, 0);
  // The job is shown before the server has heard that it is done.
  assert.match(
    ended.log,
    /^parley: pulling emails\n(parley: 1 job in hand; Ctrl-C again ends at once\n)?$/,
  );
});

Deno.test("push pushes lines as they arrive, and Ctrl-C sums up what was pushed", async () => {
  const { server, environment } = await startServerProcess();
  await using _ = server;
  await using pull = new Running(["queue", "pull", "log", "--raw"], environment);
  await pull.says("pulling");
  await using push = new Running(["queue", "push", "log"], environment, { stdin: "piped" });
  await push.write("one\nhalf a ");
  await pull.prints("one\n");
  await push.write("line\n");
  await pull.prints("half a line\n");
  const { code, rest } = await push.end("SIGINT");
  assert.deepEqual([code, rest], [130, "pushed 2 jobs into log as 1 to 2, in memory only\n"]);
  assert.equal((await pull.end("SIGTERM")).code, 0);
});

Deno.test("Ctrl-C ends a command that has not reached its server yet", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr;
  const environment = { PARLEY_SERVER: `parley://127.0.0.1:${port}` };
  for (const args of [["push", "q", "x"], ["pull", "q"], ["pull", "q", "--drain"]]) {
    await using running = new Running(["queue", ...args], environment);
    using connection = await silent.accept();
    assert.notEqual(await connection.read(new Uint8Array(1)), null, "it says Hello");
    const { code, log, rest } = await running.end("SIGINT");
    assert.deepEqual([code, log, rest], [130, "", ""], args[0]);
  }
});

posixTest("Ctrl-C waits for the program that runs and gives the other jobs back", async () => {
  const { server, environment } = await startServerProcess();
  await using _ = server;
  await using client = await connect(environment.PARLEY_SERVER);
  const queue = client.queue("q");
  for (const text of ["one", "two", "three"]) await queue.push(text);
  await withPipe(async (go) => {
    const args = ["--exec", `cat; echo; cat '${go}'`, "--prefetch", "3"];
    await using pull = new Running(["queue", "pull", "q", ...args], environment);
    await pull.prints("one\n");
    pull.child.kill("SIGINT");
    await pull.says("1 job in hand; Ctrl-C again ends at once\n");
    await Deno.writeTextFile(go, "finished\n");
    const { code, log, rest } = await pull.ended();
    assert.deepEqual([code, rest], [0, "one\nfinished\n"]);
    assert.match(log, /parley: 1 job done\n$/);
  });
  const { ready, leased, done } = await queue.info();
  assert.deepEqual([ready, leased, done], [2, 0, 1]);
  const { jobs } = await queue.peek();
  // They were never tried: what was given back does not count.
  assert.deepEqual(jobs.map((job) => [job.text(), job.attempt]), [["two", 0], ["three", 0]]);
});

posixTest(
  "a second Ctrl-C ends pull and its programs at once, and the job comes back",
  async () => {
    const { server, environment } = await startServerProcess();
    await using _ = server;
    await using client = await connect(environment.PARLEY_SERVER);
    await client.queue("q").push("x");
    await withPipe(async (alive) => {
      // The shell starts another program, which must not outlive it.
      const args = ["--exec", `sleep 1000 > '${alive}' & wait`];
      await using pull = new Running(["queue", "pull", "q", ...args], environment);
      using pipe = await Deno.open(alive);
      pull.child.kill("SIGINT");
      await pull.says("1 job in hand");
      assert.equal((await pull.end("SIGINT")).code, 130);
      assert.equal(await pipe.read(new Uint8Array(1)), null);
    });
    const again = await runProcess(["queue", "pull", "q", "--count", "1", "--json"], environment);
    const { attempt, redelivered } = JSON.parse(again.stdout);
    assert.deepEqual([attempt, redelivered], [2, true]);
  },
);

posixTest("pull ends quietly when nobody reads it any more, and loses no job", async () => {
  const { server, environment } = await startServerProcess();
  await using _ = server;
  await using client = await connect(environment.PARLEY_SERVER);
  for (const mode of ["", "--json", "--raw", "--exec 'cat; echo'"]) {
    const queue = client.queue(`q${mode.replace(/\W/g, "")}`);
    const line = `${COMMAND.map((each) => `'${each}'`).join(" ")} queue pull ${queue.name} ${mode}`;
    const words = ["sh", "-c", `${line} --prefetch 1 | head -1`];
    await using pipeline = new Running([], environment, { words });
    await pipeline.says("pulling");
    let over = false;
    const ended = pipeline.ended().finally(() => over = true);
    let pushed = 0;
    while (!over) {
      await queue.push("x");
      pushed++;
    }
    const { code, rest } = await ended;
    assert.equal(code, 0);
    assert.equal(rest.split("\n").length, 2, rest);
    const { ready, delayed, leased, done } = await queue.info();
    assert.equal(leased, 0);
    assert.equal(done + ready + delayed, pushed);
    assert(done >= 1 && done < pushed);
  }
});

/** Where a server listens that is started a second time. */
function listen(port: number, data: string): string[] {
  return [
    ...listenOptions({ tcp: `127.0.0.1:${port}` }),
    ...["--data", data],
  ];
}

/** Starts a server on `port`; gives it with its port. */
async function startServer(data: string, port: number): Promise<{ server: Running; port: number }> {
  const server = new Running(["serve", "--json", ...listen(port, data)]);
  const { listeners } = JSON.parse((await server.lines(1))[0]);
  return { server, port: Number(listeners[0].urls[0].split(":").at(-1)) };
}

posixTest("pull finds its server again; the program of a lost job is ended", async () => {
  const data = await Deno.makeTempDir({ prefix: "parley-test-" });
  try {
    using own = ownPort();
    const first = await startServer(data, own.port);
    const environment = { PARLEY_SERVER: `parley://127.0.0.1:${first.port}` };
    await withPipe(async (alive) => {
      // The first attempt never ends by itself.
      const exec = `[ $PARLEY_ATTEMPT -gt 1 ] || sleep 1000 > '${alive}'; cat; echo`;
      const args = ["queue", "pull", "q", "--exec", exec, "--count", "2", "--json"];
      await using pull = new Running(args, environment);
      {
        await using _ = first.server;
        await pull.says("pulling");
        await runProcess(["queue", "push", "q", "precious"], environment);
        using pipe = await Deno.open(alive);
        // Without a word: the process ends as it would with its machine.
        await first.server.end("SIGKILL");
        assert.equal(await pipe.read(new Uint8Array(1)), null);
        await pull.says("connecting again\n");
      }
      const second = await startServer(data, own.port);
      await using _ = second.server;
      const { code, rest, log } = await pull.ended();
      assert.equal(code, 0, log);
      const [lost, done] = rest.trimEnd().split("\n").map((line) => JSON.parse(line));
      assert.deepEqual([lost.id, lost.attempt, lost.outcome], [1, 1, "lost"]);
      assert.deepEqual([done.id, done.attempt, done.outcome], [1, 2, "done"]);
      assert.match(log, /^precious$/m);
      assert.match(log, /parley: 1 job done, 1 lost\n$/);
    });
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});
