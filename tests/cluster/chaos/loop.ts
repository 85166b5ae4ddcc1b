/**
 * What clients do again and again, on all nodes at once: it can rest, so that what the nodes hold can be compared, and ends with
 * the first thing that must not be.
 */
import { type Client, ErrorCode, ParleyError } from "../../../lib/client/mod.ts";
import { type ChaosWorld, NODES } from "./world.ts";

/** The pause before what may pass is tried again. */
const AGAIN_MS = 20;

/** Whether a refusal, or an answer that does not come, may be what a fault brings about. */
export function mayPass(error: unknown): boolean {
  const { code } = error instanceof ParleyError ? error : { code: 0 };
  return code === ErrorCode.UNAVAILABLE || code === ErrorCode.DEADLINE_EXCEEDED;
}

export function pause(ms = AGAIN_MS): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Loops of one kind, with a client of each node. */
export abstract class Loops {
  readonly world: ChaosWorld;
  readonly clients: Client[] = [];
  /** Why it has ended before it was told to. */
  failure: unknown = null;
  #stops = false;
  #gate: PromiseWithResolvers<void> | null = null;
  #busy = 0;
  #running: Promise<unknown> = Promise.resolve();

  constructor(world: ChaosWorld) {
    this.world = world;
  }

  /** Begins, with so many loops for each node. */
  async begin(each = 1): Promise<void> {
    for (const index of NODES) this.clients[index] = await this.world.client(index);
    const homes = NODES.flatMap((index) => Array<number>(each).fill(index));
    this.#running = Promise.all(homes.map((home) => this.#run(home)));
  }

  /** Resolves once nothing is under way. */
  async rest(): Promise<void> {
    this.#gate ??= Promise.withResolvers();
    await this.world.comes("everybody rests", () => this.#busy === 0 || this.failure !== null);
    this.check();
  }

  goOn(): void {
    this.#gate?.resolve();
    this.#gate = null;
  }

  /** Raises what must not be and was. */
  check(): void {
    if (this.failure !== null) throw this.failure;
  }

  async stop(): Promise<void> {
    this.#stops = true;
    this.goOn();
    await this.#running;
    this.check();
  }

  /** Does one thing, from a node on. */
  protected abstract turn(home: number): Promise<void>;

  async #run(home: number): Promise<void> {
    try {
      while (!this.#stops) {
        if (this.#gate !== null) {
          await this.#gate.promise;
          continue;
        }
        this.#busy++;
        try {
          await this.turn(home);
        } finally {
          this.#busy--;
        }
      }
    } catch (error) {
      this.failure ??= error;
    }
  }
}
