/**
 * A connection as features see it: who it is, how to answer it, and where a feature keeps what it knows of it.
 *
 * Features and handlers know this and nothing else of a session; the session knows no feature. What a feature
 * keeps for a peer lies in a slot that only that feature reads, made with the first use, so that the many
 * connections that use one feature pay for no other.
 */
import type { CloseReason, ParleyError } from "../../base/errors.ts";
import type { RequestId } from "../../base/request_id.ts";
import type { Identity } from "../../logic/access/accounts.ts";
import type { SharedRate } from "../../logic/access/rates.ts";
import type { Link } from "../../ports/link.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import type { Outbox } from "../../wire/outbox.ts";
import type { TurnTaker } from "./fair_turns.ts";
import type { LateAnswers } from "./late_answers.ts";
import type { Reply } from "./reply.ts";
import type { ServerContext } from "./server_context.ts";

/** The description of a client, as it gave it in its Hello. */
export interface ClientInfo {
  readonly name: string;
  readonly library: string;
  readonly answersPings: boolean;
}

/**
 * The state of a session: `open`, `draining` (told of the shutdown, still answering), `closing` (its last
 * word is said, input is thrown away), `closed`.
 */
export type SessionState = "open" | "draining" | "closing" | "closed";

/** The objects that features keep for one peer; null until the first use. Each has its own alone. */
export class PeerSlots {
  topics: object | null = null;
  calls: object | null = null;
  feeds: object | null = null;
  queues: object | null = null;
  acks: object | null = null;
  pages: object | null = null;
  usage: object | null = null;
  elsewhere: object | null = null;
}

/** One connection. */
export interface Peer {
  readonly context: ServerContext;
  readonly link: Pick<
    Link,
    "kind" | "peer" | "address" | "isRelayed" | "bytesWritten" | "certificateIdentity"
  >;
  readonly outbox: Outbox;
  /** Whether it is another node of the cluster, and stands for all that are connected there. */
  readonly isNode: boolean;
  /** Unique while the server runs; the `connection` of log lines. */
  readonly number: number;
  /** The session's name towards clients. */
  readonly sessionId: string;
  /** The members of ClientMessage that the peer may send, as bits. */
  readonly rights: number;
  /** Who it is; null where no users are configured: then it may do everything. */
  readonly identity: Identity | null;
  /** The client's description of itself; null until its Hello. */
  client: ClientInfo | null;
  readonly state: SessionState;
  /** Why the connection ends, for a person, and why the server ended it. */
  readonly endReason: string;
  readonly closeReason: CloseReason;
  /** Whether events, calls and answers of others may still be put into the outbox. */
  readonly takesDeliveries: boolean;
  /** The peer's requests that are answered later, without those that others answer. */
  readonly late: LateAnswers;
  /** Shared by its calls of the server's own methods: many calls get no more than one. */
  readonly callsTurn: TurnTaker;
  readonly slots: PeerSlots;

  /** Is that one from now on, and sends as `rate` says, with all others of its user. Only services/access says so. */
  become(identity: Identity, rate: SharedRate | null): void;
  /** Makes room for a message of `length` bytes; the caller fills `outbox.bytes` from the offset it gets. */
  begin(length: number): number;
  /** Answers the request that `scan` found, with its id. */
  answer(reply: Reply, bytes: Uint8Array, scan: MessageScan): void;
  /** Sends a message that answers no request. It leaves with the next flush. */
  send(reply: Reply): void;
  /** Sends a message with the id of a request; it leaves with the next flush. */
  sendWithId(reply: Reply, id: RequestId): void;
  /** Has what was put into the outbox leave with the end of the turn. */
  touch(): void;
  /** Reads no further message of this peer before `work`, which never rejects, is done, or the session ends. */
  hold(work: Promise<void>): void;
  /** Says that a call of this peer has come back, or another request that is answered later. */
  answered(): void;
  /** Ends the session with SLOW_CONSUMER when its outbox is over its limit; says whether it did. */
  endIfFull(): boolean;
  /** Ends a session whose peer does not read: what waits is dropped, only the reason is still sent. */
  endUnread(error: ParleyError): void;
  /** Says why the connection ends, and ends it. Does nothing when it is ending already. */
  end(error: ParleyError): void;
}
