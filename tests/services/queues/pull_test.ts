/**
 * Consumers over the wire: their numbers, how much they may hold, how they end, and how jobs are shared out.
 */
import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { type PullSchema, Verdict } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { BusClient, busTest } from "../../support/bus_client.ts";
import { contentOf } from "../../support/frames.ts";
import { startServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import {
  ack,
  assertRefused,
  care,
  infoOf,
  jobs,
  METHODS,
  pull,
  pushAll,
  refusal,
  settle,
  texts,
  waiting,
} from "./queue_support.ts";

const { ALREADY_EXISTS, INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED } = ErrorCode;

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`);
}

function refused(client: BusClient, value: MessageInitShape<typeof PullSchema>) {
  return refusal(client, { case: "pull", value });
}

async function close(client: BusClient, consumer: bigint): Promise<void> {
  const value = { consumer, close: true };
  contentOf(await client.ask({ message: { case: "pull", value } }), "ack");
}

Deno.test("a consumer has a number of its own, from 1 on", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  const text = /as consumer \d+ .*from 1 to 9007199254740991/;
  for (const consumer of [0n, 2n ** 53n, 2n ** 64n - 1n]) {
    assertRefused(await refused(client, { consumer, queue: "q" }), INVALID_ARGUMENT, text);
  }
  const most = 2n ** 53n - 1n;
  await pull(client, "q", 1, most);
  await pushAll(client, "q", ["x"]);
  const [job] = await jobs(client, 1);
  assert.equal(job.consumer, most);
  const answer = await settle(client, Verdict.ACK, [job], { consumer: most });
  assert.deepEqual(contentOf(answer, "settled").lateTokens, []);
});

Deno.test("a number stands for one queue until its consumer is closed", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await pull(client, "a", 1);
  const other = await refused(client, { consumer: 1n, queue: "b" });
  assertRefused(other, ALREADY_EXISTS, /"b" as consumer 1: that pulls from "a"/);
  const none = await refused(client, { consumer: 2n, close: true });
  assertRefused(none, NOT_FOUND, /close consumer 2: this connection has no such/);
  await close(client, 1n);
  assertRefused(await refused(client, { consumer: 1n, close: true }), NOT_FOUND, /consumer 1/);
  await pull(client, "b", 1);
  await pushAll(client, "b", ["x"]);
  assert.deepEqual(texts(await jobs(client, 1)), ["x"]);
});

Deno.test("names that are no queues, and dead letters of dead letters, cannot be pulled", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  for (const queue of ["", "a.*", ">", "a b", "x".repeat(252), "a.dead.dead", ".dead"]) {
    const error = await refused(client, { consumer: 1n, queue });
    assertRefused(error, INVALID_ARGUMENT, /cannot pull from/);
  }
  assert.deepEqual((await care(client, METHODS.list, {})).queues, []);
});

Deno.test("a prefetch is 64 unless told otherwise, and at most limits.max_prefetch", async () => {
  await using server = await startServer({ limits: { max_prefetch: 70 } });
  await using client = await BusClient.connect(server, "tcp");
  await pushAll(client, "q", numbers(1, 100));
  for (const prefetch of [71, 2 ** 32 - 1]) {
    const error = await refused(client, { consumer: 1n, queue: "q", prefetch });
    assertRefused(error, INVALID_ARGUMENT, /prefetch of \d+ .*at most 70 \(limits.max_prefetch\)/);
  }
  await pull(client, "q", undefined);
  await jobs(client, 64);
  assert.equal((await infoOf(client, "q")).leased, 64n);
  await pull(client, "q", 70);
  await jobs(client, 6);
  assert.equal((await infoOf(client, "q")).leased, 70n);
  assert.equal(waiting(client), 0);
});

Deno.test("a prefetch that shrinks takes nothing away, and nothing comes until there is room", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await pushAll(client, "q", numbers(1, 20));
  await pull(client, "q", 10);
  const held = await jobs(client, 10);
  await pull(client, "q", 3);
  await ack(client, ...held.slice(0, 7));
  assert.equal((await infoOf(client, "q")).leased, 3n);
  await ack(client, held[7]);
  assert.deepEqual(texts(await jobs(client, 1)), ["11"]);
  await ack(client, held[8], held[9]);
});

Deno.test("a connection has so many consumers, and closing one makes room", async () => {
  await using server = await startServer({ limits: { max_consumers_per_connection: 3 } });
  await using client = await BusClient.connect(server, "tcp");
  await using other = await BusClient.connect(server, "tcp");
  for (const consumer of [1n, 2n, 3n]) await pull(client, "q", 1, consumer);
  const error = await refused(client, { consumer: 4n, queue: "q" });
  assertRefused(error, RESOURCE_EXHAUSTED, /3 consumers .*max_consumers_per_connection/);
  await pull(client, "q", 2, 2n);
  await pull(other, "q", 1, 4n);
  await close(client, 2n);
  await pull(client, "q", 1, 4n);
  assert.equal((await infoOf(client, "q")).consumers, 4);
});

busTest("a consumer that is closed gives back what it holds, in its place", async (kind) => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, kind);
  await pushAll(client, "q", numbers(1, 6));
  await pull(client, "q", 4);
  const held = await jobs(client, 4);
  await ack(client, held[1]);
  await jobs(client, 1);
  await close(client, 1n);
  const late = await refusal(client, {
    case: "settle",
    value: { consumer: 1n, tokens: [held[0].token], verdict: Verdict.ACK },
  });
  assert.equal(late.code, ErrorCode.FAILED_PRECONDITION);
  const { ready, leased, consumers } = await infoOf(client, "q");
  assert.deepEqual([ready, leased, consumers], [5n, 0n, 0]);
  await pull(client, "q", 10, 2n);
  const again = await jobs(client, 5);
  assert.deepEqual(texts(again), ["1", "3", "4", "5", "6"]);
  assert.deepEqual(again.map(({ attempt }) => attempt), [2, 2, 2, 2, 1]);
  assert.deepEqual(again.map(({ redelivered }) => redelivered), [true, true, true, true, false]);
});

Deno.test("a job that one consumer gives up goes to another that waits", async () => {
  await using server = await startServer();
  await using one = await BusClient.connect(server, "tcp");
  await using two = await BusClient.connect(server, "tcp");
  await pull(one, "q", 1);
  await pushAll(two, "q", ["x"]);
  await jobs(one, 1);
  await pull(two, "q", 1);
  one.close();
  const [job] = await jobs(two, 1);
  assert.deepEqual([job.attempt, job.redelivered], [2, true]);
});

Deno.test("jobs are shared out evenly among consumers with room, not to who is quickest", async () => {
  await using server = await startServer();
  await using producer = await BusClient.connect(server, "tcp");
  const clients = await Promise.all(
    Array.from({ length: 4 }, () => BusClient.connect(server, "tcp")),
  );
  try {
    const taken = clients.map(() => 0);
    const seen = new Set<string>();
    for (const client of clients) await pull(client, "q", 10);
    // Half of what they have room for each time, so that one of them alone could take most of it.
    for (let round = 0; round < 25; round++) {
      await pushAll(producer, "q", numbers(20 * round + 1, 20 * round + 20));
      const came = () => clients.reduce((sum, client) => sum + waiting(client), 0);
      await until(() => came() === 20, "the jobs of the round");
      for (const [index, client] of clients.entries()) {
        const held = await jobs(client, waiting(client));
        taken[index] += held.length;
        for (const text of texts(held)) seen.add(text);
        if (held.length > 0) await ack(client, ...held);
      }
    }
    assert.equal(seen.size, 500);
    for (const count of taken) assert(Math.abs(count - 125) <= 12, `${taken}`);
  } finally {
    for (const client of clients) await client[Symbol.asyncDispose]();
  }
});

Deno.test("a consumer gets no more than its prefetch while another has room", async () => {
  await using server = await startServer();
  await using small = await BusClient.connect(server, "tcp");
  await using large = await BusClient.connect(server, "tcp");
  await pull(small, "q", 1);
  await pull(large, "q", 100);
  await pushAll(large, "q", numbers(1, 60));
  await jobs(small, 1);
  await jobs(large, 59);
});
