/**
 * The people in rooms as records of the store, where several nodes share it: the node that comes to write knows from them who
 * had which name, by which token, and was in which rooms.
 *
 * Each name is then kept for whoever shows its token, and the rooms of those who do not come back are told. A record is handed
 * over before what it is about is answered, so nobody was granted a name that the next node does not know. Bounded:
 * beyond MAX_KEPT people no more are noted, and those have no grace when another node comes to write.
 */
import { mayFail } from "../../base/detached.ts";
import { decodeText } from "../../base/utf8_text.ts";
import type { NameRegistry } from "../../logic/rooms/name_registry.ts";
import { foldName } from "../../logic/rooms/person_name.ts";
import type { Store, StoreRecordPage } from "../../ports/store.ts";
import type { Peer } from "../connection/peer.ts";
import { committed } from "../kept/committed.ts";
import type { PersonInRooms } from "./person_in_rooms.ts";

/** The records of people. */
const PEOPLE = "room.person/";
const RECORDS_A_PAGE = 256;
/** The most people who are noted: half of the records that a store has by default. */
const MAX_KEPT = 50_000;
/** How long names are kept at least: the people of other nodes are told of meanwhile. */
const LEAST_GRACE_MS = 5000;
const encoder = new TextEncoder();

/** A person as it is noted. */
export interface KeptPerson extends PersonInRooms {
  /** Whether nobody can come back for the name: who types has no token to show. */
  readonly isTyped: boolean;
}

/** The records of all people. */
export class KeptPeople {
  readonly #store: Store;
  readonly #names: NameRegistry<Peer>;
  readonly #left: (name: string, room: string) => void;
  /** Whether this node writes, and so notes people. */
  #isOn = false;
  /** The keys of those who are noted, with what was noted of them. */
  readonly #noted = new Map<string, string>();
  /** The rooms of those who have not come back yet since another node wrote, by their names. */
  readonly #missing = new Map<string, readonly string[]>();
  /** The name that is being given back. */
  #restoring: string | null = null;

  /** `left` is told of each room of a person who has not come back. */
  constructor(
    store: Store,
    names: NameRegistry<Peer>,
    left: (name: string, room: string) => void,
  ) {
    this.#store = store;
    this.#names = names;
    this.#left = left;
  }

  /** Takes over who was noted, since this node writes from now on. */
  async takeOver(nowMs: number): Promise<void> {
    const names = this.#names;
    for (let after: string | null = "";;) {
      const page: StoreRecordPage = await this.#store.list(PEOPLE, after, RECORDS_A_PAGE);
      for (const { key, value } of page.records) {
        const text = decodeText(value);
        this.#noted.set(key, text);
        const [name, token, rooms, isTyped] = JSON.parse(text);
        const graceMs = isTyped ? LEAST_GRACE_MS : Math.max(names.graceMs, LEAST_GRACE_MS);
        names.reserve(name, token, nowMs + graceMs);
        this.#missing.set(name, rooms);
      }
      if (page.after === null) break;
      after = page.after;
    }
    names.freed = (name) => this.#freed(name);
    this.#isOn = true;
  }

  /** Notes nothing any more, since another node writes from now on. */
  layDown(): void {
    this.#isOn = false;
    this.#names.freed = () => {};
  }

  /**
   * Notes a person as it is by now, before anything that is handed to the store behind it; resolves when it is safe. Rejects with
   * UNAVAILABLE where another node writes.
   */
  async note({ name, token, rooms, isTyped }: KeptPerson): Promise<void> {
    if (!this.#isOn) return;
    const key = keyOf(name);
    const text = JSON.stringify([name, token, rooms, isTyped]);
    const former = this.#noted.get(key);
    if (former === text || former === undefined && this.#noted.size >= MAX_KEPT) return;
    this.#noted.set(key, text);
    try {
      await committed((ticket) => void this.#store.put(key, encoder.encode(text), -1, ticket));
    } catch (reason) {
      if (this.#noted.get(key) === text) this.#noted.delete(key);
      throw reason;
    }
  }

  /**
   * Runs `claim`, which gives `name` back to its person; gives the rooms in which it was when another node wrote, null for who
   * is not missing. Raises what `claim` raises.
   */
  give(name: string, claim: () => void): readonly string[] | null {
    const rooms = this.#missing.get(name) ?? null;
    this.#restoring = name;
    try {
      claim();
    } finally {
      this.#restoring = null;
    }
    this.#missing.delete(name);
    return rooms;
  }

  /** A name is nobody's any more, or about to be somebody else's. */
  #freed(name: string): void {
    if (name === this.#restoring) return;
    mayFail(this.#forget(name), "note that a name is free");
    const rooms = this.#missing.get(name) ?? [];
    this.#missing.delete(name);
    for (const room of rooms) this.#left(name, room);
  }

  async #forget(name: string): Promise<void> {
    const key = keyOf(name);
    if (this.#noted.delete(key)) {
      await committed((ticket) => this.#store.remove(key, -1, ticket));
    }
  }
}

function keyOf(name: string): string {
  return PEOPLE + foldName(name);
}
