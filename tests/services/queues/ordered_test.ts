/**
 * Queues that are ordered: of one key there is one job out at a time, in the order they were pushed, whatever
 * becomes of it; keys do not wait for each other.
 */
import assert from "node:assert/strict";
import { type Job, Verdict } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { BusClient } from "../../support/bus_client.ts";
import { contentOf } from "../../support/frames.ts";
import { Random } from "../../support/random.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import {
  ack,
  infoOf,
  type JobInit,
  jobs,
  pull,
  pushAll,
  settle,
  texts,
  waiting,
} from "./queue_support.ts";

const { ACK, NACK, REJECT, RELEASE } = Verdict;

async function withOrdered(
  test: (client: BusClient, server: TestServer) => Promise<void>,
  more: { max_deliveries?: number; ordered?: boolean } = {},
): Promise<void> {
  await using server = await startServer({ queue: [{ name: "q", ordered: true, ...more }] });
  await using client = await BusClient.connect(server, "tcp");
  await test(client, server);
}

Deno.test("the next job of a key comes when the one before is done", () =>
  withOrdered(async (client) => {
    await pushAll(client, "q", ["a1", "a2", "a3"], { key: "a" });
    await pushAll(client, "q", ["b1", "b2"], { key: "b" });
    await pushAll(client, "q", ["1", "2"]);
    await pull(client, "q", 10);
    const held = await jobs(client, 4);
    assert.deepEqual(texts(held), ["a1", "b1", "1", "2"]);
    assert.equal((await infoOf(client, "q")).blocked, 3n);
    await ack(client, held[1]);
    assert.deepEqual(texts(await jobs(client, 1)), ["b2"]);
    await ack(client, held[0]);
    const [second] = await jobs(client, 1);
    assert.deepEqual(texts([second]), ["a2"]);
    await ack(client, second);
    assert.deepEqual(texts(await jobs(client, 1)), ["a3"]);
    assert.equal(waiting(client), 0);
  }));

Deno.test("a job that is tried again holds up its key, and nobody else", () =>
  withOrdered(async (client) => {
    await pushAll(client, "q", ["a1", "a2"], { key: "a" });
    await pushAll(client, "q", ["b1"], { key: "b" });
    await pull(client, "q", 10);
    const [a1, b1] = await jobs(client, 2);
    contentOf(await settle(client, NACK, [a1], { delayMs: 3_600_000n }), "settled");
    await ack(client, b1);
    const { blocked, delayed, ready } = await infoOf(client, "q");
    assert.deepEqual([blocked, delayed, ready], [1n, 1n, 0n]);
    assert.equal(waiting(client), 0);
  }));

Deno.test("a delay of the first holds up its key; one of a later job does not begin before its turn", () =>
  withOrdered(async (client) => {
    await pushAll(client, "q", ["a1"], { key: "a", delayMs: 3_600_000n });
    await pushAll(client, "q", ["a2"], { key: "a", priority: 9 });
    await pushAll(client, "q", ["b1"], { key: "b" });
    await pushAll(client, "q", ["b2"], { key: "b", delayMs: 3_600_000n });
    await pull(client, "q", 10);
    const [b1] = await jobs(client, 1);
    assert.deepEqual(texts([b1]), ["b1"]);
    await ack(client, b1);
    const { blocked, delayed } = await infoOf(client, "q");
    assert.deepEqual([blocked, delayed], [1n, 2n]);
  }));

Deno.test("a dead letter makes way for the next of its key", () =>
  withOrdered(async (client) => {
    await pushAll(client, "q", ["a1", "a2", "a3"], { key: "a" });
    await pull(client, "q", 10);
    const [a1] = await jobs(client, 1);
    contentOf(await settle(client, REJECT, [a1]), "settled");
    const [a2] = await jobs(client, 1);
    contentOf(await settle(client, NACK, [a2]), "settled");
    const [a3] = await jobs(client, 1);
    assert.deepEqual(texts([a1, a2, a3]), ["a1", "a2", "a3"]);
    await pull(client, "q.dead", 10, 2n);
    assert.deepEqual(texts(await jobs(client, 2)), ["a1", "a2"], "dead letters are not ordered");
  }, { max_deliveries: 1 }));

Deno.test("without order in the queue a key means nothing", () =>
  withOrdered(async (client) => {
    await pushAll(client, "q", ["a1", "a2", "a3"], { key: "a" });
    await pull(client, "q", 10);
    assert.deepEqual(texts(await jobs(client, 3)), ["a1", "a2", "a3"]);
  }, { ordered: false }));

Deno.test("many keys and consumers: of each key one at a time, in order, through every verdict", () =>
  withOrdered(async (client, server) => {
    const random = new Random(42);
    const keys = Array.from({ length: 20 }, (_, index) => `key ${index}`);
    const each = 25;
    const sent: Promise<unknown>[] = [];
    for (let number = 0; number < each; number++) {
      for (const key of keys) {
        const more: JobInit = { key, priority: random.below(3) };
        if (random.below(10) === 0) more.delayMs = 1n;
        sent.push(pushAll(client, "q", [`${key} ${number}`], more));
      }
    }
    await Promise.all(sent);
    const out = new Map<string, string>();
    const next = new Map(keys.map((key) => [key, 0]));
    let done = 0;
    const total = keys.length * each;
    const workers = await Promise.all(
      Array.from({ length: 4 }, () => BusClient.connect(server, "tcp")),
    );
    const take = (job: Job) => {
      const { key } = job;
      assert.equal(out.get(key), undefined, `${texts([job])} while ${out.get(key)} is out`);
      assert.equal(texts([job])[0], `${key} ${next.get(key)}`);
      out.set(key, texts([job])[0]);
    };
    const work = async (worker: BusClient) => {
      await pull(worker, "q", 3);
      while (done < total) {
        await worker.whenAny(() => waiting(worker) > 0);
        if (worker.ended !== null) return;
        const held = await jobs(worker, waiting(worker));
        held.forEach(take);
        for (const job of held) {
          const verdict = random.pick([ACK, ACK, NACK, RELEASE, REJECT]);
          out.delete(job.key);
          const isEnd = verdict === ACK || verdict === REJECT;
          if (isEnd) next.set(job.key, next.get(job.key)! + 1);
          contentOf(await settle(worker, verdict, [job], { delayMs: 0n }), "settled");
          if (isEnd) done++;
        }
      }
      for (const each of workers) each.close();
    };
    await Promise.all(workers.map(work));
    for (const worker of workers) await worker[Symbol.asyncDispose]();
    assert.deepEqual([...next.values()], keys.map(() => each));
    let info = await infoOf(client, "q");
    while (info.leased > 0n) info = await infoOf(client, "q");
    assert.deepEqual([info.ready, info.blocked, info.delayed], [0n, 0n, 0n]);
    assert.equal(info.done + info.dead, BigInt(total));
  }, { max_deliveries: 0 }));
