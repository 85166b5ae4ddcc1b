/**
 * `queue pull` against a real server, in this process: jobs that are printed, and jobs that a program does.
 */
import assert from "node:assert/strict";
import type { CliIo } from "../../../lib/cli/io.ts";
import { LinkNotices } from "../../../lib/cli/terminal/link_notices.ts";
import { PrintedJobs } from "../../../lib/cli/queues/pull_print.ts";
import { PullRun } from "../../../lib/cli/queues/pull_run.ts";
import { untilDrained } from "../../../lib/cli/queues/drain.ts";
import { type Client, ErrorCode, type Job, ParleyError } from "../../../lib/client/mod.ts";
import { startServer } from "../../support/server.ts";
import { begin } from "../fake_io.ts";
import { ask, clientOf, jsonLines, output, pulling, urlOf } from "./queue_support.ts";

const posix = Deno.build.os !== "windows";
const execTest = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name: name + (posix ? "" : " (needs a POSIX shell)"), ignore: !posix, fn });

Deno.test("pull prints jobs as they come, and they are done then", async () => {
  await using server = await startServer();
  const pull = await pulling(server, ["q", "--count", "3", "--json"]);
  await output(server, "push", "q", "one", "--type", "a.T", "--key", "k");
  await pull.prints('"payload":"one"');
  await output(server, "push", "q", "two", "--count", "2");
  const { code, stdout, stderr } = await pull.ended;
  assert.deepEqual([code, stderr], [0, "parley: pulling q\n"]);
  const jobs = jsonLines(stdout);
  assert.deepEqual(jobs.map((job) => [job.id, job.attempt, job.redelivered]), [
    [1, 1, false],
    [2, 1, false],
    [3, 1, false],
  ]);
  assert.deepEqual([jobs[0].type, jobs[0].key], ["a.T", "k"]);
  const info = JSON.parse(await output(server, "info", "q", "--json"));
  assert.deepEqual([info.ready, info.leased, info.done], [0, 0, 3]);
});

Deno.test("no more jobs are taken than are wanted", async () => {
  await using server = await startServer();
  const stdin = Array.from({ length: 500 }, (_, index) => `${index}\n`).join("");
  await ask(server, ["push", "q"], { stdin });
  for (const count of [1, 2, 63, 64, 100]) {
    const { stdout } = await ask(server, ["pull", "q", "--count", String(count), "--raw"]);
    assert.equal(stdout.split("\n").length - 1, count);
  }
  const { ready, leased, done } = JSON.parse(await output(server, "info", "q", "--json"));
  assert.deepEqual([ready, leased, done], [270, 0, 230]);
  const rest = await ask(server, ["pull", "q", "--drain", "--raw"]);
  const numbers = rest.stdout.trimEnd().split("\n").map(Number);
  assert.deepEqual(numbers, Array.from({ length: 270 }, (_, index) => 230 + index));
});

Deno.test("a run that has begun its last job says so before that one is settled", async () => {
  let settle!: () => void;
  const settled = new Promise<void>((resolve) => settle = resolve);
  const run = new PullRun({ take: () => settled, summary: () => [] }, 2);
  const begun: number[] = [];
  run.onEnough(() => begun.push(run.begun));
  const released: string[] = [];
  const job = (name: string) =>
    ({ release: () => Promise.resolve(void released.push(name)) }) as unknown as Job;
  const jobs = [run.take(job("first")), run.take(job("second"))];
  assert.deepEqual(begun, [2]);
  await run.take(job("third"));
  assert.deepEqual(released, ["third"]);
  settle();
  await Promise.all(jobs);
  await run.enough;
  assert.equal(run.begun, 2);
});

Deno.test("raw payloads are exact in a pipe and escaped on a terminal", async () => {
  await using server = await startServer();
  await using client = await clientOf(server);
  const payload = "\x1b]52;c;aGk=\x07\u202e";
  const args = ["pull", "q", "--raw", "--count", "1"];
  await client.queue("q").push(payload);
  assert.equal((await ask(server, args)).stdout, `${payload}\n`);
  await client.queue("q").push(payload);
  const shown = await ask(server, args, { terminal: true });
  assert.equal(shown.stdout, "\\x1b]52;c;aGk=\\x07\\u{202e}\n");
  await client.queue("q").push(new Uint8Array([0, 255, 10]));
  const environment = { PARLEY_SERVER: urlOf(server) };
  const binary = await begin(["queue", ...args], { environment }).ended;
  assert.deepEqual([...binary.stdoutBytes], [0, 255, 10, 10]);
});

Deno.test("--drain ends when nothing is ready, and leaves what waits for a time", async () => {
  await using server = await startServer();
  const empty = await ask(server, ["pull", "q", "--drain"]);
  assert.deepEqual([empty.code, empty.stdout], [0, ""]);
  await output(server, "push", "q", "now", "--count", "200");
  await output(server, "push", "q", "later", "--delay", "1h");
  const { code, stdout } = await ask(server, ["pull", "q", "--drain", "--raw"]);
  assert.deepEqual([code, stdout], [0, "now\n".repeat(200)]);
  const info = JSON.parse(await output(server, "info", "q", "--json"));
  assert.deepEqual([info.delayed, info.leased], [1, 0]);
});

Deno.test("a queue is drained when it says so, or twice the same beside others", async () => {
  const [busy, quiet, drained] = [{ ready: 3, leased: 1 }, { ready: 0, leased: 2 }, {
    ready: 0,
    leased: 0,
  }];
  const lost = new ParleyError(ErrorCode.UNAVAILABLE, "the connection was lost");
  const runs: [looks: unknown[], taken: number][] = [
    [[drained], 1],
    [[busy, drained, busy], 2],
    [[quiet, quiet, busy], 2],
    [[quiet, lost, quiet, quiet], 4],
  ];
  await Promise.all(runs.map(async ([looks, taken]) => {
    let asked = 0;
    const info = () => {
      const look = looks[asked++];
      return look instanceof Error ? Promise.reject(look) : Promise.resolve(look);
    };
    const client = { queue: () => ({ info }) } as unknown as Client;
    const run = new PullRun({ take: () => Promise.resolve(), summary: () => [] });
    await untilDrained(client, "q", run, new AbortController().signal);
    assert.equal(asked, taken);
  }));
});

Deno.test("--drain ends beside another consumer that holds jobs", async () => {
  await using server = await startServer();
  await using client = await clientOf(server);
  await client.queue("q").push("held");
  await using puller = client.queue("q").pull();
  for await (const job of puller) {
    const drained = await ask(server, ["pull", "q", "--drain"]);
    assert.deepEqual([drained.code, drained.stdout], [0, ""]);
    await job.ack();
    break;
  }
});

execTest("a program does jobs: its input, its environment, and what it prints", async () => {
  await using server = await startServer();
  await using client = await clientOf(server);
  await client.queue("q").push("hello", {
    type: "a.T",
    key: "k y",
    priority: 2,
    messageId: "m",
    headers: { h: '"v"' },
  });
  const exec = 'cat; printf " %s" "$PARLEY_QUEUE" "$PARLEY_JOB_ID" "$PARLEY_ATTEMPT" ' +
    '"$PARLEY_REDELIVERED" "$PARLEY_TYPE" "$PARLEY_KEY" "$PARLEY_PRIORITY" "$PARLEY_MESSAGE_ID" ' +
    '"$PARLEY_TOPIC" "$PARLEY_HEADERS"; echo; echo "said" >&2';
  const { code, stdout, stderr } = await ask(server, ["pull", "q", "--exec", exec, "--count", "1"]);
  assert.equal(code, 0);
  assert.equal(stdout, 'hello q 1 1 false a.T k y 2 m  {"h":"\\"v\\""}\n');
  assert.equal(stderr, "parley: pulling q\nsaid\nparley: 1 job done\n");
  const info = JSON.parse(await output(server, "info", "q", "--json"));
  assert.deepEqual([info.ready, info.leased, info.delayed, info.done], [0, 0, 0, 1]);
});

execTest("nothing that a job says becomes part of the command", async () => {
  await using server = await startServer();
  await using client = await clientOf(server);
  const evil = "$(echo owned); `echo owned`; '; echo owned; \"";
  await client.queue("q").push(evil, { key: evil, headers: { [evil]: evil } });
  const exec = 'cat; echo; echo "$PARLEY_KEY"';
  const { stdout } = await ask(server, ["pull", "q", "--exec", exec, "--count", "1"]);
  assert.equal(stdout, `${evil}\n${evil}\n`);
});

execTest("a job whose program fails is tried again, and given up with what was said", async () => {
  await using server = await startServer({
    queue: [{ name: "q", max_deliveries: 3, backoff_min_ms: 1, backoff_max_ms: 1 }],
  });
  await output(server, "push", "q", "x");
  const exec = 'echo first >&2; printf "boom \\033[2J" >&2; exit "$PARLEY_ATTEMPT"';
  const { code, stderr } = await ask(server, ["pull", "q", "--exec", exec, "--count", "3"]);
  assert.equal(code, 0);
  for (const attempt of [1, 2, 3]) {
    const line = `parley: job 1, attempt ${attempt}, failed: exit code ${attempt}: boom \\x1b[2J\n`;
    assert(stderr.includes(line), stderr);
  }
  assert.match(stderr, /parley: 0 jobs done, 3 failed\n$/);
  const [dead] = jsonLines(await output(server, "peek", "q.dead", "--json"));
  const { reason, attempts, last_error } = dead.death;
  assert.deepEqual([reason, attempts], ["max_deliveries", 3]);
  assert.equal(last_error, "exit code 3: boom \x1b[2J");
});

execTest("one exit code can mean that a job is given up at once", async () => {
  await using server = await startServer();
  await output(server, "push", "q", "x", "--count", "2");
  const args = ["--exec", 'echo no >&2; exit "$((64 + PARLEY_JOB_ID))"', "--reject-exit", "65"];
  const { stdout, stderr } = await ask(server, ["pull", "q", ...args, "--json", "--count", "2"]);
  assert.match(stderr, /parley: 0 jobs done, 1 failed, 1 rejected\n$/);
  const [first, second] = jsonLines(stdout);
  assert.deepEqual(
    [first.queue, first.id, first.attempt, first.outcome, first.exit_code, first.error],
    ["q", 1, 1, "rejected", 65, "exit code 65: no"],
  );
  assert.equal(typeof first.duration_ms, "number");
  assert.deepEqual([second.outcome, second.exit_code], ["failed", 66]);
  const info = JSON.parse(await output(server, "info", "q", "--json"));
  assert.deepEqual([info.dead, info.delayed], [1, 1]);
});

execTest("a program that cannot be started fails its job", async () => {
  await using server = await startServer();
  await using client = await clientOf(server);
  // No environment can hold this.
  await client.queue("q").push("x", { key: "\0" });
  const { stderr } = await ask(server, ["pull", "q", "--exec", "true", "--count", "1"]);
  assert.match(stderr, /parley: job 1, attempt 1, failed: cannot start the program: .+\n/);
});

execTest("several programs run side by side, and each line says whose it is", async () => {
  await using server = await startServer();
  await output(server, "push", "q", "x", "--count", "6");
  const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
  try {
    // Each waits until three are there: with fewer at once it would never end.
    const exec = `touch "${folder}/$PARLEY_JOB_ID"
      while [ $(ls "${folder}" | wc -l) -lt 3 ]; do :; done
      echo begun; printf ended`;
    const args = ["--exec", exec, "--concurrency", "3", "--drain"];
    const { code, stdout } = await ask(server, ["pull", "q", ...args]);
    assert.equal(code, 0);
    const expected = [1, 2, 3, 4, 5, 6].flatMap((id) => [`${id}: begun`, `${id}: ended`]);
    assert.deepEqual(stdout.trimEnd().split("\n").sort(), expected);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

execTest("with --json what programs print goes to standard error", async () => {
  await using server = await startServer();
  await output(server, "push", "q", "x");
  const args = ["--exec", "echo printed", "--json", "--count", "1"];
  const { stdout, stderr } = await ask(server, ["pull", "q", ...args]);
  const [line, ...more] = jsonLines(stdout);
  assert.deepEqual([line.outcome, line.exit_code, more], ["done", 0, []]);
  assert.match(stderr, /^printed$/m);
});

execTest("what programs print is escaped on a terminal", async () => {
  await using server = await startServer();
  await output(server, "push", "q", "\x1b[2J");
  const args = ["pull", "q", "--exec", "cat; cat /dev/null >&2", "--count", "1"];
  const { stdout } = await ask(server, args, { terminal: true });
  assert.equal(stdout, "\\x1b[2J\n");
});

Deno.test("a job that could not be printed is given back, and nothing more is taken", async () => {
  const verbs: string[] = [];
  const verb = (name: string) => () => Promise.resolve(void verbs.push(name));
  const job = {
    id: 1n,
    payload: new Uint8Array([120]),
    ack: verb("ack"),
    release: verb("release"),
  } as unknown as Job;
  const stdout = {
    isTerminal: false,
    write: () => {
      throw new Deno.errors.BrokenPipe("gone");
    },
  };
  const io = { stdout } as unknown as CliIo;
  const run = new PullRun(new PrintedJobs(io, { raw: true }, new LinkNotices(io)));
  await Promise.all([run.take(job), run.take(job)]);
  await run.enough;
  assert.deepEqual(verbs, ["release", "release"]);
  assert.throws(() => run.throwIfFailed(), Deno.errors.BrokenPipe);
});

Deno.test("pull refuses what is no queue with the server's words", async () => {
  await using server = await startServer();
  const { code, stdout, stderr } = await ask(server, ["pull", "a..b"]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^parley: pulling a\.\.b\nparley: cannot pull .*a\.\.b.*\n$/);
});
