/**
 * All subscriptions of one client: what the server is asked for, and which of them gets an event.
 *
 * They live on the client's first connection. The server sends a connection an event once, however many
 * subscriptions match, so matching is done again here; what it sends for a group goes to one of the
 * group's members here. Subscriptions with the same pattern, type and group share one of the server's:
 * it echoes when one of them wants that, and the oldest of them decides what it does on overflow. After a
 * reconnect all are made anew, before anything that waited to be published: in kept topics each goes on
 * where it was, and each is told when events may be missing.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { detached, mayFail, settled } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { invalidArgument } from "../program_error.ts";
import { matchesPattern } from "../../base/matches_pattern.ts";
import { MissedSchema } from "../../gen/parley/v1/event_pb.ts";
import type { Ack } from "../../gen/parley/v1/session_pb.ts";
import { type Incoming, readAck } from "../connection/answers.ts";
import type { ClientConnection } from "../connection/client_connection.ts";
import type { ConnectionPool, RequestKind } from "../connection/pool.ts";
import type { ErrorReports } from "../error_reports.ts";
import { checkString } from "../arguments.ts";
import { Receivers } from "./receivers.ts";
import { checkText } from "../connection/well_formed.ts";
import { DIRECT_TOPIC } from "../rooms/message.ts";
import { joinSignal, leaveSignal } from "../connection/signal_group.ts";
import {
  type EventCallback,
  type SubscribeOptions,
  Subscription,
  type SubscriptionOwner,
} from "./subscription.ts";
import type { Gap, ReceivedEvent } from "./event.ts";
import { encodeSubscribe, encodeUnsubscribe, readEvent } from "./subscription_requests.ts";

/** Topics whose receivers are remembered; more are looked up each time. */
const MAX_REMEMBERED = 1024;
/** Former sessions of this client that are remembered: their events are its own, when history brings them. */
const MAX_SESSIONS = 256;
/** Positions may take one part in so many of the largest message. */
const POSITIONS_SHARE = 4;
const LEAST_FRAME_BYTES = 8 * 1024;

/** The subscriptions of a program that share one subscription of the server's. */
class Shared {
  readonly members = new Set<Subscription>();
  /** The members that the server has acknowledged. */
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
  /**
   * Told of direct messages, which come without a subscription. Set by the client only.
   *
   * @internal
   */
  onDirect: ((event: ReceivedEvent) => void) | null = null;
  readonly #pool: () => ConnectionPool;
  readonly #reports: ErrorReports;
  readonly #shared = new Map<string, Shared>();
  readonly #remembered = new Map<string, Receivers>();
  readonly #sessions = new Set<string>();

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
    checkString(pattern, "subscribe to", "orders.>");
    checkText(pattern, "subscribe to");
    const subscription = new Subscription(this, pattern, options, onEvent);
    const shared = this.#join(subscription);
    try {
      await this.#request(shared, [subscription], { timeoutMs, signal }, { ordered: true });
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
    const shared = this.#shared.get(keyOf(subscription));
    if (!shared?.members.has(subscription)) return;
    const leaves = subscription.group !== "" && !subscription.ended && shared.members.size === 1;
    // What comes for a group until the server knows has nobody else to come to.
    const last = leaves || this.#forget(subscription);
    try {
      if (!last || this.#pool().first === null) return;
      await this.#ask(encodeUnsubscribe(subscription, 0), {}, { ordered: true });
    } catch (reason) {
      // Already gone: it ended by itself, or the connection did, and took it along.
      if (!(reason instanceof ParleyError)) throw reason;
    } finally {
      if (leaves) this.#forget(subscription);
    }
  }

  /** Leaves all groups, and resolves when the server gives their members here nothing more, or when the connection is lost. */
  async leaveGroups(): Promise<void> {
    const members = [...this.#shared.values()].flatMap((shared) => [...shared.members]);
    const leaving = members.filter(({ group }) => group !== "");
    await Promise.all(leaving.map((each) => settled(each.unsubscribe(), "leave a group")));
  }

  /** Whether there are members of groups. */
  get hasGroups(): boolean {
    return [...this.#shared.values()].some(({ members }) =>
      [...members].some(({ group }) => group !== "")
    );
  }

  /** The server counts what it sends, not what arrives in the end: it must not count any more. */
  dropped(subscription: Subscription): void {
    const shared = this.#shared.get(keyOf(subscription));
    if (shared === undefined || !shared.counted || !shared.members.has(subscription)) return;
    shared.counted = false;
    const connection = this.#pool().first;
    const asked = this.#ask(encodeSubscribe([...shared.members]), {}, { ordered: true });
    this.#orEndAllOf(shared, connection, asked);
  }

  /** What comes in history is not wanted for now. */
  fallBehind(subscription: Subscription): void {
    const shared = this.#shared.get(keyOf(subscription));
    // Whatever else shares the server's subscription, or comes with it, goes on.
    if (shared?.members.size !== 1 || !subscription.positions?.allKept) return;
    const asked = this.#ask(encodeUnsubscribe(subscription, 0), {}, { ordered: true });
    mayFail(asked, "take less for a while");
  }

  /** Asks for what a subscription could not take. */
  catchUp(subscription: Subscription): void {
    const shared = this.#shared.get(keyOf(subscription));
    const connection = this.#pool().first;
    if (shared === undefined || connection === null) return;
    subscription.positions?.hold();
    const asked = this.#request(shared, [subscription], {}, { ordered: true });
    this.#orEndAllOf(shared, connection, asked);
  }

  /** Ends all of `shared` when the server refuses; with the connection lost, the next one asks for all anew. */
  #orEndAllOf(shared: Shared, connection: ClientConnection | null, asked: Promise<unknown>): void {
    const heard = asked.catch((reason) => {
      if (connection?.state === "open") this.#endAllOf(shared, reason);
    });
    detached(heard, "subscribe again");
  }

  /** Tells the program what a callback threw. */
  callbackFailed(subscription: Subscription, thrown: unknown): boolean {
    const what = `a callback of the subscription to "${subscription.pattern}" failed`;
    return this.#reports.tellThrown(what, thrown);
  }

  /** The first connection is open anew: everything is asked for again. */
  reopened(connection: ClientConnection): void {
    if (this.#sessions.size >= MAX_SESSIONS) this.#sessions.delete([...this.#sessions][0]);
    this.#sessions.add(connection.welcome.sessionId);
    // Those whose first request still waits to be sent have missed nothing.
    const made = [...this.#shared.values()].filter((shared) => shared.made.size > 0);
    const gaps: [Subscription, Gap][] = [];
    for (const shared of made) {
      const resuming: Subscription[] = [];
      for (const subscription of shared.made) {
        const { positions } = subscription;
        const resumption = positions?.reopened(connection.welcome.historyEpoch) ?? "partly";
        if (resumption === "history_lost") gaps.push([subscription, { kind: "history_lost" }]);
        else if (resumption === "partly") gaps.push([subscription, { kind: "reconnected" }]);
        if (positions?.kept && !subscription.behind) resuming.push(subscription);
      }
      this.#remake(shared, resuming, connection);
    }
    // Only now: programs may do anything when they are told.
    for (const [subscription, gap] of gaps) subscription.gap(gap);
  }

  /** Asks anew for what all want who share a place: in kept topics each from its own position. */
  #remake(shared: Shared, resuming: readonly Subscription[], connection: ClientConnection): void {
    const behind = [...shared.made].some((member) => member.behind);
    if (behind && shared.members.size === 1) return;
    const requests = resuming.length === 0 ? [[...shared.made]] : resuming.map((one) => [one]);
    for (const members of requests) {
      const asked = this.#request(shared, members, {}, { first: true }).catch((reason) => {
        // Lost again: the next connection tries again. Refused: it is over, and its programs are told.
        if (connection.state !== "open") return;
        if (isFailedPrecondition(reason) && members[0].positions?.resumesUnasked) {
          // The server keeps these topics no more: it goes on with what is new.
          members[0].positions.forget();
          members[0].gap({ kind: "history_lost" });
          return this.#remake(shared, members, connection);
        }
        this.#endAllOf(shared, reason);
      });
      detached(asked, "subscribe again");
    }
  }

  /** Ends all of them; `error` null is an end without one. */
  endAll(error: ParleyError | null): void {
    for (const shared of [...this.#shared.values()]) this.#endAllOf(shared, error);
  }

  /** An event arrived. */
  takeEvent(connection: ClientConnection, incoming: Incoming): void {
    const event = readEvent(incoming);
    if (event.topic === DIRECT_TOPIC) return this.onDirect?.(event);
    const own = event.sender === connection.welcome.sessionId || this.#sessions.has(event.sender);
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
    else detached(this.unsubscribe(subscription), "give up a subscription");
  }

  #endAllOf(shared: Shared, reason: unknown): void {
    for (const subscription of [...shared.members]) {
      this.#forget(subscription);
      subscription.end(reason);
    }
  }

  /**
   * Asks for what all who share it want, on behalf of those in `members`: one of them, or several that have
   * nothing to resume. The count of an only member goes with it in one write, so that no event can come in
   * between that would be counted here and not there; history is counted here alone.
   */
  async #request(
    shared: Shared,
    members: readonly Subscription[],
    options: AskOptions,
    kind: RequestKind,
  ): Promise<void> {
    const [only] = shared.members;
    const maxFrameBytes = this.#pool().welcome.limits?.maxFrameBytes || LEAST_FRAME_BYTES;
    const start = members[0].positions?.start(Math.floor(maxFrameBytes / POSITIONS_SHARE));
    shared.counted = shared.members.size === 1 && only.left !== Infinity && start === undefined;
    const subscribed = this.#pool().submit(
      () => encodeSubscribe([...shared.members], start),
      // Here and not a turn later: the next message may be an event already.
      (incoming) => this.#acknowledged(members, readAck(incoming)),
      options,
      kind,
    );
    if (!shared.counted) return void await subscribed;
    await Promise.all([
      subscribed,
      this.#ask(encodeUnsubscribe(only, only.left), options, kind),
    ]);
  }

  #acknowledged(members: readonly Subscription[], ack: Ack): void {
    const { historyEpoch } = this.#pool().welcome;
    for (const member of members) {
      const lost = member.positions?.acknowledged(ack, historyEpoch) ?? false;
      if (lost) member.gap({ kind: "history_lost" });
    }
  }

  /** Sends a request about a subscription. */
  #ask(body: Uint8Array, options: AskOptions, kind: RequestKind): Promise<unknown> {
    return this.#pool().submit(() => body, readAck, options, kind);
  }
}

function isFailedPrecondition(reason: unknown): boolean {
  return reason instanceof ParleyError && reason.code === ErrorCode.FAILED_PRECONDITION;
}

/** Ends `subscription` when `signal` is aborted. */
function endWith(subscription: Subscription, signal: AbortSignal): void {
  if (subscription.ended) return;
  const aborted = () => detached(subscription.unsubscribe(), "end a subscription");
  const member = { aborted };
  joinSignal(signal, member);
  subscription.onEnded = () => leaveSignal(signal, member);
}

/** The key of what a subscription asks for. No two different requests share one, not even refused ones. */
function keyOf({ pattern, type, group }: Subscription): string {
  return JSON.stringify([pattern, type, group]);
}
