/**
 * Consumers that do not read: they get no more than fits on the way, keep nobody from their jobs, are not ended
 * for what they asked for, and go on once they read.
 */
import assert from "node:assert/strict";
import { Verdict } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { HELD_BYTES } from "../../../lib/services/queues/consumer.ts";
import { BusClient, busTest } from "../../support/bus_client.ts";
import { bytesOf, publish, subscribe } from "../../support/bus_messages.ts";
import { contentOf } from "../../support/frames.ts";
import { startServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import { QueueBus } from "./queue_bus.ts";
import { ack, infoOf, jobs, pull, push, pushAll, texts, waiting } from "./queue_support.ts";

const LARGE = 200_000;

busTest(
  "one that does not read holds a few large jobs, and the others get the rest",
  async (kind) => {
    await using server = await startServer();
    await using client = await BusClient.connect(server, "tcp");
    await using slow = await BusClient.connect(server, kind, { reading: false });
    const total = 150;
    for (let count = 0; count < total; count++) {
      await push(client, { queue: "q", payload: new Uint8Array(LARGE).fill(count) });
    }
    await slow.send({
      message: { case: "pull", value: { consumer: 1n, queue: "q", prefetch: 1000 } },
    });
    while ((await infoOf(client, "q")).leased === 0n);
    await pull(client, "q", 1000);
    const seen = new Set<number>();
    let held = 0;
    const work = async (worker: BusClient) => {
      for (const job of await jobs(worker, waiting(worker))) {
        seen.add(job.payload[0]);
        assert(
          job.payload.length === LARGE && job.payload.every((byte) => byte === job.payload[0]),
        );
        await ack(worker, job);
      }
    };
    // All but what is on its way to the one that does not read.
    for (;;) {
      await work(client);
      const { ready, leased } = await infoOf(client, "q");
      held = Number(leased) - waiting(client);
      if (ready === 0n && waiting(client) === 0 && seen.size + held === total) break;
    }
    assert(held > 0);
    // What sockets take beside it is the system's affair; over unix it is little.
    const most = kind === "unix" ? 2 * HELD_BYTES : 20 * HELD_BYTES;
    assert(held * LARGE <= most, `${held} jobs are on their way`);
    assert.equal(slow.ended, null);
    slow.startReading();
    while (seen.size < total) {
      await slow.when(() => waiting(slow) > 0, "its jobs");
      await work(slow);
    }
    const { leased, done, redelivered } = await infoOf(client, "q");
    assert.deepEqual([leased, done, redelivered], [0n, BigInt(total), 0n]);
  },
);

Deno.test("one that reads again gets all that is left, by itself", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "unix");
  await using slow = await BusClient.connect(server, "unix", { reading: false });
  const numbers = Array.from({ length: 40 }, (_, index) => `${index} `.padEnd(LARGE));
  await slow.send({
    message: { case: "pull", value: { consumer: 1n, queue: "q", prefetch: 1000 } },
  });
  while ((await infoOf(client, "q").catch(() => null)) === null);
  for (const text of numbers) await pushAll(client, "q", [text]);
  const { ready } = await infoOf(client, "q");
  assert(ready > 20n, `${ready} wait`);
  slow.startReading();
  assert.deepEqual(texts(await jobs(slow, 40)).map(parseFloat), numbers.map(parseFloat));
});

Deno.test("a slow consumer is held for its whole connection, whatever else fills it", async () => {
  await using bus = new QueueBus();
  const [producer, slow] = [bus.join(), bus.join()];
  slow.peer.send(subscribe("t"));
  await slow.pull("a", 100);
  await slow.pull("b", 100, 2n);
  slow.peer.link.hold();
  for (let count = 0; count < 5; count++) {
    producer.peer.send(publish({ topic: "t", payload: new Uint8Array(LARGE) }));
  }
  await bus.rest();
  for (const queue of ["a", "b"]) {
    for (let count = 0; count < 10; count++) {
      const value = { queue, payload: new Uint8Array(LARGE) };
      contentOf(await producer.ask({ case: "job", value }), "ack");
    }
  }
  await bus.rest();
  const leased = () => bus.queue("a").machine.leased + bus.queue("b").machine.leased;
  assert(leased() <= 3, `${leased()} are leased although its outbox is full`);
  assert(slow.peer.session.outbox.size <= 3 * HELD_BYTES);
  slow.peer.link.releaseAll();
  await until(() => leased() === 20, "the rest");
  assert.equal((await slow.jobs(20)).length, 20);
});

Deno.test("a consumer that is held and goes leaves its jobs to the others", async () => {
  await using bus = new QueueBus();
  const [producer, slow, other] = [bus.join(), bus.join(), bus.join()];
  await slow.pull("q", 100);
  slow.peer.link.hold();
  for (let count = 0; count < 10; count++) {
    await producer.push("q", `${count}`, { payload: bytesOf(`${count}`.padEnd(LARGE)) });
  }
  await bus.rest();
  const { ready, leased } = bus.queue("q").machine;
  assert(ready > 0 && leased > 0 && ready + leased === 10);
  slow.peer.link.reset();
  await bus.rest();
  await other.pull("q", 100);
  const got = await other.jobs(10);
  assert.deepEqual(texts(got).map(Number), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  await other.ack(...got);
});

Deno.test("a held consumer whose leases end is given no more until it reads", async () => {
  await using bus = new QueueBus([{ name: "q", leaseMs: 1000, maxDeliveries: 0 }]);
  const [producer, slow] = [bus.join(), bus.join()];
  await slow.pull("q", 100);
  slow.peer.link.hold();
  for (let count = 0; count < 20; count++) {
    await producer.push("q", `${count}`, { payload: bytesOf(`${count}`.padEnd(LARGE)) });
  }
  for (let round = 0; round < 5; round++) await bus.wait(1000);
  assert.equal(bus.queue("q").machine.leased, 0);
  assert(slow.peer.session.outbox.size <= 3 * HELD_BYTES, "nothing is sent again meanwhile");
  slow.peer.link.releaseAll();
  await until(() => bus.queue("q").machine.leased === 20, "all of them again");
  const got = slow.waiting.filter((job) => job.redelivered);
  assert(got.length > 0);
  const last = new Map(slow.waiting.map((job) => [texts([job])[0].trim(), job]));
  await slow.settle(Verdict.ACK, [...last.values()]);
  await until(() => bus.queue("q").machine.jobs === 0, "all are done");
});
