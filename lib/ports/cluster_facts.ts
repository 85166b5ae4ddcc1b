/**
 * What the rest of a server may ask of its cluster.
 */
import type { EngineCounts, NodeInfo } from "./engine.ts";

/** A cluster as its node sees it. */
export interface ClusterFacts {
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
  /** The other nodes. */
  nodes(): readonly NodeInfo[];
  /** Resolves when the other nodes know what is wanted here by now, or have had their time; null when they do. */
  whenKnown(): Promise<void> | null;
}
