/**
 * Slows down who guesses passwords: after some wrong tries from one address on one account, further tries from
 * there have to wait, twice as long with each wrong one; and after more of them, whatever the accounts, all tries
 * from that address.
 *
 * The rightful user is not locked out: from another address nothing is slowed down, a right password ends the wait of its
 * account and address, and where one was right before, wrong tries on other accounts from that address, which many may
 * share, slow nothing down. Bounded: when too many are remembered, the oldest are forgotten. Accounts
 * need not exist. Pure: time is an argument, in milliseconds of a clock that never goes back.
 */
import { countedAs } from "../../base/ip_address.ts";

/** So many wrong tries from one address on one account cost no wait. */
export const FREE_TRIES = 5;
/** So many wrong tries from one address cost no wait, whatever the accounts. */
export const FREE_TRIES_OF_ADDRESS = 50;
/** The first wait, and the longest. */
export const FIRST_WAIT_MS = 1000;
export const MAX_WAIT_MS = 60_000;
/** After so long without a wrong try, those before are forgotten. */
export const FORGET_AFTER_MS = 900_000;
/** For so long a pair of account and address is remembered that had a right password. */
export const REMEMBER_RIGHT_MS = 30 * 86_400_000;
/** The most pairs of account and address that are remembered, and the most addresses. */
export const MAX_REMEMBERED = 10_000;

interface Tries {
  wrong: number;
  lastMs: number;
  /** Tries whose outcome is not known yet. */
  pending: number;
}

/** Knows who guessed wrong. */
export class GuessThrottle {
  readonly #pairs = new Map<string, Tries>();
  readonly #addresses = new Map<string, Tries>();
  /** The pairs that had a right password, and when. */
  readonly #rights = new Map<string, number>();
  readonly #most: number;

  constructor(most = MAX_REMEMBERED) {
    this.#most = most;
  }

  /** How many pairs and addresses are remembered. */
  get size(): number {
    return this.#pairs.size + this.#addresses.size + this.#rights.size;
  }

  /**
   * Begins a try: gives 0, and then `right` or `wrong` has to follow; or the milliseconds to wait before another one,
   * and nothing has begun. While it has to be waited after each wrong try, one try is under way at a time.
   */
  begin(account: string, address: string, nowMs: number): number {
    const pair = this.#look(this.#pairs, pairOf(account, address), nowMs);
    const all = this.#look(this.#addresses, countedAs(address), nowMs);
    const waitMs = Math.max(
      waitOf(pair, FREE_TRIES, nowMs),
      this.#isKnown(account, address, nowMs) ? 0 : waitOf(all, FREE_TRIES_OF_ADDRESS, nowMs),
    );
    if (waitMs > 0) return waitMs;
    pair.pending++;
    all.pending++;
    this.#keep(this.#pairs, pairOf(account, address), pair);
    this.#keep(this.#addresses, countedAs(address), all);
    return 0;
  }

  /** The try was right. */
  right(account: string, address: string, nowMs: number): void {
    const pair = pairOf(account, address);
    this.#rights.delete(pair);
    this.#rights.set(pair, nowMs);
    if (this.#rights.size > this.#most) dropFirst(this.#rights);
    this.#ended(this.#pairs, pairOf(account, address), (tries) => tries.wrong = 0);
    this.#ended(this.#addresses, countedAs(address), () => {});
  }

  /** The try came to nothing: neither right nor wrong. */
  dropped(account: string, address: string): void {
    this.#ended(this.#pairs, pairOf(account, address), () => {});
    this.#ended(this.#addresses, countedAs(address), () => {});
  }

  /** The try was wrong. */
  wrong(account: string, address: string, nowMs: number): void {
    const count = (tries: Tries) => {
      tries.wrong++;
      tries.lastMs = nowMs;
    };
    this.#ended(this.#pairs, pairOf(account, address), count);
    this.#ended(this.#addresses, countedAs(address), count);
  }

  #isKnown(account: string, address: string, nowMs: number): boolean {
    const rightMs = this.#rights.get(pairOf(account, address));
    return rightMs !== undefined && nowMs - rightMs < REMEMBER_RIGHT_MS;
  }

  #look(map: Map<string, Tries>, key: string, nowMs: number): Tries {
    const known = map.get(key);
    if (known === undefined) return { wrong: 0, lastMs: nowMs, pending: 0 };
    if (nowMs - known.lastMs >= FORGET_AFTER_MS) known.wrong = 0;
    return known;
  }

  #ended(map: Map<string, Tries>, key: string, change: (tries: Tries) => void): void {
    const tries = map.get(key) ?? { wrong: 0, lastMs: 0, pending: 1 };
    tries.pending--;
    change(tries);
    if (tries.wrong === 0 && tries.pending <= 0) map.delete(key);
    else this.#keep(map, key, tries);
  }

  /** Puts it last; the first goes when there are too many. */
  #keep(map: Map<string, Tries>, key: string, tries: Tries): void {
    map.delete(key);
    map.set(key, tries);
    if (map.size > this.#most) dropFirst(map);
  }
}

function dropFirst(map: Map<string, unknown>): void {
  for (const first of map.keys()) {
    map.delete(first);
    return;
  }
}

/** How long a further try has to wait. */
function waitOf({ wrong, lastMs, pending }: Tries, free: number, nowMs: number): number {
  if (wrong < free) return 0;
  const waitMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** (wrong - free));
  const leftMs = lastMs + waitMs - nowMs;
  if (leftMs > 0) return leftMs;
  return pending > 0 ? FIRST_WAIT_MS : 0;
}

function pairOf(account: string, address: string): string {
  return `${countedAs(address)} ${account}`;
}
