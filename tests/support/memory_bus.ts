/**
 * Many connections of one server without sockets: real sessions on one host, links in memory, and a clock
 * that moves only when told to. What a turn does is over when `settle` comes back, so histories can be
 * compared with a model step by step.
 */
import { ManualClock } from "./manual_clock.ts";
import { DEFAULT_LIMITS, type Limits } from "../../lib/base/limits.ts";
import type { IoPoll } from "../../lib/ports/io_poll.ts";
import type { ListenerKind } from "../../lib/ports/link.ts";
import type { Session } from "../../lib/services/connection/session.ts";
import type { Features } from "../../lib/services/features.ts";
import { sweepSession } from "../../lib/services/connection/sweep.ts";
import {
  type ClientMessageInit,
  frame,
  join,
  type ServerMessage,
  takeServerMessage,
} from "./frames.ts";
import { makeFeatures, openSession } from "./features.ts";
import { MemoryLink } from "./memory_link.ts";
import { settles } from "./until.ts";

/** Beyond so many looks something runs for ever. */
const LOOKS = 100_000;
/** Timers get a turn after so many looks in a row: a publisher may wait for a subscriber for a moment. */
const LOOKS_A_TURN = 200;

/** One connection whose peer is the test. */
export class MemoryPeer {
  readonly link: MemoryLink;
  readonly session: Session;
  readonly #host: Features;
  /** Resolves when the session has ended. */
  readonly ended: Promise<void>;
  /** Whether the session has ended. */
  over = false;
  #taken = 0;

  constructor(host: Features, kind: ListenerKind) {
    this.#host = host;
    this.link = new MemoryLink(kind);
    this.session = openSession(host, this.link);
    this.ended = this.session.run().then(() => void (this.over = true));
  }

  /** Sends messages, all of them in one read. */
  send(...messages: readonly ClientMessageInit[]): void {
    this.link.feed(join(...messages.map((message) => frame(message))));
  }

  /** The messages that were written since this was last asked. */
  take(): ServerMessage[] {
    const messages: ServerMessage[] = [];
    let bytes: Uint8Array = join(...this.link.writes.slice(this.#taken));
    this.#taken = this.link.writes.length;
    while (bytes.length > 0) {
      const found = takeServerMessage(bytes, "delimited");
      if (found === undefined) throw new Error(`${bytes.length} bytes are no whole message`);
      messages.push(found.message);
      bytes = bytes.subarray(found.taken);
    }
    return messages;
  }

  /** Whether nothing happens here until the peer does something. */
  get quiet(): boolean {
    if (this.over) return true;
    const { link, session } = this;
    const reads = link.reading && link.unreadBytes === 0;
    // A session that does not read for another reason soon will.
    const { context: { budget }, kept } = this.#host;
    const waits = session.waiting &&
      (link.heldWrites > 0 || budget.exhausted || kept?.store.overloaded === true);
    return (reads || waits) && (session.outbox.size === 0 || link.heldWrites > 0);
  }
}

/** Sessions that share a host. Dispose of it to end them all. */
export class MemoryBus implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly host: Features;
  readonly peers: MemoryPeer[] = [];

  constructor(limits: Partial<Limits> = {}, clock = new ManualClock(), poll?: IoPoll) {
    this.clock = clock;
    this.host = makeFeatures({ ...DEFAULT_LIMITS, ...limits }, clock, "memory", poll);
  }

  /** A new connection. */
  connect(kind: ListenerKind = "tcp"): MemoryPeer {
    const peer = new MemoryPeer(this.host, kind);
    this.peers.push(peer);
    return peer;
  }

  /** Resolves when every connection waits for its peer. */
  async settle(): Promise<void> {
    for (let looks = 1; !this.peers.every((peer) => peer.quiet); looks++) {
      if (looks > LOOKS) throw new Error("the sessions do not come to rest");
      await (looks % LOOKS_A_TURN === 0 ? new Promise((resolve) => setTimeout(resolve, 0)) : null);
    }
  }

  /** Sends messages of one peer and lets everything that follows happen. */
  async turn(peer: MemoryPeer, ...messages: readonly ClientMessageInit[]): Promise<void> {
    peer.send(...messages);
    await this.settle();
  }

  /** Lets time pass and sweeps, as the server does. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    this.host.context.tick();
    for (const peer of this.peers) sweepSession(peer.session, this.host.context.nowMs);
    await null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.peers) peer.session.abort();
    await settles(Promise.all(this.peers.map((peer) => peer.ended)), "the end of all sessions");
    this.host.calls.close();
  }
}
