/**
 * Kept topics: what is published on them goes to the store first, and to the subscribers once it is as
 * safe as its acknowledgement says.
 *
 * Invariants: nobody gets an event that a crash could still take back, so no seq ever names two events;
 * events of a topic reach each subscriber in the order of their seq. Subscribers that read the topic's
 * history are fed by their feeds and passed over here. While the store has more in hand than it should,
 * those who publish on kept topics are not read.
 */
import { decodeText } from "../../base/utf8_text.ts";
import { shareOf } from "../../logic/access/guest_share.ts";
import { checkKeptBytes, isHeldToBytes, makerOf } from "../access/kept_bytes.ts";
import { countMade } from "../access/usage.ts";
import type { KeepPolicies, KeepPolicy } from "../../logic/topics/keep_policies.ts";
import type { Entry } from "../../ports/entry.ts";
import type { Retention, Store, StoreBatch, StoreTopic } from "../../ports/store.ts";
import { FieldCursor } from "../../wire/field_cursor.ts";
import { varint53Size } from "../../wire/varint.ts";
import type { Bus } from "../topics/bus.ts";
import { committed } from "./committed.ts";
import { Feeds } from "./feeds.ts";
import { Forgetting } from "./forgetting.ts";
import type { Peer } from "../connection/peer.ts";
import type { Ticket } from "../connection/ticket.ts";
import type { EventTaker } from "../topics/hooks.ts";
import { isServersTopic } from "../topics/reserved.ts";
import type { ServerContext } from "../connection/server_context.ts";

/** Number of Event.type. */
const TYPE_FIELD = 3;
/** The prefix of the keys of records by which nodes tell each other what was dropped, and how many there are at most. */
export const TRIM_RECORDS = "kept trimmed ";
const MAX_TRIM_RECORDS = 64;
const encoder = new TextEncoder();
/** The bounds of a topic that no policy is for: none. */
const KEEP_ALL: Retention = {};
/** The number of topics whose bounds are looked at before others may have their turn. */
const RETAINED_AT_ONCE = 1024;

/** The kept topics of one server. */
export class KeptTopics {
  readonly store: Store;
  /** The feeds of the sessions that read history. */
  readonly feeds: Feeds;
  /** Forgets topics that hold nothing, and removes topics. */
  readonly forgetting: Forgetting;
  readonly #context: ServerContext;
  readonly #bus: Bus;
  #policies: KeepPolicies;
  /** The takers of the events of topics, as far as they were looked up; null for a topic without one. */
  readonly #takers = new Map<StoreTopic, EventTaker | null>();
  readonly #bind: (topic: string) => EventTaker | null;
  readonly #fields = new FieldCursor();
  #trims = 0;
  #typeBytes = new Uint8Array(0);
  #type = "";

  /** `bind` gives who takes the events of a topic in the batch that keeps them; null when nobody does. */
  constructor(
    context: ServerContext,
    bus: Bus,
    store: Store,
    options: { policies: KeepPolicies; bind: (topic: string) => EventTaker | null },
  ) {
    this.#context = context;
    this.#bus = bus;
    this.store = store;
    this.#policies = options.policies;
    this.#bind = options.bind;
    this.feeds = new Feeds(context, bus, store);
    this.forgetting = new Forgetting(context, this);
    for (const topic of store.topics()) this.#retain(topic);
  }

  /**
   * Keeps by other policies from now on, topics that are there as well; resolves when what they keep was told to the store.
   * A topic that no policy is for any more is not kept any more: what it holds stays until it is removed.
   */
  async follow(policies: KeepPolicies): Promise<void> {
    this.#policies = policies;
    this.lookUpAnew();
    const turn = this.#context.turns.join();
    let looked = 0;
    for (const topic of this.store.topics()) {
      if (++looked % RETAINED_AT_ONCE === 0) await turn.did(RETAINED_AT_ONCE);
      // Others have come since.
      if (this.#policies !== policies) return;
      this.#retain(topic);
    }
  }

  /** The policies by which topics are kept. */
  get policies(): KeepPolicies {
    return this.#policies;
  }

  /** Has everybody look up anew which topics are kept, and who takes their events. */
  lookUpAnew(): void {
    this.#takers.clear();
    this.#bus.forgetMatches();
  }

  /** Whether a topic of that name is kept. */
  keeps(name: string): boolean {
    return this.#policies.policyOf(name) !== null;
  }

  /** The policy of a topic of that name; null when it is not kept. */
  policyOf(name: string): KeepPolicy | null {
    return this.#policies.policyOf(name);
  }

  /** Whether every topic that `pattern` matches is kept. */
  keepsAll(pattern: string): boolean {
    return this.#policies.covers(pattern);
  }

  /**
   * The kept topic of that name, made if need be, by `by` or the server itself; null when it is not kept. Raises
   * RESOURCE_EXHAUSTED past their number.
   */
  topicOf(name: string, by: Peer | null = null): StoreTopic | null {
    if (this.#policies.policyOf(name) === null) return null;
    const known = this.store.topic(name);
    if (known !== null) return known;
    const { limits } = this.#context;
    const share = shareOf(100, limits, this.#policies.names(name));
    const maker = isServersTopic(name) ? "" : makerOf(by);
    if (by !== null) {
      // No name either for who may keep nothing more.
      checkKeptBytes(by, { name, holder: this.store.holders.find(maker) }, 1, "publish on");
      countMade(by, "topics", name, (one) => this.store.topic(one) !== null);
    }
    const topic = this.store.openTopic(name, share, maker);
    this.#retain(topic);
    return topic;
  }

  /**
   * Hands an event of `by`, or of the server itself, to the store; `ticket` is told of it. Raises RESOURCE_EXHAUSTED when
   * more would be kept than may be of who made the topic.
   */
  append(topic: StoreTopic, entry: Entry, ticket: Ticket, by: Peer | null): void {
    entry.timeMs = this.#context.clock.wallMs();
    const taker = this.#takerOf(topic);
    const isHeld = topic.holder !== null && by !== null && isHeldToBytes(by);
    if (taker === null && !isHeld) return void this.store.append(topic, entry, ticket);
    if (this.#hasSeen(topic, entry)) return void this.store.append(topic, entry, ticket);
    const bytes = entry.length + 1 + varint53Size(topic.nextSeq);
    if (isHeld) checkKeptBytes(by, topic, bytes, "publish on");
    if (taker === null) return void this.store.append(topic, entry, ticket);
    // With a job for each of the queues that are bound to the topic.
    const append = () => this.store.append(topic, entry, ticket);
    taker.take({ topic: topic.name, entry, append, by, kept: { bytes, holder: topic.holder } });
  }

  /** Whether an event is one that was published before: it is not kept again. */
  #hasSeen(topic: StoreTopic, { bytes, idStart, idEnd }: Entry): boolean {
    return idEnd > idStart &&
      this.store.duplicateOf(topic, decodeText(bytes.subarray(idStart, idEnd))) > 0;
  }

  /**
   * Drops the events of a topic before `beforeSeq`, in small steps; gives how many. Nodes that have the same history drop them
   * too, a moment later. Rejects with UNAVAILABLE where another node writes.
   */
  async trim(topic: StoreTopic, beforeSeq: number): Promise<number> {
    const { store } = this;
    if (store.replica !== null) {
      const value = encoder.encode(JSON.stringify([topic.name, beforeSeq]));
      const key = TRIM_RECORDS + this.#trims++ % MAX_TRIM_RECORDS;
      await committed((ticket) => void store.put(key, value, -1, ticket));
    }
    return await store.trim(topic, beforeSeq);
  }

  /** Drops what another node has dropped, as the record of that key says. */
  async trimAs(key: string): Promise<void> {
    const record = await this.store.get(key);
    if (record === null) return;
    const [name, beforeSeq] = JSON.parse(decodeText(record.value)) as [string, number];
    const topic = this.store.topic(name);
    if (topic !== null) await this.store.trim(topic, beforeSeq);
  }

  /** Hands out an event that was committed; `publisher` is null when it is the server's. */
  deliver(event: StoreBatch, publisher: Peer | null): void {
    const { topic } = event;
    if (topic === null) return;
    const type = this.#typeOf(event.bytes, event.start, event.end);
    this.#bus.deliverKept(topic, type, publisher, event);
  }

  /** Keeps a topic that another node has made by the policy that is for it. */
  received(topic: StoreTopic): void {
    this.#retain(topic);
  }

  /** Makes sure that nobody goes on with a topic that is gone. */
  forgot(topic: StoreTopic | null): void {
    if (topic === null || this.store.topic(topic.name) === topic) return;
    this.#takers.delete(topic);
    this.#bus.forgetMatches();
  }

  #takerOf(topic: StoreTopic): EventTaker | null {
    let taker = this.#takers.get(topic);
    if (taker === undefined) this.#takers.set(topic, taker = this.#bind(topic.name));
    return taker;
  }

  #retain(topic: StoreTopic): void {
    const retention: Retention = this.#policies.policyOf(topic.name) ?? KEEP_ALL;
    const { maxEvents, maxAgeMs, maxBytes } = topic.retention;
    const isSame = retention.maxEvents === maxEvents && retention.maxAgeMs === maxAgeMs &&
      retention.maxBytes === maxBytes;
    if (!isSame) this.store.setRetention(topic, retention);
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
