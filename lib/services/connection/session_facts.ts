/**
 * The part of a session that its helpers know: its reading, and what time does to it. Features know a Peer.
 */
import type { SharedRate } from "../../logic/access/rates.ts";
import type { Link } from "../../ports/link.ts";
import type { InputAccount } from "../../wire/input_budget.ts";
import type { Peer } from "./peer.ts";

/** A session for its own parts. */
export interface SessionFacts extends Peer {
  readonly link: Link;
  /** The memory of the session's input that waits. */
  readonly input: InputAccount;
  /** What its user may send; null for no limit. */
  readonly userRate: SharedRate | null;
  /** Whether it was ended at once. */
  readonly aborted: boolean;
  /** Whether it is not read for the sake of others, or of the server: its silence is not its own. */
  heldUp: boolean;
  /** The time at which the last byte came, by the context's coarse clock. */
  lastHeardMs: number;
  /** The time of a ping that no byte has followed; 0 when there is none. */
  pingedMs: number;
  /** The time at which a closing session is ended whatever its peer does. */
  closeAtMs: number;
  /** Whether reading waits for the peer to take its answers. */
  waiting: boolean;
  /** The number of pieces of work that hold the session: before their end no further message is read. */
  readonly holds: number;
}
