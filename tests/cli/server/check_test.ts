/**
 * `parley check` against a real server: what is a problem at its bound and past it, and the exit codes.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { startServer } from "../../support/server.ts";
import { run } from "../fake_io.ts";

Deno.test("queues are looked at by their bounds, and the exit code says whether all is well", async () => {
  await using server = await startServer();
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  const check = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(["check", "--server", url, ...args]);
    assert.equal(stderr, "");
    return [code, stdout];
  };
  assert.deepEqual(await check(), [0, "all is well with 0 queues\n"]);
  await using client = await connect(url);
  const queue = client.queue("emails");
  for (const text of ["one", "two", "three"]) await queue.push(text);
  const untaken = "queue emails: 3 jobs ready, and nobody takes any\n";
  assert.deepEqual(await check(), [1, untaken]);
  assert.deepEqual(await check("--idle"), [0, "all is well with 1 queue\n"]);
  assert.deepEqual(await check("--queue", "other"), [0, "all is well with 0 queues\n"]);
  assert.deepEqual(await check("--idle", "--max-ready", "3"), [0, "all is well with 1 queue\n"]);
  assert.deepEqual(await check("--idle", "--max-ready", "2"), [
    1,
    "queue emails: 3 jobs ready (at most 2)\n",
  ]);
  const old = await check("--idle", "--max-age", "1ms");
  assert.equal(old[0], 1);
  assert.match(String(old[1]), /its oldest job is \d+ s old \(at most 0 s\)/);
  assert.equal((await check("--idle", "--max-age", "1d"))[0], 0);
  await queue.pause();
  assert.deepEqual(await check(), [1, untaken.replace("any", "any: it is paused")]);
  await queue.resume();
  for await (const job of queue.pull({ prefetch: 3 })) {
    await job.reject();
    if (job.id === 3n) break;
  }
  const dead = ["--max-dead", "3"];
  assert.deepEqual(await check(...dead), [0, "all is well with 1 queue\n"]);
  assert.deepEqual(await check("--max-dead", "2"), [
    1,
    "queue emails: 3 dead letters (at most 2)\n",
  ]);
  const [code, text] = await check("--json");
  assert.deepEqual([code, JSON.parse(String(text))], [1, {
    ok: false,
    queues: 1,
    defects: 0,
    problems: ["queue emails: 3 dead letters"],
  }]);
});

Deno.test("a server that is not there is a problem, and a bound that is none wrong use", async () => {
  const gone = await run(["check", "--server", "parley://127.0.0.1:1"]);
  assert.deepEqual([gone.code, gone.stdout], [1, ""]);
  assert.equal((await run(["check", "--max-ready", "-1"])).code, 2);
});
