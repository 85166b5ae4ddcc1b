/**
 * Topics as a tree of their levels. Pure.
 */
import type { TopicInfo } from "../../../lib/gen/parley/v1/topic_pb.ts";

/** One row of the tree: a level, or a topic. */
export interface TreeRow {
  /** The levels down to here, joined by dots. */
  readonly name: string;
  readonly depth: number;
  /** The topic of that name; null when there is none. */
  readonly info: TopicInfo | null;
  /** The topics below it, itself among them. */
  readonly topics: number;
  readonly events: bigint;
  readonly bytes: bigint;
  readonly hasMore: boolean;
}

interface Node {
  info: TopicInfo | null;
  topics: number;
  events: bigint;
  bytes: bigint;
  readonly below: Map<string, Node>;
}

function empty(): Node {
  return { info: null, topics: 0, events: 0n, bytes: 0n, below: new Map() };
}

/** The rows that are seen when the levels in `open` are. */
export function treeRows(infos: readonly TopicInfo[], open: ReadonlySet<string>): TreeRow[] {
  const root = empty();
  for (const info of infos) {
    let node = root;
    for (const level of info.topic.split(".")) {
      let next = node.below.get(level);
      if (next === undefined) node.below.set(level, next = empty());
      node = next;
      node.topics++;
      node.events += info.events;
      node.bytes += info.bytes;
    }
    node.info = info;
  }
  const rows: TreeRow[] = [];
  const add = (node: Node, name: string, depth: number) => {
    for (const [level, below] of node.below) {
      const whole = name === "" ? level : `${name}.${level}`;
      const { info, topics, events, bytes } = below;
      rows.push({
        name: whole,
        depth,
        info,
        topics,
        events,
        bytes,
        hasMore: below.below.size > 0,
      });
      if (open.has(whole)) add(below, whole, depth + 1);
    }
  };
  add(root, "", 0);
  return rows;
}
