/**
 * Lets subscribers that read, but are behind, catch up for a moment before their publisher is read again.
 *
 * Without it a publisher that is a little faster than its subscriber would have it disconnected for
 * nothing. The wait is short and only for those who make progress, so a stuck subscriber cannot use it to
 * hold others up, nor hide one that reads; and subscribers that chose to lose events rather than to wait
 * are not among those who are behind.
 */
import { MAX_PUBLISHER_PAUSE_MS } from "../../base/limits.ts";
import type { Outbox } from "../../wire/outbox.ts";
import type { Peer } from "./peer.ts";

/** Without progress for this long, a subscriber is not waited for. */
const PATIENCE_MS = 3;

/** One who reads what others publish. */
export interface SlowReader {
  readonly owner: Peer;
  readonly outbox: Outbox;
}

/** One subscriber that is waited for. */
class Awaited {
  readonly #subscription: SlowReader;
  readonly #enoughBytes: number;
  #written: number;
  #without = 0;

  constructor(subscription: SlowReader) {
    this.#subscription = subscription;
    this.#enoughBytes = subscription.outbox.size >>> 1;
    this.#written = subscription.owner.link.bytesWritten;
  }

  /** Looks again; says whether it has not caught up and still deserves to be waited for. */
  isAwaited(): boolean {
    const { owner, outbox } = this.#subscription;
    if (outbox.size <= this.#enoughBytes || !owner.takesDeliveries) return false;
    const written = owner.link.bytesWritten;
    this.#without = written === this.#written ? this.#without + 1 : 0;
    this.#written = written;
    return this.#without < PATIENCE_MS;
  }
}

/** Waits until all `behind` have caught up, or do not deserve it. */
export async function waitForReaders(behind: readonly SlowReader[]): Promise<void> {
  let awaited = behind.map((subscription) => new Awaited(subscription));
  for (let waited = 0; waited < MAX_PUBLISHER_PAUSE_MS && awaited.length > 0; waited++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    awaited = awaited.filter((one) => one.isAwaited());
  }
}
