/**
 * All queues at one moment, with what they took and did a second since the look before.
 *
 * The whole list is read, a thousand at a time, so that it can be put in any order and filtered at once; the more there
 * are, the less often.
 */
import type { QueueInfo } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { ask } from "../../data/ask.ts";

/** The most queues that are listed. */
export const MAX_QUEUES = 20_000;
const PAGE = 1000;

/** Before more jobs than so many are dropped, the name of the queue has to be typed. */
export const MANY = 1000n;

/** Behind the name of a queue: that of its dead letters. */
export const DEAD_SUFFIX = ".dead";

/** One queue in the list. */
export interface QueueRow {
  readonly info: QueueInfo;
  /** Jobs a second that were pushed; null before the second look. */
  readonly inRate: number | null;
  /** Jobs a second that were done. */
  readonly outRate: number | null;
}

/** All queues. */
export interface QueuesLook {
  readonly timeMs: number;
  readonly rows: readonly QueueRow[];
  /** All that were read, also those that are shown elsewhere. */
  readonly known: ReadonlyMap<string, QueueInfo>;
  /** Whether there are more than are listed. */
  readonly more: boolean;
}

/** The jobs that a queue holds, the dead ones not counted. */
export function jobsOf({ ready, delayed, leased, blocked }: QueueInfo): bigint {
  return ready + delayed + leased + blocked;
}

/** Whether jobs wait and nobody is there to do them. */
export function isDeserted(info: QueueInfo): boolean {
  return info.consumers === 0 && info.ready > 0n && !info.paused &&
    !info.queue.endsWith(DEAD_SUFFIX);
}

/** Reads all queues, and makes the rows of each page as it comes, so that no task is long; `before` is the look before. */
export async function lookAtQueues(
  before: QueuesLook | undefined,
  signal: AbortSignal,
): Promise<QueuesLook> {
  const timeMs = Date.now();
  const seconds = before === undefined ? 0 : (timeMs - before.timeMs) / 1000;
  const known = new Map<string, QueueInfo>();
  const all: QueueRow[] = [];
  let more = true;
  while (more && all.length < MAX_QUEUES) {
    const after = all.at(-1)?.info.queue ?? "";
    const page = await ask(Queues.method.list, { after, limit: PAGE }, { signal });
    for (const info of page.queues) {
      const old = before?.known.get(info.queue);
      known.set(info.queue, info);
      all.push({
        info,
        inRate: perSecond(info.pushed, old?.pushed, seconds),
        outRate: perSecond(info.done, old?.done, seconds),
      });
    }
    more = page.more && page.queues.length > 0;
  }
  return {
    timeMs,
    rows: all.filter(({ info }) => !isShownElsewhere(info.queue, known)),
    known,
    more,
  };
}

/** Whether a queue's jobs are shown as the dead letters of another one. */
function isShownElsewhere(queue: string, known: ReadonlyMap<string, QueueInfo>): boolean {
  return queue.endsWith(DEAD_SUFFIX) && known.has(queue.slice(0, -DEAD_SUFFIX.length));
}

/** A counter's growth a second; null when there is none to tell. */
export function perSecond(now: bigint, then: bigint | undefined, seconds: number): number | null {
  if (then === undefined || seconds <= 0 || now < then) return null;
  return Number(now - then) / seconds;
}
