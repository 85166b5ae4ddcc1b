/**
 * Jobs whose clients are reset and whose server is killed: every acknowledged push is done, every repeat is
 * marked, nothing is done twice once that it was done is known, and at the end nothing is left.
 *
 * QUEUE_JOBS sets how many jobs there are, QUEUE_SEED when connections end and the server is killed; how
 * far everybody is at that moment, no seed decides.
 */
import assert from "node:assert/strict";
import { Random } from "../support/random.ts";
import { settles } from "../support/until.ts";
import type { KeptServer } from "./kept_server.ts";
import { QueueLedger } from "./queue_ledger.ts";
import { infoOf, QueueDirectory } from "./queue_calls.ts";
import { type Ground, LoadConsumer, LoadProducer, QUEUE } from "./queue_load.ts";

const JOBS = Number(Deno.env.get("QUEUE_JOBS") ?? 1_000_000);
const SEED = Number(Deno.env.get("QUEUE_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const PRODUCERS = 8;
const CONSUMERS = 8;
const KILLS = 3;
const HANG_MS = 600_000;

/** So long a lease that none ends: what comes back comes back because a connection or the server ended. */
const CONFIGURATION = `
[[queue]]
name = "sim.>"
lease_ms = 3600000
max_deliveries = 0
`;

/** A server that is killed once so many jobs are done, and started again. */
class KilledServer implements Ground, AsyncDisposable {
  readonly ledger: QueueLedger;
  readonly random: Random;
  readonly life: number;
  run = 0;
  over = false;
  readonly #directory: QueueDirectory;
  readonly #killAt: number[];
  readonly #through = Promise.withResolvers<void>();
  readonly #ends = new Set<() => void>();
  #server: Promise<KeptServer>;
  #asking = false;

  constructor(directory: QueueDirectory, jobs: number, random: Random) {
    this.#directory = directory;
    this.ledger = new QueueLedger(jobs);
    this.random = random;
    this.life = Math.ceil(jobs / 50);
    this.#killAt = Array.from({ length: KILLS }, () => Math.ceil(jobs * random.below(900) / 1000))
      .sort((left, right) => left - right);
    this.#server = directory.start();
  }

  server(): Promise<KeptServer> {
    return this.#server;
  }

  learnt(): void {
    if (this.#killAt.length > 0 && this.ledger.done >= this.#killAt[0]) {
      this.#killAt.shift();
      this.#server = this.#restart(this.#server);
      this.#server.catch((reason) => this.#through.reject(reason));
    }
    if (!this.ledger.isThrough || this.#asking) return;
    this.#asking = true;
    this.#ask().catch((reason) => this.#through.reject(reason)).finally(() => this.#asking = false);
  }

  whenOver(end: () => void): () => boolean {
    this.#ends.add(end);
    return () => this.#ends.delete(end);
  }

  /** Resolves when nothing is left; rejects when any of the clients fails. */
  async load(): Promise<void> {
    const clients = [
      ...Array.from({ length: PRODUCERS }, (_, at) => new LoadProducer(this, at)),
      ...Array.from({ length: CONSUMERS }, () => new LoadConsumer(this)),
    ];
    const running = clients.map((client) => client.run());
    const failure = Promise.all(running).then(() => this.#through.promise);
    try {
      await settles(Promise.race([this.#through.promise, failure]), "the last job", HANG_MS);
    } finally {
      this.over = true;
      for (const end of this.#ends) end();
      this.#ends.clear();
      await Promise.allSettled(running);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#server)[Symbol.asyncDispose]();
  }

  /** All jobs are done as far as clients know: asks the server, until it says so or clients learn more. */
  async #ask(): Promise<void> {
    while (this.ledger.isThrough && !this.over) {
      await using client = await (await this.#server).connect();
      const { ready, delayed, leased, blocked, dead, bytes } = await infoOf(client, QUEUE);
      if (ready + delayed + leased + blocked + dead + bytes === 0n) return this.#through.resolve();
    }
  }

  async #restart(former: Promise<KeptServer>): Promise<KeptServer> {
    const server = await former;
    await server.kill();
    this.run++;
    return await this.#directory.start();
  }
}

Deno.test(`queue: ${JOBS} jobs are done although clients and server are killed`, async () => {
  console.log(`QUEUE_SEED=${SEED}`);
  await using directory = await QueueDirectory.make(CONFIGURATION);
  await using killed = new KilledServer(directory, JOBS, new Random(SEED));
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
