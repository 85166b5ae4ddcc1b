/**
 * Kept topics: what is published on them goes to the store first, and to the subscribers once it is as
 * safe as its acknowledgement says.
 *
 * Invariants: nobody gets an event that a crash could still take back, so no seq ever names two events;
 * events of a topic reach each subscriber in the order of their seq. Subscribers that read the topic's
 * history are fed by their feeds and passed over here. While the store has more in hand than it should,
 * those who publish on kept topics are not read.
 */
import { ParleyError } from "../base/errors.ts";
import type { AckLevel } from "../gen/parley/v1/session_pb.ts";
import type { KeepPolicies } from "../logic/keep_policies.ts";
import type { Store, StoreBatch, StoreListener, StoreTopic } from "../ports/store.ts";
import { FieldCursor } from "../wire/field_cursor.ts";
import type { Bus } from "./bus.ts";
import { Feeds } from "./feeds.ts";
import { errorReply } from "./reply.ts";
import type { Session } from "./session.ts";
import type { SessionHost } from "./session_host.ts";

/** Number of Event.type. */
const TYPE_FIELD = 3;
const decoder = new TextDecoder();

/** Waits for the commit of one event. */
export interface Ticket {
  /** Who published it; null when the server did. */
  readonly session: Session | null;
  /** It has the store's level. */
  committed(seq: number, level: AckLevel, duplicate: boolean): void;
  /** It was not kept. */
  failed(error: ParleyError): void;
}

/** The kept topics of one server. */
export class KeptTopics implements StoreListener {
  readonly store: Store;
  /** Who reads history. */
  readonly feeds: Feeds;
  readonly #host: SessionHost;
  readonly #bus: Bus;
  readonly #policies: KeepPolicies;
  readonly #fields = new FieldCursor();

  constructor(host: SessionHost, bus: Bus, store: Store, policies: KeepPolicies) {
    this.#host = host;
    this.#bus = bus;
    this.store = store;
    this.#policies = policies;
    this.feeds = new Feeds(host, bus, store);
    store.listen(this);
    for (const topic of store.topics()) this.#retain(topic);
  }

  /** Whether a topic of that name is kept. */
  keeps(name: string): boolean {
    return this.#policies.policyOf(name) !== null;
  }

  /** Whether every topic that `pattern` matches is kept. */
  keepsAll(pattern: string): boolean {
    return this.#policies.covers(pattern);
  }

  /** The kept topic of that name, made if need be; null when it is not kept. Raises RESOURCE_EXHAUSTED past their number. */
  topicOf(name: string): StoreTopic | null {
    if (this.#policies.policyOf(name) === null) return null;
    const known = this.store.topic(name);
    if (known !== null) return known;
    const topic = this.store.openTopic(name);
    this.#retain(topic);
    return topic;
  }

  /** Hands an event to the store; `completion` is a Ticket, or the session that published it. */
  append(
    topic: StoreTopic,
    bytes: Uint8Array,
    start: number,
    end: number,
    stamps: Uint8Array,
    stampsLength: number,
    idStart: number,
    idEnd: number,
    completion: Ticket | Session,
  ): void {
    this.store.append(
      topic,
      bytes,
      start,
      end,
      stamps,
      stampsLength,
      this.#host.clock.wallMs(),
      idStart,
      idEnd,
      completion,
    );
  }

  committed(batch: StoreBatch): void {
    const { level } = this.store;
    while (batch.next()) {
      const { completion, topic } = batch;
      const ticket = isTicket(completion) ? completion : null;
      const publisher = ticket === null ? completion as Session : ticket.session;
      if (topic !== null && !batch.duplicate && batch.kind === "event") {
        const type = this.#typeOf(batch.bytes, batch.start, batch.end);
        this.#bus.deliverKept(topic, type, publisher, batch.bytes, batch.start, batch.end);
      }
      ticket?.committed(batch.seq, level, batch.duplicate);
    }
    this.#bus.endTurn();
  }

  failed(batch: StoreBatch, error: ParleyError): void {
    const told = new Set<Session>();
    while (batch.next()) {
      const { completion } = batch;
      if (isTicket(completion)) completion.failed(error);
      else if (!told.has(completion as Session)) {
        // Who wanted no acknowledgement is told once a batch that something was lost.
        const session = completion as Session;
        told.add(session);
        if (!session.takesDeliveries) continue;
        session.send(errorReply(error));
        session.outbox.flush();
      }
    }
    this.#bus.endTurn();
  }

  #retain(topic: StoreTopic): void {
    const policy = this.#policies.policyOf(topic.name);
    if (policy !== null) this.store.setRetention(topic, policy);
  }

  /** The type of an event; the store's bodies are sound. */
  #typeOf(bytes: Uint8Array, start: number, end: number): string {
    const fields = this.#fields;
    fields.open(bytes, start, end);
    let from = 0;
    let to = 0;
    while (fields.next()) {
      if (fields.field !== TYPE_FIELD) continue;
      from = fields.start;
      to = fields.end;
    }
    return from === to ? "" : decoder.decode(bytes.subarray(from, to));
  }
}

function isTicket(completion: unknown): completion is Ticket {
  return typeof (completion as Ticket).committed === "function";
}
