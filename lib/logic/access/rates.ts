/**
 * The rates at which connections, addresses and users may send: messages and bytes, with bursts.
 *
 * Pure: time is an argument. Messages are paid before they are done, bytes when they were read. Who is out of tokens is not
 * read until there are some again, for a moment at least, so that a pause costs no more than what it is for. An address
 * keeps its buckets after its last connection until they would be full, so nobody gets a new burst by connecting
 * again; of those that are only kept there are at most `MAX_KEPT_ADDRESSES`.
 */
import { countedAs } from "../../base/ip_address.ts";
import type { Limits } from "../../base/limits.ts";
import { TokenBucket } from "./token_bucket.ts";

/** So many addresses without connections are remembered. */
export const MAX_KEPT_ADDRESSES = 65_536;

/** A pause is as long as it takes to earn what this much time is worth. */
const PAUSE_WORTH_MS = 50;
/** So many addresses whose buckets are full are forgotten with each connection that comes. */
const FORGOTTEN_AT_ONCE = 4;

/** How much may come. */
export interface Rate {
  /** In a second; 0 for no limit. */
  readonly perSecond: number;
  /** At once; 0 for what may come in a second. */
  readonly burst: number;
}

/** The buckets of a connection, an address or a user; null for what has no limit. */
export class SharedRate {
  readonly #of: readonly Rate[];
  readonly messages: TokenBucket | null;
  readonly bytes: TokenBucket | null;
  /** How many connections use them. */
  users = 0;

  constructor(messages: Rate, bytes: Rate, nowMs: number) {
    this.#of = [messages, bytes];
    this.messages = bucketOf(messages, nowMs);
    this.bytes = bucketOf(bytes, nowMs);
  }

  /** Whether they are of these rates. */
  isOf(...rates: readonly Rate[]): boolean {
    return rates.every(({ perSecond, burst }, index) =>
      this.#of[index].perSecond === perSecond && this.#of[index].burst === burst
    );
  }

  /** Whether at least this share of each is full. */
  isFull(share: number, nowMs: number): boolean {
    const { messages, bytes } = this;
    return [messages, bytes].every((each) =>
      each === null || each.available(nowMs) >= share * each.burst
    );
  }
}

/** The rates of one server. */
export class Rates {
  readonly #limits: Limits;
  readonly #byAddress = new Map<string, SharedRate>();
  /** Those without connections, by when the last one went. */
  readonly #kept = new Map<string, SharedRate>();

  private constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** The rates that the limits ask for; null when there are none. */
  static of(limits: Limits): Rates | null {
    const rates = [
      limits.rateMessagesPerSecond,
      limits.rateBytesPerSecond,
      limits.rateMessagesPerSecondPerAddress,
      limits.rateBytesPerSecondPerAddress,
    ];
    return rates.every((rate) => rate === 0) ? null : new Rates(limits);
  }

  /** How many addresses are remembered, with and without connections. */
  get addresses(): number {
    return this.#byAddress.size + this.#kept.size;
  }

  /** The rate of a new connection from `address`, which is empty where there is none; `user` is that of its user. */
  join(address: string, nowMs: number, user: SharedRate | null = null): ConnectionRate {
    const limits = this.#limits;
    const own = new SharedRate(
      { perSecond: limits.rateMessagesPerSecond, burst: limits.rateMessagesBurst },
      { perSecond: limits.rateBytesPerSecond, burst: limits.rateBytesBurst },
      nowMs,
    );
    const name = countedAs(address);
    const shared = address === "" ? null : this.#sharedOf(name, nowMs);
    const all = [own, shared, user].filter((one) => one !== null);
    return new ConnectionRate(all, shared === null ? null : () => this.#leave(name));
  }

  #sharedOf(name: string, nowMs: number): SharedRate | null {
    const limits = this.#limits;
    const messages = {
      perSecond: limits.rateMessagesPerSecondPerAddress,
      burst: limits.rateMessagesBurstPerAddress,
    };
    const bytes = {
      perSecond: limits.rateBytesPerSecondPerAddress,
      burst: limits.rateBytesBurstPerAddress,
    };
    if (messages.perSecond + bytes.perSecond === 0) return null;
    this.#forget(nowMs);
    const buckets = this.#byAddress.get(name) ?? this.#kept.get(name) ??
      new SharedRate(messages, bytes, nowMs);
    this.#kept.delete(name);
    this.#byAddress.set(name, buckets);
    buckets.users++;
    return buckets;
  }

  #leave(name: string): void {
    const buckets = this.#byAddress.get(name);
    if (buckets === undefined || --buckets.users > 0) return;
    this.#byAddress.delete(name);
    if (this.#kept.size >= MAX_KEPT_ADDRESSES) {
      for (const oldest of this.#kept.keys()) {
        this.#kept.delete(oldest);
        break;
      }
    }
    this.#kept.set(name, buckets);
  }

  /** Forgets addresses whose buckets are as good as new, from the one that left first. */
  #forget(nowMs: number): void {
    let left = FORGOTTEN_AT_ONCE;
    for (const [name, buckets] of this.#kept) {
      if (left-- === 0 || !buckets.isFull(1, nowMs)) return;
      this.#kept.delete(name);
    }
  }
}

/** What one connection may send. */
export class ConnectionRate {
  readonly #all: readonly SharedRate[];
  readonly #leave: (() => void) | null;
  /** Since when it sends more than it may; null when it does not. */
  #overSinceMs: number | null = null;

  /** `all` limit it together; `leave` is called when it is gone. */
  constructor(all: readonly SharedRate[], leave: (() => void) | null = null) {
    this.#all = all;
    this.#leave = leave;
  }

  /** Takes note of bytes that were read; `nowMs` is when. */
  read(bytes: number, nowMs: number): void {
    let isFine = true;
    for (const each of this.#all) isFine &&= each.isFull(0.5, nowMs);
    if (isFine) this.#overSinceMs = null;
    for (const each of this.#all) each.bytes?.spend(bytes);
  }

  /** How many messages may be done now. */
  messages(nowMs: number): number {
    let least = Infinity;
    for (const { messages } of this.#all) {
      if (messages !== null) least = Math.min(least, messages.available(nowMs));
    }
    return Math.max(0, Math.floor(least));
  }

  /** Takes note of messages that were done. */
  did(messages: number): void {
    for (const each of this.#all) each.messages?.spend(messages);
  }

  /** How long to pause before anything more is read or done; 0 when there is no need to. */
  pauseMs(nowMs: number): number {
    let pauseMs = 0;
    for (const { messages, bytes } of this.#all) {
      pauseMs = Math.max(pauseMs, pauseOf(messages, nowMs), pauseOf(bytes, nowMs));
    }
    if (pauseMs > 0) this.#overSinceMs ??= nowMs;
    return pauseMs;
  }

  /** For how long it has been sending more than it may, without a time in which half of a burst came together. */
  overMs(nowMs: number): number {
    return this.#overSinceMs === null ? 0 : nowMs - this.#overSinceMs;
  }

  /** Says that the connection is gone. To be called once. */
  leave(): void {
    this.#leave?.();
  }
}

function pauseOf(bucket: TokenBucket | null, nowMs: number): number {
  if (bucket === null || bucket.delayMs(1, nowMs) === 0) return 0;
  return bucket.delayMs(bucket.worth(PAUSE_WORTH_MS), nowMs);
}

function bucketOf({ perSecond, burst }: Rate, nowMs: number): TokenBucket | null {
  return perSecond === 0 ? null : new TokenBucket(perSecond, burst || perSecond, nowMs);
}
