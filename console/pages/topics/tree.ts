/**
 * Kept topics as a tree of their levels, as far as it was read and opened. Pure.
 */
import type { TopicLevel } from "../../../lib/gen/parley/v1/topic_pb.ts";

/** What was read of the levels below one. */
export interface LevelsBelow {
  readonly levels: readonly TopicLevel[];
  /** Whether there are more behind them. */
  readonly more: boolean;
}

/** One row of the tree: a level, or that there are more than were read. */
export interface TreeRow {
  /** The levels down to here, joined by dots; of what was not read that above it. */
  readonly name: string;
  readonly depth: number;
  /** Null for what was not read. */
  readonly level: TopicLevel | null;
}

/** Whether there are topics below a level. */
export function hasBelow({ topics, isTopic }: TopicLevel): boolean {
  return topics > (isTopic ? 1n : 0n);
}

/** The rows that are seen when the levels in `open` are; `read` has what was read below each level, and below none. */
export function treeRows(
  read: ReadonlyMap<string, LevelsBelow>,
  open: ReadonlySet<string>,
): TreeRow[] {
  const rows: TreeRow[] = [];
  const add = (above: string, depth: number) => {
    const below = read.get(above);
    if (below === undefined || depth > 0 && !open.has(above)) return;
    for (const level of below.levels) {
      rows.push({ name: level.name, depth, level });
      add(level.name, depth + 1);
    }
    if (below.more) rows.push({ name: above, depth, level: null });
  };
  add("", 0);
  return rows;
}

/** The levels that are open and seen: those whose own level is open, too. */
export function openLevels(open: readonly string[]): string[] {
  const all = new Set(open);
  return open.filter((name) => {
    const levels = name.split(".");
    return levels.every((_, index) => index === 0 || all.has(levels.slice(0, index).join(".")));
  });
}
