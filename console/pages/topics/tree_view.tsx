/**
 * Kept topics as a tree: each level is read when it is opened, some of it at a time. What is open stands in the address.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { ask } from "../../data/ask.ts";
import { usePolled } from "../../data/polled.ts";
import { counted, exact, size } from "../../format/numbers.ts";
import { Icon } from "../../parts/icons.tsx";
import { Known } from "../../parts/states.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { href, navigate, route, setQuery } from "../../router.ts";
import { NoTopics } from "./list.tsx";
import { hasBelow, type LevelsBelow, openLevels, type TreeRow, treeRows } from "./tree.ts";

/** The levels that one request gives. */
const PAGE = 500;
/** The most levels that are open at a time. */
const MAX_OPEN = 40;
/** Each level that is open is read again that often, and all of them together no more often than that. */
const LOOK_MS = 4_000;
const MS_PER_LEVEL = 1_000;

/** The tree. */
export function TopicTree() {
  const { open: text = "" } = route.value.query;
  const open = openLevels(text.split(" ").filter((name) => name !== "")).slice(-MAX_OPEN);
  const isOpen = new Set(open);
  /** How many pages of a level are read, where that is more than one. */
  const [pages, setPages] = useState<ReadonlyMap<string, number>>(new Map());
  const wanted = ["", ...open].map((above) => [above, pages.get(above) ?? 1] as const);
  // One key for all: what is open already stays while another level is read.
  const read = usePolled<ReadonlyMap<string, LevelsBelow>>(
    "levels",
    async (signal) => {
      const found = new Map<string, LevelsBelow>();
      for (const [above, count] of wanted) {
        found.set(above, await levelsBelow(above, count, signal));
      }
      return found;
    },
    Math.max(LOOK_MS, MS_PER_LEVEL * wanted.length),
  );
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) read.refresh();
    first.current = false;
  }, [JSON.stringify(wanted)]);
  const toggle = (name: string) => {
    const next = isOpen.has(name) ? open.filter((each) => each !== name) : [...open, name];
    setQuery({ open: next.join(" ") });
  };
  const further = (above: string) =>
    setPages(new Map(pages).set(above, (pages.get(above) ?? 1) + 1));
  const columns: readonly Column<TreeRow>[] = [
    {
      id: "name",
      title: "Level",
      width: "minmax(160px, 3fr)",
      cell: (row) => <Level row={row} isOpen={isOpen.has(row.name)} {...{ toggle, further }} />,
    },
    {
      id: "topics",
      title: "Topics",
      width: "80px",
      end: true,
      from: 480,
      cell: ({ level }) => level !== null && exact(level.topics),
    },
    {
      id: "events",
      title: "Events",
      width: "100px",
      end: true,
      cell: ({ level }) => level !== null && exact(level.events),
    },
    {
      id: "bytes",
      title: "Size",
      width: "90px",
      end: true,
      from: 560,
      cell: ({ level }) => level !== null && size(level.bytes),
    },
  ];
  return (
    <Known of={read}>
      {(found) => (
        <Table
          label="Topics by level"
          rows={treeRows(found, isOpen)}
          columns={columns}
          idOf={({ name, level }) => level === null ? `${name} more` : name}
          onOpen={({ name, level }) => {
            if (level === null) further(name);
            else if (hasBelow(level)) toggle(name);
            else navigate(["topics", name]);
          }}
          foot={counted(
            found.get("")?.levels.reduce((sum, { topics }) => sum + topics, 0n) ?? 0n,
            "topic",
          )}
          empty={<NoTopics />}
        />
      )}
    </Known>
  );
}

async function levelsBelow(
  above: string,
  pages: number,
  signal: AbortSignal,
): Promise<LevelsBelow> {
  const levels: LevelsBelow["levels"][number][] = [];
  let more = true;
  for (let page = 0; page < pages && more; page++) {
    const request = { above, after: levels.at(-1)?.name ?? "", limit: PAGE };
    const answer = await ask(Topics.method.levels, request, { signal });
    levels.push(...answer.levels);
    more = answer.more;
  }
  return { levels, more };
}

function Level(
  { row: { name, depth, level }, isOpen, toggle, further }: {
    row: TreeRow;
    isOpen: boolean;
    toggle: (name: string) => void;
    further: (above: string) => void;
  },
) {
  const indent = { paddingLeft: `${depth * 16}px`, flexWrap: "nowrap" };
  if (level === null) {
    return (
      <span class="row" style={indent}>
        <button type="button" class="button small" onClick={() => further(name)}>
          More of {name === "" ? "the first level" : name}
        </button>
      </span>
    );
  }
  const last = name.split(".").at(-1);
  return (
    <span class="row" style={indent}>
      {hasBelow(level)
        ? (
          <button
            type="button"
            class="button bare small icon"
            aria-expanded={isOpen}
            aria-label={`${isOpen ? "Close" : "Open"} ${name}`}
            onClick={() => toggle(name)}
          >
            <Icon name={isOpen ? "down" : "play"} />
          </button>
        )
        : <span class="no-button" />}
      {level.isTopic
        ? <a class="mono cut" href={href(["topics", name])}>{last}</a>
        : <span class="mono cut">{last}</span>}
    </span>
  );
}
