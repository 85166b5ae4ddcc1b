/**
 * Pulls from all queues at every node, and does what it gets: a job is done once, and comes without a mark once at most.
 */
import assert from "node:assert/strict";
import { ErrorCode, type Job, ParleyError } from "../../../lib/client/mod.ts";
import { QUEUES } from "./load.ts";
import { mayPass, pause } from "./loop.ts";
import type { Client } from "../../../lib/client/mod.ts";
import { type ChaosWorld, NODES } from "./world.ts";

/** Works at every node. */
export class Workers {
  /** The jobs whose settlement was acknowledged, all that were ever seen, and how often one was seen again. */
  readonly done = new Set<string>();
  readonly seen = new Set<string>();
  repeats = 0;
  failure: unknown = null;
  /** The jobs that came without a mark. */
  readonly #unmarked = new Set<string>();
  #stops = false;
  readonly #clients: Client[] = [];
  #running: Promise<unknown> = Promise.resolve();

  constructor(readonly world: ChaosWorld) {}

  async begin(): Promise<void> {
    for (const index of NODES) this.#clients[index] = await this.world.client(index);
    this.#running = Promise.all(
      this.#clients.flatMap((client) => QUEUES.map((queue) => this.#work(client, queue))),
    );
  }

  /** Resolves once every job of these queues up to their last was seen, and none is left. */
  async finish(last: ReadonlyMap<string, number>): Promise<void> {
    const client = this.#clients[await this.world.writer()];
    for (const [queue, id] of last) {
      let told = "";
      const isDone = async () => {
        if (this.failure !== null) throw this.failure;
        try {
          const { ready, delayed, leased, dead } = await client.queue(queue).info();
          told = JSON.stringify({ ready, delayed, leased, dead });
          assert.equal(dead, 0, "no job was given up");
          return ready + delayed + leased === 0;
        } catch (error) {
          if (!mayPass(error)) throw error;
          return false;
        }
      };
      await this.world.comes(`all jobs of ${queue} are done`, isDone).catch((error) => {
        throw new Error(`${error.message}: ${told}`);
      });
      for (let number = 1; number <= id; number++) {
        assert.ok(this.seen.has(`${queue} ${number}`), `job ${number} of ${queue} was handed out`);
      }
    }
  }

  async stop(): Promise<void> {
    this.#stops = true;
    await Promise.all(this.#clients.map((client) => this.world.drop(client)));
    await this.#running;
    if (this.failure !== null) throw this.failure;
  }

  async #work(client: Client, queue: string): Promise<void> {
    while (!this.#stops && this.failure === null) {
      try {
        for await (const job of client.queue(queue).pull({ prefetch: 4 })) await this.#take(job);
      } catch (error) {
        if (!this.#stops && !mayPass(error)) this.failure ??= error;
      }
      await pause();
    }
  }

  async #take(job: Job): Promise<void> {
    const name = `${job.queue} ${job.id}`;
    if (this.seen.has(name)) this.repeats++;
    this.seen.add(name);
    // It may have waited here while it was given to another one, marked: then it is not the one that comes again.
    if (!job.redelivered) {
      assert.ok(!this.#unmarked.has(name), `${name} comes again marked`);
      this.#unmarked.add(name);
    }
    for (;;) {
      try {
        await job.ack();
        assert.ok(!this.done.has(name), `${name} is done once`);
        this.done.add(name);
        return;
      } catch (error) {
        const { code } = error instanceof ParleyError ? error : { code: 0 };
        // It was too late, or done before and nobody could say so.
        if (code === ErrorCode.FAILED_PRECONDITION) return;
        if (!mayPass(error)) throw error;
        await pause();
      }
    }
  }
}
