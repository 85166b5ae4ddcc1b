/**
 * Fencing: leases that end while their holders are about to settle. At any time one holder at most can
 * acknowledge a job: every job is acknowledged once, by its last delivery, and by no other.
 *
 * Consumers hold jobs for as long as it takes until others come, so that a part of the leases ends before.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../lib/base/errors.ts";
import { type Job, Verdict } from "../../lib/gen/parley/v1/queue_pb.ts";
import { pull, pushAll } from "../services/queues/queue_support.ts";
import { BusClient } from "../support/bus_client.ts";
import type { ServerMessage } from "../support/frames.ts";
import { Random } from "../support/random.ts";
import { startServer } from "../support/server.ts";
import { settles } from "../support/until.ts";
import { infoOf } from "./queue_calls.ts";

const SEED = Number(Deno.env.get("KILL_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const QUEUE = "race";
const JOBS = 600;
const CONSUMERS = 6;
const PREFETCH = 8;

/** What is known of a job. */
interface Known {
  /** The attempt of the last delivery that was seen by anybody. */
  attempt: number;
  /** The attempt whose acknowledgement was carried out; 0 before. */
  done: number;
}

/** An acknowledgement that is on its way. */
interface Sent {
  readonly id: bigint;
  readonly attempt: number;
  /** The attempt of the last delivery that was seen when it was sent. */
  readonly last: number;
}

/** All consumers together. */
class Race {
  readonly jobs = new Map<bigint, Known>();
  readonly over = Promise.withResolvers<void>();
  done = 0;
  late = 0;
  repeats = 0;

  /** A delivery came. */
  deliver({ id, attempt, redelivered }: Job): void {
    assert.equal(redelivered, attempt > 1, `job ${id}, attempt ${attempt}`);
    const known = this.jobs.get(id) ?? { attempt: 0, done: 0 };
    this.jobs.set(id, known);
    // On another connection an older delivery may be read later; the same one never comes twice.
    assert.notEqual(attempt, known.attempt, `job ${id} had one holder of attempt ${attempt}`);
    assert(known.done === 0 || attempt < known.done, `job ${id} came after it was done`);
    if (attempt > 1) this.repeats++;
    known.attempt = Math.max(known.attempt, attempt);
  }

  /** An acknowledgement was answered. */
  answer({ id, attempt, last }: Sent, { message }: ServerMessage): void {
    const known = this.jobs.get(id)!;
    if (message.case === "settled") {
      assert.deepEqual(message.value.lateTokens, []);
      assert.equal(
        last,
        attempt,
        `job ${id} was done by ${attempt} although it was out as ${last}`,
      );
      assert.equal(known.attempt, attempt, `job ${id} was done by a holder of before`);
      assert.equal(known.done, 0, `job ${id} is done once`);
      known.done = attempt;
      if (++this.done === JOBS) this.over.resolve();
    } else {
      assert(message.case === "error", `no answer: ${message.case}`);
      assert.equal(message.value.code, ErrorCode.FAILED_PRECONDITION);
      this.late++;
    }
  }
}

/** Takes jobs until the connection is closed, and acknowledges some of them at once and others late. */
async function consume(client: BusClient, race: Race, random: Random): Promise<void> {
  const held: Job[] = [];
  const sent = new Map<bigint, Sent>();
  await pull(client, QUEUE, PREFETCH);
  while (client.ended === null) {
    await client.whenAny(() => client.messages.length > 0);
    for (const message of client.messages.splice(0)) {
      if (message.message.case === "job") {
        race.deliver(message.message.value);
        held.push(message.message.value);
      } else if (sent.has(message.id)) {
        race.answer(sent.get(message.id)!, message);
        sent.delete(message.id);
      }
    }
    while (held.length > random.below(PREFETCH)) {
      const [job] = held.splice(random.below(held.length), 1);
      const extends_ = random.below(4) === 0;
      const verdict = extends_ ? Verdict.EXTEND : Verdict.ACK;
      const id = client.nextId();
      if (extends_) held.push(job);
      else sent.set(id, { id: job.id, attempt: job.attempt, last: race.jobs.get(job.id)!.attempt });
      const value = { consumer: 1n, tokens: [job.token], verdict };
      await client.send({ message: { case: "settle", value }, id }).catch(() => {});
    }
  }
}

/** Some jobs are so large that the server does not have all of them at hand when it hands them out. */
for (const [leaseMs, bytes] of [[10, 1], [20, 1], [50, 1], [10, 20_000], [50, 20_000]]) {
  const what = `${leaseMs} ms end in races (${bytes} bytes a job)`;
  Deno.test(`queue: leases of ${what}, and each job has one holder at most`, async () => {
    console.log(`KILL_SEED=${SEED}`);
    const random = new Random(SEED);
    const data = await Deno.makeTempDir({ prefix: "parley-queue-race-" });
    try {
      const queue = [{ name: QUEUE, lease_ms: leaseMs, max_deliveries: 0 }];
      await using server = await startServer({ data, queue });
      await using producer = await BusClient.connect(server, "tcp");
      const consumers = await Promise.all(
        Array.from({ length: CONSUMERS }, () => BusClient.connect(server, "tcp")),
      );
      const race = new Race();
      const texts = Array.from({ length: JOBS }, () => "x".repeat(bytes));
      // Large ones are there before anybody pulls, so that they have to be read again.
      if (bytes > 1) await pushAll(producer, QUEUE, texts);
      const running = consumers.map((client) => consume(client, race, new Random(random.uint32())));
      try {
        if (bytes === 1) await pushAll(producer, QUEUE, texts);
        await settles(Promise.race([race.over.promise, Promise.all(running)]), "all jobs", 120_000);
      } finally {
        for (const client of consumers) client.close();
        await Promise.allSettled(running);
      }
      for (const client of consumers) await client[Symbol.asyncDispose]();
      assert.equal(race.done, JOBS);
      assert.equal(race.jobs.size, JOBS);
      const { ready, delayed, leased, dead } = await infoOf(producer, QUEUE);
      assert.equal(ready + delayed + leased + dead, 0n);
      console.log({ repeats: race.repeats, late: race.late });
    } finally {
      await Deno.remove(data, { recursive: true });
    }
  });
}
