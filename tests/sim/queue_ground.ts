/**
 * The ground of a load of jobs: a server in one directory that is ended each time so many jobs are done, in
 * whatever way, and started again under the same clients, until nothing is left.
 */
import { Random } from "../support/random.ts";
import { settles } from "../support/until.ts";
import type { KeptServer } from "./kept_server.ts";
import { infoOf, type QueueDirectory } from "./queue_calls.ts";
import { QueueLedger } from "./queue_ledger.ts";
import { type Ground, LoadConsumer, LoadProducer, QUEUE } from "./queue_load.ts";

const PRODUCERS = 8;
const CONSUMERS = 8;
const HANG_MS = 600_000;

/**
 * Its configuration. So long a lease that none ends: what comes back comes back because a connection or the
 * server ended.
 */
export const CONFIGURATION = `
[[queue]]
name = "sim.>"
lease_ms = 3600000
max_deliveries = 0
`;

/** What is done to a server. */
export interface EndedServerOptions {
  readonly jobs: number;
  readonly random: Random;
  /** Connections are reset after so many messages, at most. Default: never. */
  readonly life?: number;
  /** One delivery in so many is held until the connection ends. Default: none. */
  readonly hoarded?: number;
  /** Whether nothing more is begun once the server says that it stops. Default: true. */
  readonly polite?: boolean;
  /** How often it is ended. */
  readonly ends: number;
  /** Ends it. */
  readonly end: (server: KeptServer) => Promise<void>;
}

/** A server that is ended now and then, and its clients. */
export class EndedServer implements Ground, AsyncDisposable {
  readonly ledger: QueueLedger;
  readonly random: Random;
  readonly life: number;
  readonly hoarded: number;
  readonly polite: boolean;
  run = 0;
  over = false;
  readonly #directory: QueueDirectory;
  readonly #endAt: number[];
  readonly #end: (server: KeptServer) => Promise<void>;
  readonly #through = Promise.withResolvers<void>();
  readonly #ends = new Set<() => void>();
  #server: Promise<KeptServer>;
  #asking = false;

  constructor(directory: QueueDirectory, options: EndedServerOptions) {
    const { jobs, random, life = Infinity, hoarded = 0, polite = true, ends, end } = options;
    this.#directory = directory;
    this.#end = end;
    this.ledger = new QueueLedger(jobs);
    this.random = random;
    this.life = life;
    this.hoarded = hoarded;
    this.polite = polite;
    this.#endAt = Array.from({ length: ends }, () => Math.ceil(jobs * random.below(900) / 1000))
      .sort((left, right) => left - right);
    this.#server = directory.start();
  }

  /** Whether it will be ended once more. */
  get willEnd(): boolean {
    return this.#endAt.length > 0;
  }

  server(): Promise<KeptServer> {
    return this.#server;
  }

  learnt(): void {
    if (this.willEnd && this.ledger.through >= this.#endAt[0]) {
      this.#endAt.shift();
      this.#server = this.#restart(this.#server);
      this.#server.catch((reason) => this.#through.reject(reason));
    }
    if (!this.ledger.isThrough || this.willEnd || this.#asking) return;
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
    await this.#end(server);
    this.run++;
    return await this.#directory.start();
  }
}
