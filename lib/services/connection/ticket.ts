/**
 * Tickets: who is told what became of an entry that was handed to the store. Each entry has one.
 */
import type { ParleyError } from "../../base/errors.ts";
import type { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import type { Peer } from "./peer.ts";

/** Waits for the commit of one entry, or of several, each told in the order in which it was handed over. */
export interface Ticket {
  /** Who published it; null when the server did. */
  readonly session: Peer | null;
  /** It has the store's level. */
  committed(seq: number, level: AckLevel, duplicate: boolean): void;
  /** It was not kept. */
  failed(error: ParleyError): void;
}

/** Told of nothing: whoever caused the entry is told of another one. */
export const UNTOLD: Ticket = { session: null, committed() {}, failed() {} };
