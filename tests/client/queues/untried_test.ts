/**
 * What a program never got does not count: leaving a loop, closing a puller, a worker or a client, a server
 * that stops. What it got and did not settle counts, and so does all that a client held which died.
 */
import assert from "node:assert/strict";
import { type Client, connect, type Job } from "../../../lib/client/mod.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { settles } from "../../support/until.ts";
import {
  acceptPull,
  acceptRest,
  jobFor,
  jobsFor,
  jobsOf,
  takeJobs,
  takeRetreat,
  untilClosed,
  withScript,
} from "./queue_support.ts";
import { ack } from "../bus_support.ts";

const JOBS = 40;
const FEW = { queue: [{ name: "work", max_deliveries: 3 }] };

function connectTo(server: TestServer): Promise<Client> {
  return connect(`parley://127.0.0.1:${server.port("tcp")}`);
}

async function pushAll(client: Client): Promise<void> {
  const numbers = Array.from({ length: JOBS }, (_, index) => String(index));
  await Promise.all(numbers.map((text) => client.queue("work").push(text)));
}

/** Asks again and again until it holds. */
async function becomes(holds: () => Promise<boolean>, what: string): Promise<void> {
  const asked = async () => {
    while (!await holds());
  };
  await settles(asked(), what);
}

/** How often each job that is left was delivered, once nobody holds any. */
async function attempts(client: Client): Promise<number[]> {
  const queue = client.queue("work");
  await becomes(async () => (await queue.info()).leased === 0, "everything back");
  return (await queue.peek({ limit: 1000 })).jobs.map(({ attempt }) => attempt);
}

/** What is left of the jobs, none of which counts as delivered. */
async function assertUntried(client: Client, left: number): Promise<void> {
  assert.deepEqual(await attempts(client), Array(left).fill(0));
  assert.equal((await client.queue("work").info()).dead, 0);
}

Deno.test("twelve loops that do one job each leave the others as they were", async () => {
  await using server = await startServer(FEW);
  await using client = await connectTo(server);
  await pushAll(client);
  const seen: string[] = [];
  for (let round = 0; round < 12; round++) {
    for await (const job of client.queue("work").pull()) {
      seen.push(job.text());
      await job.ack();
      break;
    }
  }
  assert.equal(new Set(seen).size, 12);
  await assertUntried(client, JOBS - 12);
  for await (const job of client.queue("work").pull()) {
    seen.push(job.text());
    assert.equal(job.attempt, 1);
    await job.ack();
    if (seen.length === JOBS) break;
  }
  assert.equal(new Set(seen).size, JOBS);
});

Deno.test("however often and in whatever order it ends, only what was handed over counts", async () => {
  await using server = await startServer(FEW);
  await using watcher = await connectTo(server);
  await pushAll(watcher);
  const ends: ((client: Client, jobs: AsyncIterator<Job, undefined>) => Promise<unknown>)[] = [
    (_client, jobs) => jobs.return!(),
    (client) => client.close(),
    (client, jobs) => Promise.all([jobs.return!(), client.close()]),
    (client, jobs) => Promise.all([client.close(), jobs.return!()]),
  ];
  for (const end of ends) {
    const client = await connectTo(server);
    const puller = client.queue("work").pull({ prefetch: 10 });
    const jobs = jobsOf(puller);
    const [first, second] = await takeJobs(jobs, 2);
    await first.ack();
    await second.release();
    await end(client, jobs);
    await client.close();
  }
  await assertUntried(watcher, JOBS - ends.length);
  const aborting = new AbortController();
  const client = await connectTo(server);
  const jobs = jobsOf(client.queue("work").pull({ prefetch: 10, signal: aborting.signal }));
  const [held] = await takeJobs(jobs, 1);
  aborting.abort();
  await client.close();
  assert.equal(held.lost, true);
  assert.deepEqual((await attempts(watcher)).filter((count) => count > 0), [1]);
});

Deno.test("a worker that stops counts what its handlers began and nothing else", async () => {
  await using server = await startServer(FEW);
  await using watcher = await connectTo(server);
  await pushAll(watcher);
  for (let round = 0; round < 8; round++) {
    const client = await connectTo(server);
    const entered = Promise.withResolvers<void>();
    client.queue("work").work(() => entered.resolve(), { prefetch: 30 });
    await settles(entered.promise, "a job");
    await client.close();
  }
  const { dead, ready, delayed } = await watcher.queue("work").info();
  assert.deepEqual([dead, delayed], [0, 0]);
  await assertUntried(watcher, ready);
});

Deno.test("what a client held that died counts as delivered, and only that", async () => {
  await using server = await startServer({ queue: [{ name: "work", max_deliveries: 2 }] });
  await using watcher = await connectTo(server);
  await pushAll(watcher);
  for (let round = 1; round <= 2; round++) {
    const program = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-check",
        "--allow-net",
        "tests/client/queues/dying_program.ts",
        String(server.port("tcp")),
      ],
      cwd: new URL("../../..", import.meta.url),
      stdout: "null",
      stderr: "inherit",
    });
    await settles(program.output(), "the program's end", 60_000);
    const left = await attempts(watcher);
    if (round === 1) assert.deepEqual(left.filter((count) => count > 0), Array(5).fill(1));
  }
  // A job that takes its consumer with it is a dead letter in the end.
  await becomes(async () => (await watcher.queue("work").info()).dead === 5, "the dead letters");
  assert.deepEqual(await attempts(watcher), Array(JOBS - 5).fill(0));
});

Deno.test("what was on its way when the loop was left is released before the close", () => {
  const released = Promise.withResolvers<number[]>();
  return withScript(async (peer) => {
    const consumer = await acceptPull(peer);
    await peer.send(...jobsFor(consumer, 3));
    const id = await takeRetreat(peer);
    // These crossed with the Pull, and come before its Ack.
    await peer.send(jobFor(consumer, 4), jobFor(consumer, 5), ack(id));
    released.resolve(await acceptRest(peer));
    await untilClosed(peer);
  }, async (client) => {
    const jobs = jobsOf(client.queue("work").pull());
    const [first] = await takeJobs(jobs, 1);
    await jobs.return!();
    assert.equal(first.lost, true);
    assert.deepEqual(await released.promise, [2, 3, 4, 5]);
  });
});
