/**
 * One subscription of a program: events in the order they came, as an async iterator or to a callback.
 *
 * What is not taken yet waits in a queue with a bound. When that is full, the subscription's overflow policy
 * acts here as it does on the server: `disconnect` ends this subscription with an error, the others drop
 * the oldest or the newest and say how many. Nothing is dropped without a word: gaps are told to `onGap`.
 */
import { ErrorCode, ParleyError } from "../base/errors.ts";
import { OverflowPolicy } from "../gen/parley/v1/event_pb.ts";
import { Fifo } from "./fifo.ts";

/** An event that was received. */
export interface ReceivedEvent {
  /** Where it happened. */
  readonly topic: string;
  /** The full protobuf name of its payload, or empty. */
  readonly type: string;
  /** What happened. */
  readonly payload: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** What its publisher gave it to be recognised by, or empty. */
  readonly messageId: string;
  /** The session that published it. */
  readonly sender: string;
  /** Its number in its kept topic; 0 when the topic is not kept. */
  readonly seq: bigint;
  /** When the server took it, in microseconds since 1970 (UTC). */
  readonly timeMicros: bigint;
  /** The group that got it, or empty. */
  readonly group: string;
}

/** Something was, or may have been, missed. */
export type Gap =
  /** The program or the connection was too slow: `count` events of `topic` were dropped. */
  | { readonly kind: "missed"; readonly topic: string; readonly count: bigint }
  /** The connection was lost and opened again: what was published meanwhile did not come. */
  | { readonly kind: "reconnected" };

/** What happens when events come faster than they are taken. */
export type OverflowName = "disconnect" | "drop_oldest" | "drop_newest";

/** The options of `subscribe`. */
export interface SubscribeOptions {
  /** Only events of this type. */
  type?: string;
  /** Shares the events with all subscribers of this group: each event goes to one of them. */
  group?: string;
  /** Whether events that this client publishes come too. Default: no. */
  echo?: boolean;
  /** What happens when events come faster than they are taken. Default: `disconnect`. */
  overflow?: OverflowName;
  /** Ends by itself after so many events. Default: never. */
  maxEvents?: number;
  /** Events that wait here to be taken. Default: 4,096. */
  bufferEvents?: number;
  /** Ends the subscription when aborted. */
  signal?: AbortSignal;
  /** Told when events were, or may have been, missed. */
  onGap?: (gap: Gap) => void;
  /** How long the server's acknowledgement is waited for. Default: that of the client. */
  timeoutMs?: number;
}

/** The wire's numbers of the policies. */
export const OVERFLOW: Readonly<Record<OverflowName, OverflowPolicy>> = {
  disconnect: OverflowPolicy.DISCONNECT,
  drop_oldest: OverflowPolicy.DROP_OLDEST,
  drop_newest: OverflowPolicy.DROP_NEWEST,
};

/** What a subscription asks of the one who made it. */
export interface SubscriptionOwner {
  /** Nothing more is wanted; resolves when the server knows. */
  unsubscribe(subscription: Subscription): Promise<void>;
}

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
  /** Resolves when it has ended; rejects when it ended with an error. */
  readonly closed: Promise<void>;

  readonly #owner: SubscriptionOwner;
  readonly #queue = new Fifo<ReceivedEvent>();
  readonly #bufferEvents: number;
  readonly #onGap: SubscribeOptions["onGap"];
  readonly #onEvent: ((event: ReceivedEvent) => void) | undefined;
  #left: number;
  #ended = false;
  #error: unknown = null;
  #wake: (() => void) | null = null;
  #settle!: { resolve: () => void; reject: (reason: unknown) => void };

  /** Made by the client only. `onEvent` takes events instead of the iterator. */
  constructor(
    owner: SubscriptionOwner,
    pattern: string,
    options: SubscribeOptions,
    onEvent?: (event: ReceivedEvent) => void,
  ) {
    this.#owner = owner;
    this.pattern = pattern === "" ? ">" : pattern;
    this.type = options.type ?? "";
    this.group = options.group ?? "";
    this.echo = options.echo ?? false;
    this.overflow = options.overflow ?? "disconnect";
    this.#bufferEvents = options.bufferEvents ?? 4096;
    this.#left = options.maxEvents ?? Infinity;
    this.#onGap = options.onGap;
    this.#onEvent = onEvent;
    this.closed = new Promise((resolve, reject) => this.#settle = { resolve, reject });
    // Who does not look at `closed` learns of the error from the iterator.
    this.closed.catch(() => {});
  }

  /** Whether it gets no more events. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Ends the subscription. Events that wait here can still be taken. */
  unsubscribe(): Promise<void> {
    this.end(null);
    return this.#owner.unsubscribe(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  /** The events in order. Raises when the subscription ended with an error; leaving the loop ends it. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ReceivedEvent, void, void> {
    try {
      for (;;) {
        const event = this.#queue.shift();
        if (event !== undefined) yield event;
        else if (this.#ended) {
          if (this.#error !== null) throw this.#error;
          return;
        } else await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } finally {
      if (!this.#ended) await this.unsubscribe();
    }
  }

  /** Takes an event from the connection. Called by the client only. */
  deliver(event: ReceivedEvent): void {
    if (this.#ended) return;
    this.#left--;
    if (this.#onEvent !== undefined) this.#onEvent(event);
    else this.#enqueue(event);
    if (this.#left <= 0) void this.unsubscribe();
  }

  /** Tells a gap. Called by the client only. */
  gap(gap: Gap): void {
    if (!this.#ended) this.#onGap?.(gap);
  }

  /** Ends it without telling the server; `error` null is an end without one. Called by the client only. */
  end(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    if (error === null) this.#settle.resolve();
    else this.#settle.reject(error);
    this.#wakeUp();
  }

  #enqueue(event: ReceivedEvent): void {
    if (this.#queue.length >= this.#bufferEvents && !this.#makeRoom(event)) return;
    this.#queue.push(event);
    this.#wakeUp();
  }

  /** The queue is full: does what the policy says, and gives whether `event` may come in. */
  #makeRoom(event: ReceivedEvent): boolean {
    if (this.overflow === "drop_newest") {
      this.gap({ kind: "missed", topic: event.topic, count: 1n });
      return false;
    }
    if (this.overflow === "drop_oldest") {
      const oldest = this.#queue.shift();
      this.gap({ kind: "missed", topic: oldest?.topic ?? event.topic, count: 1n });
      return true;
    }
    void this.#owner.unsubscribe(this).catch(() => {});
    this.end(
      new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `the subscription to "${this.pattern}" ended: the program left ${this.#queue.length} events waiting`,
        {
          accepted: "a program that keeps up, more bufferEvents, or an overflow that drops events",
        },
      ),
    );
    return false;
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
