/**
 * The rooms of one server: who is where under which name, and what is announced of it.
 *
 * What is said and who comes and goes are events on the kept topic `room.NAME`; reading them is an ordinary
 * subscription. Invariants: a session has one name in all rooms; coming and going are announced once, also
 * when a connection is lost; a room without members and without a history is forgotten.
 */
import { mayFail } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { type Granted, NameRegistry } from "../../logic/rooms/name_registry.ts";
import { quote } from "../../base/quote.ts";
import {
  checkMessage,
  checkRoomName,
  checkText,
  MAX_TOPIC_LINE_BYTES,
  Room,
} from "../../logic/rooms/room.ts";
import { committed } from "../kept/committed.ts";
import type { KeptTopics } from "../kept/kept_topics.ts";
import { UNTOLD } from "../connection/ticket.ts";
import { publisherOf } from "../topics/peer_topics.ts";
import type { Bus } from "../topics/bus.ts";
import { Announcer } from "./announcer.ts";
import { KeptPeople } from "./kept_people.ts";
import { encodeDirect, joinedOf, leftOf, type RoomHappening } from "./room_event.ts";
import {
  goneFor,
  inTooMany,
  inUse,
  nameless,
  newToken,
  type PersonInRooms,
  takenOver,
} from "./person_in_rooms.ts";
import { ROOM_PREFIX } from "../topics/reserved.ts";
import { TOPIC_LINES, topicLines } from "./topic_lines.ts";
import type { Peer } from "../connection/peer.ts";
import type { ServerContext } from "../connection/server_context.ts";

/** The most names that are given up in one sweep. */
const EXPIRED_AT_ONCE = 1024;

/** All rooms. */
export class Rooms {
  readonly names: NameRegistry<Peer>;
  readonly #context: ServerContext;
  readonly #bus: Bus;
  readonly #kept: KeptTopics;
  readonly #people: KeptPeople;
  readonly #rooms = new Map<string, Room<Peer>>();
  readonly #bySession = new Map<Peer, Set<Room<Peer>>>();
  readonly #idle = new Set<Peer>();
  readonly #announcer: Announcer;
  /** The time at which each session that is in a room was last active, by the host's coarse clock. */
  readonly #activeMs = new Map<Peer, number>();

  constructor(context: ServerContext, bus: Bus, kept: KeptTopics) {
    this.#context = context;
    this.#bus = bus;
    this.#kept = kept;
    this.#announcer = new Announcer(context, bus, kept);
    this.names = new NameRegistry(context.limits.nameGraceMs);
    const lost = (name: string, room: string) => this.#tellLost(name, room);
    this.#people = new KeptPeople(kept.store, this.names, lost);
    kept.forgetting.isUsedElsewhere = (topic) => this.usesTopic(topic);
  }

  /** The rooms that have members. */
  get rooms(): ReadonlyMap<string, Room<Peer>> {
    return this.#rooms;
  }

  /** The rooms that `session` is in, by name. */
  roomsOf(session: Peer): string[] {
    return [...this.#bySession.get(session) ?? []].map(({ name }) => name);
  }

  /** Says that a person did something just now. */
  active(session: Peer): void {
    if (this.#bySession.has(session)) this.#activeMs.set(session, this.#context.nowMs);
  }

  /** Reads the topic lines that were set before the server started. */
  async load(): Promise<void> {
    for await (const [name, line] of topicLines(this.#kept.store)) {
      const room = this.room(name);
      room.topicLine = line;
      this.#rooms.set(name, room);
    }
  }

  /** Whether nothing was heard from `session` for a while. */
  isIdle(session: Peer): boolean {
    return this.#idle.has(session);
  }

  /** The room of that name, with members or without. Raises INVALID_ARGUMENT for a bad name. */
  room(name: string): Room<Peer> {
    checkRoomName(name);
    const known = this.#rooms.get(name);
    if (known !== undefined) return known;
    const max = this.#context.limits.maxRoomMembers;
    return new Room(name, max === 0 ? Infinity : max);
  }

  /**
   * Gives `session` a name, and tells its rooms when it had another one. Gives the name as it is written, and the token. The name
   * is granted even if the rooms cannot be told, because nothing can be kept now. A session that had the name before, and
   * whose token was shown, is one that its client has lost: it leaves its rooms and is ended.
   */
  async claimName(session: Peer, name: string, token: string): Promise<Granted> {
    const former = this.names.nameOf(session);
    const holder = this.names.replacedBy(session, name, token);
    const held = holder === null ? null : this.names.nameOf(holder);
    const tokens = { shown: token, fresh: newToken() };
    const granted = this.names.claim(session, name, tokens, this.#context.nowMs);
    if (holder !== null && held !== null) this.#replace(holder, held);
    try {
      await this.#noteSafely(session);
    } catch (reason) {
      this.names.release(session, this.#context.nowMs, true);
      throw reason;
    }
    if (former !== null && former !== granted.name) {
      const renamed = { case: "renamed", value: { from: former, to: granted.name } } as const;
      const rooms = [...this.#bySession.get(session) ?? []];
      await Promise.allSettled(rooms.map((room) => this.announce(room.name, renamed, session)));
    }
    return granted;
  }

  /** Takes `session` into a room; the seq behind which it is to read. */
  async join(session: Peer, name: string): Promise<{ room: Room<Peer>; seq: number }> {
    const person = this.nameOf(session);
    const room = this.room(name);
    const own = this.#bySession.get(session) ?? new Set();
    const most = this.#context.limits.maxRoomsPerConnection;
    if (own.size >= most && !own.has(room)) {
      throw inTooMany(name, own.size, most);
    }
    const before = this.#kept.store.topic(ROOM_PREFIX + name)?.lastSeq ?? 0;
    if (!this.#enter(session, room)) return { room, seq: before };
    try {
      this.#note(session);
      const seq = await this.announce(name, joinedOf(person, room.online), session);
      return { room, seq: seq - 1 };
    } catch (reason) {
      this.#part(session, room);
      throw reason;
    }
  }

  /** Lets `session` leave a room; gives false when it is not there. */
  async leave(session: Peer, name: string): Promise<boolean> {
    const room = this.room(name);
    if (!room.members.has(session)) return false;
    const person = this.nameOf(session);
    this.#part(session, room);
    this.#note(session);
    await this.announce(name, leftOf(person, room.online, false), session);
    return true;
  }

  /**
   * A session is gone: its rooms are told, and its name is kept for the grace. It is free at once when
   * nobody can come back for it: its owner had left all rooms before, or has no way to show the token.
   */
  gone(session: Peer): void {
    const person = this.names.nameOf(session);
    if (person === null) return;
    const atOnce = !this.#bySession.has(session) || session.link.kind === "text";
    this.#partAll(session, person);
    this.#note(session);
    this.names.release(session, this.#context.nowMs, atOnce);
  }

  /**
   * Takes over the people of whom another node has noted that they are in rooms, since this node writes from now on: each name is
   * kept for whoever shows its token, and rooms are told of those who do not come back.
   */
  takeOver(): Promise<void> {
    return this.#people.takeOver(this.#context.nowMs);
  }

  /**
   * Gives `session` the name and the rooms back that its person had while another node led, or before that lost the session.
   * Rooms that were told that the person is gone are told that it is back. Gives why the name cannot be had; null when it can.
   */
  restore(session: Peer, { name, token, rooms }: PersonInRooms): ParleyError | null {
    const wasHeld = this.names.holds(name);
    const holder = this.names.replacedBy(session, name, token);
    if (holder !== null) this.#partAll(holder, name);
    let missing: readonly string[] | null;
    try {
      const tokens = { shown: token, fresh: token };
      const claim = () => void this.names.claim(session, name, tokens, this.#context.nowMs);
      missing = this.#people.give(name, claim);
    } catch (reason) {
      return goneFor(reason);
    }
    for (const one of rooms) {
      const room = this.room(one);
      // Whoever was there before stays, also where the room cannot be told for the moment.
      if (!this.#enter(session, room) || missing !== null || !wasHeld) continue;
      mayFail(this.announce(one, joinedOf(name, room.online), session), "tell a room who is back");
    }
    this.#note(session);
    for (const one of missing ?? []) if (!rooms.includes(one)) this.#tellLost(name, one);
    return null;
  }

  /** Takes everybody out, with what they need to be taken in elsewhere; nobody is told. */
  takePeople(): Map<Peer, PersonInRooms> {
    this.#people.layDown();
    const people = new Map<Peer, PersonInRooms>();
    for (const [session, granted] of this.names.grants()) {
      people.set(session, { ...granted, rooms: this.roomsOf(session) });
      for (const room of [...this.#bySession.get(session) ?? []]) this.#part(session, room);
      this.names.release(session, this.#context.nowMs, true);
    }
    return people;
  }

  /**
   * Removes a room with its history and topic line; gives how many events were dropped. Rejects with
   * NOT_FOUND when there is none of that name, FAILED_PRECONDITION while people are in it.
   */
  async remove(name: string): Promise<number> {
    checkRoomName(name);
    const { store, forgetting } = this.#kept;
    const topic = store.topic(ROOM_PREFIX + name);
    const room = this.#rooms.get(name);
    if (topic === null && room === undefined) {
      throw new ParleyError(
        ErrorCode.NOT_FOUND,
        `cannot remove the room ${quote(name)}: it is not there`,
        { accepted: "a room that `parley room ls` tells of" },
      );
    }
    if (room !== undefined && room.online > 0) throw inUse(name, room.online);
    this.#rooms.delete(name);
    const { dropped, gone } = topic === null
      ? { dropped: 0, gone: true }
      : await forgetting.remove(topic);
    const now = this.#rooms.get(name);
    if (!gone) {
      // It stays as it was, with its topic line.
      if (room !== undefined && now === undefined) this.#rooms.set(name, room);
      throw inUse(name, now?.online ?? 0);
    }
    const key = TOPIC_LINES + name;
    if (store.revision(key) > 0) {
      await committed((ticket) => store.remove(key, -1, ticket));
    }
    return dropped;
  }

  /** Whether `topic` is that of a room with people in it, or with a topic line. */
  usesTopic(topic: string): boolean {
    return topic.startsWith(ROOM_PREFIX) && this.#rooms.has(topic.slice(ROOM_PREFIX.length));
  }

  /** Looks who is idle and who is back, and forgets names whose grace is over. */
  sweep(nowMs: number): void {
    this.names.expire(nowMs, EXPIRED_AT_ONCE);
    for (const [session, rooms] of this.#bySession) {
      const activeMs = this.#activeMs.get(session) ?? nowMs;
      const idle = nowMs - activeMs >= this.#context.limits.presenceIdleMs;
      if (idle === this.#idle.has(session)) continue;
      if (idle) this.#idle.add(session);
      else this.#idle.delete(session);
      const name = this.nameOf(session);
      for (const room of rooms) {
        const value = { name, idle, online: room.online };
        this.#announcer.presence(room.name, { case: "presenceChanged", value });
      }
    }
    this.#bus.endTurn();
  }

  /** Sets the topic line of a room, and resolves with the seq of the event that says so. */
  async setTopicLine(session: Peer, name: string, text: string): Promise<number> {
    const room = this.room(name);
    room.checkMember(session, "set the topic line");
    const line = checkText(text, MAX_TOPIC_LINE_BYTES, "set a topic line of");
    const { store } = this.#kept;
    const key = TOPIC_LINES + name;
    const value = { name: this.nameOf(session), text: line };
    const told = store.group(() => {
      // The line and the event that tells of it, or neither.
      if (line !== "") store.put(key, new TextEncoder().encode(line), -1, UNTOLD);
      else if (store.revision(key) > 0) store.remove(key, -1, UNTOLD);
      return this.#announcer.append(name, { case: "topicLineSet", value }, session, "");
    });
    const seq = await told;
    // By now it can be another object, or none, if everybody has left meanwhile.
    const present = this.room(name);
    present.topicLine = line;
    if (line !== "") this.#rooms.set(name, present);
    else if (present.online === 0) this.#rooms.delete(name);
    return seq;
  }

  /** Hands a text to one person. Raises NOT_FOUND when nobody goes by that name. */
  tell(session: Peer, to: string, text: string): void {
    const from = this.nameOf(session);
    const said = checkMessage(text, "tell");
    const recipient = this.names.ownerOf(to);
    if (recipient === null || !recipient.takesDeliveries || recipient.endIfFull()) {
      throw new ParleyError(
        ErrorCode.NOT_FOUND,
        `cannot tell ${quote(to)}: nobody goes by that name`,
      );
    }
    const { stamps } = publisherOf(session);
    stamps.setTime(this.#context.clock.wallMs());
    const stamped = encodeDirect({ from, to: this.nameOf(recipient), text: said }, stamps);
    this.#bus.deliverTo(recipient, stamped, 0, stamped.length);
    recipient.touch();
  }

  /** The name of `session`. Raises FAILED_PRECONDITION when it has none. */
  nameOf(session: Peer): string {
    const name = this.names.nameOf(session);
    if (name !== null) return name;
    throw nameless();
  }

  /**
   * Puts a happening into a room's history and resolves with its seq once it is safe. `messageId` makes a
   * repetition by the same person recognisable; the events count as `sender`'s, or the server's.
   */
  // deno-lint-ignore require-await -- what is refused at once rejects as what fails later does.
  async announce(
    room: string,
    event: RoomHappening,
    sender: Peer | null,
    messageId = "",
  ): Promise<number> {
    return this.#announcer.append(room, event, sender, messageId);
  }

  /** Notes where a person is by now, for the next node that writes; resolves when that is safe. */
  async #noteSafely(session: Peer): Promise<void> {
    const granted = this.names.grantOf(session);
    if (granted === null) return;
    const isTyped = session.link.kind === "text";
    await this.#people.note({ ...granted, rooms: this.roomsOf(session), isTyped });
  }

  /** The same. What cannot be noted is lost with the lead of this node. */
  #note(session: Peer): void {
    mayFail(this.#noteSafely(session), "note where a person is");
  }

  /** Tells a room that somebody who was in it is lost. What cannot be kept now is lost as well; the list of members is right. */
  #tellLost(person: string, name: string): void {
    if (this.#kept.store.topic(ROOM_PREFIX + name) === null) return;
    const left = leftOf(person, this.room(name).online, true);
    mayFail(this.announce(name, left, null), "tell a room who is lost");
  }

  /** Ends a session whose name another one has taken over by its token. */
  #replace(session: Peer, person: string): void {
    this.#partAll(session, person);
    session.end(takenOver(person));
  }

  /** Takes a session that is lost out of its rooms, and tells them. */
  #partAll(session: Peer, person: string): void {
    for (const room of [...this.#bySession.get(session) ?? []]) {
      this.#part(session, room);
      this.#tellLost(person, room.name);
    }
  }

  /** Takes a session into a room; gives false when it is there. */
  #enter(session: Peer, room: Room<Peer>): boolean {
    if (!room.join(session, this.#context.clock.wallMs())) return false;
    this.#rooms.set(room.name, room);
    this.#bySession.set(session, (this.#bySession.get(session) ?? new Set()).add(room));
    this.active(session);
    return true;
  }

  #part(session: Peer, room: Room<Peer>): void {
    room.leave(session);
    const own = this.#bySession.get(session);
    own?.delete(room);
    if (own?.size === 0) {
      this.#bySession.delete(session);
      this.#activeMs.delete(session);
      this.#idle.delete(session);
    }
    if (room.online === 0 && room.topicLine === "") this.#rooms.delete(room.name);
  }
}
