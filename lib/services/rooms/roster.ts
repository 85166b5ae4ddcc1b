/**
 * The members of one room as they are told: by name, each encoded once.
 *
 * Whoever comes into a room is told of all who are there. Were each of them encoded for each who comes, a
 * crowd that comes at once would cost the square of its number. What was encoded is therefore kept, and looked
 * through for what has changed since.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { MemberSchema } from "../../gen/parley/v1/room_pb.ts";
import type { Room } from "../../logic/rooms/room.ts";
import type { TurnTaker } from "../connection/fair_turns.ts";
import type { Peer } from "../connection/peer.ts";

/** The number of members that are looked at before others may have their turn. */
const LOOKED_AT_ONCE = 256;

/** A member as it was told last. */
interface Entry {
  readonly session: Peer;
  readonly name: string;
  readonly idle: boolean;
  readonly joinedMs: number;
  /** The encoded Member. */
  readonly bytes: Uint8Array;
}

/** The facts about a member that its room does not have. */
export interface MemberFacts {
  nameOf(session: Peer): string;
  isIdle(session: Peer): boolean;
}

/** The members of one room. */
export class Roster {
  readonly #room: Room<Peer>;
  readonly #facts: MemberFacts;
  /** By name, without gaps. */
  #entries: Entry[] = [];
  readonly #bySession = new Map<Peer, Entry>();

  constructor(room: Room<Peer>, facts: MemberFacts) {
    this.#room = room;
    this.#facts = facts;
  }

  /** All who are there, by name, each an encoded Member. Others have their turn meanwhile. */
  async members(turn: TurnTaker): Promise<Uint8Array[]> {
    await turn.admit();
    let looked = 0;
    for (const [session, { joinedMs }] of this.#room.members) {
      this.#look(session, joinedMs);
      if (++looked % LOOKED_AT_ONCE === 0) await turn.did(LOOKED_AT_ONCE);
    }
    if (this.#bySession.size > this.#room.online) this.#forgetGone();
    return this.#entries.map(({ bytes }) => bytes);
  }

  /** Brings the entry of a member up to date. */
  #look(session: Peer, joinedMs: number): void {
    const name = this.#facts.nameOf(session);
    const idle = this.#facts.isIdle(session);
    const former = this.#bySession.get(session);
    if (former?.name === name && former.idle === idle && former.joinedMs === joinedMs) return;
    if (former !== undefined) this.#entries.splice(this.#entries.indexOf(former), 1);
    const joinedUnixMicros = BigInt(Math.floor(joinedMs)) * 1000n;
    const bytes = toBinary(MemberSchema, create(MemberSchema, { name, idle, joinedUnixMicros }));
    const entry = { session, name, idle, joinedMs, bytes };
    this.#bySession.set(session, entry);
    this.#entries.splice(this.#placeOf(name), 0, entry);
  }

  #placeOf(name: string): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[middle].name < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #forgetGone(): void {
    const { members } = this.#room;
    this.#entries = this.#entries.filter(({ session }) => members.has(session));
    for (const session of this.#bySession.keys()) {
      if (!members.has(session)) this.#bySession.delete(session);
    }
  }
}

const rosters = new WeakMap<Room<Peer>, Roster>();

/** The roster of a room, made with the first use. */
export function rosterOf(room: Room<Peer>, facts: MemberFacts): Roster {
  let roster = rosters.get(room);
  if (roster === undefined) rosters.set(room, roster = new Roster(room, facts));
  return roster;
}
