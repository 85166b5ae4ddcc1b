/**
 * One subscription of one session: what the trie finds and the fan-out delivers to.
 */
import { OverflowPolicy } from "../../gen/parley/v1/event_pb.ts";
import type { Subscription } from "../../logic/topics/subscription.ts";
import type { Outbox } from "../../wire/outbox.ts";
import type { Receiver } from "../../wire/fanout.ts";
import { groupStamp } from "../../wire/stamp.ts";
import type { Peer } from "../connection/peer.ts";

/** The content of a Subscribe, checked. */
export interface SubscriptionRequest {
  readonly pattern: string;
  readonly type: string;
  readonly group: string;
  readonly echo: boolean;
  readonly overflow: OverflowPolicy;
}

/** One subscription. */
export class BusSubscription implements Subscription, Receiver {
  readonly pattern: string;
  readonly type: string;
  readonly group: string;
  readonly echo: boolean;
  readonly overflow: OverflowPolicy;
  /** Who chose to lose events rather than to wait is not waited for. */
  readonly waitedFor: boolean;
  readonly owner: Peer;
  /** Whether it is that of another node of the cluster, for those who are connected there. */
  readonly isNode: boolean;
  readonly outbox: Outbox;
  /** The stamp that names the group of its deliveries; null for a plain subscription. */
  readonly stamp: Uint8Array | null;
  /** Set by the trie. */
  order = 0;
  /** The number of events after which the subscription ends; Infinity when nobody asked for that. */
  remaining = Infinity;

  constructor(owner: Peer, request: SubscriptionRequest) {
    this.owner = owner;
    this.isNode = owner.isNode;
    this.outbox = owner.outbox;
    this.pattern = request.pattern;
    this.type = request.type;
    this.group = request.group;
    this.echo = request.echo;
    this.overflow = request.overflow;
    this.waitedFor = owner.isNode || request.overflow !== OverflowPolicy.DROP_NEWEST &&
        request.overflow !== OverflowPolicy.DROP_OLDEST;
    if (request.overflow === OverflowPolicy.DROP_OLDEST) owner.outbox.dropsOldest = true;
    this.stamp = request.group === ""
      ? null
      : groupStamp(request.group, owner.isNode ? request.pattern : "");
  }
}

/** What tells the subscriptions of one session apart. */
export function subscriptionKey(pattern: string, type: string, group: string): string {
  return `${pattern}\n${type}\n${group}`;
}
