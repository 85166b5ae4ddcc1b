/**
 * One subscription of a program: events in the order they came, as an async iterator or to a callback.
 *
 * What is not taken yet waits in a queue with a bound. When that is full, the subscription's overflow policy
 * acts here as it does on the server: `disconnect` ends this subscription with an error, the others drop
 * the oldest or the newest and say how many. Nothing is dropped without a word: gaps are told to `onGap`.
 *
 * Callbacks run in the connection's read loop, so nothing that they throw may leave this file: it ends this
 * subscription, as an error in the body of a loop over its events would, and no other.
 */
import { detached, handled } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { invalidArgument, told } from "../program_error.ts";
import { OverflowPolicy } from "../../gen/parley/v1/event_pb.ts";
import { Fifo } from "../fifo.ts";
import type { Gap, ReceivedEvent } from "./event.ts";
import { Positions } from "./positions.ts";
import { type Since, startSince } from "./since.ts";

/** What happens when events come faster than they are taken. */
export type OverflowName = "disconnect" | "drop_oldest" | "drop_newest" | "catch_up";

/** The options of `subscribe`. */
export interface SubscribeOptions {
  /** Only events of this type. */
  type?: string;
  /**
   * Shares the events with all subscribers of this group: each event goes to one of them, once at most. What waits
   * here when a loop is left comes to nobody else: another loop takes it.
   */
  group?: string;
  /** Whether events that this client publishes come too. Default: no. */
  echo?: boolean;
  /**
   * Where in the history of kept topics to begin; not for groups. Whatever it is, the subscription goes on
   * after a reconnect where it was, and gets each event of a kept topic once. Default: `new`.
   */
  since?: Since;
  /**
   * What happens when events come faster than they are taken. Here it acts on this subscription alone; at the
   * server the oldest of those that share pattern, type and group decides. `catch_up` loses nothing of kept
   * topics: what does not fit is fetched again once there is room; for other topics, and in groups, it is
   * `disconnect`. Default: `catch_up`.
   */
  overflow?: OverflowName;
  /** Ends by itself after the program got so many events, from 1; what was dropped does not count. Default: never. */
  maxEvents?: number;
  /** Events that wait here to be taken, from 1. Default: 4,096. */
  bufferEvents?: number;
  /** Ends the subscription when aborted; its iterator ends without an error. */
  signal?: AbortSignal;
  /** Told when events were, or may have been, missed. What it throws ends the subscription. */
  onGap?: (gap: Gap) => void;
  /** How long the server's acknowledgement is waited for. Default: that of the client. */
  timeoutMs?: number;
}

/** Takes events instead of an iterator. */
export type EventCallback = (event: ReceivedEvent) => void;

/** What is done when nothing more is wanted. */
const END = "end a subscription";

/** The wire's numbers of the policies. */
export const OVERFLOW: Readonly<Record<OverflowName, OverflowPolicy>> = {
  disconnect: OverflowPolicy.DISCONNECT,
  drop_oldest: OverflowPolicy.DROP_OLDEST,
  drop_newest: OverflowPolicy.DROP_NEWEST,
  catch_up: OverflowPolicy.CATCH_UP,
};

/** What a subscription asks of the one who made it. */
export interface SubscriptionOwner {
  /** Ends the subscription; resolves when the server knows. */
  unsubscribe(subscription: Subscription): Promise<void>;
  /** Told that events were dropped here: the server must not count on `maxEvents` of its own. */
  dropped(subscription: Subscription): void;
  /** Told that there is no room for an event of a kept topic: none is wanted until `catchUp`. */
  fallBehind(subscription: Subscription): void;
  /** Told that there is room again for what was not taken. */
  catchUp(subscription: Subscription): void;
  /** A callback threw; gives whether the program was told. */
  callbackFailed(subscription: Subscription, thrown: unknown): boolean;
}

/** Someone who waits for the next event. */
interface Taker {
  readonly resolve: (result: IteratorResult<ReceivedEvent, undefined>) => void;
  readonly reject: (reason: unknown) => void;
}

const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

/** A subscription of a program; `client.subscribe` makes them. */
export class Subscription implements AsyncIterable<ReceivedEvent>, AsyncDisposable {
  /** The pattern that it was made with, `>` when it was made by type alone. */
  readonly pattern: string;
  /** The only type it gets, or empty. */
  readonly type: string;
  /** Its group, or empty. */
  readonly group: string;
  /** Whether own events come too. */
  readonly echo: boolean;
  /** What happens when events come faster than they are taken. */
  readonly overflow: OverflowName;
  /**
   * How far it has come in kept topics; null in a group. Kept by the client only.
   *
   * @internal
   */
  readonly positions: Positions | null;
  /**
   * Resolves when it has ended; rejects when it ended with an error. Who does not look here learns of the
   * error from the iterator; of what a callback threw, from the client's `onError`. With neither, that is
   * an unhandled rejection, as errors that nobody looks for are.
   */
  readonly closed: Promise<void>;
  /**
   * Called once when it has ended. Set by the client only.
   *
   * @internal
   */
  onEnded: (() => void) | null = null;

  readonly #owner: SubscriptionOwner;
  readonly #queue = new Fifo<ReceivedEvent>();
  readonly #takers = new Fifo<Taker>();
  readonly #bufferEvents: number;
  readonly #onGap: SubscribeOptions["onGap"];
  readonly #onEvent: EventCallback | undefined;
  #left: number;
  #behind = false;
  #ended = false;
  #leaving: Promise<void> | null = null;
  #error: unknown = null;
  #failed = false;
  #settle!: { resolve: () => void; reject: (reason: unknown) => void };

  /**
   * Made by the client only. Raises INVALID_ARGUMENT for an option.
   *
   * @internal
   */
  constructor(
    owner: SubscriptionOwner,
    pattern: string,
    options: SubscribeOptions,
    onEvent?: EventCallback,
  ) {
    this.#owner = owner;
    this.pattern = pattern === "" ? ">" : pattern;
    this.type = options.type ?? "";
    this.group = options.group ?? "";
    this.echo = options.echo ?? false;
    this.overflow = checkOverflow(options.overflow ?? "catch_up");
    const since = startSince(options.since ?? "new", Date.now());
    if (this.group !== "" && since.case !== undefined) throw groupWithHistory();
    this.positions = this.group === "" ? new Positions(since) : null;
    this.#bufferEvents = checkCount("bufferEvents", options.bufferEvents ?? 4096);
    this.#left = options.maxEvents === undefined
      ? Infinity
      : checkCount("maxEvents", options.maxEvents);
    this.#onGap = options.onGap;
    this.#onEvent = onEvent;
    this.closed = new Promise((resolve, reject) => this.#settle = { resolve, reject });
  }

  /** Whether the subscription gets no more events. */
  get ended(): boolean {
    return this.#ended;
  }

  /** How many events wait here to be taken. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Whether what it gets next must be fetched again, once there is room. */
  get behind(): boolean {
    return this.#behind;
  }

  /** How many more events it gets; Infinity without `maxEvents`. */
  get left(): number {
    return this.#left;
  }

  /**
   * Ends the subscription. Events that wait here can still be taken, by another loop. In a group it ends when
   * the server knows: what it gave to this member until then comes, as it comes to no other.
   */
  unsubscribe(): Promise<void> {
    if (this.group === "" || this.#ended) return this.#endNow();
    return this.#leaving ??= this.#owner.unsubscribe(this).finally(() => this.end(null));
  }

  /** Ends the subscription, as `unsubscribe` does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  /**
   * The events in order. Raises when the subscription ended with an error; leaving the loop ends it. Several
   * loops share the events: each event goes to one of them.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<ReceivedEvent> {
    let left = false;
    const iterator: AsyncIterableIterator<ReceivedEvent> = {
      next: () => left ? Promise.resolve(DONE) : this.#next(),
      return: async () => {
        left = true;
        if (!this.#ended) await this.unsubscribe();
        return DONE;
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /**
   * Takes an event from the connection. Called by the client only.
   *
   * @internal
   */
  deliver(event: ReceivedEvent): void {
    if (this.#ended) return;
    const { topic, seq, timeMicros } = event;
    const kept = seq > 0n && this.positions !== null;
    if (kept && (this.#behind || !this.positions.takes(topic, seq, timeMicros))) return;
    const given = this.#onEvent !== undefined || this.#enqueue(event);
    if (kept && !this.#behind) this.positions.took(topic, seq);
    if (this.#onEvent !== undefined) this.#guard(this.#onEvent, event);
    if (!given) return;
    if (--this.#left <= 0 && !this.#ended) detached(this.#endNow(), END);
  }

  /**
   * Tells a gap. Called by the client only.
   *
   * @internal
   */
  gap(gap: Gap): void {
    if (!this.#ended && this.#onGap !== undefined) this.#guard(this.#onGap, gap);
  }

  /**
   * Ends it without telling the server; `error` null is an end without one. Called by the client only.
   *
   * @internal
   */
  end(error: unknown): void {
    // Who does not look at `closed` learns of the error from the iterator.
    if (this.#finish(error === null ? null : { error })) handled(this.closed);
  }

  #endNow(): Promise<void> {
    this.end(null);
    return this.#owner.unsubscribe(this);
  }

  #finish(failure: { error: unknown } | null): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#failed = failure !== null;
    this.#error = failure?.error;
    if (failure === null) this.#settle.resolve();
    else this.#settle.reject(failure.error);
    for (let taker = this.#takers.shift(); taker !== undefined; taker = this.#takers.shift()) {
      if (failure === null) taker.resolve(DONE);
      else taker.reject(failure.error);
    }
    this.onEnded?.();
    return true;
  }

  #next(): Promise<IteratorResult<ReceivedEvent, undefined>> {
    const event = this.#queue.shift();
    if (this.#behind && this.#queue.length <= this.#bufferEvents >> 1) {
      this.#behind = false;
      if (!this.#ended) this.#owner.catchUp(this);
    }
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    if (this.#failed) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
  }

  /** Gives the event to one who waits for it, or keeps it; gives whether the program gets one event more. */
  #enqueue(event: ReceivedEvent): boolean {
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      taker.resolve({ done: false, value: event });
      return true;
    }
    if (this.#queue.length < this.#bufferEvents) {
      this.#queue.push(event);
      return true;
    }
    if (this.overflow === "catch_up" && event.seq > 0n && this.positions !== null) {
      this.#behind = true;
      this.#owner.fallBehind(this);
      return false;
    }
    if (this.overflow === "disconnect" || this.overflow === "catch_up") {
      this.#overflown();
      return false;
    }
    let lost = event;
    if (this.overflow === "drop_oldest") {
      lost = this.#queue.shift() ?? event;
      this.#queue.push(event);
    }
    this.#owner.dropped(this);
    this.gap({ kind: "missed", topic: lost.topic, count: 1n });
    return false;
  }

  #overflown(): void {
    this.end(
      told(
        new ParleyError(
          ErrorCode.RESOURCE_EXHAUSTED,
          `the subscription to "${this.pattern}" ended: the program left ${this.#queue.length} events waiting`,
          {
            accepted:
              "a program that keeps up, more bufferEvents, or an overflow that drops events",
          },
        ),
      ),
    );
    detached(this.#owner.unsubscribe(this), END);
  }

  /** Calls a callback of the program. What it throws, or rejects with, ends the subscription. */
  #guard<T>(callback: (argument: T) => unknown, argument: T): void {
    try {
      const result = callback(argument);
      if (!(result instanceof Promise)) return;
      detached(result.catch((thrown) => this.#callbackThrew(thrown)), END);
    } catch (thrown) {
      this.#callbackThrew(thrown);
    }
  }

  #callbackThrew(thrown: unknown): void {
    const told = this.#owner.callbackFailed(this, thrown);
    const ended = this.#finish({ error: thrown });
    if (told && ended) handled(this.closed);
    if (ended) detached(this.#owner.unsubscribe(this), END);
  }
}

function checkCount(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw invalidArgument(`cannot subscribe with ${name} ${value}`, {
    accepted: "a whole number from 1",
  });
}

function groupWithHistory(): ParleyError {
  return invalidArgument("cannot begin in the history with a group: a group shares what is new", {
    accepted: "since without a group, or a group without since",
  });
}

function checkOverflow(name: OverflowName): OverflowName {
  if (Object.hasOwn(OVERFLOW, name)) return name;
  throw invalidArgument(`cannot subscribe with overflow "${name}"`, {
    accepted: Object.keys(OVERFLOW).join(", "),
  });
}
