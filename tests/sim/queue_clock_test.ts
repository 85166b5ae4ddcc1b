/**
 * Clocks that are set by a year: leases and delays end when so much time has passed, not when the clock says
 * so, ids go on, and a start on a clock that was set back has no job wait longer than was said.
 *
 * Time stands still unless a test lets it pass. A server looks at its clock when a timer of the machine
 * fires; the job of another queue, due a millisecond from now, tells when it has.
 */
import assert from "node:assert/strict";
import { ManualClock } from "../support/manual_clock.ts";
import { type Job, Verdict } from "../../lib/gen/parley/v1/queue_pb.ts";
import {
  ack,
  jobs,
  pull,
  push,
  pushAll,
  settle,
  waiting,
} from "../services/queues/queue_support.ts";
import { BusClient } from "../support/bus_client.ts";
import { bytesOf } from "../support/bus_messages.ts";
import { contentOf } from "../support/frames.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { infoOf } from "./queue_calls.ts";

const QUEUE = "work";
const BEAT = "beat";
const CONSUMER = 1n;
const BEATER = 2n;
const LEASE_MS = 30_000;
const YEAR_MS = 365 * 24 * 3600 * 1000;
const STEPS: readonly number[] = [YEAR_MS, -YEAR_MS];

/** A server on a clock, and somebody who pulls from its queues. */
class Bench implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly server: TestServer;
  readonly client: BusClient;

  private constructor(clock: ManualClock, server: TestServer, client: BusClient) {
    this.clock = clock;
    this.server = server;
    this.client = client;
  }

  /** Starts a server when the clock on the wall says so. */
  static async start(data: string, wallMs = 1_700_000_000_000): Promise<Bench> {
    const clock = new ManualClock(wallMs);
    const queue = [{ name: QUEUE, lease_ms: LEASE_MS }];
    const server = await startServer({ data, queue }, { clock });
    const client = await BusClient.connect(server, "tcp");
    await pull(client, QUEUE, 10, CONSUMER);
    await pull(client, BEAT, 1, BEATER);
    return new Bench(clock, server, client);
  }

  /** Lets so much time pass, at least 1 ms, and waits until the server has acted upon it. */
  async pass(ms: number): Promise<void> {
    const { client } = this;
    await push(client, { queue: BEAT, delayMs: 1n });
    this.clock.advance(ms);
    const isBeat = () =>
      client.messages.findIndex(({ message }) =>
        message.case === "job" && message.value.consumer === BEATER
      );
    await client.when(() => isBeat() >= 0, "the beat");
    const [{ message }] = client.messages.splice(isBeat(), 1);
    await settle(client, Verdict.ACK, [message.value as Job], { consumer: BEATER });
  }

  /** Fails if anything was handed out that is not held yet; `left` says what must be there. */
  async assertQuiet(left: { delayed?: bigint; leased?: bigint }): Promise<void> {
    const { ready, delayed, leased } = await infoOf(this.client, QUEUE);
    assert.deepEqual({ ready, delayed, leased }, { ready: 0n, delayed: 0n, leased: 0n, ...left });
    assert.equal(waiting(this.client), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

/** Registers a test that has a data directory, once for each step of the clock. */
function clockTest(name: string, run: (data: string, stepMs: number) => Promise<void>): void {
  for (const stepMs of STEPS) {
    const way = stepMs > 0 ? "forward" : "back";
    Deno.test(`queue: ${name} (the clock is set ${way} by a year)`, async () => {
      const data = await Deno.makeTempDir({ prefix: "parley-queue-clock-" });
      try {
        await run(data, stepMs);
      } finally {
        await Deno.remove(data, { recursive: true });
      }
    });
  }
}

clockTest("a lease ends when its time has passed", async (data, stepMs) => {
  await using bench = await Bench.start(data);
  const { client, clock } = bench;
  await pushAll(client, QUEUE, ["x"]);
  const [first] = await jobs(client, 1);
  clock.stepWall(stepMs);
  await bench.pass(LEASE_MS - 1);
  await bench.assertQuiet({ leased: 1n });
  await bench.pass(1);
  const [second] = await jobs(client, 1);
  assert.deepEqual([second.id, second.attempt, second.redelivered], [first.id, 2, true]);
  await ack(client, second);
});

clockTest(
  "a delay ends when its time has passed, of a push and of a retry",
  async (data, stepMs) => {
    await using bench = await Bench.start(data);
    const { client, clock } = bench;
    await push(client, { queue: QUEUE, payload: bytesOf("x"), delayMs: 60_000n });
    clock.stepWall(stepMs);
    await bench.pass(59_999);
    await bench.assertQuiet({ delayed: 1n });
    await bench.pass(1);
    const [first] = await jobs(client, 1);
    contentOf(await settle(client, Verdict.NACK, [first], { delayMs: 5000n }), "settled");
    clock.stepWall(-stepMs);
    await bench.pass(4999);
    await bench.assertQuiet({ delayed: 1n });
    await bench.pass(1);
    const [second] = await jobs(client, 1);
    assert.deepEqual([second.id, second.attempt], [first.id, 2]);
    await ack(client, second);
  },
);

clockTest("ids go on, also over a start", async (data, stepMs) => {
  const ids: bigint[] = [];
  let wallMs: number;
  {
    await using bench = await Bench.start(data);
    ids.push(...await pushAll(bench.client, QUEUE, ["a", "b"]));
    bench.clock.stepWall(stepMs);
    ids.push(...await pushAll(bench.client, QUEUE, ["c", "d"]));
    await ack(bench.client, ...await jobs(bench.client, 4));
    wallMs = bench.clock.wallMs();
  }
  await using bench = await Bench.start(data, wallMs - stepMs);
  ids.push(...await pushAll(bench.client, QUEUE, ["e"]));
  bench.clock.stepWall(-stepMs);
  ids.push(...await pushAll(bench.client, QUEUE, ["f"]));
  assert.deepEqual(ids, [1n, 2n, 3n, 4n, 5n, 6n]);
});

for (const [delayMs, beforeMs] of [[60_000, 20_000], [1500, 200], [700, 1]]) {
  clockTest(`a delay of ${delayMs} ms goes on after a start`, async (data, stepMs) => {
    let wallMs: number;
    {
      await using bench = await Bench.start(data);
      const { client } = bench;
      await push(client, { queue: QUEUE, payload: bytesOf("x"), delayMs: BigInt(delayMs) });
      await bench.pass(beforeMs);
      await bench.assertQuiet({ delayed: 1n });
      wallMs = bench.clock.wallMs();
    }
    {
      // On a clock that goes on, the rest of it is waited for.
      await using bench = await Bench.start(data, wallMs);
      await bench.pass(delayMs - beforeMs - 1);
      await bench.assertQuiet({ delayed: 1n });
      wallMs = bench.clock.wallMs();
    }
    // On one that was set back, no more than all of it; on one that was set forward, that much has passed.
    await using bench = await Bench.start(data, wallMs + stepMs);
    if (stepMs < 0) await bench.pass(delayMs);
    const [job] = await jobs(bench.client, 1);
    assert.deepEqual([job.attempt, job.redelivered], [1, false]);
    await ack(bench.client, job);
  });
}
