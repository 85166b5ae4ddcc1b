/**
 * Waits until a node has applied what its log holds: who was acknowledged elsewhere may ask for it here.
 *
 * Bounded: however many wait, one question to the log is under way, and one more for all who came since.
 */
import type { CommitLog, LogReader } from "../../ports/commit_log.ts";

/** Waits for one reader of the log. */
export class CatchUp {
  readonly #log: CommitLog;
  readonly #reader: () => LogReader | null;
  #underWay: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  /** `reader` gives the reader of the moment; null while there is none. */
  constructor(log: CommitLog, reader: () => LogReader | null) {
    this.#log = log;
    this.#reader = reader;
  }

  /** Resolves when everything was applied that the log holds at this moment, at the latest after `mostMs`; never rejects. */
  async within(mostMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<void>((resolve) => timer = setTimeout(resolve, mostMs));
    await Promise.race([this.#caught(), over]);
    clearTimeout(timer);
  }

  #caught(): Promise<void> {
    if (this.#underWay === null) return this.#begin();
    // The one that is under way may have asked before what this caller knows of was there.
    return this.#next ??= this.#underWay.then(() => {
      this.#next = null;
      return this.#begin();
    });
  }

  #begin(): Promise<void> {
    return this.#underWay = this.#catchUp().finally(() => this.#underWay = null);
  }

  async #catchUp(): Promise<void> {
    try {
      const { lastSequence } = await this.#log.state();
      await this.#reader()?.reached(lastSequence);
    } catch {
      // The log does not answer, or is read no longer: whoever waits goes on with what is there.
    }
  }
}
