/**
 * All subscriptions of one client: what the server is asked for, and which of them gets an event.
 *
 * They live on the client's first connection. The server sends a connection an event once, however many
 * subscriptions match, so matching is done again here; what it sends for a group goes to one of the
 * group's members here. Subscriptions with the same pattern, type and group share one of the server's:
 * it echoes when one of them wants that, and the oldest of them decides what it does on overflow. After a
 * reconnect all are made anew, before anything that waited to be published, and each is told of the gap.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { ErrorCode, invalidArgument, ParleyError } from "../base/errors.ts";
import { matchesPattern } from "../base/matches_pattern.ts";
import { EventSchema, MissedSchema } from "../gen/parley/v1/event_pb.ts";
import { type Incoming, readAck } from "./answers.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { ConnectionPool, RequestKind } from "./connection_pool.ts";
import type { ErrorReports } from "./error_reports.ts";
import { Receivers } from "./receivers.ts";
import { checkText, encodeRequest } from "./requests.ts";
import { joinSignal, leaveSignal } from "./signal_group.ts";
import {
  type EventCallback,
  OVERFLOW,
  type ReceivedEvent,
  type SubscribeOptions,
  Subscription,
  type SubscriptionOwner,
} from "./subscription.ts";

/** Topics whose receivers are remembered; more are looked up each time. */
const MAX_REMEMBERED = 1024;

/** Those that share one subscription of the server's. */
class Shared {
  readonly members = new Set<Subscription>();
  /** Those of them that the server has acknowledged. */
  readonly made = new Set<Subscription>();
  /** Whether the server counts the events of the only member, and ends the subscription by itself. */
  counted = false;

  constructor(readonly key: string) {}
}

/** What a request about a subscription may take with it. */
interface AskOptions {
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** The subscriptions of one client. */
export class Subscriptions implements SubscriptionOwner {
  readonly #pool: () => ConnectionPool;
  readonly #reports: ErrorReports;
  readonly #shared = new Map<string, Shared>();
  readonly #remembered = new Map<string, Receivers>();

  /** `pool` gives the client's connections, when they are needed first. */
  constructor(pool: () => ConnectionPool, reports: ErrorReports) {
    this.#pool = pool;
    this.#reports = reports;
  }

  /** Subscribes, and resolves when the server has acknowledged it. */
  async subscribe(
    pattern: string,
    options: SubscribeOptions,
    onEvent?: EventCallback,
  ): Promise<Subscription> {
    const { signal, timeoutMs } = options;
    signal?.throwIfAborted();
    if (pattern === "" && !options.type) {
      throw invalidArgument("cannot subscribe without a pattern and without a type", {
        accepted: 'a pattern (">" for every topic), a type, or both',
      });
    }
    checkText(pattern, "subscribe to");
    const subscription = new Subscription(this, pattern, options, onEvent);
    const shared = this.#join(subscription);
    try {
      await this.#request(shared, { timeoutMs, signal }, { ordered: true });
      signal?.throwIfAborted();
    } catch (reason) {
      subscription.end(reason);
      this.#giveUp(subscription, reason);
      throw reason;
    }
    shared.made.add(subscription);
    if (signal !== undefined) endWith(subscription, signal);
    return subscription;
  }

  /** Tells the server that `subscription` wants nothing more, unless another shares its place. */
  async unsubscribe(subscription: Subscription): Promise<void> {
    if (!this.#forget(subscription) || this.#pool().first === null) return;
    try {
      await this.#ask(encodeUnsubscribe(subscription, 0), {}, { ordered: true });
    } catch (reason) {
      // Already gone: it ended by itself, or the connection did, and took it along.
      if (!(reason instanceof ParleyError)) throw reason;
    }
  }

  /** The server counts what it sends, not what arrives in the end: it must not count any more. */
  dropped(subscription: Subscription): void {
    const shared = this.#shared.get(keyOf(subscription));
    if (shared === undefined || !shared.counted || !shared.members.has(subscription)) return;
    shared.counted = false;
    const connection = this.#pool().first;
    this.#ask(encodeSubscribe(shared), {}, { ordered: true }).catch((reason) => {
      // With the connection lost, the next one asks for everything anew.
      if (connection?.state === "open") this.#endAllOf(shared, reason);
    });
  }

  /** Tells the program what a callback threw. */
  callbackFailed(subscription: Subscription, thrown: unknown): boolean {
    const what = `a callback of the subscription to "${subscription.pattern}" failed`;
    return this.#reports.tellThrown(what, thrown);
  }

  /** The first connection is open anew: everything is asked for again. */
  reopened(connection: ClientConnection): void {
    // Those whose first request still waits to be sent have missed nothing.
    const made = [...this.#shared.values()].filter((shared) => shared.made.size > 0);
    for (const shared of made) {
      this.#request(shared, {}, { first: true }).catch((reason) => {
        // Lost again: the next connection tries again. Refused: it is over, and its programs are told.
        if (connection.state === "open") this.#endAllOf(shared, reason);
      });
    }
    // Only now: programs may do anything when they are told.
    for (const subscription of made.flatMap((shared) => [...shared.made])) {
      subscription.gap({ kind: "reconnected" });
    }
  }

  /** Ends all of them; `error` null is an end without one. */
  endAll(error: ParleyError | null): void {
    for (const shared of [...this.#shared.values()]) this.#endAllOf(shared, error);
  }

  /** An event arrived. */
  takeEvent(connection: ClientConnection, incoming: Incoming): void {
    const event = readEvent(incoming);
    const own = event.sender === connection.welcome.sessionId;
    const receivers = this.#receivers(event);
    if (event.group !== "") return receivers.oneFor(own)?.deliver(event);
    for (const subscription of receivers.all) {
      if (!own || subscription.echo) subscription.deliver(event);
    }
  }

  /** The server dropped events. */
  takeMissed(_connection: ClientConnection, incoming: Incoming): void {
    const { topic, count } = fromBinary(MissedSchema, incoming.body());
    for (const { members } of [...this.#shared.values()]) {
      for (const subscription of [...members]) {
        if (topic !== ">" && !matchesPattern(subscription.pattern, topic)) continue;
        this.dropped(subscription);
        subscription.gap({ kind: "missed", topic, count });
      }
    }
  }

  #receivers(event: ReceivedEvent): Receivers {
    const name = `${event.topic}\n${event.type}\n${event.group}`;
    const known = this.#remembered.get(name);
    if (known !== undefined) return known;
    const matching: Subscription[] = [];
    for (const { members } of this.#shared.values()) {
      for (const subscription of members) {
        if (subscription.group !== event.group) continue;
        if (subscription.type !== "" && subscription.type !== event.type) continue;
        if (matchesPattern(subscription.pattern, event.topic)) matching.push(subscription);
      }
    }
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    const receivers = new Receivers(matching);
    this.#remembered.set(name, receivers);
    return receivers;
  }

  #join(subscription: Subscription): Shared {
    const key = keyOf(subscription);
    const shared = this.#shared.get(key) ?? new Shared(key);
    this.#shared.set(key, shared);
    shared.members.add(subscription);
    this.#remembered.clear();
    return shared;
  }

  /** Lets go of a subscription; gives whether it was the last of those that shared its place. */
  #forget(subscription: Subscription): boolean {
    const shared = this.#shared.get(keyOf(subscription));
    if (shared === undefined || !shared.members.delete(subscription)) return false;
    shared.made.delete(subscription);
    this.#remembered.clear();
    if (shared.members.size > 0) return false;
    this.#shared.delete(shared.key);
    return true;
  }

  /** A subscription that could not be made. Unless the server refused it, it may be there all the same. */
  #giveUp(subscription: Subscription, reason: unknown): void {
    const refused = reason instanceof ParleyError && reason.code !== ErrorCode.DEADLINE_EXCEEDED;
    if (refused) this.#forget(subscription);
    else void this.unsubscribe(subscription);
  }

  #endAllOf(shared: Shared, reason: unknown): void {
    for (const subscription of [...shared.members]) {
      this.#forget(subscription);
      subscription.end(reason);
    }
  }

  /**
   * Asks for what all who share it want. The count of an only member goes with it in one write, so that
   * no event can come in between that would be counted here and not there.
   */
  async #request(shared: Shared, options: AskOptions, kind: RequestKind): Promise<void> {
    const [only] = shared.members;
    shared.counted = shared.members.size === 1 && only.left !== Infinity;
    const subscribed = this.#ask(encodeSubscribe(shared), options, kind);
    if (!shared.counted) return void await subscribed;
    await Promise.all([
      subscribed,
      this.#ask(encodeUnsubscribe(only, only.left), options, kind),
    ]);
  }

  /** Sends a request about a subscription. */
  #ask(body: Uint8Array, options: AskOptions, kind: RequestKind): Promise<unknown> {
    return this.#pool().submit(() => body, readAck, options, kind);
  }
}

/** Ends `subscription` when `signal` is aborted. */
function endWith(subscription: Subscription, signal: AbortSignal): void {
  if (subscription.ended) return;
  const member = { aborted: () => void subscription.unsubscribe() };
  joinSignal(signal, member);
  subscription.onEnded = () => leaveSignal(signal, member);
}

/** Reads an event; all that it holds is its own. */
function readEvent(incoming: Incoming): ReceivedEvent {
  const event = fromBinary(EventSchema, incoming.body().slice());
  return {
    topic: event.topic,
    type: event.type,
    payload: event.payload,
    headers: event.headers,
    messageId: event.messageId,
    sender: event.sender,
    seq: event.seq,
    timeMicros: event.timeUnixMicros,
    group: event.group,
  };
}

/** What the server is asked for on behalf of all who share a subscription. */
function encodeSubscribe(shared: Shared): Uint8Array {
  const members = [...shared.members];
  const { pattern, type, group, overflow } = members[0];
  const echo = members.some((member) => member.echo);
  return encodeRequest({
    case: "subscribe",
    value: { pattern, type, group, echo, overflow: OVERFLOW[overflow] },
  });
}

function encodeUnsubscribe(subscription: Subscription, afterEvents: number): Uint8Array {
  const { pattern, type, group } = subscription;
  return encodeRequest({
    case: "unsubscribe",
    value: { pattern, type, group, afterEvents: BigInt(afterEvents) },
  });
}

/** Nothing that is refused may have the key of something else. */
function keyOf({ pattern, type, group }: Subscription): string {
  return JSON.stringify([pattern, type, group]);
}
