/**
 * The link port: one connection of bytes to one peer, whatever carries it (tcp, unix, TLS, WebSocket).
 *
 * Contract, held by tests/contract/link_contract.ts for every adapter:
 * - `read` gives what is there, at least one byte, or null once the peer has finished sending. Reading
 *   may end while writing goes on: a peer that half-closes still gets its answers.
 * - `write` takes everything or rejects; batches leave in order; at most one write is under way at once.
 *   The bytes belong to the link until the promise settles; when it rejects as WriteAbandoned, until that says
 *   that they are released.
 * - `closeWrite` ends our sending after what was written; `close` ends both directions at once and
 *   makes pending reads and writes settle. Both may be called any number of times and never throw.
 * - After an abrupt end, `read` and `write` reject; the error says what happened.
 * - `whenReleased`, asked after `close`, resolves when the system has the link's descriptor back, which is not
 *   before the reads and writes that were under way have settled. A link that was never read or written is
 *   released by `close` itself.
 */

/** The framing of messages on a link. */
export type Dialect = "delimited" | "raw";

/** The kinds of listeners, as they are named in the configuration. */
export type ListenerKind = "tcp" | "tls" | "unix" | "raw" | "ws" | "text";

/** The kinds of links: those of listeners, what HTTP requests ask for beside WebSockets, and those to other nodes. */
export type LinkKind = ListenerKind | "http" | "node";

/** The memory that a link takes for input, which counts with its connection. */
export interface LinkMemory {
  /** A buffer of at least `bytes` bytes. */
  take(bytes: number): Uint8Array<ArrayBuffer>;
  /** Takes back a buffer that nobody uses any more. */
  give(buffer: Uint8Array<ArrayBuffer>): void;
  /** Notes that bytes have come: `waits` when a message was begun and is not whole, `anew` when it made progress. */
  progressed(bytes: number, waits: boolean, anew: boolean): void;
}

/** A connection of bytes to one peer. */
export interface Link {
  /** The kind of the listener that accepted the link, or of what it carries. */
  readonly kind: LinkKind;
  /** Whether a place among all connections was taken for the link before; absent where it was not. */
  readonly isAdmitted?: boolean;
  /** The peer's name for logs: `127.0.0.1:50312`, or the socket's path. */
  readonly peer: string;
  /** The peer's address for limits, without the port; empty where there is none. */
  readonly address: string;
  /** Whether the peer is known only by what carries it, such as a proxy of HTTP: absent where it is not so. */
  readonly isRelayed?: boolean;
  /** Whether the peer is connected to another node of a cluster, which keeps its rates: absent where it is not. */
  readonly isForwarded?: boolean;
  /** The bytes that the peer's side has taken from `write` so far: the number grows while a write makes progress. */
  readonly bytesWritten: number;
  /** Whether `probe` makes the peer's side answer, so that its silence afterwards means that it is gone. */
  readonly answersProbes: boolean;
  /** The number of signs of life from the peer's side that are no input, such as answers to probes. */
  readonly signs: number;
  /** The identity that the peer's certificate stands for; null or absent when it has shown no such certificate. */
  readonly certificateIdentity?: string | null;
  /** Whether what `write` was given waits for the server itself, and not for the peer. Only links that convert have this. */
  readonly isPreparing?: boolean;
  /** Reads at least one byte into `into`; gives the count, or null at the end of input. */
  read(into: Uint8Array): Promise<number | null>;
  /**
   * Sets the memory for input that the link itself holds before `read` gives it, before the first read. The link tells
   * `memory` whether the peer has begun a message. Only links that hold input have this method.
   */
  holdIn?(memory: LinkMemory): void;
  /**
   * Says that the peer is to be told something soon: what waits and only tells it of others may be left out, as long as
   * it is told so. Only links that convert have this method.
   */
  leaveOut?(): void;
  /** Writes all of `batch`. */
  write(batch: Uint8Array): Promise<void>;
  /**
   * Finds out whether a peer that was silent for `idleMs` is still there, without its program noticing: either
   * the peer answers (`answersProbes`), or the system ends the link when the peer's system has not answered
   * several probes. The caller repeats it every few seconds while the silence lasts. Never throws.
   */
  probe(idleMs: number): void;
  /** Finishes sending. */
  closeWrite(): void;
  /** Ends the link at once. */
  close(): void;
  /** Resolves when a closed link takes no descriptor any more. Never rejects. */
  whenReleased(): Promise<void>;
}

/** A listener, which accepts connections. */
export interface LinkListener extends AsyncIterable<Link> {
  /** The kind of the listener. */
  readonly kind: ListenerKind;
  /** What it is called where its address is told; absent where that is its kind. */
  readonly name?: string;
  /** The framing of messages on its links. */
  readonly dialect: Dialect;
  /** The address of the listener, with the port that the system gave: `127.0.0.1:7311`, or a path. */
  readonly address: string;
  /** Whether the links are under TLS; absent where they are not. */
  readonly isSecure?: boolean;
  /** Stops accepting; links stay open. The iteration ends. */
  close(): void;
}
