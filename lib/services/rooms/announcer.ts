/**
 * Puts what happens in rooms into their histories, and tells their presence topics.
 */
import { Entry } from "../../ports/entry.ts";
import { SenderStamps } from "../../wire/stamp.ts";
import type { Peer } from "../connection/peer.ts";
import type { ServerContext } from "../connection/server_context.ts";
import type { Ticket } from "../connection/ticket.ts";
import type { KeptTopics } from "../kept/kept_topics.ts";
import type { Bus } from "../topics/bus.ts";
import { publisherOf } from "../topics/peer_topics.ts";
import { ROOM_PREFIX } from "../topics/reserved.ts";
import { notKept } from "./person_in_rooms.ts";
import { encodeEvent, type RoomHappening } from "./room_event.ts";

/** The name of the server in what it publishes itself. */
const SERVER_SENDER = "server";

/** An event of a room on its way into the store. */
const entry = new Entry();

/** Announces for all rooms of a server. */
export class Announcer {
  readonly #context: ServerContext;
  readonly #bus: Bus;
  readonly #kept: KeptTopics;
  readonly #stamps = new SenderStamps(SERVER_SENDER);

  constructor(context: ServerContext, bus: Bus, kept: KeptTopics) {
    this.#context = context;
    this.#bus = bus;
    this.#kept = kept;
  }

  /**
   * Announces an event as `sender`, or as the server; resolves with its seq once it is safe. Raises what is refused at once: a
   * group of the store is then undone.
   */
  append(
    room: string,
    event: RoomHappening,
    sender: Peer | null,
    messageId: string,
  ): Promise<number> {
    const topic = ROOM_PREFIX + room;
    const kept = this.#kept.topicOf(topic, sender);
    if (kept === null) throw notKept(room);
    const encoded = encodeEvent(topic, event, messageId);
    const { body, idStart, idEnd } = encoded;
    const publisher = sender === null ? null : publisherOf(sender);
    if (publisher !== null) publisher.keeps = true;
    const stamps = publisher?.stamps ?? this.#stamps;
    stamps.setTime(this.#context.clock.wallMs());
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    // Nobody's: members get what they say themselves, like everybody else in the room.
    const ticket: Ticket = { session: null, committed: resolve, failed: reject };
    entry.setBody(body, 0, body.length).setStamps(stamps).setId(idStart, idEnd);
    this.#kept.append(kept, entry, ticket, sender);
    this.#bus.own.count(encoded);
    return promise;
  }

  /** Tells a room's presence topic, which is not kept. */
  presence(room: string, event: RoomHappening): void {
    const topic = `${ROOM_PREFIX}${room}.presence`;
    this.#stamps.setTime(this.#context.clock.wallMs());
    this.#bus.own.publish(encodeEvent(topic, event, ""), this.#stamps);
  }
}
