/**
 * Tickets: who is told what became of an entry that was handed to the store. Each entry has one.
 */
import type { ParleyError } from "../../base/errors.ts";
import type { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import type { Peer } from "./peer.ts";

/** Waits for the commit of one entry, or of several, each told in the order in which it was handed over. */
export interface Ticket {
  /** The publisher of the entry; null when the server published it. */
  readonly session: Peer | null;
  /** Tells that the entry has the store's level. */
  committed(seq: number, level: AckLevel, duplicate: boolean): void;
  /** Tells that the entry was not kept. */
  failed(error: ParleyError): void;
}

/** Told of nothing: whoever caused the entry is told of another one. */
export const UNTOLD: Ticket = { session: null, committed() {}, failed() {} };
