/**
 * What an operator may want to know of at once: told by the parts of a server where it happens, and published on the system
 * topics by whoever listens.
 *
 * Telling costs little when nobody subscribed, waits for nothing, and never raises.
 */
import type { CloseReason, LimitName, ParleyError } from "../base/errors.ts";
import type { Death } from "../gen/parley/v1/queue_pb.ts";

/** A connection, as far as it is told of. */
export interface NoticedPeer {
  readonly number: number;
  readonly sessionId: string;
  readonly link: { readonly kind: string; readonly peer: string };
  readonly identity: { readonly user: string } | null;
  readonly client: { readonly name: string; readonly library: string } | null;
}

/** Is told of what happens. */
export interface Notices {
  /** A connection was taken. */
  connected(peer: NoticedPeer): void;
  /** A client was welcomed. */
  identified(peer: NoticedPeer): void;
  /** A connection has ended; `closeReason` says why the server ended it. */
  disconnected(peer: NoticedPeer, closeReason: CloseReason, reason: string): void;
  /** A connection was ended because it does not read. */
  endedAsSlow(peer: NoticedPeer): void;
  /** A subscription begins to lose events, with one of this topic. */
  loses(peer: NoticedPeer, topic: string): void;
  /** A request of `peer` met a limit, or a connection from an address that was not taken. */
  limitHit(limit: LimitName, error: ParleyError, by: NoticedPeer | string): void;
  /** A job was given up. */
  deadLetter(death: Death): void;
}
