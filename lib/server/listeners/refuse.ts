/**
 * Tells a connection that there is no place for it, and closes it.
 *
 * The word is best effort: a few refused connections at a time are given a moment to read it, so that
 * bytes they have sent do not reset the connection first; in a flood the others are closed at once, before
 * anything is written to them, so that they take no descriptor any more when the next one is accepted.
 */
import type { ParleyError } from "../../base/errors.ts";
import { MAX_TOLD_REFUSALS } from "../../base/limits.ts";
import type { Dialect, Link } from "../../ports/link.ts";
import { encodeReply, errorReply } from "../../services/connection/reply.ts";
import { BufferPool } from "../../wire/buffer_pool.ts";
import { putMessage } from "../../wire/frame_writer.ts";
import { Outbox } from "../../wire/outbox.ts";
import { OutboxBudget } from "../../wire/outbox_budget.ts";
import type { Admission } from "./admission.ts";

/** How long one is waited for. */
const LINGER_MS = 1000;

/** Refuses connections. */
export class Refuser {
  readonly #admission: Admission;
  readonly #pool = new BufferPool();
  readonly #budget = new OutboxBudget(MAX_TOLD_REFUSALS * 1024);
  readonly #lingering = new Set<Link>();

  /** `admission` says how many may be told. */
  constructor(admission: Admission) {
    this.#admission = admission;
  }

  /** Writes `error` to `link` and closes it; never rejects. */
  async refuse(link: Link, dialect: Dialect, error: ParleyError): Promise<void> {
    if (!this.#admission.mayTell()) return link.close();
    this.#lingering.add(link);
    const timer = setTimeout(() => link.close(), LINGER_MS);
    try {
      const outbox = new Outbox((batch) => link.write(batch), this.#pool, this.#budget);
      const framing = dialect === "raw" ? "bare" : dialect;
      putMessage(outbox, framing, encodeReply(errorReply(error)));
      outbox.flush();
      await outbox.whenAtMost(0);
      link.closeWrite();
      const discarded = new Uint8Array(1024);
      while (await link.read(discarded) !== null);
    } catch {
      // It went by itself.
    } finally {
      clearTimeout(timer);
      this.#lingering.delete(link);
      link.close();
      await link.whenReleased();
      this.#admission.told();
    }
  }

  /** Closes those that are still waited for. */
  close(): void {
    for (const link of this.#lingering) link.close();
  }
}
