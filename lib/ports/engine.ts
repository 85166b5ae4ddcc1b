/**
 * The engine port: the other nodes of a cluster, and the bytes that go between this node and each of them.
 *
 * Contract, held by tests/contract/engine_contract.ts for every adapter:
 * - Between two nodes there is a link. The listener is told `joined` when it is there and `left` when it has ended, in turns,
 *   and gets nothing of that node before, after or between.
 * - On a link, the bytes of a channel arrive in the order in which they were sent, none twice and none missing. Where one end cuts
 *   the bytes, the other may not. What could not be delivered ends the link, for both nodes; a new one begins by itself.
 * - Nothing is kept for a node that is not there. What had been sent and not received when a link ended may be lost.
 * - `send` waits while the other node has not dealt with what was sent before, so what is under way is bounded; the bytes are lent
 *   until its promise settles.
 * - A node that says nothing for a bounded time has left.
 *
 * Non-goals: what the bytes mean (services/cluster), and which of them reach a disk.
 */

/** What a node tells the others of itself. */
export interface NodeInfo {
  /** Different with each start of a node; 1 to 64 characters of `[A-Za-z0-9_-]`. */
  readonly id: string;
  /** The name that its operator gave it, for people; at most 64 characters. */
  readonly name: string;
  /** The version of Parley that it runs. */
  readonly version: string;
  /** The URL under which clients reach it; empty when nobody has said so. */
  readonly address: string;
  /** When it started, in milliseconds since 1970 by its own clock. */
  readonly sinceMs: number;
  /** Whatever else it tells, at most 16 values of at most 256 characters each. */
  readonly details: Readonly<Record<string, string>>;
}

/** The streams of bytes on a link: each keeps an order of its own. */
export type Channel = 0 | 1;
/** Events, calls and interest. */
export const BUS_CHANNEL = 0;
/** Durable work that is handed to another node. */
export const WORK_CHANNEL = 1;

/** Is told of other nodes. */
export interface EngineListener {
  /** A link to a node is there. */
  joined(node: NodeInfo): void;
  /** A node that is there tells something else of itself. */
  changed(node: NodeInfo): void;
  /** The link to a node has ended; `why` is for people. */
  left(node: NodeInfo, why: string): void;
  /**
   * Bytes of a node, which are lent until the promise settles; then they count as dealt with. The next bytes of the
   * channel come after that. A promise that rejects ends the link.
   */
  received(from: NodeInfo, channel: Channel, bytes: Uint8Array): Promise<void>;
  /** Whether the cluster can be reached, each time that this changes; `why` is for people. */
  reachable(isUp: boolean, why: string): void;
}

/** The counts of an engine since its start, for metrics. */
export interface EngineCounts {
  messagesOut: number;
  bytesOut: number;
  messagesIn: number;
  bytesIn: number;
  /** Links that ended because something of them was lost or not read. */
  linksBroken: number;
}

/** The other nodes. */
export interface Engine {
  /** What this node tells of itself. */
  readonly self: NodeInfo;
  /** Whether the cluster can be reached now. */
  readonly isUp: boolean;
  readonly counts: Readonly<EngineCounts>;
  /** The servers that carry the links, as far as they are known; for people. */
  readonly servers: readonly string[];
  /** Begins to look for other nodes, once. Resolves at once; whether they can be reached is told later. */
  open(listener: EngineListener): void;
  /** The nodes to which there is a link now. */
  nodes(): readonly NodeInfo[];
  /** Sends bytes to a node. Resolves when there is room for more; rejects when the link has ended or is not there. */
  send(to: string, channel: Channel, bytes: Uint8Array): Promise<void>;
  /** Ends the link to a node, if there is one; a new one begins by itself. */
  unlink(to: string, why: string): void;
  /** Tells all nodes other details of this one. Raises INVALID_ARGUMENT beyond the bounds of NodeInfo. */
  describe(details: Readonly<Record<string, string>>): void;
  /** Tells the other nodes that this one leaves, and ends all links. The listener is told of nothing more. */
  close(): Promise<void>;
}
