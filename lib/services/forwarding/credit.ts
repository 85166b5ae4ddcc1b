/**
 * How much one node may send another without its being taken: for each session, and for all of them together.
 *
 * A session that is not taken from holds up itself alone: it may have a window under way, and no more than a quarter of what all
 * of them have left, so that those who are stuck hardly use up everything; and who has nothing under way may always send a
 * message. Whoever waits is let on in turn. Pure.
 */

/** The most bytes of one session that are under way. */
export const WINDOW_BYTES = 64 * 1024;
/** The most bytes of all sessions of one direction between two nodes. */
export const TOTAL_BYTES = 16 * 1024 * 1024;
/** A session may have this part of what all have left. */
const SHARE = 4;
/** So many of those who wait are looked at with each that is taken from. */
const LOOKED_AT_ONCE = 8;

/** What all sessions of one direction between two nodes may have under way. */
export class CreditPool {
  readonly #windowBytes: number;
  readonly #totalBytes: number;
  #used = 0;
  readonly #waiting = new Set<Credit>();

  constructor(windowBytes = WINDOW_BYTES, totalBytes = TOTAL_BYTES) {
    this.#windowBytes = windowBytes;
    this.#totalBytes = totalBytes;
  }

  /** The bytes that are under way. */
  get used(): number {
    return this.#used;
  }

  /** How many sessions wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** The most bytes that one session may have under way now. */
  get share(): number {
    const left = this.#totalBytes - this.#used;
    return Math.max(0, Math.min(this.#windowBytes, Math.floor(left / SHARE)));
  }

  /** The credit of one more session. */
  open(): Credit {
    return new Credit(this);
  }

  /** For Credit. */
  change(bytes: number): void {
    this.#used += bytes;
  }

  /** For Credit: lets on who has room by now. */
  letOn(first: Credit): void {
    if (first.room > 0) this.#wake(first);
    let looked = 0;
    for (const one of this.#waiting) {
      if (looked++ >= LOOKED_AT_ONCE) return;
      this.#waiting.delete(one);
      if (one.room > 0) one.wake();
      else this.#waiting.add(one);
    }
  }

  /** For Credit. */
  wait(one: Credit): void {
    this.#waiting.add(one);
  }

  /** For Credit. */
  forget(one: Credit): void {
    this.#waiting.delete(one);
  }

  #wake(one: Credit): void {
    this.#waiting.delete(one);
    one.wake();
  }
}

/** What one session may have under way. */
export class Credit {
  readonly #pool: CreditPool;
  #underWay = 0;
  #closed = false;
  #wake: (() => void)[] = [];

  constructor(pool: CreditPool) {
    this.#pool = pool;
  }

  /** The bytes that may be sent now; 0 or less for none. Who has nothing under way may always send something. */
  get room(): number {
    const { share } = this.#pool;
    return this.#underWay === 0 ? Math.max(1, share) : share - this.#underWay;
  }

  /** Counts bytes that are sent. They may be more than there is room for, by one message. */
  spend(bytes: number): void {
    this.#underWay += bytes;
    this.#pool.change(bytes);
  }

  /** The other node has taken bytes. */
  taken(bytes: number): void {
    if (this.#closed) return;
    const count = Math.min(bytes, this.#underWay);
    this.#underWay -= count;
    this.#pool.change(-count);
    this.#pool.letOn(this);
  }

  /** Resolves when there is room, or the session is over. */
  whenRoom(): Promise<void> {
    if (this.#closed || this.room > 0) return Promise.resolve();
    this.#pool.wait(this);
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  /** For CreditPool: lets on who waits. */
  wake(): void {
    for (const resolve of this.#wake.splice(0)) resolve();
  }

  /** The session is over: what was under way counts no more, and nobody waits. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pool.forget(this);
    this.#pool.change(-this.#underWay);
    this.#underWay = 0;
    this.wake();
    this.#pool.letOn(this);
  }
}
