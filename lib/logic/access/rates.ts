/**
 * The rates at which connections and addresses may send: messages and bytes, with bursts.
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
interface Rate {
  /** In a second; 0 for no limit. */
  readonly perSecond: number;
  /** At once; 0 for what may come in a second. */
  readonly burst: number;
}

/** The buckets of a connection, or of an address; null for what has no limit. */
class Buckets {
  readonly messages: TokenBucket | null;
  readonly bytes: TokenBucket | null;
  /** How many connections use them. */
  users = 0;

  constructor(messages: Rate, bytes: Rate, nowMs: number) {
    this.messages = bucketOf(messages, nowMs);
    this.bytes = bucketOf(bytes, nowMs);
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
  readonly #byAddress = new Map<string, Buckets>();
  /** Those without connections, by when the last one went. */
  readonly #kept = new Map<string, Buckets>();

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

  /** The rate of a new connection from `address`, which is empty where there is none. */
  join(address: string, nowMs: number): ConnectionRate {
    const limits = this.#limits;
    const own = new Buckets(
      { perSecond: limits.rateMessagesPerSecond, burst: limits.rateMessagesBurst },
      { perSecond: limits.rateBytesPerSecond, burst: limits.rateBytesBurst },
      nowMs,
    );
    const name = countedAs(address);
    const shared = address === "" ? null : this.#sharedOf(name, nowMs);
    return new ConnectionRate(own, shared, () => this.#leave(name));
  }

  #sharedOf(name: string, nowMs: number): Buckets | null {
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
      new Buckets(messages, bytes, nowMs);
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
  readonly #own: Buckets;
  readonly #shared: Buckets | null;
  readonly #leave: () => void;
  /** Since when it sends more than it may; null when it does not. */
  #overSinceMs: number | null = null;

  constructor(own: Buckets, shared: Buckets | null, leave: () => void) {
    this.#own = own;
    this.#shared = shared;
    this.#leave = leave;
  }

  /** Takes note of bytes that were read; `nowMs` is when. */
  read(bytes: number, nowMs: number): void {
    const isFine = this.#own.isFull(0.5, nowMs) && (this.#shared?.isFull(0.5, nowMs) ?? true);
    if (isFine) this.#overSinceMs = null;
    this.#own.bytes?.spend(bytes);
    this.#shared?.bytes?.spend(bytes);
  }

  /** How many messages may be done now. */
  messages(nowMs: number): number {
    const own = this.#own.messages?.available(nowMs) ?? Infinity;
    const shared = this.#shared?.messages?.available(nowMs) ?? Infinity;
    return Math.max(0, Math.floor(Math.min(own, shared)));
  }

  /** Takes note of messages that were done. */
  did(messages: number): void {
    this.#own.messages?.spend(messages);
    this.#shared?.messages?.spend(messages);
  }

  /** How long to pause before anything more is read or done; 0 when there is no need to. */
  pauseMs(nowMs: number): number {
    let pauseMs = 0;
    for (const buckets of [this.#own, this.#shared]) {
      for (const bucket of [buckets?.messages, buckets?.bytes]) {
        if (!bucket || bucket.delayMs(1, nowMs) === 0) continue;
        pauseMs = Math.max(pauseMs, bucket.delayMs(bucket.worth(PAUSE_WORTH_MS), nowMs));
      }
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
    if (this.#shared !== null) this.#leave();
  }
}

function bucketOf({ perSecond, burst }: Rate, nowMs: number): TokenBucket | null {
  return perSecond === 0 ? null : new TokenBucket(perSecond, burst || perSecond, nowMs);
}
