/**
 * Kept topics: what is published on them goes to the store first, and to the subscribers once it is as
 * safe as its acknowledgement says.
 *
 * Invariants: nobody gets an event that a crash could still take back, so no seq ever names two events;
 * events of a topic reach each subscriber in the order of their seq. Subscribers that read the topic's
 * history are fed by their feeds and passed over here. While the store has more in hand than it should,
 * those who publish on kept topics are not read.
 */
import { ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { decodeText } from "../../base/utf8_text.ts";
import type { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import { shareOf } from "../../logic/access/guest_share.ts";
import type { KeepPolicies, KeepPolicy } from "../../logic/topics/keep_policies.ts";
import type { Entry } from "../../ports/entry.ts";
import type { Store, StoreBatch, StoreListener, StoreTopic } from "../../ports/store.ts";
import { FieldCursor } from "../../wire/field_cursor.ts";
import type { Bus } from "../topics/bus.ts";
import { Feeds } from "./feeds.ts";
import { Forgetting } from "./forgetting.ts";
import type { Queue } from "../queues/queue.ts";
import { pushEvent } from "../queues/bindings.ts";
import type { Queues } from "../queues/queues.ts";
import { errorReply } from "../connection/reply.ts";
import type { TurnTaker } from "../connection/fair_turns.ts";
import type { Session } from "../connection/session.ts";
import type { SessionHost } from "../connection/server_context.ts";

const log = logger("server");

/** Number of Event.type. */
const TYPE_FIELD = 3;
const NONE: readonly Queue[] = Object.freeze([]);

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
  /** How topics go. */
  readonly forgetting: Forgetting;
  readonly #host: SessionHost;
  readonly #bus: Bus;
  readonly #policies: KeepPolicies;
  readonly #queues: Queues;
  /** The queues that topics are bound to, as far as that was asked. */
  readonly #bound = new Map<StoreTopic, readonly Queue[]>();
  readonly #fields = new FieldCursor();
  readonly #turn: TurnTaker;
  #typeBytes = new Uint8Array(0);
  #type = "";

  constructor(
    host: SessionHost,
    bus: Bus,
    store: Store,
    policies: KeepPolicies,
    queues: Queues,
  ) {
    this.#host = host;
    this.#bus = bus;
    this.store = store;
    this.#policies = policies;
    this.#queues = queues;
    this.feeds = new Feeds(host, bus, store);
    this.forgetting = new Forgetting(host, this);
    this.#turn = host.turns.join();
    store.listen(this);
    for (const topic of store.topics()) this.#retain(topic);
  }

  /** Whether a topic of that name is kept. */
  keeps(name: string): boolean {
    return this.#policies.policyOf(name) !== null;
  }

  /** How much of a topic of that name is kept; null when it is not kept. */
  policyOf(name: string): KeepPolicy | null {
    return this.#policies.policyOf(name);
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
    const { limits } = this.#host;
    const share = shareOf(100, limits, this.#policies.names(name));
    const topic = this.store.openTopic(name, share);
    this.#retain(topic);
    return topic;
  }

  /** Hands an event to the store; `completion` is a Ticket, or the session that published it. */
  append(topic: StoreTopic, entry: Entry, completion: Ticket | Session): void {
    entry.timeMs = this.#host.clock.wallMs();
    const bound = this.#queues.bindsAny ? this.#boundTo(topic) : NONE;
    if (bound.length === 0) this.store.append(topic, entry, completion);
    else this.#appendBound(topic, bound, entry, completion);
  }

  /** Hands an event to the store, with a job for each of the queues that are bound to its topic. */
  #appendBound(
    topic: StoreTopic,
    bound: readonly Queue[],
    entry: Entry,
    completion: Ticket | Session,
  ): void {
    const { store } = this;
    const { bytes, idStart, idEnd } = entry;
    const append = () => store.append(topic, entry, completion);
    const seen = idEnd > idStart &&
      store.duplicateOf(topic, decodeText(bytes.subarray(idStart, idEnd))) > 0;
    if (seen) append();
    else pushEvent(store, bound, { topic: topic.name, entry, append });
  }

  leaving(): void {
    this.#walled(() => this.#queues.leaving());
  }

  stayed(): void {
    this.#walled(() => this.#queues.stayed());
  }

  fellBack(): void {
    this.#walled(() => this.#queues.fellBack());
  }

  committed(batch: StoreBatch): void | Promise<void> {
    if (!this.#turn.begin() || !this.#walk(batch)) return this.#walkOn(batch);
    this.#finish();
  }

  /** Goes on with a batch that is more than there was time for, in turns with others. */
  async #walkOn(batch: StoreBatch): Promise<void> {
    do await this.#turn.wait(); while (!this.#walk(batch));
    this.#finish();
  }

  /** Hands out committed entries; gives false, with everything handed out so far sent, when others are to have their turn. */
  #walk(batch: StoreBatch): boolean {
    const { turns } = this.#host;
    while (batch.next()) {
      try {
        this.#commit(batch);
      } catch (error) {
        this.#wentWrong(error);
      }
      if (--turns.left > 0 || this.#turn.goOn()) continue;
      this.#walled(() => this.#bus.endTurn());
      return false;
    }
    return true;
  }

  /** All entries of a batch were handed out. */
  #finish(): void {
    this.#walled(() => this.#queues.committed());
    this.#walled(() => this.#bus.endTurn());
  }

  failed(batch: StoreBatch, error: ParleyError): void {
    const told = new Set<Session>();
    while (batch.next()) {
      try {
        this.#fail(batch.completion, error, told);
      } catch (reason) {
        this.#wentWrong(reason);
      }
    }
    this.#walled(() => this.#queues.failed(error));
    this.#walled(() => this.#bus.endTurn());
  }

  /** Hands out one committed entry. */
  #commit(batch: StoreBatch): void {
    const { completion, kind } = batch;
    const ticket = isTicket(completion) ? completion : null;
    try {
      if (kind === "job") this.#queues.stored(batch);
      else if (kind === "event" && !batch.duplicate) {
        const { topic, bytes, start, end } = batch;
        const publisher = ticket === null ? completion as Session : ticket.session;
        const type = this.#typeOf(bytes, start, end);
        if (topic !== null) this.#bus.deliverKept(topic, type, publisher, bytes, start, end);
      } else if (kind === "forget") this.#forgot(batch.topic);
    } finally {
      // It is stored, whatever went wrong; and a ticket of many must be told of each.
      ticket?.committed(batch.seq, this.store.level, batch.duplicate);
    }
  }

  /** Tells whoever handed over an entry that it was not kept; who wants no acknowledgement, once a batch. */
  #fail(completion: unknown, error: ParleyError, told: Set<Session>): void {
    if (isTicket(completion)) return completion.failed(error);
    const session = completion as Session;
    if (told.has(session)) return;
    told.add(session);
    this.#host.counters.requestsRefused++;
    if (!session.takesDeliveries || session.endIfFull()) return;
    session.send(errorReply(error));
    this.#bus.touch(session.outbox);
  }

  /** What fails here must not keep the store from going on. */
  #walled(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#wentWrong(error);
    }
  }

  /** An entry that cannot be dealt with is a defect; the others are dealt with all the same. */
  #wentWrong(error: unknown): void {
    this.#host.counters.internalErrors++;
    log.error("cannot finish what was stored: {error}", { error });
  }

  /** Makes sure that nobody goes on with a topic that is gone. */
  #forgot(topic: StoreTopic | null): void {
    if (topic === null || this.store.topic(topic.name) === topic) return;
    this.#bound.delete(topic);
    this.#bus.forgetMatches();
  }

  #boundTo(topic: StoreTopic): readonly Queue[] {
    let bound = this.#bound.get(topic);
    if (bound === undefined) this.#bound.set(topic, bound = this.#queues.boundTo(topic.name));
    return bound;
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
    // Events of one type come in a row, so that a text is made only when it is another than the last.
    const last = this.#typeBytes;
    let same = to - from === last.length;
    for (let index = 0; same && index < last.length; index++) {
      same = last[index] === bytes[from + index];
    }
    if (same) return this.#type;
    this.#typeBytes = bytes.slice(from, to);
    return this.#type = decodeText(this.#typeBytes);
  }
}

function isTicket(completion: unknown): completion is Ticket {
  return typeof (completion as Ticket).committed === "function";
}
