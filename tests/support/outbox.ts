/**
 * Outboxes for tests, and writers that settle when the test says so.
 */
import { Outbox, type WriteBatch } from "../../lib/wire/outbox.ts";
import { OutboxBudget } from "../../lib/wire/outbox_budget.ts";
import { SlabPool } from "../../lib/wire/slab_pool.ts";

/** An outbox with a budget of its own, and a pool unless it shares one. */
export function makeOutbox(
  write: WriteBatch = () => Promise.resolve(),
  pool = new SlabPool(),
): { outbox: Outbox; pool: SlabPool; budget: OutboxBudget } {
  const budget = new OutboxBudget(256 * 1024 * 1024);
  return { outbox: new Outbox(write, pool, budget), pool, budget };
}

/** Puts text into an outbox, without a frame. */
export function putText(outbox: Outbox, text: string): void {
  const bytes = new TextEncoder().encode(text);
  outbox.reserve(bytes.length);
  outbox.bytes.set(bytes, outbox.length);
  outbox.advance(bytes.length);
}

/** A writer whose writes are pending until they are told to settle. */
export class ManualWriter {
  /** The batches in order, copied when they were handed over. */
  readonly batches: Uint8Array[] = [];
  #pending: { resolve: () => void; reject: (reason: unknown) => void }[] = [];

  /** What an outbox is given. */
  readonly write: WriteBatch = (batch) => {
    this.batches.push(batch.slice());
    return new Promise((resolve, reject) => this.#pending.push({ resolve, reject }));
  };

  /** How many writes are pending. */
  get pending(): number {
    return this.#pending.length;
  }

  /** The batches as text. */
  get texts(): string[] {
    return this.batches.map((batch) => new TextDecoder().decode(batch));
  }

  /** Lets the oldest write succeed, and gives everybody who waits for it a turn. */
  async succeed(): Promise<void> {
    this.#pending.shift()!.resolve();
    await turn();
  }

  /** Lets the oldest write fail. */
  async fail(reason: unknown): Promise<void> {
    this.#pending.shift()!.reject(reason);
    await turn();
  }
}

/** One turn of the event loop: every promise that can go on has gone on. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
