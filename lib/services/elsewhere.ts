/**
 * Durable work that is done on another node of a cluster, as handlers and sessions ask about it.
 *
 * Whoever has a client hands its messages on as they came, and hands the answers back; services/forwarding does it.
 */
import type { MessageScan } from "../wire/message_scan.ts";
import type { Peer } from "./connection/peer.ts";

/** An event where it lies: in `bytes`, from `start` to `end`. */
interface EventRange {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Hands durable work on. */
export interface Elsewhere {
  /** Whether the durable work of this server's clients is not done here now. */
  readonly isElsewhere: boolean;
  /** Whether it is known where, and that node can be reached. */
  readonly isReachable: boolean;
  /**
   * Hands on the message that `scan` found in `bytes`; the answer comes later. Raises UNAVAILABLE when it is not known to
   * whom. `method` is that of a call.
   */
  forward(peer: Peer, bytes: Uint8Array, scan: MessageScan, method?: string): void;
  /** The peer, which had work done elsewhere, asks for something: if this node leads by now, what it had there it has here first. */
  bring(peer: Peer): void;
  /** This node is about to lead no longer: what its clients have is taken out, to be told to the next one. */
  standDown(): void;
  /** The peer may do something else by now. */
  renewed(peer: Peer): void;
  /** The peer has finished sending. */
  finish(peer: Peer): void;
  /** The peer is gone. */
  leave(peer: Peer): void;
  /** Who published an event that another node has committed, if it is a peer of this one; null otherwise. */
  publisherOf(event: EventRange): Peer | null;
  /** The peer of this server whose name lies from `start` to `end` in `bytes`, if its work is done elsewhere; null otherwise. */
  publisherNamed(bytes: Uint8Array, start: number, end: number): Peer | null;
}
