/**
 * The service that answers the messages of sessions, as a session sees it: handed to it when it is made.
 *
 * One service serves all sessions of a server. Nothing here waits, but for what says so.
 */
import type { MessageScan } from "../../wire/message_scan.ts";
import type { Outbox } from "../../wire/outbox.ts";
import type { Peer } from "./peer.ts";
import type { SlowReader } from "./publisher_pause.ts";

/** Serves peers. */
export interface Service {
  /** A connection has come, and is not yet read. */
  enter(peer: Peer): void;
  /** Answers the message that `scan` found in `bytes`. Raises a ParleyError to refuse it. */
  dispatch(peer: Peer, bytes: Uint8Array, scan: MessageScan): void;
  /** Hands out what gathered: before any other message takes its place in the order. */
  flushRun(): void;
  /** Makes sure that the end of the turn flushes `outbox`. */
  touch(outbox: Outbox): void;
  /** Ends a turn: everything leaves. Gives those who read and are behind. */
  endTurn(): readonly SlowReader[];

  /** Whether the peer publishes, so that it can be held up for those who read. */
  publishes(peer: Peer): boolean;
  /** Whether it publishes what is kept, and the store has more in hand than it should. */
  isAheadOfStore(peer: Peer): boolean;
  /** Resolves when the store has caught up. */
  whenStoreIsReady(): Promise<void>;
  /** Whether calls of the peer are under way, and whether it is to answer calls of others. */
  isAsking(peer: Peer): boolean;
  isAnswering(peer: Peer): boolean;

  /** The peer gets no more events. */
  stopEvents(peer: Peer): void;
  /** The peer gets nothing more to do: no calls to answer, and no jobs. */
  stopWork(peer: Peer): void;
  /** Hands on what waits for the peer and is its share of a group, while a write is under way. */
  handOnWaiting(peer: Peer): void;
  /** The peer is gone: whatever goes wrong with one feature, the others forget it. */
  leave(peer: Peer): void;
  /** Hands on what a peer that is gone has not sent of its share of groups. */
  handOn(peer: Peer): void;
}
