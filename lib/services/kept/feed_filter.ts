/**
 * The events out of a kept topic's history that one session wants: what its plain subscriptions would have got
 * live, each event once.
 *
 * What is said in rooms is published for the members by the server, so nobody counts as its publisher there:
 * `echo` does not matter, here as in live delivery.
 */
import { matchesPattern } from "../../base/matches_pattern.ts";
import { decodeTextLeniently } from "../../base/utf8_text.ts";
import { FieldCursor } from "../../wire/field_cursor.ts";
import { mayReceive } from "../access/checks.ts";
import type { BusSubscription } from "../topics/bus_subscription.ts";
import { topicsOf } from "../topics/peer_topics.ts";
import { isServersTopic } from "../topics/reserved.ts";
import type { Peer } from "../connection/peer.ts";

/** Numbers of Event's fields. */
const TYPE_FIELD = 3;
const SENDER_FIELD = 11;

const fields = new FieldCursor();

/** The filter of one session on one topic; good while the session's subscriptions stay. */
export class FeedFilter {
  /** The session's plain subscriptions that match the topic, whatever the type. */
  readonly subscriptions: readonly BusSubscription[];
  /** Whether one of them ends after a number of events. */
  readonly counts: boolean;
  readonly #session: Peer;
  readonly #topic: string;
  /** Whether it depends on an event's type who may read it. */
  readonly #byType: boolean;
  readonly #everything: boolean;
  readonly #echoes: boolean;

  constructor(session: Peer, topic: string) {
    this.#session = session;
    const own = [...topicsOf(session).subscriptions?.values() ?? []];
    this.#topic = topic;
    // It is decided here again: permissions can be others than when the subscription began.
    this.#byType = session.identity !== null && session.identity.permissions.types.length > 0;
    this.subscriptions = !this.#byType && !mayReceive(session, topic, "")
      ? []
      : own.filter((one) => one.group === "" && matchesPattern(one.pattern, topic));
    this.counts = this.subscriptions.some((one) => one.remaining !== Infinity);
    // Who has published nothing has nothing to be kept from.
    this.#echoes = topicsOf(session).publisher === null || isServersTopic(topic);
    this.#everything = !this.counts && !this.#byType &&
      this.subscriptions.some((one) => one.type === "" && (one.echo || this.#echoes));
  }

  /** Whether any of them wants the event whose bytes lie from `start` to `end`. */
  passes(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#everything || this.wanting(bytes, start, end).length > 0;
  }

  /** The subscriptions that want the event whose bytes lie from `start` to `end`. */
  wanting(bytes: Uint8Array, start: number, end: number): BusSubscription[] {
    let type = "";
    let sender = "";
    fields.open(bytes, start, end);
    while (fields.next()) {
      if (fields.field === TYPE_FIELD) type = textOf(bytes);
      else if (fields.field === SENDER_FIELD) sender = textOf(bytes);
    }
    if (this.#byType && !mayReceive(this.#session, this.#topic, type)) return [];
    const isOwn = !this.#echoes && sender === this.#session.sessionId;
    return this.subscriptions.filter((one) =>
      (one.type === "" || one.type === type) && (one.echo || !isOwn)
    );
  }
}

function textOf(bytes: Uint8Array): string {
  return decodeTextLeniently(bytes.subarray(fields.start, fields.end));
}
