/**
 * SIGTERM while jobs are pushed and done: the server ends with 0, what was acknowledged stays, and what was
 * out comes back marked, to be done by those who come after.
 *
 * QUEUE_SEED sets when the signals come; how far everybody is at that moment, no seed decides.
 */
import assert from "node:assert/strict";
import { Random } from "../support/random.ts";
import type { KeptServer } from "./kept_server.ts";
import { QueueDirectory } from "./queue_calls.ts";
import { CONFIGURATION, EndedServer } from "./queue_ground.ts";
import type { QueueLedger } from "./queue_ledger.ts";

const SEED = Number(Deno.env.get("QUEUE_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const JOBS = 60_000;
const ENDS = 3;
const HOARDED = 1000;

const SHORT_DRAIN = `
[limits]
drain_ms = 500
drain_quiet_ms = 100
linger_ms = 500
`;

/** Nobody is quiet for so long. */
const LONG_DRAIN = `
[limits]
drain_quiet_ms = 9000
`;

/** Ends a server again and again, and checks what is left of all jobs. */
async function endAgainAndAgain(
  polite: boolean,
  end: (server: KeptServer) => Promise<void>,
  more = "",
): Promise<QueueLedger> {
  console.log(`QUEUE_SEED=${SEED}`);
  await using directory = await QueueDirectory.make(CONFIGURATION + more);
  const random = new Random(SEED);
  const options = { jobs: JOBS, random, hoarded: HOARDED, polite, ends: ENDS, end };
  await using ended = new EndedServer(directory, options);
  const { ledger } = ended;
  await ended.load();
  assert.equal(ended.run, ENDS);
  assert.equal(ledger.pushed, JOBS);
  assert(ledger.repeats > 0, "what was out came again");
  ledger.checkIds();
  await (await ended.server()).stop();
  return ledger;
}

Deno.test("queue: SIGTERM under load ends it with 0, and everything that was sent is answered", async () => {
  const ledger = await endAgainAndAgain(true, (server) => server.stop());
  assert.equal(ledger.duplicates, 0, "no push had to be sent again");
  assert.equal(ledger.unknown, 0, "no acknowledgement was left without an answer");
});

Deno.test("queue: SIGTERM ends it with 0 although clients go on, and loses nothing", async () => {
  const end = async ({ running }: KeptServer) => {
    const { code, log } = await running.end("SIGTERM");
    assert.equal(code, 0, log);
    assert.match(log, /"message":"stopped"/);
  };
  await endAgainAndAgain(false, end, SHORT_DRAIN);
});

Deno.test("queue: a second SIGTERM ends it with 143, and loses nothing", async () => {
  const end = async ({ running }: KeptServer) => {
    running.child.kill("SIGTERM");
    await running.says("stopping");
    const { code, log } = await running.end("SIGTERM");
    assert.equal(code, 143, log);
  };
  await endAgainAndAgain(false, end, LONG_DRAIN);
});
