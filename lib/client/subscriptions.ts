/**
 * All subscriptions of one client: what the server is asked for, and which of them gets an event.
 *
 * They live on the client's first connection. The server sends a connection an event once, however many
 * subscriptions match, so matching is done again here. Subscriptions with the same pattern, type and
 * group share one of the server's. After a reconnect all are made anew, and each is told of the gap.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { ParleyError } from "../base/errors.ts";
import { matchesPattern } from "../base/matches_pattern.ts";
import { EventSchema, MissedSchema } from "../gen/parley/v1/event_pb.ts";
import { type Incoming, readAck } from "./answers.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { encodeRequest } from "./requests.ts";
import {
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
}

/** The subscriptions of one client. */
export class Subscriptions implements SubscriptionOwner {
  readonly #pool: () => ConnectionPool;
  readonly #shared = new Map<string, Shared>();
  readonly #remembered = new Map<string, readonly Subscription[]>();

  /** `pool` gives the client's connections; it is asked when they are needed first. */
  constructor(pool: () => ConnectionPool) {
    this.#pool = pool;
  }

  /** Subscribes, and resolves when the server has acknowledged it. */
  async subscribe(
    pattern: string,
    options: SubscribeOptions,
    onEvent?: (event: ReceivedEvent) => void,
  ): Promise<Subscription> {
    const { signal } = options;
    signal?.throwIfAborted();
    const subscription = new Subscription(this, pattern, options, onEvent);
    const key = keyOf(subscription);
    const shared = this.#shared.get(key) ?? new Shared();
    this.#shared.set(key, shared);
    shared.members.add(subscription);
    this.#remembered.clear();
    try {
      await this.#ask(encodeSubscribe(shared), options);
      const { maxEvents } = options;
      if (maxEvents !== undefined && shared.members.size === 1) {
        await this.#ask(encodeUnsubscribe(subscription, maxEvents), options);
      }
    } catch (reason) {
      this.#forget(key, shared, subscription);
      subscription.end(reason);
      throw reason;
    }
    if (signal !== undefined) {
      const abort = () => void subscription.unsubscribe().catch(() => {});
      signal.addEventListener("abort", abort, { once: true });
      void subscription.closed.catch(() => {}).then(() =>
        signal.removeEventListener("abort", abort)
      );
    }
    return subscription;
  }

  /** Tells the server that `subscription` wants nothing more, unless another shares its place. */
  async unsubscribe(subscription: Subscription): Promise<void> {
    const key = keyOf(subscription);
    const shared = this.#shared.get(key);
    if (shared === undefined || !shared.members.has(subscription)) return;
    this.#forget(key, shared, subscription);
    if (shared.members.size > 0 || this.#pool().first === null) return;
    try {
      await this.#ask(encodeUnsubscribe(subscription, 0), {});
    } catch (reason) {
      // Already gone: it ended by itself, or the connection did, and took it along.
      if (!(reason instanceof ParleyError)) throw reason;
    }
  }

  /** The first connection is open anew: everything is asked for again. */
  reopened(connection: ClientConnection): void {
    for (const [key, shared] of this.#shared) {
      for (const subscription of shared.members) subscription.gap({ kind: "reconnected" });
      this.#ask(encodeSubscribe(shared), {}).catch((reason) => {
        // Lost again: the next connection tries again. Refused: it is over, and its programs are told.
        if (connection.state !== "open") return;
        for (const subscription of [...shared.members]) {
          this.#forget(key, shared, subscription);
          subscription.end(reason);
        }
      });
    }
  }

  /** Ends all of them; `error` null is an end without one. */
  endAll(error: ParleyError | null): void {
    for (const [key, shared] of [...this.#shared]) {
      for (const subscription of [...shared.members]) {
        this.#forget(key, shared, subscription);
        subscription.end(error);
      }
    }
  }

  /** An event arrived. */
  takeEvent(connection: ClientConnection, incoming: Incoming): void {
    const event = readEvent(incoming);
    const own = event.sender === connection.welcome.sessionId;
    for (const subscription of this.#receivers(event)) {
      if (own && !subscription.echo) continue;
      subscription.deliver(event);
    }
  }

  /** The server dropped events. */
  takeMissed(incoming: Incoming): void {
    const { topic, count } = fromBinary(MissedSchema, incoming.body());
    for (const { members } of this.#shared.values()) {
      for (const subscription of members) {
        const concerned = topic === ">" || matchesPattern(subscription.pattern, topic);
        if (concerned) subscription.gap({ kind: "missed", topic, count });
      }
    }
  }

  #receivers(event: ReceivedEvent): readonly Subscription[] {
    const name = `${event.topic}\n${event.type}\n${event.group}`;
    const known = this.#remembered.get(name);
    if (known !== undefined) return known;
    const receivers: Subscription[] = [];
    for (const { members } of this.#shared.values()) {
      for (const subscription of members) {
        if (subscription.group !== event.group) continue;
        if (subscription.type !== "" && subscription.type !== event.type) continue;
        if (matchesPattern(subscription.pattern, event.topic)) receivers.push(subscription);
      }
    }
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(name, receivers);
    return receivers;
  }

  #forget(key: string, shared: Shared, subscription: Subscription): void {
    shared.members.delete(subscription);
    if (shared.members.size === 0 && this.#shared.get(key) === shared) this.#shared.delete(key);
    this.#remembered.clear();
  }

  /** Sends a request about a subscription, behind those that were sent before. */
  #ask(
    body: Uint8Array,
    options: { timeoutMs?: number; signal?: AbortSignal },
  ): Promise<unknown> {
    const { timeoutMs, signal } = options;
    return this.#pool().submit(() => body, readAck, { timeoutMs, signal }, { ordered: true });
  }
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

function keyOf(subscription: Subscription): string {
  return `${subscription.pattern}\n${subscription.type}\n${subscription.group}`;
}
