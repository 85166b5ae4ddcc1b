/**
 * What each user has and sends, over all of its connections, where roles or the configuration limit that.
 *
 * Invariants: without limits nothing is counted, and asking costs one comparison; a user keeps what its rates owe, and
 * what it has made, when its connections go; of those without connections a bounded number is remembered, the oldest are
 * forgotten. What was made is counted since the server started, as long as it is there. Guests count by their address.
 */
import { ErrorCode, type LimitName, ParleyError } from "../../base/errors.ts";
import { countedAs } from "../../base/ip_address.ts";
import { quote } from "../../base/quote.ts";
import { STRANGER } from "../../logic/access/access.ts";
import type { Identity } from "../../logic/access/accounts.ts";
import { SharedRate } from "../../logic/access/rates.ts";
import type { UserLimits } from "../../logic/access/user_limits.ts";
import type { Peer } from "../connection/peer.ts";

/** So many users without connections are remembered. */
export const MAX_KEPT_USERS = 16_384;
/** The keys of users begin so, in front of the name. */
const USER = "user ";
const NOBODY: readonly Peer[] = [];
/** So many of them are looked at with each that comes. */
const FORGOTTEN_AT_ONCE = 4;

/** What one user has. */
export class UserUsage {
  /** Its place among all. */
  readonly key: string;
  readonly peers = new Set<Peer>();
  /** Connections to other nodes whose durable work is done here. */
  readonly hosted = new Set<Peer>();
  /** The kept topics, and the queues, that it has made. */
  readonly topics = new Set<string>();
  readonly queues = new Set<string>();
  /** All users. */
  readonly all: Usages;
  #rate: SharedRate | null = null;

  constructor(key: string, all: Usages) {
    this.key = key;
    this.all = all;
  }

  /** What it may send by these limits; null for as much as it likes. */
  rateOf(limits: UserLimits, nowMs: number): SharedRate | null {
    if (limits.messagesPerSecond + limits.bytesPerSecond === 0) return null;
    const { messagesPerSecond, messagesBurst, bytesPerSecond, bytesBurst } = limits;
    const messages = { perSecond: messagesPerSecond, burst: messagesBurst };
    const bytes = { perSecond: bytesPerSecond, burst: bytesBurst };
    if (this.#rate === null || !this.#rate.isOf(messages, bytes)) {
      this.#rate = new SharedRate(messages, bytes, nowMs);
    }
    return this.#rate;
  }

  /** Whether nothing of it need be remembered. */
  isNothing(nowMs: number): boolean {
    return this.topics.size + this.queues.size === 0 && (this.#rate?.isFull(1, nowMs) ?? true);
  }
}

/** The users of one server. */
export class Usages {
  /** The limits of a user who is not connected; the empty name is that of guests. Null for none. */
  limitsOf: (user: string) => UserLimits | null = () => null;
  readonly #byUser = new Map<string, UserUsage>();
  /** Those without connections, by when the last one went. */
  readonly #kept = new Map<string, UserUsage>();

  /** How many users are remembered. */
  get size(): number {
    return this.#byUser.size + this.#kept.size;
  }

  /** Raises RESOURCE_EXHAUSTED when the user of that identity has as many connections as it may, without `peer`. */
  checkRoom(peer: Peer, identity: Identity): void {
    const most = identity.limits?.connections ?? 0;
    const usage = this.#byUser.get(keyOf(peer, identity));
    if (most === 0 || usage === undefined || usage.peers.has(peer)) return;
    if (usage.peers.size >= most) {
      throw tooMany(identity, "come in", { noun: "connections", count: usage.peers.size, most });
    }
  }

  /** Counts the peer as one of that identity from now on; gives what it may send, null for no limit. */
  enter(peer: Peer, identity: Identity, nowMs: number): SharedRate | null {
    const { limits } = identity;
    const key = keyOf(peer, identity);
    const before = usageOf(peer);
    const isCounted = limits !== null && identity !== STRANGER;
    const usage = isCounted ? this.#usageOf(key, nowMs) : null;
    if (before !== null && before !== usage) this.leave(peer);
    peer.slots.usage = usage;
    if (usage === null) return null;
    usage.peers.add(peer);
    return usage.rateOf(limits!, nowMs);
  }

  /** Counts what a client of another node makes here; what it has and sends is counted there. */
  host(peer: Peer, identity: Identity, nowMs: number): void {
    const usage = identity.limits === null ? null : this.#usageOf(keyOf(peer, identity), nowMs);
    const before = usageOf(peer);
    if (before !== null && before !== usage) this.leave(peer);
    peer.slots.usage = usage;
    usage?.hosted.add(peer);
  }

  /** The peer is gone, or somebody else by now. */
  leave(peer: Peer): void {
    const usage = usageOf(peer);
    if (usage === null) return;
    peer.slots.usage = null;
    usage.peers.delete(peer);
    usage.hosted.delete(peer);
    if (usage.peers.size + usage.hosted.size > 0) return;
    this.#byUser.delete(usage.key);
    this.#keep(usage);
  }

  /** How many bytes may be kept of who goes by a key; 0 for no limit. */
  keptBytesOf(key: string): number {
    for (const { identity } of this.#byUser.get(key)?.peers ?? NOBODY) {
      return identity?.limits?.keptBytes ?? 0;
    }
    return this.limitsOf(key.startsWith(USER) ? key.slice(USER.length) : "")?.keptBytes ?? 0;
  }

  #usageOf(key: string, nowMs: number): UserUsage {
    const present = this.#byUser.get(key);
    if (present !== undefined) return present;
    this.#forget(nowMs);
    const usage = this.#kept.get(key) ?? new UserUsage(key, this);
    this.#kept.delete(key);
    this.#byUser.set(key, usage);
    return usage;
  }

  #keep(usage: UserUsage): void {
    if (this.#kept.size >= MAX_KEPT_USERS) {
      for (const oldest of this.#kept.keys()) {
        this.#kept.delete(oldest);
        break;
      }
    }
    this.#kept.set(usage.key, usage);
  }

  #forget(nowMs: number): void {
    let left = FORGOTTEN_AT_ONCE;
    for (const [key, usage] of this.#kept) {
      if (left-- === 0) return;
      if (usage.isNothing(nowMs)) this.#kept.delete(key);
    }
  }
}

/** What the user of a peer has; null where nothing is counted. */
export function usageOf({ slots }: Peer): UserUsage | null {
  return slots.usage as UserUsage | null;
}

/** Raises RESOURCE_EXHAUSTED when the user of a peer has as many subscriptions as it may; `countOf` gives those of a peer. */
export function checkSubscriptions(peer: Peer, pattern: string, countOf: (peer: Peer) => number) {
  const usage = usageOf(peer);
  const most = peer.identity?.limits?.subscriptions ?? 0;
  if (usage === null || most === 0) return;
  let count = 0;
  for (const one of usage.peers) count += countOf(one);
  if (count < most) return;
  throw tooMany(peer.identity!, `subscribe to ${quote(pattern)}`, {
    noun: "subscriptions",
    count,
    most,
  });
}

/**
 * Counts a kept topic, or a queue, that a peer makes. Raises RESOURCE_EXHAUSTED when its user has made as many as it
 * may; of those that are gone by now, as `isThere` says, none counts.
 */
export function countMade(
  peer: Peer,
  noun: "topics" | "queues",
  name: string,
  isThere: (name: string) => boolean,
): void {
  const usage = usageOf(peer);
  const most = peer.identity?.limits?.[noun] ?? 0;
  if (usage === null || most === 0) return;
  const made = usage[noun];
  if (made.size >= most) {
    for (const one of made) if (!isThere(one)) made.delete(one);
    if (made.size >= most) {
      throw tooMany(peer.identity!, `make ${quote(name)}`, { noun, count: made.size, most });
    }
  }
  made.add(name);
}

/** Under which a peer of that identity counts. Guests of one address are one. */
export function keyOf({ link }: Peer, { user }: Identity): string {
  return user === "" ? `guest ${countedAs(link.address)}` : keyOfUser(user);
}

/** Under which a user of that name counts. */
export function keyOfUser(user: string): string {
  return USER + user;
}

const LIMITS: Readonly<Record<string, LimitName>> = {
  connections: "user_connections",
  subscriptions: "user_subscriptions",
  topics: "user_topics",
  queues: "user_queues",
};

function tooMany(
  { user }: Identity,
  action: string,
  { noun, count, most }: { noun: string; count: number; most: number },
): ParleyError {
  const who = user === "" ? "guests of this address" : quote(user);
  const made = noun === "topics"
    ? "kept topics that it made"
    : noun === "queues"
    ? "queues that it made"
    : noun;
  return new ParleyError(
    ErrorCode.RESOURCE_EXHAUSTED,
    `cannot ${action}: ${who} has ${count} ${made}`,
    { accepted: `at most ${most} (max_${noun} of its roles)`, limit: LIMITS[noun] },
  );
}
