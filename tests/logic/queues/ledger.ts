/**
 * What the outside saw of a queue, and whether that keeps what a queue promises, whatever the machine and
 * the model agree on: what was pushed for sure is there until it is done, dead or dropped; a job has one
 * holder; a key has one, too, and its jobs in order; a repeat is marked; attempts have an end; what is done
 * stays done. It outlives crashes.
 */
import assert from "node:assert/strict";

/** A job whose push was committed. */
interface Entry {
  readonly key: number;
  /** How often it was delivered and not given back untried. */
  tries: number;
  delivered: boolean;
  gone: boolean;
  /** Who holds it, and until when. */
  holder: number | null;
  endMs: number;
}

interface Settled {
  readonly id: number;
  readonly holder: number;
  readonly verb: string;
}

/** The books of one history. */
export class Ledger {
  readonly #entries = new Map<number, Entry>();
  readonly #ordered: boolean;
  readonly #maxDeliveries: number;
  #gathering: Settled[] = [];
  #sealed: Settled[][] = [];

  constructor(ordered: boolean, maxDeliveries: number) {
    this.#ordered = ordered;
    this.#maxDeliveries = maxDeliveries;
  }

  /** A push is committed. */
  pushed(id: number, key: number): void {
    assert(!this.#entries.has(id), `id ${id} is given once`);
    const entry = { key, tries: 0, delivered: false, gone: false, holder: null, endMs: 0 };
    this.#entries.set(id, entry);
  }

  /** A job is handed over. */
  delivered(
    id: number,
    to: number,
    { endMs, attempts, redelivered }: { endMs: number; attempts: number; redelivered: boolean },
  ): void {
    const entry = this.#of(id);
    assert(!entry.gone, `job ${id} is gone and is handed out`);
    assert.equal(entry.holder, null, `job ${id} has a holder and is handed out`);
    if (entry.delivered) assert(redelivered, `the repeat of job ${id} is not marked`);
    entry.tries++;
    entry.delivered = true;
    entry.holder = to;
    entry.endMs = endMs;
    assert(attempts >= entry.tries, `job ${id} was tried ${entry.tries} times, not ${attempts}`);
    const most = this.#maxDeliveries;
    if (most > 0) assert(attempts <= most, `job ${id} is handed out ${attempts} times`);
    if (this.#ordered && entry.key !== 0) this.#checkLine(id, entry.key);
  }

  #checkLine(id: number, key: number): void {
    for (const [other, entry] of this.#entries) {
      if (entry.key !== key || other === id) continue;
      assert.equal(entry.holder, null, `job ${other} of the key of job ${id} is held`);
      if (other < id) assert(entry.gone, `job ${other} comes before job ${id} by its key`);
    }
  }

  /** The machine took what a consumer said of a job. */
  settled(id: number, from: number, verb: string): void {
    const entry = this.#of(id);
    assert.equal(entry.holder, from, `job ${id} is settled by its holder`);
    entry.holder = null;
    this.#gathering.push({ id, holder: from, verb });
  }

  /** The machine took the extension of a lease. */
  extended(id: number, from: number, endMs: number): void {
    const entry = this.#of(id);
    assert.equal(entry.holder, from);
    entry.endMs = endMs;
  }

  /** Time passed. */
  passed(nowMs: number): void {
    for (const entry of this.#entries.values()) if (entry.endMs <= nowMs) entry.holder = null;
  }

  /** A consumer is gone. */
  left(consumer: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.holder === consumer) entry.holder = null;
    }
    const others = (settled: Settled[]) =>
      settled.map((each) => each.holder === consumer ? { ...each, holder: -1 } : each);
    this.#gathering = others(this.#gathering);
    this.#sealed = this.#sealed.map(others);
  }

  /** A job is gone for good. */
  gone(id: number): void {
    const entry = this.#of(id);
    assert(!entry.gone, `job ${id} goes once`);
    assert.equal(entry.holder, null, `job ${id} goes while somebody holds it`);
    entry.gone = true;
  }

  seal(): void {
    this.#sealed.push(this.#gathering);
    this.#gathering = [];
  }

  committed(): void {
    for (const { id, verb } of this.#sealed.shift()!) {
      if (verb === "release") this.#of(id).tries--;
    }
  }

  /** What was settled and is not committed is held as before, by those that are there. */
  failed(): void {
    for (const { id, holder } of [...this.#sealed.flat(), ...this.#gathering]) {
      if (holder >= 0) this.#of(id).holder = holder;
    }
    this.#gathering = [];
    this.#sealed = [];
  }

  /** The server is gone, with all that was not committed. */
  crashed(kept: Iterable<number>): void {
    this.checkPresent(kept);
    this.#gathering = [];
    this.#sealed = [];
    for (const entry of this.#entries.values()) entry.holder = null;
  }

  /** Raises unless these are the jobs that were pushed for sure and are not gone. */
  checkPresent(ids: Iterable<number>): void {
    const expected = [...this.#entries].filter(([, { gone }]) => !gone).map(([id]) => id);
    const ascending = [...ids].sort((a, b) => a - b);
    assert.deepEqual(ascending, expected.sort((a, b) => a - b), "what was pushed is there");
  }

  #of(id: number): Entry {
    const entry = this.#entries.get(id);
    assert(entry !== undefined, `job ${id} was never pushed for sure`);
    return entry;
  }
}
