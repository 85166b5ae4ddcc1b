/**
 * Jobs that fit a filter, over a real server: found by what they hold, where they stand and why they were given up, counted,
 * dropped and put back; those that a consumer holds stay.
 */
import assert from "node:assert/strict";
import {
  type Client,
  connect,
  ErrorCode,
  type JobFilter,
  ParleyError,
} from "../../../../lib/client/mod.ts";
import { startServer, type TestServer } from "../../../support/server.ts";
import { user } from "../../../support/users.ts";
import { MAX_LOOKED_JOBS } from "../../../../lib/services/queues/care.ts";

const urlOf = (server: TestServer) => `parley://127.0.0.1:${server.port("tcp")}`;
const isCode = (code: ErrorCode) => (error: unknown) =>
  error instanceof ParleyError && error.code === code;

async function found(client: Client, queue: string, filter: JobFilter): Promise<string[]> {
  const { jobs } = await client.queue(queue).peek({ filter, limit: 100 });
  return jobs.map(({ payload }) => new TextDecoder().decode(payload));
}

Deno.test("jobs are found by what they hold and where they stand", async () => {
  await using server = await startServer();
  await using client = await connect(urlOf(server));
  const queue = client.queue("emails");
  await queue.push("to ada", { type: "acme.v1.Mail" });
  await queue.push("to bob", { headers: { tenant: "blue ink" } });
  await queue.push("to eve", { key: "order-7", delayMs: 3_600_000 });
  await queue.push("to dan");
  const search = (filter: JobFilter) => found(client, "emails", filter);
  assert.deepEqual(await search({ contains: "to b" }), ["to bob"]);
  assert.deepEqual(await search({ contains: "blue ink" }), ["to bob"]);
  assert.deepEqual(await search({ contains: "acme.v1" }), ["to ada"]);
  assert.deepEqual(await search({ contains: "order-7", state: "delayed" }), ["to eve"]);
  assert.deepEqual(await search({ contains: "TO" }), []);
  assert.deepEqual(await search({ state: "delayed" }), ["to eve"]);
  assert.deepEqual(await search({ ids: [4, 1, 99] }), ["to ada", "to dan"]);
  assert.deepEqual(await search({ upTo: 2 }), ["to ada", "to bob"]);
  assert.deepEqual(await search({ contains: "to", ids: [2, 3], state: "ready" }), ["to bob"]);
  const { jobs, next, looked, more } = await queue.peek({ filter: { contains: "to ada" } });
  assert.deepEqual([jobs.length, next, looked, more], [1, 4n, 4, false]);
});

Deno.test("a job's life: what was said of it last, and who holds it", async () => {
  await using server = await startServer();
  await using client = await connect(urlOf(server));
  const queue = client.queue("emails");
  await queue.push("one");
  for await (const job of queue.pull({ prefetch: 1 })) {
    const [held] = (await queue.peek()).jobs;
    assert.deepEqual([held.state, held.holder, held.lastError], [
      "leased",
      client.welcome.sessionId,
      "",
    ]);
    await job.nack({ error: "the mailbox is full", delayMs: 3_600_000 });
    break;
  }
  const [waiting] = (await queue.peek()).jobs;
  assert.deepEqual([waiting.state, waiting.holder, waiting.lastError, waiting.attempt], [
    "delayed",
    "",
    "the mailbox is full",
    1,
  ]);
});

Deno.test("what fits is counted, and dropped but for what is held and what came later", async () => {
  await using server = await startServer();
  await using client = await connect(urlOf(server));
  const queue = client.queue("emails");
  for (const name of ["ada", "bob", "ada", "eve", "ada"]) await queue.push(`to ${name}`);
  const puller = queue.pull({ prefetch: 1 });
  for await (const _first of puller) {
    assert.deepEqual(await queue.countMatching({ contains: "ada" }), {
      matched: 2,
      held: 1,
      newest: 5n,
    });
    assert.equal((await queue.countMatching()).matched, 4);
    await queue.push("to ada, later");
    assert.equal(await queue.dropMatching({ contains: "ada", upTo: 5 }), 2);
    assert.deepEqual(await found(client, "emails", {}), [
      "to ada",
      "to bob",
      "to eve",
      "to ada, later",
    ]);
    assert.equal(await queue.dropMatching({ ids: [4] }), 1);
    assert.equal(await queue.dropMatching({ ids: [4] }), 0);
    break;
  }
  assert.deepEqual(await found(client, "emails", {}), ["to ada", "to bob", "to ada, later"]);
});

Deno.test("dead letters that fit are put back, and those that do not stay", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
  try {
    {
      await using server = await startServer({ data: folder });
      await using client = await connect(urlOf(server));
      const queue = client.queue("emails");
      for (const name of ["ada", "bob", "eve"]) await queue.push(`to ${name}`);
      let left = 3;
      for await (const job of queue.pull({ prefetch: 3 })) {
        await job.reject({ error: job.id === 2n ? "no such address" : "spam" });
        if (--left === 0) break;
      }
      const dead = client.queue("emails.dead");
      while ((await dead.info().catch(() => null))?.ready !== 3);
      assert.equal((await dead.countMatching({ contains: "spam", reason: "rejected" })).matched, 2);
      assert.equal((await dead.countMatching({ reason: "max_deliveries" })).matched, 0);
      assert.equal(await queue.redriveMatching({ contains: "no such address" }), 1);
      assert.deepEqual(await found(client, "emails", {}), ["to bob"]);
      assert.deepEqual(await found(client, "emails.dead", {}), ["to ada", "to eve"]);
      assert.equal(await dead.dropMatching({ contains: "spam", ids: [1] }), 1);
    }
    await using server = await startServer({ data: folder });
    await using client = await connect(urlOf(server));
    assert.deepEqual(await found(client, "emails", {}), ["to bob"]);
    assert.deepEqual(await found(client, "emails.dead", {}), ["to eve"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a long queue is looked at in bounded pieces, and all of it in the end", async () => {
  const jobs = 2 * MAX_LOOKED_JOBS + 5000;
  await using server = await startServer({ limits: { max_frame_bytes: 1048576 } });
  await using client = await connect(urlOf(server));
  const queue = client.queue("many");
  for (let from = 0; from < jobs; from += 1000) {
    await Promise.all(
      Array.from(
        { length: 1000 },
        (_, index) => queue.push(from + index === jobs - 1 ? "needle" : "hay"),
      ),
    );
  }
  const first = await queue.peek({ filter: { contains: "needle" } });
  assert.equal(first.jobs.length, 0);
  assert(first.more && first.looked < jobs / 2 && Number(first.next) === first.looked);
  let after = first.next;
  let last = first;
  while (last.jobs.length === 0) {
    last = await queue.peek({ filter: { contains: "needle" }, after });
    after = last.next;
  }
  assert.deepEqual([last.jobs[0].id, last.more], [BigInt(jobs), false]);
  assert.equal((await queue.countMatching({ contains: "hay" })).matched, jobs - 1);
  assert.equal(await queue.dropMatching({ contains: "hay" }), jobs - 1);
  assert.equal((await queue.info()).ready, 1);
});

Deno.test("a filter that says nothing or too much is refused, and so is who may not", async () => {
  const users = [await user("ada", "worker")];
  await using server = await startServer({
    users,
    roles: { worker: { allow: { pull: ">", push: ">" } } },
  });
  await using client = await connect(urlOf(server), { user: "ada", password: "ada's secret" });
  const queue = client.queue("emails");
  await queue.push("one");
  assert.equal((await queue.countMatching({ contains: "one" })).matched, 1);
  await assert.rejects(
    queue.dropMatching({ contains: "one" }),
    isCode(ErrorCode.PERMISSION_DENIED),
  );
  await assert.rejects(
    queue.redriveMatching({ contains: "one" }),
    isCode(ErrorCode.PERMISSION_DENIED),
  );
  await using open = await startServer();
  await using admin = await connect(urlOf(open));
  const other = admin.queue("emails");
  await other.push("one");
  for (
    const filter of [{}, { contains: "x".repeat(257) }, {
      ids: Array.from({ length: 1001 }, (_, index) => index + 1),
    }]
  ) {
    await assert.rejects(other.dropMatching(filter), isCode(ErrorCode.INVALID_ARGUMENT));
  }
  assert.equal((await other.info()).ready, 1);
});
