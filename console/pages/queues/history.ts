/**
 * How a queue's jobs and rates went: as the server has noted them, and for a queue of which it notes nothing as they were
 * seen here.
 */
import { useRef } from "preact/hooks";
import type { QueueInfo } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { linesOf, type Span, useHistory } from "../../data/history.ts";
import type { Line } from "../../parts/chart.tsx";
import { jobsOf, perSecond } from "./look.ts";

/** The most that is remembered of what was seen here. */
const MAX_LOOKS = 450;
const MAX_SEEN = 20;
/** A longer pause between two looks gives no rate. */
const MAX_PAUSE_MS = 30_000;

interface Look {
  readonly timeMs: number;
  readonly info: QueueInfo;
}

/** What charts of a queue show. */
export interface QueueCharts {
  readonly times: readonly number[];
  readonly depth: readonly Line[];
  readonly rates: readonly Line[];
  /** How much time they show. */
  readonly seconds: number;
  /** The newest rates, as seen here. */
  readonly inRate: number;
  readonly outRate: number;
}

const seen = new Map<string, Look[]>();

/** Takes what is known of a queue now, and gives how it went. */
export function useQueueCharts(name: string, info: QueueInfo, span: Span): QueueCharts {
  const noted = useHistory(span, name).data;
  const own = useSeen(name, info);
  if (noted === undefined || noted.times.length === 0) return own;
  return {
    ...own,
    times: noted.times,
    seconds: noted.seconds,
    depth: linesOf(noted, [["Ready", "ready"], ["Leased", "leased"], ["Delayed", "delayed"], [
      "Blocked",
      "blocked",
    ], ["Dead", "dead"]]),
    rates: linesOf(noted, [["Pushed", "pushed"], ["Done", "done"], ["Tried again", "redelivered"]]),
  };
}

function useSeen(name: string, info: QueueInfo): QueueCharts {
  const last = useRef<QueueInfo | null>(null);
  const looks = looksAt(name);
  if (last.current !== info) {
    last.current = info;
    looks.push({ timeMs: Date.now(), info });
    if (looks.length > MAX_LOOKS) looks.shift();
  }
  const rates = (value: (info: QueueInfo) => bigint) =>
    looks.map(({ timeMs, info }, index) => {
      const before = looks[index - 1];
      if (before === undefined || timeMs - before.timeMs > MAX_PAUSE_MS) return null;
      return perSecond(value(info), value(before.info), (timeMs - before.timeMs) / 1000);
    });
  const pushed = rates(({ pushed }) => pushed);
  const done = rates(({ done }) => done);
  return {
    times: looks.map(({ timeMs }) => timeMs / 1000),
    depth: [
      { title: "Jobs", values: looks.map(({ info }) => Number(jobsOf(info))) },
      { title: "Dead", values: looks.map(({ info }) => Number(info.dead)) },
    ],
    rates: [{ title: "Pushed", values: pushed }, { title: "Done", values: done }],
    seconds: 300,
    inRate: pushed.at(-1) ?? 0,
    outRate: done.at(-1) ?? 0,
  };
}

function looksAt(name: string): Look[] {
  const known = seen.get(name);
  if (known !== undefined) return known;
  const looks: Look[] = [];
  seen.set(name, looks);
  if (seen.size > MAX_SEEN) seen.delete([...seen.keys()][0]);
  return looks;
}
