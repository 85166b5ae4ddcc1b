/**
 * `queue push`, `ls`, `info`, `peek`, `purge`, `redrive`, `pause` and `resume` against a real server, in this
 * process: what they print, how they end, and what they say of what is wrong.
 */
import assert from "node:assert/strict";
import { startServer, type TestServer } from "../../support/server.ts";
import { run } from "../fake_io.ts";
import { ask, clientOf, jsonLines, output } from "./queue_support.ts";

Deno.test("push pushes one job, with all that is said of it", async () => {
  await using server = await startServer();
  assert.equal(
    await output(server, "push", "emails", "hello"),
    "pushed 1 job into emails as 1, in memory only\n",
  );
  const options = [
    "--type",
    "a.T",
    "--header",
    "k=v",
    "--id",
    "m",
    "--priority",
    "3",
    "--key",
    "c",
  ];
  const json = await output(server, "push", "emails", "again", ...options, "--json");
  assert.deepEqual(JSON.parse(json), {
    pushed: 1,
    duplicates: 0,
    queue: "emails",
    first_id: 2,
    last_id: 2,
    level: "ROUTED",
  });
  assert.equal(
    await output(server, "push", "emails", "again", "--id", "m"),
    "not pushed again: emails has this job as 2\n",
  );
  const [first, second, ...more] = jsonLines(await output(server, "peek", "emails", "--json"));
  assert.deepEqual(more, []);
  assert.deepEqual([first.id, first.state, first.payload, first.attempt], [1, "ready", "hello", 0]);
  const { time, ...rest } = second;
  assert.notEqual(time, "-");
  assert.deepEqual(rest, {
    queue: "emails",
    id: 2,
    state: "ready",
    type: "a.T",
    attempt: 0,
    priority: 3,
    key: "c",
    message_id: "m",
    headers: { k: "v" },
    payload: "again",
  });
});

Deno.test("a job on disk says so", async () => {
  const data = await Deno.makeTempDir({ prefix: "parley-test-" });
  try {
    await using server = await startServer({ data });
    assert.match(await output(server, "push", "q", "x"), /^pushed 1 job into q as 1, on disk\n$/);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("jobs can wait for a time", async () => {
  await using server = await startServer();
  await output(server, "push", "q", "x", "--delay", "2d");
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
  await output(server, "push", "q", "x", "--at", tomorrow);
  await output(server, "push", "q", "x", "--at", "2001-01-01T00:00Z");
  const jobs = jsonLines(await output(server, "peek", "q", "--json"));
  assert.deepEqual(jobs.map((job) => job.state), ["delayed", "delayed", "ready"]);
  // The server's clock counts in its own steps.
  assert(Math.abs(Date.parse(jobs[1].until) - Date.parse(tomorrow)) < 1000);
});

Deno.test("every line is a job, or all of the input is one, or DATA is many", async () => {
  await using server = await startServer();
  const stdin = "one\n\nthree\r\nlast";
  const lines = await ask(server, ["push", "q"], { stdin });
  assert.deepEqual(lines, {
    code: 0,
    stdout: "pushed 4 jobs into q as 1 to 4, in memory only\n",
    stderr: "",
  });
  await ask(server, ["push", "q", "-", "--count", "1"], { stdin });
  await ask(server, ["push", "q", "--whole", "--id", "w"], { stdin });
  await output(server, "push", "q", "x", "--count", "2");
  const jobs = jsonLines(await output(server, "peek", "q", "--json", "--count", "100"));
  const payloads = jobs.map((job) => job.payload);
  assert.deepEqual(payloads, ["one", "", "three\r", "last", "one", stdin, "x", "x"]);
});

Deno.test("many lines are pushed in their order, and a line that is wrong ends it", async () => {
  await using server = await startServer();
  const stdin = Array.from({ length: 5000 }, (_, index) => `${index}\n`).join("");
  const { stdout } = await ask(server, ["push", "q", "--json"], { stdin });
  const { pushed, first_id, last_id } = JSON.parse(stdout);
  assert.deepEqual([pushed, first_id, last_id], [5000, 1, 5000]);
  const all = jsonLines(await output(server, "peek", "q", "--json", "--count", "9999"));
  assert.deepEqual(
    all.map((job) => Number(job.payload)),
    Array.from({ length: 5000 }, (_, i) => i),
  );
  const wrong = await ask(server, ["push", "--json-lines"], {
    stdin: '{"queue":"a"}\n\n{"queue":"b"}\n{"kew":"c"}\n{"queue":"d"}\n',
  });
  assert.deepEqual([wrong.code, wrong.stdout], [1, ""]);
  assert.match(
    wrong.stderr,
    /^parley: line 4 of standard input: unknown key "kew"; .*; 2 jobs pushed all the same\n$/,
  );
  const refused = await ask(server, ["push", "--json-lines"], {
    stdin: '{"queue":"a"}\n{"queue":"a.dead"}\n',
  });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^parley: line 2 of standard input: .*dead.*; 1 job pushed .*\n$/);
});

Deno.test("what cannot be meant is refused with exit code 2 before anything is asked", async () => {
  const environment = { PARLEY_SERVER: "parley://127.0.0.1:1" };
  const wrong: [args: string[], says: RegExp][] = [
    [["push"], /missing required argument 'name'/],
    [["push", "q", "x", "--json-lines"], /--json-lines: jobs come from standard input/],
    [["push", "q", "x", "--whole"], /--whole: jobs come from standard input/],
    [["push", "q", "--whole", "--json-lines"], /exclude each other/],
    [["push", "q", "x", "--delay", "1s", "--at", "2026-01-01"], /exclude each other/],
    [["push", "q", "x", "--delay", "soon"], /It must be a duration/],
    [["push", "q", "x", "--priority", "10"], /from 0 to 9/],
    [["push", "q", "--id", "x"], /--id is for one job/],
    [["push", "q", "x", "--id", ""], /must not be empty/],
    [["pull", "q", "--concurrency", "2"], /--concurrency is for --exec/],
    [["pull", "q", "--reject-exit", "2"], /--reject-exit is for --exec/],
    [["pull", "q", "--exec", "true", "--raw"], /for printing jobs, not for --exec/],
    [["pull", "q", "--raw", "--json"], /exclude each other/],
    [["purge", "q"], /nobody can be asked here: --yes/],
    [["redrive", "q"], /their ids, or --all/],
    [["redrive", "q", "1", "--all"], /their ids, or --all/],
    [["redrive", "q", "0"], /It must be the id of a job/],
    [["peek", "q", "--after", "-1"], /It must be the id of a job/],
    [["ls", "a", "b"], /too many arguments/],
  ];
  for (const [args, says] of wrong) {
    const { code, stdout, stderr } = await run(["queue", ...args], { environment });
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, says);
    assert.match(stderr, /^parley: [^\n]*\n$/);
  }
});

Deno.test("every command of queues explains itself with an example", async () => {
  for (const name of ["push", "pull", "ls", "info", "peek", "purge", "redrive"]) {
    const { code, stdout } = await run(["queue", name, "--help"]);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`Examples?:\n  .*parley queue ${name}\\b`), name);
  }
});

Deno.test("ls lists queues with their counts, info tells one", async () => {
  await using server = await startServer();
  assert.equal(await output(server, "ls"), "no queues\n");
  await output(server, "push", "emails", "x", "--count", "3");
  await output(server, "push", "emails", "x", "--delay", "1h");
  await output(server, "push", "orders.eu", "x");
  const [heading, ...rows] = (await output(server, "ls")).trimEnd().split("\n");
  assert.match(heading, /^queue +ready +delayed +leased +blocked +dead +consumers +oldest +state$/);
  assert.match(rows[0], /^emails +3 +1 +0 +0 +0 +0 +\d+ s$/);
  assert.match(rows[1], /^orders\.eu +1 +0 /);
  const [only, ...none] = jsonLines(await output(server, "ls", "orders.*", "--json"));
  assert.deepEqual([only.queue, only.ready, none], ["orders.eu", 1, []]);
  const info = await output(server, "info", "emails");
  assert.match(info, /^queue +emails\nstate +hands out jobs\nready +3\ndelayed +1\n/);
  assert.match(info, /^delivers +at most 10 times, again after 1 s, doubling to 5 min$/m);
  const json = JSON.parse(await output(server, "info", "emails", "--json"));
  assert.deepEqual([json.pushed, json.paused, json.settings.lease_ms], [4, false, 30_000]);
  const unknown = await ask(server, ["info", "nobody"]);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /^parley: .*nobody.*\n$/);
  const wrong = await ask(server, ["ls", "a.>.b"]);
  assert.match(wrong.stderr, /^parley: cannot list .*\n$/);
});

Deno.test("more queues than one page holds are all listed", async () => {
  await using server = await startServer({ limits: { max_queues: 2000 } });
  const names = Array.from({ length: 1100 }, (_, index) => `q.n${10_000 + index}`);
  const stdin = names.map((queue) => JSON.stringify({ queue }) + "\n").join("");
  const pushed = await ask(server, ["push", "--json-lines"], { stdin });
  assert.equal(pushed.stdout, "pushed 1,100 jobs into 1,100 queues, in memory only\n");
  const listed = jsonLines(await output(server, "ls", "q.>", "--json"));
  assert.deepEqual(listed.map((info) => info.queue), names);
});

Deno.test("peek shows pages of jobs, and says how to go on", async () => {
  await using server = await startServer();
  assert.equal((await ask(server, ["peek", "q"])).code, 1, "there is no such queue");
  await output(server, "push", "q", "x", "--count", "12");
  const plain = (await output(server, "peek", "q")).trimEnd().split("\n");
  assert.equal(plain.length, 10);
  assert.match(plain[0], /^\S+Z {2}#1 {2}ready {2}- {2}never delivered {2}x$/);
  const rest = (await output(server, "peek", "q", "--after", "10")).trimEnd().split("\n");
  assert.deepEqual(rest.map((line) => line.split("  ")[1]), ["#11", "#12"]);
  assert.equal(await output(server, "peek", "q", "--after", "12"), "no jobs\n");
  const shown = await ask(server, ["peek", "q", "--count", "2"], { terminal: true, colors: false });
  assert.equal(shown.stderr, "more: --after 2\n");
  assert.match(shown.stdout, /#2 {2}ready {2}never delivered\n {2}x\n$/);
});

/** A queue with dead letters: the numbers from 1 on. */
async function withDeadLetters(server: TestServer, count: number): Promise<void> {
  await using client = await clientOf(server);
  const queue = client.queue("q");
  for (let index = 0; index < count; index++) await queue.push(`p${index}`);
  await using puller = queue.pull();
  let left = count;
  for await (const job of puller) {
    await job.reject({ error: `bad\x1b[2J ${job.id}` });
    if (--left === 0) break;
  }
}

Deno.test("dead letters say why they died, and redrive puts them back", async () => {
  await using server = await startServer();
  await withDeadLetters(server, 4);
  const dead = jsonLines(await output(server, "peek", "q.dead", "--json"));
  assert.deepEqual(dead.map((job) => job.death.reason), Array(4).fill("rejected"));
  assert.deepEqual(
    [dead[1].death.last_error, dead[1].death.queue, dead[1].death.id],
    ["bad\x1b[2J 2", "q", 2],
  );
  assert.match(await output(server, "peek", "q.dead"), /bad\\u001b\[2J 1/);
  const ids = dead.map((job) => String(job.id));
  assert.equal(await output(server, "redrive", "q", ids[0]), "put 1 job back into q\n");
  const part = await ask(server, ["redrive", "q.dead", ids[0], ids[1], ids[1]]);
  assert.deepEqual(part, {
    code: 1,
    stdout: "put 1 job back into q; 1 not there, or held by a consumer\n",
    stderr: "",
  });
  const all = JSON.parse(await output(server, "redrive", "q", "--all", "--json"));
  assert.deepEqual(all, { queue: "q", redriven: 2 });
  const back = jsonLines(await output(server, "peek", "q", "--json"));
  assert.deepEqual(back.map((job) => job.payload).sort(), ["p0", "p1", "p2", "p3"]);
});

Deno.test("purge drops what nobody holds, and asks a person first", async () => {
  await using server = await startServer();
  await output(server, "push", "q", "x", "--count", "3");
  const person = { terminal: true, stdinTerminal: true };
  for (const stdin of ["", "n\n", "\n", "yess\n", "no"]) {
    const { code, stdout, stderr } = await ask(server, ["purge", "q"], { ...person, stdin });
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^drop 3 jobs of q for good\? \[y\/N\] \n?nothing was dropped\n$/);
  }
  const meant = await ask(server, ["purge", "q"], { ...person, stdin: "Yes\n" });
  assert.deepEqual([meant.code, meant.stdout], [0, "dropped 3 jobs of q\n"]);
  const nothing = JSON.parse(await output(server, "purge", "q", "--yes", "--json"));
  assert.deepEqual(nothing, { queue: "q", dropped: 0 });
});

Deno.test("rm removes a queue once it is meant, and one with jobs only by force", async () => {
  await using server = await startServer();
  await output(server, "push", "q", "x", "--count", "3");
  const unasked = await ask(server, ["rm", "q"]);
  assert.equal(unasked.code, 2);
  assert.match(unasked.stderr, /removing is for good, and nobody can be asked here: --yes/);
  const person = { terminal: true, stdinTerminal: true };
  const declined = await ask(server, ["rm", "q"], { ...person, stdin: "n\n" });
  assert.equal(declined.code, 1);
  assert.match(
    declined.stderr,
    /^remove q with 3 jobs for good\? \[y\/N\] \n?nothing was removed\n$/,
  );
  const full = await ask(server, ["rm", "q", "--yes"]);
  assert.equal(full.code, 1);
  assert.match(full.stderr, /cannot remove "q": it holds 3 jobs/);
  assert.equal(await output(server, "rm", "q", "--yes", "--force"), "removed q with 3 jobs\n");
  for (const verb of ["info", "rm"]) {
    const nowhere = await ask(server, [verb, "q", ...(verb === "rm" ? ["--yes"] : [])]);
    assert.equal(nowhere.code, 1);
    assert.match(
      nowhere.stderr,
      /there is no such queue; accepted: .*`parley queue ls` tells them/,
    );
  }
});

Deno.test("a paused queue takes jobs and hands none out until it is resumed", async () => {
  await using server = await startServer();
  await output(server, "push", "q", "x");
  assert.equal(
    await output(server, "pause", "q"),
    "q is paused: it takes jobs and hands none out; 1 ready, 0 leased\n",
  );
  await output(server, "push", "q", "y");
  assert.match(await output(server, "ls"), /^q .* paused$/m);
  const drain = await ask(server, ["pull", "q", "--drain", "--raw"]);
  assert.deepEqual([drain.code, drain.stdout], [1, ""]);
  assert.match(drain.stderr, /cannot drain "q": it is paused; accepted: parley queue resume q\n$/);
  assert.equal(JSON.parse(await output(server, "resume", "q", "--json")).paused, false);
  const { stdout } = await ask(server, ["pull", "q", "--drain", "--raw"]);
  assert.equal(stdout, "x\ny\n");
});
