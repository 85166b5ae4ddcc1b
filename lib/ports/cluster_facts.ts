/**
 * What the rest of a server may ask of its cluster.
 */
import type { AckLevel } from "../gen/parley/v1/session_pb.ts";
import type { EngineCounts, NodeInfo } from "./engine.ts";
import type { SnapshotInfo } from "./snapshots.ts";

/** What a node tells the others of its part in the shared log: the keys of `NodeInfo.details`. */
export const DETAIL = {
  /** One of LogRole. */
  role: "role",
  /** The sequence up to which it has applied the log. */
  applied: "applied",
} as const;

/** The part of a node: it writes, follows who does, or cannot go on with the log. */
export type LogRole = "writer" | "follower" | "lost";

/** The log that the nodes of a cluster share, as one of them sees it. */
export interface LogFacts {
  readonly role: LogRole;
  /** The id and the name of the node that writes; empty while none is known to. */
  readonly writer: string;
  readonly writerName: string;
  /** The history that all nodes have. */
  readonly epoch: string;
  /** The level of what is acknowledged, and the number of servers that hold each entry; 0 before that is known. */
  readonly level: AckLevel;
  readonly replicas: number;
  /** The first and the last sequence of the log as it was asked last, and how full it was: 0 to 1. */
  readonly first: number;
  readonly last: number;
  readonly fullness: number;
  /** The sequence up to which this node has applied the log, and how many sequences it was behind when it looked last. */
  readonly applied: number;
  readonly lag: number;
  /** Whether this node had applied everything once since it started. */
  readonly hasCaughtUp: boolean;
  /** How long ago anything was heard of who writes, in milliseconds. */
  readonly heardAgoMs: number;
  /** Why this node takes nothing that is to be kept, for people; empty while it does. */
  readonly refusal: string;
  /** What is wrong with the log, for people; empty while nothing is. */
  readonly fault: string;
  /** The newest snapshot that is known; null when none is. */
  readonly snapshot: SnapshotInfo | null;
  /** Has this node give up the lead. Raises FAILED_PRECONDITION when it does not lead. */
  stepDown(): void;
}

/** The durable work that nodes hand on to the one that writes, as one of them sees it. */
export interface WorkFacts {
  /** The clients of this node whose work another one does, and the sessions that this node has for clients of others. */
  readonly clients: number;
  readonly sessions: number;
  /** The requests that this node has handed on, and those that it was handed. */
  readonly requestsOut: number;
  readonly requestsIn: number;
  /** The requests of this node's clients that ended with UNAVAILABLE, since their node was lost or another one came to write. */
  readonly requestsLost: number;
}

/** A cluster as its node sees it. */
export interface ClusterFacts {
  /** The name of the cluster. */
  readonly name: string;
  /** This node. */
  readonly self: NodeInfo;
  /** Whether the other nodes can be reached, and why not. */
  readonly isUp: boolean;
  readonly whyDown: string;
  /** The servers that carry what nodes say. */
  readonly servers: readonly string[];
  readonly counts: Readonly<EngineCounts>;
  /** The number of events that other nodes handed to this one. */
  readonly eventsIn: number;
  /** The log that the nodes share; null where they share none. */
  readonly log: LogFacts | null;
  /** The work that is handed on; null where none is. */
  readonly work: WorkFacts | null;
  /** The other nodes. */
  nodes(): readonly NodeInfo[];
  /** Resolves when the other nodes know what is wanted here by now, or have had their time; null when they do. */
  whenKnown(): Promise<void> | null;
}
