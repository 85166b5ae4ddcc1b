/**
 * What the bus asks of the features that are built upon it: kept topics and queues. They are set once, by
 * whoever makes them, before the first session.
 */
import type { Entry } from "../../ports/entry.ts";
import type { Holder } from "../../ports/job_log.ts";
import type { StoreTopic } from "../../ports/store.ts";
import type { PayloadScan } from "../../wire/payload_scan.ts";
import type { Peer } from "../connection/peer.ts";
import type { Ticket } from "../connection/ticket.ts";
import type { BusSubscription } from "./bus_subscription.ts";

/** Stands for the kept topic of a name whose events another node of the cluster takes. */
export const ELSEWHERE: unique symbol = Symbol("elsewhere");

/** An event where it lies: in `bytes`, from `start` to `end`. Whoever is given one reads it at once. */
export interface EventRange {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** An event of a kept topic that was committed, by this node or by another one that has the same history. */
export interface KeptEvent extends EventRange {
  readonly isReceived: boolean;
}

/** An event, and who is told of it. */
export interface TakenEvent {
  readonly topic: string;
  readonly entry: Entry;
  /** Told of the first job when there is no `append`. */
  readonly ticket?: Ticket;
  /** Hands the event itself to the log, in the same batch. */
  readonly append?: () => void;
  /** Who published it; null for the server itself. */
  readonly by: Peer | null;
  /** What `append` keeps: so many bytes, for who made the topic. */
  readonly kept?: { readonly bytes: number; readonly holder: Holder | null };
}

/** Takes events of a topic: the queues that are bound to it. */
export interface EventTaker {
  /** Takes an event whole, or raises RESOURCE_EXHAUSTED and takes nothing. */
  take(event: TakenEvent): void;
}

/** Holds the payloads of a topic to its type. */
export interface PayloadHolder {
  /** Looks at the payload that `found` found in `bytes`. Raises INVALID_ARGUMENT or FAILED_PRECONDITION to refuse it. */
  look(bytes: Uint8Array, found: PayloadScan): void;
}

/** The sessions that read the history of kept topics: live events pass them by. */
export interface HistoryReaders {
  /** Changes whenever somebody begins or ends to read. */
  readonly version: number;
  /** Whether live events of `topic` pass anybody by. */
  anyOf(topic: StoreTopic): boolean;
  /** Whether they pass `session` by. */
  has(session: Peer, topic: StoreTopic): boolean;
  /** Has `session` read the topic of that name from `seq` on; false when it is not kept. */
  divert(session: Peer, topic: string, seq: number): boolean;
  /** A subscription of `session` is gone. */
  unsubscribed(session: Peer, subscription: BusSubscription): void;
  /** A session is gone. */
  leave(session: Peer): void;
}

/** Is told what those who are connected here subscribe to. */
export interface InterestHooks {
  subscribed(subscription: BusSubscription): void;
  unsubscribed(subscription: BusSubscription): void;
}

/** The features behind the bus, as it asks them. */
export interface BusHooks {
  /**
   * The kept topic of that name, made by `by` if need be; null when it is not kept, and ELSEWHERE when another node takes what is
   * published there. Raises RESOURCE_EXHAUSTED past their number.
   */
  keep(topic: string, by: Peer): StoreTopic | typeof ELSEWHERE | null;
  /** Who takes the events of a topic that is not kept before its subscribers do; null when nobody does. */
  bind(topic: string): EventTaker | null;
  /** Who holds the payloads of a topic to its type; null when nobody does. */
  check(topic: string): PayloadHolder | null;
  /** Hands out what the turn made ready, before it ends. */
  endTurn(): void;
  readonly readers: HistoryReaders | null;
  /** Whether the nodes of a cluster have one history of kept topics. */
  readonly isShared: boolean;
}

/** Without a store. */
export const NO_HOOKS: BusHooks = {
  keep: () => null,
  bind: () => null,
  check: () => null,
  endTurn() {},
  readers: null,
  isShared: false,
};
