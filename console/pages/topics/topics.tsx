/**
 * Topics: those that are kept, as a list or a tree of their levels, the live tail of any pattern, and the policies.
 */
/// <reference lib="dom" />
import { useRef, useState } from "preact/hooks";
import { type TopicInfo, Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { ask } from "../../data/ask.ts";
import { type Paged, usePages } from "../../data/pages.ts";
import { counted, exact, rate, size } from "../../format/numbers.ts";
import { Choice, Field, SearchField } from "../../parts/fields.tsx";
import { Icon } from "../../parts/icons.tsx";
import { Empty, Known } from "../../parts/states.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { href, navigate, route, setQuery } from "../../router.ts";
import type { Command, Place } from "../../shell/places.ts";
import { KeepPolicies } from "./keep.tsx";
import { LiveTail } from "./live_tail.tsx";
import { publish } from "./publish.tsx";
import { TopicView } from "./topic_view.tsx";
import { type TreeRow, treeRows } from "./tree.ts";

const MOST_COMMANDS = 20;
/** The most topics that a tree is made of: whoever looks for more narrows the search. */
const MOST_IN_TREE = 20_000;

/** The page. */
export const topics: Place = {
  id: "topics",
  title: "Topics",
  icon: "topics",
  key: "t",
  View: TopicsView,
  commands,
};

async function commands(text: string, signal: AbortSignal): Promise<readonly Command[]> {
  const { topics } = await ask(Topics.method.list, { limit: 1000 }, { signal });
  return topics.filter(({ topic }) => topic.includes(text)).slice(0, MOST_COMMANDS)
    .map(({ topic }) => ({
      title: topic,
      kind: "Topic",
      run: () => navigate(["topics", topic]),
    }));
}

type View = "list" | "tree" | "live" | "policies";

const VIEWS: readonly (readonly [View, string])[] = [
  ["list", "List"],
  ["tree", "Tree"],
  ["live", "Live"],
  ["policies", "Policies"],
];

function TopicsView({ path }: { path: readonly string[] }) {
  const [name] = path;
  if (name !== undefined && name !== "") return <TopicView topic={name} />;
  const view = (route.value.query.view ?? "list") as View;
  return (
    <>
      <div class="page-head">
        <h1>Topics</h1>
        <span class="grow" />
        <Choice
          label="What is shown"
          value={view}
          options={VIEWS}
          onChange={(chosen) => setQuery({ view: chosen === "list" ? "" : chosen }, false)}
        />
        <button type="button" class="button main" onClick={() => publish("")}>Publish</button>
      </div>
      {view === "live" ? <Live /> : view === "policies" ? <KeepPolicies /> : <Kept view={view} />}
    </>
  );
}

function Live() {
  const { pattern = "" } = route.value.query;
  const [typed, setTyped] = useState(pattern === "" ? ">" : pattern);
  return (
    <div class="stack">
      <form
        class="row fields"
        onSubmit={(event) => {
          event.preventDefault();
          setQuery({ pattern: typed.trim() });
        }}
      >
        <Field
          label="Topics"
          value={typed}
          onChange={setTyped}
          hint='"*" stands for one level, ">" for the rest'
        />
        <button type="submit" class="button main">Follow</button>
      </form>
      {pattern === ""
        ? <Empty title="Which topics?">Say a topic or a pattern, and follow it.</Empty>
        : <LiveTail pattern={pattern} />}
    </div>
  );
}

/** A topic with how fast it grows. */
interface Row {
  readonly info: TopicInfo;
  readonly perSecond: number | null;
}

function Kept({ view }: { view: "list" | "tree" }) {
  const { find = "" } = route.value.query;
  const isPattern = /[*>]/.test(find);
  const list = usePages<TopicInfo>(
    `topics ${isPattern ? find : ""}`,
    async (after, limit, signal) => {
      const request = { pattern: isPattern ? find : "", after: after?.topic ?? "", limit };
      const { topics, more } = await ask(Topics.method.list, request, { signal });
      return { rows: topics, more };
    },
  );
  const fits = ({ topic }: TopicInfo) => isPattern || find === "" || topic.includes(find);
  return (
    <div class="stack">
      <SearchField
        label="Find topics, or a pattern like orders.>"
        value={find}
        onChange={(value) => setQuery({ find: value })}
      />
      <Known of={list}>
        {({ rows, more }) =>
          view === "tree"
            ? <TopicTree rows={rows.filter(fits)} more={more} list={list} />
            : <TopicList rows={rows.filter(fits)} more={more} list={list} />}
      </Known>
    </div>
  );
}

interface ListProps {
  readonly rows: readonly TopicInfo[];
  readonly more: boolean;
  readonly list: Paged<TopicInfo>;
}

const NONE = (
  <Empty title="No kept topics">
    <span>A topic is kept when a policy says so; the others are seen in the live tail.</span>
  </Empty>
);

function TopicList({ rows, more, list }: ListProps) {
  const rates = useRates(rows);
  const columns: readonly Column<Row>[] = [
    {
      id: "topic",
      title: "Topic",
      width: "minmax(140px, 3fr)",
      cell: ({ info }) => <a class="mono cut" href={href(["topics", info.topic])}>{info.topic}</a>,
    },
    {
      id: "rate",
      title: "Events/s",
      width: "90px",
      end: true,
      cell: ({ perSecond }) => perSecond === null ? "–" : rate(perSecond),
    },
    {
      id: "events",
      title: "Events",
      width: "100px",
      end: true,
      cell: ({ info }) => exact(info.events),
    },
    {
      id: "seq",
      title: "Last seq",
      width: "110px",
      end: true,
      from: 700,
      cell: ({ info }) => exact(info.lastSeq),
    },
    {
      id: "bytes",
      title: "Size",
      width: "90px",
      end: true,
      from: 560,
      cell: ({ info }) => size(info.bytes),
    },
    {
      id: "time",
      title: "Newest",
      width: "110px",
      end: true,
      from: 820,
      cell: ({ info }) => <Time micros={info.lastTimeUnixMicros} />,
    },
  ];
  return (
    <Table
      label="Kept topics"
      rows={rows.map((info) => ({ info, perSecond: rates(info) }))}
      columns={columns}
      idOf={({ info }) => info.topic}
      onOpen={({ info }) => navigate(["topics", info.topic])}
      onSeen={list.seen}
      foot={more
        ? `${counted(rows.length, "topic")} read, more below`
        : counted(rows.length, "topic")}
      empty={NONE}
    />
  );
}

/** How fast topics grow: from what was read at the look before. */
function useRates(rows: readonly TopicInfo[]): (info: TopicInfo) => number | null {
  const looks = useRef({ rows, timeMs: Date.now(), before: new Map<string, bigint>(), seconds: 0 });
  if (looks.current.rows !== rows && Date.now() - looks.current.timeMs > 500) {
    const { rows: former, timeMs } = looks.current;
    looks.current = {
      rows,
      timeMs: Date.now(),
      before: new Map(former.map(({ topic, lastSeq }) => [topic, lastSeq])),
      seconds: (Date.now() - timeMs) / 1000,
    };
  }
  const { before, seconds } = looks.current;
  return ({ topic, lastSeq }) => {
    const last = before.get(topic);
    return last === undefined || seconds === 0 ? null : Number(lastSeq - last) / seconds;
  };
}

function TopicTree({ rows, more, list }: ListProps) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const toggle = (name: string) => {
    const next = new Set(open);
    if (!next.delete(name)) next.add(name);
    setOpen(next);
  };
  const columns: readonly Column<TreeRow>[] = [
    {
      id: "name",
      title: "Level",
      width: "minmax(160px, 3fr)",
      cell: (row) => (
        <span class="row" style={{ paddingLeft: `${row.depth * 16}px`, flexWrap: "nowrap" }}>
          {row.hasMore
            ? (
              <button
                type="button"
                class="button bare small icon"
                aria-expanded={open.has(row.name)}
                aria-label={`${open.has(row.name) ? "Close" : "Open"} ${row.name}`}
                onClick={() => toggle(row.name)}
              >
                <Icon name={open.has(row.name) ? "down" : "play"} />
              </button>
            )
            : null}
          {row.info !== null
            ? (
              <a class="mono cut" href={href(["topics", row.name])}>
                {row.name.split(".").at(-1)}
              </a>
            )
            : <span class="mono cut">{row.name.split(".").at(-1)}</span>}
        </span>
      ),
    },
    {
      id: "topics",
      title: "Topics",
      width: "80px",
      end: true,
      from: 480,
      cell: ({ topics }) => exact(topics),
    },
    {
      id: "events",
      title: "Events",
      width: "100px",
      end: true,
      cell: ({ events }) => exact(events),
    },
    {
      id: "bytes",
      title: "Size",
      width: "90px",
      end: true,
      from: 560,
      cell: ({ bytes }) => size(bytes),
    },
  ];
  // A tree is made of all of them, so the next page is read at once.
  if (more && rows.length < MOST_IN_TREE) list.seen(0, rows.length);
  return (
    <Table
      label="Topics by level"
      rows={treeRows(rows, open)}
      columns={columns}
      idOf={({ name }) => name}
      onOpen={({ name, hasMore }) => hasMore ? toggle(name) : navigate(["topics", name])}
      foot={more
        ? `of the first ${counted(rows.length, "topic")}: a pattern narrows the search`
        : counted(rows.length, "topic")}
      empty={NONE}
    />
  );
}
