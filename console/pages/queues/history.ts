/**
 * How a queue's jobs and rates went over the last minutes.
 */
import { useRef } from "preact/hooks";
import type { QueueInfo } from "../../../lib/gen/parley/v1/queue_pb.ts";
import type { Line } from "../../parts/chart.tsx";
import { jobsOf, perSecond } from "./look.ts";

const MAX_LOOKS = 450;

interface Look {
  readonly timeMs: number;
  readonly info: QueueInfo;
}

/** What charts of a queue show. */
export interface QueueHistory {
  readonly times: readonly number[];
  readonly depth: readonly Line[];
  readonly rates: readonly Line[];
  /** How much time they show. */
  readonly seconds: number;
  /** The newest rates. */
  readonly inRate: number;
  readonly outRate: number;
}

/** What was seen of a queue while its page was open. */
const seen = new Map<string, Look[]>();
const MAX_SEEN = 20;

/** Takes what is known of a queue now, and gives how it went. */
export function useQueueHistory(name: string, info: QueueInfo): QueueHistory {
  const last = useRef<QueueInfo | null>(null);
  let looks = seen.get(name);
  if (looks === undefined) {
    looks = [];
    seen.set(name, looks);
    if (seen.size > MAX_SEEN) seen.delete([...seen.keys()][0]);
  }
  if (last.current !== info) {
    last.current = info;
    looks.push({ timeMs: Date.now(), info });
    if (looks.length > MAX_LOOKS) looks.shift();
  }
  const kept = looks;
  const rates = (value: (info: QueueInfo) => bigint) =>
    kept.map(({ timeMs, info }, index) => {
      const before = kept[index - 1];
      if (before === undefined || timeMs - before.timeMs > 30_000) return null;
      return perSecond(value(info), value(before.info), (timeMs - before.timeMs) / 1000);
    });
  const pushed = rates(({ pushed }) => pushed);
  const done = rates(({ done }) => done);
  return {
    times: kept.map(({ timeMs }) => timeMs / 1000),
    depth: [
      { title: "Jobs", values: kept.map(({ info }) => Number(jobsOf(info))) },
      { title: "Dead", values: kept.map(({ info }) => Number(info.dead)) },
    ],
    rates: [{ title: "Pushed", values: pushed }, { title: "Done", values: done }],
    seconds: 600,
    inRate: pushed.at(-1) ?? 0,
    outRate: done.at(-1) ?? 0,
  };
}
