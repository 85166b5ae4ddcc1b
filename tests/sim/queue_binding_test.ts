/**
 * Binding: an event is kept and its job queued, or neither, whenever the server is killed.
 *
 * A consumer acknowledges jobs meanwhile, so what counts is which jobs were ever there: those that it got and
 * those that are left. KILL_ROUNDS sets how many kills there are, KILL_SEED what is sent and when they come.
 */
import assert from "node:assert/strict";
import { type Job, Verdict } from "../../lib/gen/parley/v1/queue_pb.ts";
import { pull } from "../services/queues/queue_support.ts";
import type { BusClient } from "../support/bus_client.ts";
import { textIn } from "../support/bus_messages.ts";
import { Random } from "../support/random.ts";
import { readAll } from "./kept_history.ts";
import { putUnderLoad } from "./kept_load.ts";
import type { KeptServer } from "./kept_server.ts";
import { infoOf, peekAll, QueueDirectory } from "./queue_calls.ts";

const ROUNDS = Number(Deno.env.get("KILL_ROUNDS") ?? 10);
const SEED = Number(Deno.env.get("KILL_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
/** So many kills does a directory see; everything in it is read after each. */
const ROUNDS_A_DIRECTORY = 5;

/** The second queue is bound to some of the topics that the first one has, and nobody takes from it. */
const CONFIGURATION = `
[[queue]]
name = "work.all"
bind = ["sim.>"]
lease_ms = 3600000
max_deliveries = 0

[[queue]]
name = "work.some"
bind = ["sim.b.*"]
`;

/** An event or a job, by its topic and what it says: publishers number what they send. */
function nameOf({ topic, payload }: { topic: string; payload: Uint8Array }): string {
  return `${topic} ${textIn(payload)}`;
}

/** Takes jobs of the first queue and acknowledges every second one, until the connection ends. */
async function consume(client: BusClient, taken: Job[]): Promise<void> {
  await pull(client, "work.all", 1000);
  while (client.ended === null) {
    await client.whenAny(() => client.messages.length > 0);
    const tokens: bigint[] = [];
    for (const { message } of client.messages.splice(0)) {
      if (message.case !== "job") continue;
      if (taken.push(message.value) % 2 === 0) tokens.push(message.value.token);
    }
    if (tokens.length === 0) continue;
    const value = { consumer: 1n, tokens, verdict: Verdict.ACK };
    // The server may die meanwhile.
    await client.send({ message: { case: "settle", value } }).catch(() => {});
  }
}

/** What consumers have got of the first queue in one directory, over all runs. */
class Bound {
  /** Ids by what jobs say. */
  readonly #taken = new Map<string, bigint>();
  events = 0;

  /** Holds what is left against the events that are kept. */
  async check(server: KeptServer, taken: readonly Job[]): Promise<void> {
    for (const job of taken) this.#take(job);
    await using client = await server.connect();
    const left = (await peekAll(client, "work.all")).map(({ job }) => job!);
    const { ready } = await infoOf(client, "work.all");
    assert.equal(left.length, Number(ready), "nobody holds a job after a start");
    for (const job of left) this.#take(job);
    const some = (await peekAll(client, "work.some")).map(({ job }) => nameOf(job!));
    await using reader = await server.connect();
    const events = await readAll(reader);
    this.events = events.length;
    const names = events.map(nameOf);
    assert.equal(new Set(left.map(nameOf)).size, left.length, "no event is two jobs");
    assert.deepEqual([...this.#taken.keys()].sort(), names.toSorted(), "each event is one job");
    const bound = names.filter((name) => name.startsWith("sim.b."));
    assert.deepEqual(some.sort(), bound.sort(), "each event of a topic is one job of its queue");
  }

  #take(job: Job): void {
    const name = nameOf(job);
    const known = this.#taken.get(name);
    if (known === undefined) this.#taken.set(name, job.id);
    else assert.equal(job.id, known, `${name} is one job`);
  }
}

Deno.test(`queue: ${ROUNDS} times kill -9 leave an event and its jobs, or neither`, async () => {
  console.log(`KILL_SEED=${SEED}`);
  const random = new Random(SEED);
  let events = 0;
  for (let left = ROUNDS; left > 0; left -= ROUNDS_A_DIRECTORY) {
    await using directory = await QueueDirectory.make(CONFIGURATION);
    const bound = new Bound();
    for (let round = 0; round < Math.min(left, ROUNDS_A_DIRECTORY); round++) {
      await using server = await directory.start();
      await using consumer = await server.connect();
      const taken: Job[] = [];
      const consuming = consume(consumer, taken);
      await putUnderLoad(server, {
        random,
        name: `r${round}`,
        answers: 1 + random.below(random.pick([10, 500, 4000])),
        end: () => server.kill(),
      });
      await consuming;
      await using next = await directory.start();
      await bound.check(next, taken);
      await next.kill();
    }
    events += bound.events;
  }
  assert(events > 0);
});
