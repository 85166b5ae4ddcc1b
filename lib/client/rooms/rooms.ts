/**
 * The rooms of one client, and the name that it goes by in all of them.
 *
 * All that concerns rooms goes over the client's first connection, because the server knows people by their
 * connection. After a reconnect the name is claimed again with its token and every room is joined again;
 * what is asked meanwhile waits for that, and what was under way is asked again where that does no harm.
 */
import {
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { settled, whenOver } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { invalidArgument, rejectForProgram } from "../program_error.ts";
import { type JoinResponse, Rooms as RoomMethods } from "../../gen/parley/v1/room_pb.ts";
import type { ConnectionPool, RequestKind } from "../connection/pool.ts";
import { encodeAsk, readAsked } from "../connection/own_methods.ts";
import { checkString } from "../arguments.ts";
import { Room, type RoomOptions, type RoomOwner } from "./room.ts";
import { ROOM_PREFIX, roomMessage } from "./message.ts";
import type { RequestOptions } from "../settings.ts";
import type { ReceivedEvent } from "../topics/event.ts";
import type { Subscriptions } from "../topics/subscriptions.ts";

/** How long something that is said waits for a connection; the server recognises repetitions for longer. */
const PATIENCE_MS = 60_000;
/** How long, and how often, a name is claimed that the server still thinks is taken by our lost connection. */
const CLAIM_MS = 60_000;
const CLAIM_EVERY_MS = 500;
const MAX_HISTORY = 16_384;

/** A room as lists show it. */
export interface RoomSummary {
  /** Its name. */
  readonly name: string;
  /** Or empty. */
  readonly topicLine: string;
  /** How many are there now. */
  readonly online: number;
  /** The seq of its last event, 0 before the first. */
  readonly lastSeq: bigint;
}

/** Rooms and the name in them. */
export class Rooms implements RoomOwner {
  readonly #pool: () => ConnectionPool;
  readonly #subscriptions: Subscriptions;
  readonly #rooms = new Map<string, Room>();
  #nick = "";
  #token = "";
  /** The server that granted the name. */
  #grantedBy = "";
  /** Counts connections: what fails on a former one may be asked again. */
  #generation = 0;
  /** Resolves once the name is claimed and the rooms are joined on this connection. */
  #ready: Promise<void> = Promise.resolve();
  #nextConnection: Promise<void>;
  #connected: () => void = () => {};
  #opening: Promise<unknown> = Promise.resolve();
  #closed = false;
  readonly #pauses = new Set<() => void>();

  /** `pool` gives the client's connections, when they are needed first. */
  constructor(pool: () => ConnectionPool, subscriptions: Subscriptions) {
    this.#pool = pool;
    this.#subscriptions = subscriptions;
    this.#nextConnection = this.#awaitConnection();
    subscriptions.onDirect = (event) => this.#takeDirect(event);
  }

  /** The name, or empty. */
  get nick(): string {
    return this.#nick;
  }

  /** The name's token, or empty. */
  get token(): string {
    return this.#token;
  }

  /** How many rooms this client is in. */
  get count(): number {
    return this.#rooms.size;
  }

  /** Comes into a room. */
  async open(name: string, options: RoomOptions): Promise<Room> {
    // One after the other: they share the name.
    const room = this.#opening.then(() => this.#open(name, options));
    this.#opening = whenOver(room);
    return await room.catch(rejectForProgram);
  }

  /** The rooms of the server that have members or a history. */
  async list(options: RequestOptions = {}): Promise<RoomSummary[]> {
    const all: RoomSummary[] = [];
    for (let more = true; more;) {
      const request = { after: all.at(-1)?.name ?? "" };
      const page = await this.ask(RoomMethods.method.list, request, options);
      for (const { name, topicLine, online, lastSeq } of page.rooms) {
        all.push({ name, topicLine, online, lastSeq });
      }
      more = page.more && page.rooms.length > 0;
    }
    return all;
  }

  /** Takes another name. */
  async rename(nick: string, options: RequestOptions): Promise<void> {
    await this.#patiently(options, true, (timeoutMs) => this.#claim(nick, "", { timeoutMs }));
  }

  /** Says something to one person. */
  async tell(to: string, text: string, options: RequestOptions): Promise<void> {
    // There is nothing by which the server would know it again: it is sent once.
    const request = { to, text };
    await this.#patiently(
      options,
      false,
      (timeoutMs) =>
        this.#call(RoomMethods.method.tell, request, {
          ...options,
          timeoutMs,
        }),
    );
  }

  /** Leaves a room. A connection that is lost has left it. */
  async leave(room: Room): Promise<void> {
    if (this.#rooms.get(room.name) !== room) return;
    this.#rooms.delete(room.name);
    if (this.#pool().first === null) return;
    const request = { room: room.name };
    const leaving = this.#call(RoomMethods.method.leave, request, {});
    await settled(leaving, "leave a room");
  }

  /** Leaves every room. */
  async leaveAll(): Promise<void> {
    await Promise.all([...this.#rooms.values()].map((room) => room.leave()));
  }

  /** The client is closed: nothing is waited for any more. */
  close(): void {
    this.#closed = true;
    for (const end of [...this.#pauses]) end();
    this.#connected();
  }

  /** Calls one of the rooms' methods that may be repeated; waits for a connection. */
  ask<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options: RequestOptions,
  ): Promise<MessageShape<O>> {
    return this.#patiently(
      options,
      true,
      (timeoutMs) => this.#call(method, request, { ...options, timeoutMs }),
    );
  }

  /** The first connection is open anew: the name and the rooms are asked for again. */
  reopened(): void {
    const generation = ++this.#generation;
    if (this.#nick !== "" && !this.#closed) this.#ready = this.#rejoin(generation);
    this.#connected();
    this.#nextConnection = this.#awaitConnection();
  }

  async #open(name: string, options: RoomOptions): Promise<Room> {
    checkString(name, "come into the room", "tea");
    checkString(
      options?.nick,
      `come into the room "${name}" under the nick`,
      "Ada",
      '{ nick: "Ada" }',
    );
    const { nick, token = "", history = 50, onGap, timeoutMs } = options;
    if (!Number.isInteger(history) || history < 0 || history > MAX_HISTORY) {
      throw invalidArgument(`cannot read ${history} events of a room's history`, {
        accepted: `a whole number from 0 to ${MAX_HISTORY}`,
      });
    }
    if (this.#rooms.has(name)) throw alreadyIn(name);
    const patience = { timeoutMs: timeoutMs ?? this.#pool().requestTimeoutMs };
    const joined = await this.#patiently(patience, true, async (timeoutMs) => {
      if (nick !== this.#nick) {
        if (this.#rooms.size > 0) throw anotherName(this.#nick, nick);
        await this.#claim(nick, token, { timeoutMs });
      }
      return await this.#join(name, { timeoutMs });
    });
    const room = new Room(this, name, joined);
    this.#rooms.set(name, room);
    const from = joined.seq + 1n - BigInt(history);
    try {
      room.follow(
        await this.#subscriptions.subscribe(`${ROOM_PREFIX}${name}`, {
          since: { seq: from > 1n ? from : 1n },
          echo: true,
          onGap,
          ...patience,
        }),
      );
      return room;
    } catch (reason) {
      await room.leave();
      throw reason;
    }
  }

  /** Claims the name and joins the rooms on a new connection. Never rejects. */
  async #rejoin(generation: number): Promise<void> {
    const first = { first: true };
    // A server that was started again knows nobody of before.
    const mayBeOurs = this.#pool().welcome.serverId === this.#grantedBy;
    const isCurrent = () => generation === this.#generation && !this.#closed;
    const giveUpAt = performance.now() + CLAIM_MS;
    while (isCurrent()) {
      try {
        await this.#claim(this.#nick, this.#token, {}, first);
        await Promise.all([...this.#rooms.values()].map(async (room) => {
          const joined = await this.#join(room.name, {}, first);
          room.joinedAgain(joined);
        }));
        return;
      } catch (reason) {
        if (!isCurrent() || this.#pool().first === null) return;
        const { retryable, code } = ParleyError.from(reason);
        // Our own lost connection may still count as alive there.
        const mayPass = retryable && (mayBeOurs || code !== ErrorCode.ALREADY_EXISTS);
        if (mayPass && performance.now() < giveUpAt) await this.#pause(CLAIM_EVERY_MS).over;
        else return this.#failAll(reason);
      }
    }
  }

  #failAll(reason: unknown): void {
    const rooms = [...this.#rooms.values()];
    this.#rooms.clear();
    this.#nick = this.#token = "";
    for (const room of rooms) room.fail(reason);
  }

  async #claim(
    name: string,
    token: string,
    options: RequestOptions,
    kind?: RequestKind,
  ): Promise<void> {
    const granted = await this.#call(
      RoomMethods.method.claimName,
      { name, token },
      options,
      kind,
    );
    this.#nick = granted.name;
    this.#token = granted.token;
    this.#grantedBy = this.#pool().welcome.serverId;
  }

  #join(room: string, options: RequestOptions, kind?: RequestKind): Promise<JoinResponse> {
    return this.#call(RoomMethods.method.join, { room }, options, kind);
  }

  /**
   * Asks until there is an answer: again after each connection that was lost meanwhile, if it is
   * `repeatable`, and in any case when the new one did not know us yet.
   */
  async #patiently<T>(
    options: RequestOptions,
    repeatable: boolean,
    ask: (timeoutMs: number) => Promise<T>,
  ): Promise<T> {
    const deadline = performance.now() + (options.timeoutMs ?? PATIENCE_MS);
    for (;;) {
      await this.#readyBy(deadline);
      options.signal?.throwIfAborted();
      const generation = this.#generation;
      try {
        return await ask(Math.max(1, deadline - performance.now()));
      } catch (reason) {
        const { code } = ParleyError.from(reason);
        const isNew = generation !== this.#generation;
        const unknown = isNew && code === ErrorCode.FAILED_PRECONDITION;
        const isLost = code === ErrorCode.UNAVAILABLE && (isNew || this.#pool().first === null);
        const again = unknown || (isLost && repeatable);
        const over = this.#closed || this.#pool().status === "closed";
        if (!again || over || performance.now() >= deadline) throw reason;
      }
    }
  }

  /** Waits until the rooms are joined on this connection, at most until `deadline`. */
  async #readyBy(deadline: number): Promise<void> {
    while (!this.#closed && performance.now() < deadline) {
      const ready = this.#isLost ? this.#nextConnection : this.#ready;
      const late = this.#pause(deadline - performance.now());
      await Promise.race([ready, late.over]);
      late.end();
      if (ready === this.#ready && !this.#isLost) return;
    }
  }

  #awaitConnection(): Promise<void> {
    return new Promise((resolve) => this.#connected = resolve);
  }

  /** Whether there are a name and rooms that wait for a connection. */
  get #isLost(): boolean {
    return this.#nick !== "" && this.#pool().first === null;
  }

  /** A time that is over after so many milliseconds, or with `end`, or when the client is closed. */
  #pause(ms: number): { over: Promise<void>; end: () => void } {
    let resolve: () => void = () => {};
    const over = new Promise<void>((settle) => resolve = settle);
    const end = () => {
      clearTimeout(timer);
      this.#pauses.delete(end);
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, ms));
    this.#pauses.add(end);
    return { over, end };
  }

  async #call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options: RequestOptions,
    kind: RequestKind = { ordered: true },
  ): Promise<MessageShape<O>> {
    const encoded = encodeAsk(method, request);
    return await this.#pool().submit(
      () => encoded,
      (incoming) => readAsked(method, incoming),
      options,
      kind,
    );
  }

  /** Gives a direct message to the room that is open for longest, so that it comes once, however many there are. */
  #takeDirect(event: ReceivedEvent): void {
    const [room] = this.#rooms.values();
    const message = roomMessage(event);
    if (message !== null) room?.takeDirect(message);
  }
}

function alreadyIn(name: string): ParleyError {
  return new ParleyError(
    ErrorCode.ALREADY_EXISTS,
    `cannot open the room "${name}": this client is in it already`,
  );
}

function anotherName(nick: string, wanted: string): ParleyError {
  return new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    `cannot come in as "${wanted}": this client goes by "${nick}" in its other rooms`,
    { accepted: `"${nick}", or rename before` },
  );
}
