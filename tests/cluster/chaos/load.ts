/**
 * Publishes and pushes through whichever node takes it, each thing until it was acknowledged, with the same message_id.
 */
import { type Client, ErrorCode, type ParleyError } from "../../../lib/client/mod.ts";
import { ReplicaLedger } from "../../sim/replica_ledger.ts";
import { Loops, mayPass, pause } from "./loop.ts";
import { NODES } from "./world.ts";

/** The queues that jobs are pushed to. */
export const QUEUES = ["work0", "work1", "work2"] as const;
/** What makes an event large, for a disk that is to be full. */
const BULK = " ".repeat(32 * 1024);

/** How long a publisher thinks between two events, so that a machine of two cores has time for the nodes. */
const THINK_MS = 5;

/** Publishes and pushes. */
export class Load extends Loops {
  readonly ledger = new ReplicaLedger();
  /** Whether events are large. */
  isBulky = false;
  /** The longest time without an acknowledgement since `measure`. */
  longestMs = 0;
  #lastMs = performance.now();
  #count = 0;

  /** Measures anew how long nothing is acknowledged. */
  measure(): void {
    this.longestMs = 0;
    this.#lastMs = performance.now();
  }

  /** Resolves when so much more was acknowledged. */
  async works(more: number): Promise<void> {
    const enough = this.ledger.acknowledged + more;
    await this.world.comes(
      "events and jobs are acknowledged",
      () => this.ledger.acknowledged >= enough || this.failure !== null,
    );
    this.check();
  }

  protected override async turn(home: number): Promise<void> {
    const number = ++this.#count;
    const text = `payload-${number}`;
    const options = { messageId: text };
    if (number % 4 === 0) {
      const queue = QUEUES[number % QUEUES.length];
      const push = (client: Client) => client.queue(queue).push(text, options);
      const { id } = await this.#anywhere(home, push);
      this.ledger.pushed(queue, Number(id));
    } else {
      const topic = `kept.${number % 5}`;
      const payload = this.isBulky ? text + BULK : text;
      const publish = (client: Client) => client.publish(topic, payload, options);
      const { seq } = await this.#anywhere(home, publish);
      this.ledger.kept(topic, Number(seq), text);
    }
    const nowMs = performance.now();
    this.longestMs = Math.max(this.longestMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    if (!this.isBulky) await pause(THINK_MS);
  }

  /** Asks the node that is at home, and others while that gives no answer, until one takes it. */
  async #anywhere<T>(home: number, run: (client: Client) => Promise<T>): Promise<T> {
    for (let index = home;;) {
      const client = this.clients[index];
      const isThere = client.status === "connected";
      try {
        if (isThere) return await run(client);
      } catch (error) {
        if (!mayPass(error)) throw error;
        // Who is told to try again does so: it knows when somebody else leads.
        if ((error as ParleyError).code === ErrorCode.UNAVAILABLE) {
          await pause();
          continue;
        }
      }
      index = (index + 1) % NODES.length;
      await pause();
    }
  }
}
