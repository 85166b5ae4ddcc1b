/**
 * Poison: a job that is never done is dead after exactly as many deliveries as its queue allows, whatever
 * kills the server in between; and it is in its queue or among the dead, never in both, never in neither.
 *
 * KILL_ROUNDS sets how many kills there are around moves to the dead letters, KILL_SEED what is done and when they come.
 */
import assert from "node:assert/strict";
import {
  DeathReason,
  type Job,
  type PeekedJob,
  Verdict,
} from "../../lib/gen/parley/v1/queue_pb.ts";
import { jobs, pull, push, pushAll, settle } from "../services/queues/queue_support.ts";
import type { BusClient } from "../support/bus_client.ts";
import { bytesOf, textIn } from "../support/bus_messages.ts";
import { contentOf } from "../support/frames.ts";
import { Random } from "../support/random.ts";
import type { KeptServer } from "./kept_server.ts";
import { peekAll, QueueDirectory, redrive, whenNoneIsOut } from "./queue_calls.ts";

const ROUNDS = Number(Deno.env.get("KILL_ROUNDS") ?? 20);
const SEED = Number(Deno.env.get("KILL_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);

const QUEUE = "sim.poison";
const DEAD = `${QUEUE}.dead`;
const MOST = 4;
const CONFIGURATION = `
[[queue]]
name = "${QUEUE}"
lease_ms = 3600000
max_deliveries = ${MOST}
`;

/** Pulls one job on a new connection, and gives both. */
async function pullOne(server: KeptServer): Promise<{ client: BusClient; job: Job }> {
  const client = await server.connect();
  await pull(client, QUEUE, 1);
  const [job] = await jobs(client, 1);
  return { client, job };
}

function assertAttempt(job: Job, attempt: number): void {
  assert.deepEqual([job.attempt, job.redelivered], [attempt, attempt > 1]);
}

function assertDeath({ job }: PeekedJob, reason: DeathReason, attempts: number, error: string) {
  const { death } = job!;
  const seen = [death?.reason, death?.attempts, death?.lastError, death?.queue];
  assert.deepEqual(seen, [reason, attempts, error, QUEUE]);
}

Deno.test("queue: poison is dead after its last try, over a kill while it is held and one between tries", async () => {
  await using directory = await QueueDirectory.make(CONFIGURATION);
  {
    await using server = await directory.start();
    const { client, job } = await (async () => {
      await using producer = await server.connect();
      await push(producer, { queue: QUEUE, payload: bytesOf("poison") });
      return await pullOne(server);
    })();
    await using _ = client;
    assertAttempt(job, 1);
    await server.kill();
  }
  {
    await using server = await directory.start();
    const { client, job } = await pullOne(server);
    await using _ = client;
    assertAttempt(job, 2);
    await pull(client, QUEUE, 0);
    const more = { delayMs: 0n, error: "try 2" };
    contentOf(await settle(client, Verdict.NACK, [job], more), "settled");
    await server.kill();
  }
  await using server = await directory.start();
  const { client, job } = await pullOne(server);
  await using _ = client;
  assertAttempt(job, 3);
  contentOf(await settle(client, Verdict.NACK, [job], { delayMs: 0n, error: "try 3" }), "settled");
  const [last] = await jobs(client, 1);
  assertAttempt(last, MOST);
  contentOf(await settle(client, Verdict.NACK, [last], { error: "try 4" }), "settled");
  await whenNoneIsOut(client, QUEUE);
  assert.deepEqual(await peekAll(client, QUEUE), []);
  const dead = await peekAll(client, DEAD);
  assert.equal(dead.length, 1);
  assertDeath(dead[0], DeathReason.MAX_DELIVERIES, MOST, "try 4");
  await server.stop();
});

Deno.test("queue: a job that was out for the last time when the server was killed is dead at the next start", async () => {
  await using directory = await QueueDirectory.make(CONFIGURATION);
  {
    await using server = await directory.start();
    await using client = await server.connect();
    await pushAll(client, QUEUE, ["poison"]);
    await pull(client, QUEUE, 1);
    for (let attempt = 1; attempt < MOST; attempt++) {
      const [job] = await jobs(client, 1);
      contentOf(await settle(client, Verdict.NACK, [job], { delayMs: 0n }), "settled");
    }
    assertAttempt((await jobs(client, 1))[0], MOST);
    await server.kill();
  }
  // The kill after that hits the move, or comes right before or behind it.
  await (await directory.start()).kill();
  await using server = await directory.start();
  await using client = await server.connect();
  await whenNoneIsOut(client, QUEUE);
  assert.deepEqual(await peekAll(client, QUEUE), []);
  const dead = await peekAll(client, DEAD);
  assert.equal(dead.length, 1);
  const because = "the server stopped while it was out";
  assertDeath(dead[0], DeathReason.MAX_DELIVERIES, MOST, because);
  await server.stop();
});

/** Gives jobs back in every way there is until the connection ends; calls `answered` for each answer. */
async function misuse(client: BusClient, random: Random, answered: () => void): Promise<void> {
  const verdicts = [Verdict.NACK, Verdict.NACK, Verdict.REJECT, Verdict.RELEASE];
  await pull(client, QUEUE, 16);
  while (client.ended === null) {
    await client.whenAny(() => client.messages.length > 0);
    for (const { message } of client.messages.splice(0)) {
      if (message.case === "settled") answered();
      if (message.case !== "job") continue;
      const verdict = random.pick(verdicts);
      const delayMs = verdict === Verdict.NACK ? 0n : undefined;
      const error = `attempt ${message.value.attempt}`;
      const value = { consumer: 1n, tokens: [message.value.token], verdict, delayMs, error };
      // The server may die meanwhile.
      await client.send({ message: { case: "settle", value }, id: client.nextId() }).catch(
        () => {},
      );
    }
  }
}

/** Has dead letters put back until the connection ends. */
async function redriveOn(client: BusClient, answered: () => void): Promise<void> {
  while (client.ended === null) {
    await redrive(client, QUEUE).catch((reason) => {
      if (client.ended === null) throw reason;
    });
    answered();
  }
}

/** Each of the jobs is in the queue or among the dead, once. */
async function checkPlaces(server: KeptServer, pushed: readonly string[]): Promise<PeekedJob[]> {
  await using client = await server.connect();
  await whenNoneIsOut(client, QUEUE);
  const alive = await peekAll(client, QUEUE);
  const dead = await peekAll(client, DEAD);
  const found = [...alive, ...dead].map(({ job }) => textIn(job!.payload)).sort();
  assert.deepEqual(found, [...pushed].sort());
  for (const { job } of dead) {
    const { reason, attempts, lastError, queue } = job!.death!;
    assert(attempts >= 1 && attempts <= MOST, `dead after ${attempts} deliveries`);
    assert.equal(queue, QUEUE);
    if (reason === DeathReason.MAX_DELIVERIES) assert.equal(attempts, MOST);
    else {
      assert.equal(reason, DeathReason.REJECTED);
      // What a consumer says is remembered by the server that heard it, and with the dead letter.
      assert(lastError === "" || lastError === `attempt ${attempts}`, lastError);
    }
  }
  return dead;
}

Deno.test(`queue: ${ROUNDS} times kill -9 around moves to the dead letters and redrives leave each job in one place`, async () => {
  console.log(`KILL_SEED=${SEED}`);
  const random = new Random(SEED);
  const pushed = Array.from({ length: 200 }, (_, index) => `job ${index}`);
  let died = 0;
  await using directory = await QueueDirectory.make(CONFIGURATION);
  for (let round = 0; round < ROUNDS; round++) {
    await using server = await directory.start();
    if (round === 0) {
      await using producer = await server.connect();
      await pushAll(producer, QUEUE, pushed);
    } else died += (await checkPlaces(server, pushed)).length;
    await using first = await server.connect();
    await using second = await server.connect();
    await using redriver = await server.connect();
    let left = 1 + random.below(random.pick([20, 200, 2000]));
    const dead = Promise.withResolvers<void>();
    const answered = () => {
      if (--left === 0) server.kill().then(dead.resolve, dead.reject);
    };
    const clients = [
      misuse(first, new Random(random.uint32()), answered),
      misuse(second, new Random(random.uint32()), answered),
      redriveOn(redriver, answered),
    ];
    await Promise.all([...clients, dead.promise]);
  }
  await using server = await directory.start();
  died += (await checkPlaces(server, pushed)).length;
  assert(died > 0, "some were dead when the server was killed");
  await server.stop();
});
