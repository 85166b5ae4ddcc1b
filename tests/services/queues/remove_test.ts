/**
 * Removing queues: what is refused, what goes with them, that no id is given twice, and that what is pushed
 * meanwhile keeps a queue. And the share of names that clients without an identity may make.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { type Client, connect } from "../../../lib/client/mod.ts";
import { removeQueue } from "../../../lib/services/queues/removal.ts";
import { contentOf } from "../../support/frames.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { QueueBus } from "./queue_bus.ts";
import { texts } from "./queue_support.ts";

function clientOf(server: TestServer): Promise<Client> {
  return connect(`parley://127.0.0.1:${server.port("tcp")}`);
}

async function names(client: Client): Promise<string[]> {
  return (await Array.fromAsync(client.queues())).map(({ name }) => name);
}

/** Runs a test with a server in memory, and with one on disk that is started again by `again`. */
function bothStores(
  name: string,
  run: (client: Client, again: () => Promise<Client>) => Promise<void>,
): void {
  Deno.test(`${name} (memory)`, async () => {
    await using server = await startServer();
    await using client = await clientOf(server);
    await run(client, () => Promise.resolve(client));
  });
  Deno.test(`${name} (sqlite)`, async () => {
    const data = await Deno.makeTempDir({ prefix: "parley-remove-" });
    let server = await startServer({ data });
    let client = await clientOf(server);
    try {
      await run(client, async () => {
        await client.close();
        await server[Symbol.asyncDispose]();
        server = await startServer({ data });
        return client = await clientOf(server);
      });
    } finally {
      await client.close();
      await server[Symbol.asyncDispose]();
      await Deno.remove(data, { recursive: true });
    }
  });
}

bothStores(
  "an empty queue goes, one that holds jobs stays unless it is meant",
  async (client, again) => {
    for (const name of ["a", "b"]) {
      for (let count = 0; count < 5; count++) await client.queue(name).push("x");
    }
    await assert.rejects(client.queue("a").remove(), {
      codeName: "FAILED_PRECONDITION",
      message: /cannot remove "a": it holds 5 jobs/,
    });
    assert.equal(await client.queue("a").remove({ force: true }), 5);
    await client.queue("b").purge();
    assert.equal(await client.queue("b").remove(), 0);
    await assert.rejects(client.queue("b").remove(), { codeName: "NOT_FOUND" });
    assert.deepEqual(await names(client), []);
    client = await again();
    assert.deepEqual(await names(client), []);
    // No id is given twice, whatever the name.
    assert.equal((await client.queue("a").push("x")).id, 6n);
    client = await again();
    assert.equal((await client.queue("a").push("x")).id, 7n);
    for await (const job of client.queue("a").pull()) {
      await job.ack();
      if (job.id === 7n) break;
    }
    assert.equal((await client.queue("a").info()).ready, 0);
  },
);

bothStores("dead letters go with their queue, and a pause", async (client, again) => {
  const queue = client.queue("q");
  await queue.push("x");
  for await (const job of queue.pull()) {
    await job.reject({ error: "no" });
    break;
  }
  assert.equal((await queue.info()).dead, 1);
  await assert.rejects(queue.remove(), /cannot remove "q\.dead": it holds 1 job/);
  await queue.pause();
  assert.equal(await queue.remove({ force: true }), 1);
  assert.deepEqual(await names(client), []);
  client = await again();
  await client.queue("q").push("x");
  const { paused, dead, ready } = await client.queue("q").info();
  assert.deepEqual({ paused, dead, ready }, { paused: false, dead: 0, ready: 1 });
});

Deno.test("a queue that somebody pulls from stays", async () => {
  await using server = await startServer();
  await using client = await clientOf(server);
  const queue = client.queue("q");
  await queue.push("x");
  for await (const job of queue.pull()) {
    await assert.rejects(queue.remove({ force: true }), /a consumer pulls from it/);
    await job.ack();
    break;
  }
});

Deno.test("what is pushed while a queue is removed is there afterwards, or was dropped with it", async () => {
  await using server = await startServer();
  await using client = await clientOf(server);
  await using other = await clientOf(server);
  let last = 0n;
  for (let round = 0; round < 50; round++) {
    await client.queue("q").push("x");
    const removing = other.queue("q").remove({ force: true }).catch((error) =>
      assert.equal(error.codeName, "FAILED_PRECONDITION")
    );
    const pushes = await Promise.all(
      Array.from({ length: 20 }, () => client.queue("q").push("x")),
    );
    await removing;
    for (const { id } of pushes) {
      assert(BigInt(id) > last, "no id twice");
      last = BigInt(id);
    }
  }
  const { ready } = await client.queue("q").push("x").then(() => client.queue("q").info());
  assert(ready >= 1);
});

Deno.test("a job that is pushed while its queue is emptied keeps the queue, and is handed out", async () => {
  await using bus = new QueueBus();
  const client = bus.join();
  await client.push("q", "one");
  bus.backend.hold();
  const removing = assert.rejects(
    removeQueue(bus.queues, "q", true, bus.host.context.turns.join()),
    /cannot remove "q": it holds 1 job/,
  );
  await bus.rest();
  const id = client.pushing("q", "two");
  await bus.rest();
  bus.backend.release();
  await removing;
  contentOf(await client.answerTo(id), "ack");
  await client.pull("q", 2);
  assert.deepEqual(texts(await client.jobs(1)), ["two"]);
});

Deno.test("a queue that the configuration binds is there again, and empty", async () => {
  await using server = await startServer({ queue: [{ name: "mail", bind: ["orders.>"] }] });
  await using client = await clientOf(server);
  await client.publish("orders.1", "x");
  assert.equal(await client.queue("mail").remove({ force: true }), 1);
  await client.publish("orders.2", "x");
  assert.equal((await client.queue("mail").info()).ready, 1);
});

Deno.test("clients without an identity may make a share of the names, the configuration the rest", async () => {
  const full = (error: unknown) => {
    assert(error instanceof ParleyError);
    assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
    assert.match(error.accepted, /limits\.guest_names_percent.*parley (queue|topic) rm/);
    return true;
  };
  await using server = await startServer({
    keep: [{ pattern: "named" }, { pattern: "k.>" }],
    queue: [{ name: "named" }],
    limits: { max_queues: 4, guest_names_percent: 50 },
    store: { max_kept_topics: 4 },
  });
  await using client = await clientOf(server);
  for (const name of ["a", "b"]) {
    await client.queue(name).push("x");
    await client.publish(`k.${name}`, "x");
  }
  await assert.rejects(client.queue("c").push("x"), full);
  await assert.rejects(client.publish("k.c", "x"), full);
  await client.queue("named").push("x");
  await client.publish("named", "x");
  assert.equal(await client.queue("a").remove({ force: true }), 1);
  await assert.rejects(client.queue("c").push("x"), full);
  assert.equal(await client.queue("b").remove({ force: true }), 1);
  await client.queue("c").push("x");
});
