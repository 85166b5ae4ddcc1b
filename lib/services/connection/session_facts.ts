/**
 * What the parts of a session know of it: its reading, and what time does to it. Features know a Peer.
 */
import type { Link } from "../../ports/link.ts";
import type { InputAccount } from "../../wire/input_budget.ts";
import type { Peer } from "./peer.ts";

/** A session for its own parts. */
export interface SessionFacts extends Peer {
  readonly link: Link;
  /** What waits of its input. */
  readonly input: InputAccount;
  /** Whether it was ended at once. */
  readonly aborted: boolean;
  /** Whether it is not read for the sake of others, or of the server: its silence is not its own. */
  heldUp: boolean;
  /** When the last byte came, by the context's coarse clock. */
  lastHeardMs: number;
  /** When a ping was sent that no byte has followed; 0 when there is none. */
  pingedMs: number;
  /** When a closing session is ended whatever its peer does. */
  closeAtMs: number;
  /** Whether reading waits for the peer to take its answers. */
  waiting: boolean;
  /** How many pieces of work there are before whose end no further message is read. */
  readonly holds: number;
}
