/**
 * Work that a turn has left over, done in turns of its own until nothing is left.
 */
import { detached } from "../../base/detached.ts";
import type { FairTurns, TurnTaker } from "./fair_turns.ts";

/** The work that is left over. */
export class LaterTurns {
  readonly #turn: TurnTaker;
  readonly #step: () => boolean;
  readonly #units: number;
  #running = false;

  /** `step` does a part, which costs about as much as `units` small messages, and gives whether there is more. */
  constructor(turns: FairTurns, units: number, step: () => boolean) {
    this.#turn = turns.join();
    this.#units = units;
    this.#step = step;
  }

  /** Says that something is left over. */
  begin(): void {
    if (this.#running) return;
    this.#running = true;
    detached(this.#run(), "go on with what a turn has left over");
  }

  async #run(): Promise<void> {
    try {
      await this.#turn.wait();
      while (this.#step()) await this.#turn.did(this.#units);
    } finally {
      this.#running = false;
    }
  }
}
