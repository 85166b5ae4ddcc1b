/**
 * Hands on the share of a group's member that leaves: events that were given to it and not sent.
 *
 * What was sent, even in part, stays lost with the connection; everything else goes to another member of
 * the same group, with the stamps that it has.
 */
import { pickMember } from "../../logic/topics/group_balance.ts";
import type { TopicTrie } from "../../logic/topics/trie.ts";
import type { Fanout } from "../../wire/fanout.ts";
import { FrameWalk } from "../../wire/frame_walk.ts";
import type { BusSubscription } from "./bus_subscription.ts";
import { topicsOf } from "./peer_topics.ts";
import type { Peer } from "../connection/peer.ts";

const NO_STAMPS = new Uint8Array(0);

/** Bytes of an outbox whose group events are still to be handed on. */
interface HandOn {
  readonly leaver: Peer;
  readonly frames: Uint8Array;
  /** The number of bytes at the front that were sent. */
  readonly sent: number;
}

/** Hands group events on. */
export class GroupHandOn {
  readonly #trie: TopicTrie<BusSubscription>;
  readonly #fanout: Fanout<BusSubscription>;
  readonly #countOne: (subscription: BusSubscription) => void;
  readonly #walk = new FrameWalk();
  readonly #waiting: HandOn[] = [];
  #handingOn = false;

  /** `countOne` is told of a subscription that counts its events and got one. */
  constructor(
    trie: TopicTrie<BusSubscription>,
    fanout: Fanout<BusSubscription>,
    countOne: (subscription: BusSubscription) => void,
  ) {
    this.#trie = trie;
    this.#fanout = fanout;
    this.#countOne = countOne;
  }

  /**
   * Hands on the group events among `frames`, which waited for `leaver`, but for those that end within the
   * first `sent` bytes. That can end another member, whose share is then handed on as well: one after the
   * other, not from within, however many there are.
   */
  handOn(leaver: Peer, frames: Uint8Array, sent: number): void {
    this.#waiting.push({ leaver, frames, sent });
    if (this.#handingOn) return;
    this.#handingOn = true;
    try {
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
        this.#handOnFrames(next);
      }
    } finally {
      this.#handingOn = false;
    }
  }

  #handOnFrames({ leaver, frames, sent }: HandOn): void {
    const walk = this.#walk;
    walk.open(frames, frames.length);
    while (walk.next()) {
      if (walk.end <= sent || !walk.isEvent) continue;
      walk.readEvent();
      if (walk.group !== "") this.#handOnEvent(leaver, frames.slice(walk.eventStart, walk.groupAt));
    }
  }

  /** Hands one event, which `#walk` has read, to another member of the group that it was for; of this server, if there is one. */
  #handOnEvent(leaver: Peer, event: Uint8Array): void {
    const { topic, type, group: name, sender } = this.#walk;
    const load = (member: BusSubscription) =>
      !member.echo && member.owner.sessionId === sender ? Infinity : loadOf(member);
    const loadHere = (member: BusSubscription) => member.isNode ? Infinity : load(member);
    const shared = topicsOf(leaver).shared.filter((one) => one.group === name);
    for (;;) {
      // Groups of one name are apart by their patterns.
      const group = this.#trie.match(topic, type).groups.find((one) =>
        one.name === name &&
        (shared.length === 0 || shared.some(({ pattern }) => pattern === one.pattern))
      );
      const member = group === undefined
        ? null
        : pickMember(group, loadHere) ?? pickMember(group, load);
      if (member === null || member.stamp === null) return;
      if (
        this.#fanout.addForMember(member, event, 0, event.length, NO_STAMPS, 0, member.stamp)
      ) {
        if (member.remaining !== Infinity) this.#countOne(member);
        return;
      }
      if (member.owner.takesDeliveries) return;
    }
  }
}

/** Outboxes that differ by less count as equally full, so that a few other messages do not decide. */
const LOAD_STEP_BITS = 14;

/** The load of a group's member, in steps of 16 KiB that wait; Infinity when it gets nothing more. */
export function loadOf(member: BusSubscription): number {
  return member.owner.takesDeliveries ? member.outbox.size >>> LOAD_STEP_BITS : Infinity;
}
