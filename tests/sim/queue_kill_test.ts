/**
 * Jobs whose clients are reset and whose server is killed: every acknowledged push is done, every repeat is
 * marked, nothing is done twice once that it was done is known, and at the end nothing is left.
 *
 * QUEUE_JOBS sets how many jobs there are, QUEUE_SEED when connections end and the server is killed; how
 * far everybody is at that moment, no seed decides.
 */
import assert from "node:assert/strict";
import { Random } from "../support/random.ts";
import { QueueDirectory } from "./queue_calls.ts";
import { CONFIGURATION, EndedServer } from "./queue_ground.ts";

const JOBS = Number(Deno.env.get("QUEUE_JOBS") ?? 1_000_000);
const SEED = Number(Deno.env.get("QUEUE_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const KILLS = 3;

Deno.test(`queue: ${JOBS} jobs are done although clients and server are killed`, async () => {
  console.log(`QUEUE_SEED=${SEED}`);
  await using directory = await QueueDirectory.make(CONFIGURATION);
  await using killed = new EndedServer(directory, {
    jobs: JOBS,
    random: new Random(SEED),
    life: Math.ceil(JOBS / 50),
    ends: KILLS,
    end: (server) => server.kill(),
  });
  const { ledger } = killed;
  await killed.load();
  assert.equal(killed.run, KILLS);
  assert.equal(ledger.pushed, JOBS);
  assert(ledger.repeats > 0, "something came again");
  ledger.checkIds();
  const { deliveries, repeats, duplicates, unknown } = ledger;
  console.log({ deliveries, repeats, duplicates, unknown });
  await (await killed.server()).stop();
});
