/**
 * One room that a program is in: what happens there, in order and once, and what it does there.
 *
 * Messages come from a subscription to the room's topic, which follows the history through reconnects;
 * direct messages are put between them as they come. A room lives until `leave`, or until it cannot be
 * joined again after a reconnect: then reading it raises.
 */
import type {
  DescMessage,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { detached, whenOver } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { type JoinResponse, Rooms as RoomMethods } from "../../gen/parley/v1/room_pb.ts";
import { Fifo } from "../fifo.ts";
import { DIRECT_TOPIC, type RoomMessage, roomMessage } from "./message.ts";
import type { RequestOptions } from "../settings.ts";
import type { Subscription } from "../topics/subscription.ts";
import type { Gap, ReceivedEvent } from "../topics/event.ts";
import { receivedEvent } from "../topics/subscription_requests.ts";

/** Direct messages that wait to be read; past it the oldest are dropped, and `onGap` is told. */
const MAX_DIRECT = 1024;
const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

/** The options of `room`. */
export interface RoomOptions {
  /**
   * The name to go by: 1 to 32 letters and digits of any script, or . _ -, unique without regard to case and to what looks
   * alike. A client has one name in all its rooms.
   */
  nick: string;
  /** The token of an earlier grant of that name: takes it over from a lost connection. */
  token?: string;
  /** How many of the events before coming in are read first, from 0. Default: 50. */
  history?: number;
  /** Told when messages were, or may have been, missed. */
  onGap?: (gap: Gap) => void;
  /** How long coming in may take. Default: that of the client. */
  timeoutMs?: number;
}

/** The options of `say`. */
export interface SayOptions extends RequestOptions {
  /** Whether the text tells what one does, as "/me waves" in a chat. Default: false. */
  action?: boolean;
}

/** Somebody in a room. */
export interface RoomMember {
  /** The name as it is shown. */
  readonly name: string;
  /** Whether nothing was heard from them for a while. */
  readonly idle: boolean;
  /** When they came. */
  readonly joined: Date;
}

/** A page of a room's history. */
export interface RoomHistory {
  /** The oldest first. */
  readonly messages: RoomMessage[];
  /** Whether there are older ones. */
  readonly more: boolean;
}

/** What a room needs of its client. */
export interface RoomOwner {
  readonly nick: string;
  readonly token: string;
  rename(nick: string, options: RequestOptions): Promise<void>;
  tell(to: string, text: string, options: RequestOptions): Promise<void>;
  leave(room: Room): Promise<void>;
  /** Calls one of the rooms' methods that may be repeated; waits for a connection. */
  ask<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options: RequestOptions,
  ): Promise<MessageShape<O>>;
}

/** A room that this client is in; `client.room` makes them. */
export class Room implements AsyncIterable<RoomMessage>, AsyncDisposable {
  /** Its name. */
  readonly name: string;
  readonly #rooms: RoomOwner;
  readonly #directs = new Fifo<RoomMessage>();
  #joinedSeq: bigint;
  #topicLine = "";
  #online = 0;
  #subscription: Subscription | null = null;
  #events: AsyncIterator<ReceivedEvent, undefined> | null = null;
  #upcoming: Promise<IteratorResult<ReceivedEvent, undefined>> | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #wake: (() => void) | null = null;
  #left: Promise<void> | null = null;

  /**
   * Made by the client only.
   *
   * @internal
   */
  constructor(rooms: RoomOwner, name: string, joined: JoinResponse) {
    this.#rooms = rooms;
    this.name = name;
    this.#joinedSeq = joined.seq;
    this.joinedAgain(joined);
  }

  /** The name that this client goes by, in all rooms. */
  get nick(): string {
    return this.#rooms.nick;
  }

  /** Proves that the name is this client's, to a client of the same person later. Secret. */
  get token(): string {
    return this.#rooms.token;
  }

  /** The topic line, or empty; as far as messages were read. */
  get topicLine(): string {
    return this.#topicLine;
  }

  /** How many are there, as far as messages were read. */
  get online(): number {
    return this.#online;
  }

  /** The seq behind which everything happened after coming in. */
  get joinedSeq(): bigint {
    return this.#joinedSeq;
  }

  /** Whether it was left. */
  get ended(): boolean {
    return this.#left !== null || (this.#subscription?.ended ?? false);
  }

  /**
   * Says something, and resolves with its seq when it is in the room's history. While the connection is
   * lost it waits, and is said once however often it has to be sent. Rejects after `timeoutMs`, 60 s unless
   * said; it can have been said nevertheless.
   */
  async say(text: string, options: SayOptions = {}): Promise<{ seq: bigint }> {
    const messageId = newMessageId();
    const request = { room: this.name, text, messageId, action: options.action ?? false };
    const { seq } = await this.#ask(RoomMethods.method.say, request, options);
    return { seq };
  }

  /** Sets the topic line; an empty one takes it away. */
  async setTopicLine(text: string, options: RequestOptions = {}): Promise<{ seq: bigint }> {
    const request = { room: this.name, text };
    const { seq } = await this.#ask(
      RoomMethods.method.setTopicLine,
      request,
      options,
    );
    return { seq };
  }

  /** Who is here, by name. */
  async members(options: RequestOptions = {}): Promise<RoomMember[]> {
    const request = { room: this.name };
    const { members } = await this.#ask(
      RoomMethods.method.members,
      request,
      options,
    );
    return members.map(({ name, idle, joinedUnixMicros }) => ({
      name,
      idle,
      joined: new Date(Number(joinedUnixMicros / 1000n)),
    }));
  }

  /** A page of what happened before the seq `before`, by default the newest; at most 256 messages. */
  async history(
    page: { before?: bigint | number; limit?: number } = {},
    options: RequestOptions = {},
  ): Promise<RoomHistory> {
    const { before = 0n, limit = 50 } = page;
    const request = { room: this.name, beforeSeq: BigInt(before), limit };
    const { events, more } = await this.#ask(
      RoomMethods.method.history,
      request,
      options,
    );
    const messages = events.map((event) => roomMessage(receivedEvent(event), this.#joinedSeq))
      .filter((message) => message !== null);
    return { messages, more };
  }

  /** Goes by another name from now on, in all rooms of this client. */
  rename(nick: string, options: RequestOptions = {}): Promise<void> {
    return this.#rooms.rename(nick, options);
  }

  /** Says something to one person alone. NOT_FOUND when nobody goes by that name. */
  tell(name: string, text: string, options: RequestOptions = {}): Promise<void> {
    return this.#rooms.tell(name, text, options);
  }

  /** Leaves the room; reading it ends. */
  leave(): Promise<void> {
    return this.#left ??= this.#leave();
  }

  /** Leaves the room, as `leave` does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.leave();
  }

  /**
   * What happens, the oldest first, beginning with the history that was asked for. Leaving the loop leaves
   * the room as it is: the next loop goes on. Raises when the room cannot be followed any more.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<RoomMessage> {
    let left = false;
    const iterator: AsyncIterableIterator<RoomMessage> = {
      next: () => left ? Promise.resolve(DONE) : this.#inTurn(),
      return: () => {
        left = true;
        return Promise.resolve(DONE);
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /**
   * Follows the room by this subscription from now on. Called by the client only.
   *
   * @internal
   */
  follow(subscription: Subscription): void {
    this.#subscription = subscription;
    this.#events = subscription[Symbol.asyncIterator]();
  }

  /**
   * Takes what the server said when the room was joined, at first or again. Called by the client only.
   *
   * @internal
   */
  joinedAgain({ room }: JoinResponse): void {
    this.#topicLine = room?.topicLine ?? "";
    this.#online = room?.online ?? 0;
  }

  /**
   * A direct message came. Called by the client only.
   *
   * @internal
   */
  takeDirect(message: RoomMessage): void {
    const full = this.#directs.length >= MAX_DIRECT;
    if (full) this.#directs.shift();
    this.#directs.push(message);
    this.#wake?.();
    if (full) this.#subscription?.gap({ kind: "missed", topic: DIRECT_TOPIC, count: 1n });
  }

  /**
   * Ends the room, which cannot be joined any more. Called by the client only.
   *
   * @internal
   */
  fail(reason: unknown): void {
    this.#subscription?.end(reason);
    const leaving = this.#subscription?.unsubscribe();
    if (leaving !== undefined) detached(leaving, "end the subscription to a room");
  }

  /** Several readers share the messages: each message goes to one of them. */
  #inTurn(): Promise<IteratorResult<RoomMessage, undefined>> {
    const result = this.#turn.then(() => this.#next());
    this.#turn = whenOver(result);
    return result;
  }

  async #next(): Promise<IteratorResult<RoomMessage, undefined>> {
    for (;;) {
      const direct = this.#directs.shift();
      if (direct !== undefined) return { done: false, value: direct };
      if (this.#events === null) return DONE;
      const woken = new Promise<null>((resolve) => this.#wake = () => resolve(null));
      const result = await Promise.race([this.#upcoming ??= this.#events.next(), woken]);
      if (result === null) continue;
      this.#upcoming = null;
      if (result.done) return DONE;
      const message = roomMessage(result.value, this.#joinedSeq);
      if (message === null) continue;
      if (!message.past) this.#note(message);
      return { done: false, value: message };
    }
  }

  #note({ kind, text, online }: RoomMessage): void {
    if (kind === "topic_line") this.#topicLine = text;
    else if (kind === "joined" || kind === "left") this.#online = online;
  }

  #ask: RoomOwner["ask"] = (...args) => {
    if (this.#left === null) return this.#rooms.ask(...args);
    return Promise.reject(
      new ParleyError(ErrorCode.FAILED_PRECONDITION, `the room "${this.name}" was left`),
    );
  };

  async #leave(): Promise<void> {
    const leaving = this.#rooms.leave(this);
    await this.#subscription?.unsubscribe();
    await leaving;
  }
}

/** Tells one message from all others. Pages without TLS have no randomUUID. */
function newMessageId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
