/**
 * Calls from each node to a service at the next one: an answer is that of its question.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError } from "../../../lib/client/mod.ts";
import { Loops, mayPass, pause } from "./loop.ts";
import { NODES } from "./world.ts";

/** How long a caller thinks between two calls. */
const THINK_MS = 10;

/** A caller and a service at each node. */
export class Calls extends Loops {
  /** How many calls of each node were answered. */
  readonly answered: number[] = NODES.map(() => 0);
  #count = 0;

  override async begin(each = 1): Promise<void> {
    for (const index of NODES) {
      const client = await this.world.client(index);
      await client.serve(`chaos.Service${index}`, (call) => `${index} answers ${call.text()}`);
    }
    await super.begin(each);
  }

  /** Resolves once calls from every node were answered. */
  async work(): Promise<void> {
    const before = [...this.answered];
    await this.world.comes(
      "calls are answered between all nodes",
      () => this.failure !== null || NODES.every((index) => this.answered[index] > before[index]),
    );
    this.check();
  }

  protected override async turn(home: number): Promise<void> {
    const text = String(++this.#count);
    const to = (home + 1) % NODES.length;
    try {
      const answer = await this.clients[home].call(`chaos.Service${to}`, text, {
        timeoutMs: 2000,
      });
      assert.equal(answer.text(), `${to} answers ${text}`);
      this.answered[home]++;
    } catch (error) {
      const isUnknown = error instanceof ParleyError && error.code === ErrorCode.UNIMPLEMENTED;
      if (!mayPass(error) && !isUnknown) throw error;
    }
    await pause(THINK_MS);
  }
}
