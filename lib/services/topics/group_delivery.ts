/**
 * Gives each event of a group to exactly one of its members: to one that is connected to this server, and only when there is
 * none to a node of the cluster on which there are some.
 */
import { assert } from "../../base/errors.ts";
import { type Group, pickMember } from "../../logic/topics/group_balance.ts";
import type { Entry } from "../../ports/entry.ts";
import type { Fanout } from "../../wire/fanout.ts";
import type { Peer } from "../connection/peer.ts";
import type { BusSubscription } from "./bus_subscription.ts";
import { loadOf } from "./group_hand_on.ts";

/** Chooses members, and gives them their events. */
export class GroupDelivery {
  readonly #fanout: Fanout<BusSubscription>;
  readonly #countOne: (subscription: BusSubscription) => void;
  /** The publisher of the event that a member is chosen for; a field, so that a choice allocates nothing. */
  #choosingFor: Peer | null = null;
  readonly #loadHere = (member: BusSubscription): number =>
    member.isNode || (member.owner === this.#choosingFor && !member.echo)
      ? Infinity
      : loadOf(member);
  readonly #loadElsewhere = (member: BusSubscription): number =>
    member.isNode ? loadOf(member) : Infinity;

  /** `countOne` is told of a subscription that counts its events and got one. */
  constructor(
    fanout: Fanout<BusSubscription>,
    countOne: (subscription: BusSubscription) => void,
  ) {
    this.#fanout = fanout;
    this.#countOne = countOne;
  }

  /** Gives the event to one member, of this server alone if `here`; false when there is none that takes it. */
  give(
    group: Group<BusSubscription>,
    publisher: Peer | null,
    event: Entry,
    here: boolean,
  ): boolean {
    // Read at once: what giving it to a member that is ended sets off may publish, too.
    const { bytes, start, end, stamps, stampsLength } = event;
    this.#choosingFor = publisher;
    for (;;) {
      const member = pickMember(group, this.#loadHere) ??
        (here ? null : pickMember(group, this.#loadElsewhere));
      if (member === null) return false;
      assert(member.stamp !== null, "a member of a group has the group's stamp");
      const { stamp } = member;
      if (this.#fanout.addForMember(member, bytes, start, end, stamps, stampsLength, stamp)) {
        if (member.remaining !== Infinity) this.#countOne(member);
        return true;
      }
      // One that was ended hands its turn on; one that is there has dropped the event, and counted it.
      if (member.owner.takesDeliveries) return false;
    }
  }
}
