/**
 * Kept topics as a list, in pages, with how fast each grows; those that a text or a pattern is looked for in are found by the
 * server.
 */
import { useRef } from "preact/hooks";
import { type TopicInfo, Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { ask } from "../../data/ask.ts";
import { usePages } from "../../data/pages.ts";
import { mayCall } from "../../data/rights.ts";
import { about } from "../../data/server.ts";
import { useSettled } from "../../data/settled.ts";
import { counted, exact, rate, size } from "../../format/numbers.ts";
import { Empty, Known, NotSeen } from "../../parts/states.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { href, navigate } from "../../router.ts";

/** Making a page looks at all topics of the server. */
const LOOK_MS = 4_000;

/** A topic with how fast it grows. */
interface Row {
  readonly info: TopicInfo;
  readonly perSecond: number | null;
}

/** What is shown where there are none. */
export function NoTopics() {
  if (!mayCall(Topics.method.info)) {
    return (
      <NotSeen what="topics">
        That needs the permission to subscribe to them or to manage them.
      </NotSeen>
    );
  }
  return (
    <Empty
      title={about.value?.hasUsers === true ? "No kept topics that you may see" : "No kept topics"}
    >
      <span>A topic is kept when a policy says so; the others are seen in the live tail.</span>
    </Empty>
  );
}

/** The list of those that `find` is in, or that match it where it is a pattern. */
export function TopicList({ find: typed }: { find: string }) {
  const find = useSettled(typed.trim());
  const isPattern = /[*>]/.test(find);
  const list = usePages<TopicInfo>(`topics ${find}`, async (before, limit, signal) => {
    const request = {
      pattern: isPattern ? find : "",
      contains: isPattern ? "" : find,
      after: String(before?.next ?? ""),
      limit,
    };
    const { topics, more } = await ask(Topics.method.list, request, { signal });
    return { rows: topics, more, next: topics.at(-1)?.topic ?? request.after };
  }, LOOK_MS);
  const rates = useRates(list.data?.rows ?? []);
  return (
    <Known of={list}>
      {({ rows, more }) => (
        <Table
          label="Kept topics"
          rows={rows.map((info) => ({ info, perSecond: rates(info) }))}
          columns={COLUMNS}
          idOf={({ info }) => info.topic}
          onOpen={({ info }) => navigate(["topics", info.topic])}
          onSeen={list.seen}
          foot={more
            ? `${counted(rows.length, "topic")} read, more below`
            : counted(rows.length, "topic")}
          empty={find === "" ? <NoTopics /> : <Empty title="No kept topic is called that" />}
        />
      )}
    </Known>
  );
}

const COLUMNS: readonly Column<Row>[] = [
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
    id: "subscribers",
    title: "Subscribers",
    width: "96px",
    end: true,
    from: 960,
    cell: ({ info }) => exact(info.subscribers),
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
