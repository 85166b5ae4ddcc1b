/**
 * Queues over a data directory: what a server finds there when it starts again, after it was stopped and after
 * it was cut off.
 */
import assert from "node:assert/strict";
import type { Clock } from "../../../lib/base/clock.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { JobState, Verdict } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { BusClient } from "../../support/bus_client.ts";
import { contentOf } from "../../support/frames.ts";
import { Random } from "../../support/random.ts";
import { startServer } from "../../support/server.ts";
import {
  ack,
  care,
  infoOf,
  jobs,
  METHODS,
  pull,
  push,
  pushAll,
  settle,
  texts,
  waiting,
} from "./queue_support.ts";

const { ACK, NACK, REJECT, RELEASE } = Verdict;

type Table = NonNullable<NonNullable<Parameters<typeof startServer>[0]>["queue"]>[number];

/** Runs each step with a server of its own, all over one directory. */
async function overRestarts(
  table: Partial<Table>,
  steps: readonly ((client: BusClient) => Promise<void>)[],
  clock?: Clock,
): Promise<void> {
  const data = await Deno.makeTempDir({ prefix: "parley-queues-" });
  try {
    for (const step of steps) {
      const queue = [{ name: "q", ...table }];
      await using server = await startServer({ data, queue }, clock === undefined ? {} : { clock });
      await using client = await BusClient.connect(server, "tcp");
      await step(client);
    }
  } finally {
    await Deno.remove(data, { recursive: true });
  }
}

async function peeked(client: BusClient, queue = "q") {
  return (await care(client, METHODS.peek, { queue, limit: 1000 })).jobs;
}

Deno.test("a job is as it was pushed, in every field, and known by its level", () => {
  const value = {
    queue: "q",
    payload: Uint8Array.of(0, 255, 7),
    type: "t.T",
    headers: { a: "1", "": "ü" },
    messageId: "m",
    priority: 3,
    key: "k",
  };
  let before: unknown;
  return overRestarts({}, [
    async (client) => {
      const acked = await push(client, value);
      assert.equal(acked.level, AckLevel.FSYNCED);
      before = (await peeked(client))[0];
    },
    async (client) => {
      assert.deepEqual((await peeked(client))[0], before);
      await pull(client, "q", 1);
      const [job] = await jobs(client, 1);
      const { queue, payload, type, headers, messageId, priority, key } = job;
      assert.deepEqual({ queue, payload, type, headers, messageId, priority, key }, value);
      assert.deepEqual([job.id, job.attempt, job.redelivered], [1n, 1, false]);
      const settled = contentOf(await settle(client, ACK, [job]), "settled");
      assert.equal(settled.level, AckLevel.FSYNCED);
    },
    async (client) => {
      assert.deepEqual(await peeked(client), []);
      assert.equal((await push(client, { queue: "q" })).seq, 2n, "no id is given twice");
    },
  ]);
});

Deno.test("each job is found where it stood, with what it went through", () =>
  overRestarts({}, [
    async (client) => {
      await pushAll(client, "q", ["0", "1", "2", "3", "4", "5", "6"]);
      await pull(client, "q", 6);
      const held = await jobs(client, 6);
      await pull(client, "q", 0);
      await ack(client, held[0]);
      contentOf(await settle(client, NACK, [held[1]], { delayMs: 3_600_000n }), "settled");
      contentOf(await settle(client, REJECT, [held[2]], { error: "no" }), "settled");
      contentOf(await settle(client, RELEASE, [held[3]]), "settled");
      contentOf(await settle(client, NACK, [held[4]], { delayMs: 0n }), "settled");
      while ((await infoOf(client, "q")).dead === 0n);
    },
    async (client) => {
      const { ready, delayed, leased, dead } = await infoOf(client, "q");
      assert.deepEqual([ready, delayed, leased, dead], [4n, 1n, 0n, 1n]);
      await pull(client, "q", 10);
      const again = await jobs(client, 4);
      assert.deepEqual(texts(again), ["3", "4", "5", "6"]);
      assert.deepEqual(again.map(({ attempt }) => attempt), [1, 2, 2, 1]);
      const marked = again.map(({ redelivered }) => redelivered);
      assert.deepEqual(marked, [true, true, true, false], "whatever may have been seen is marked");
      const [retried] = await peeked(client);
      assert.deepEqual([retried.job!.attempt, retried.state], [1, JobState.DELAYED]);
      const [letter] = await peeked(client, "q.dead");
      assert.equal(letter.job!.death!.lastError, "no");
      assert.equal(await redriven(client), 1);
    },
    async (client) => {
      const { ready, delayed, dead } = await infoOf(client, "q");
      assert.deepEqual([ready, delayed, dead], [5n, 1n, 0n]);
    },
  ]));

for (const verdict of [NACK, RELEASE]) {
  Deno.test(`a job that was given back by a ${Verdict[verdict]} just before is marked`, () =>
    overRestarts({}, [
      async (client) => {
        await pushAll(client, "q", ["x"]);
        await pull(client, "q", 1);
        const held = await jobs(client, 1);
        await pull(client, "q", 0);
        contentOf(await settle(client, verdict, held, { delayMs: 0n }), "settled");
      },
      async (client) => {
        await pull(client, "q", 1);
        const [job] = await jobs(client, 1);
        assert.deepEqual([job.attempt, job.redelivered], [verdict === NACK ? 2 : 1, true]);
      },
    ]));
}

async function redriven(client: BusClient): Promise<number> {
  return Number((await care(client, METHODS.redrive, { queue: "q" })).redriven);
}

Deno.test("a job that was out at its last delivery is a dead letter after the start", () =>
  overRestarts({ max_deliveries: 2 }, [
    async (client) => {
      await pushAll(client, "q", ["x"]);
      await pull(client, "q", 1);
      await jobs(client, 1);
    },
    async (client) => {
      await pull(client, "q", 1);
      assert.equal((await jobs(client, 1))[0].attempt, 2);
    },
    async (client) => {
      await pull(client, "q.dead", 1);
      const [dead] = await jobs(client, 1);
      assert.deepEqual([dead.death!.attempts, dead.death!.reason], [2, 1]);
      assert.match(dead.death!.lastError, /the server stopped while it was out/);
      await ack(client, dead);
    },
    async (client) => {
      const { ready, leased, dead } = await infoOf(client, "q");
      assert.deepEqual([ready, leased, dead], [0n, 0n, 0n]);
    },
  ]));

Deno.test("what is left of a delay goes on, also when the clock was set back", async () => {
  const clock = new ManualClock();
  const due: bigint[] = [];
  const untils = async (client: BusClient) =>
    (await peeked(client)).map(({ untilUnixMicros }) => untilUnixMicros);
  await overRestarts({}, [
    async (client) => {
      await pushAll(client, "q", ["later"], { delayMs: 7_200_000n });
      await pushAll(client, "q", ["soon"], { delayMs: 3_600_000n });
      due.push(...await untils(client));
      clock.advance(3_000_000);
    },
    async (client) => {
      assert.deepEqual(await untils(client), due);
      clock.stepWall(-86_400_000);
    },
    async (client) => {
      const wall = BigInt(clock.wallMs());
      const left = (await untils(client)).map((until) => until / 1000n - wall);
      assert.deepEqual(left, [7_200_000n, 3_600_000n], "nobody waits longer than was said");
      clock.stepWall(86_400_000 + 600_000);
    },
    async (client) => {
      await pull(client, "q", 5);
      assert.deepEqual(texts(await jobs(client, 1)), ["soon"]);
      assert.equal((await infoOf(client, "q")).delayed, 1n);
    },
  ], clock);
});

Deno.test("priorities and keys hold across a start, with what was pushed after it", () =>
  overRestarts({ ordered: true }, [
    async (client) => {
      await pushAll(client, "q", ["a1"], { key: "a" });
      await pushAll(client, "q", ["a2"], { key: "a", priority: 9 });
      await pushAll(client, "q", ["b1", "b2"], { key: "b" });
      await pushAll(client, "q", ["p"], { priority: 5 });
      await pull(client, "q", 2);
      assert.deepEqual(texts(await jobs(client, 2)), ["p", "a1"]);
    },
    async (client) => {
      await pushAll(client, "q", ["a3"], { key: "a", priority: 9 });
      await pull(client, "q", 10);
      const first = await jobs(client, 3);
      assert.deepEqual(texts(first), ["p", "a1", "b1"]);
      assert.equal((await infoOf(client, "q")).blocked, 3n);
      await ack(client, first[1]);
      const [a2] = await jobs(client, 1);
      await ack(client, first[2], a2);
      assert.deepEqual(texts(await jobs(client, 2)), ["a3", "b2"]);
    },
  ]));

Deno.test("a queue stays paused, and a resumed one does not", () =>
  overRestarts({}, [
    async (client) => {
      await pushAll(client, "q", ["x"]);
      await pushAll(client, "p", ["y"]);
      for (const queue of ["q", "p", "q.dead"]) await care(client, METHODS.pause, { queue });
      await care(client, METHODS.resume, { queue: "p" });
    },
    async (client) => {
      await pull(client, "q", 1);
      await pull(client, "p", 1, 2n);
      assert.deepEqual(texts(await jobs(client, 1)), ["y"]);
      const paused = await Promise.all(
        ["q", "p", "q.dead"].map(async (queue) => (await infoOf(client, queue)).paused),
      );
      assert.deepEqual(paused, [true, false, true]);
      await care(client, METHODS.resume, { queue: "q" });
      assert.deepEqual(texts(await jobs(client, 1)), ["x"]);
    },
    async (client) => {
      assert.equal((await infoOf(client, "q")).paused, false);
    },
  ]));

Deno.test("purged, settled and dropped jobs do not come back", () =>
  overRestarts({ max_jobs: 500, when_full: "drop-oldest" }, [
    async (client) => {
      const names = Array.from({ length: 1000 }, (_, index) => `${index}`);
      await pushAll(client, "q", names);
      await pull(client, "q", 300);
      const held = await jobs(client, 300);
      await pull(client, "q", 0);
      await ack(client, ...held.filter((_, index) => index % 2 === 0));
      await pushAll(client, "other", names.slice(0, 200));
      await care(client, METHODS.purge, { queue: "other" });
    },
    async (client) => {
      const { ready, leased } = await infoOf(client, "q");
      assert.deepEqual([ready, leased], [350n, 0n]);
      assert.equal((await infoOf(client, "other")).ready, 0n);
      await pull(client, "q", 500);
      const left = await jobs(client, 350);
      const expected = [
        ...Array.from({ length: 150 }, (_, index) => `${501 + 2 * index}`),
        ...Array.from({ length: 200 }, (_, index) => `${800 + index}`),
      ];
      assert.deepEqual(texts(left), expected);
    },
  ]));

Deno.test("50,000 jobs, more than is held in memory, come wholly and in order after a start", () => {
  const [total, step] = [50_000, 5000];
  const random = new Random(9);
  const filling = Array.from({ length: total }, () => random.below(800));
  return overRestarts({}, [
    async (client) => {
      for (let from = 0; from < total; from += step) {
        const names = filling.slice(from, from + step)
          .map((fill, index) => `${from + index} `.padEnd(fill, "x"));
        await pushAll(client, "q", names);
      }
    },
    async (client) => {
      const { ready, bytes } = await infoOf(client, "q");
      assert.equal(ready, BigInt(total));
      assert(bytes > 16n * 1024n * 1024n, `${bytes} bytes are more than the ring holds`);
      await pull(client, "q", 1000);
      for (let at = 0; at < total;) {
        await client.when(() => waiting(client) > 0, `job ${at}`);
        const held = await jobs(client, waiting(client));
        for (const text of texts(held)) {
          assert.equal(text, `${at} `.padEnd(filling[at], "x"));
          at++;
        }
        await ack(client, ...held);
      }
      const { leased, done, redelivered } = await infoOf(client, "q");
      assert.deepEqual([leased, done, redelivered], [0n, BigInt(total), 0n]);
    },
  ]);
});

Deno.test("bodies of 1 byte to 1 MiB are read whole, between each other", () => {
  const sizes = [1, 1_048_000, 0, 100, 700_000, 31_000, 33_000, 1, 65_536, 1_000_000, 5, 900_000];
  const body = (size: number, index: number) =>
    Uint8Array.from({ length: size }, (_, at) => (at * 31 + index * 7) & 0xff);
  return overRestarts({}, [
    async (client) => {
      for (const [index, size] of sizes.entries()) {
        await push(client, { queue: "q", payload: body(size, index) });
      }
    },
    async (client) => {
      await pull(client, "q", 100);
      const got = await jobs(client, sizes.length);
      assert.deepEqual(got.map(({ payload }) => payload.length), sizes);
      got.forEach(({ payload }, index) => assert.deepEqual(payload, body(sizes[index], index)));
      await ack(client, ...got);
    },
  ]);
});
