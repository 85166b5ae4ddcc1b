/**
 * Flushes, in turns of its own, what a turn has handed out to more connections than it may flush itself.
 */
import { detached } from "../../base/detached.ts";
import { FLUSHED_AT_ONCE } from "../../wire/fanout.ts";
import type { FairTurns, TurnTaker } from "../connection/fair_turns.ts";

/** The flushes that a server still owes. */
export class LaterFlushes {
  readonly #turn: TurnTaker;
  readonly #flushSome: () => boolean;
  #running = false;

  /** `flushSome` flushes at most `FLUSHED_AT_ONCE` outboxes, and gives whether there are more. */
  constructor(turns: FairTurns, flushSome: () => boolean) {
    this.#turn = turns.join();
    this.#flushSome = flushSome;
  }

  /** Says that there is something to flush. */
  begin(): void {
    if (this.#running) return;
    this.#running = true;
    detached(this.#run(), "flush what was handed out");
  }

  async #run(): Promise<void> {
    await this.#turn.wait();
    while (this.#flushSome()) await this.#turn.did(FLUSHED_AT_ONCE);
    this.#running = false;
  }
}
