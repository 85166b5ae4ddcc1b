/**
 * What a server notes of itself while it runs, for whoever looks later: rates, what waits, how long commits and turns
 * take, memory and queues, over the last minutes and the last day.
 */
import { guard } from "../../base/defects.ts";
import type { BucketCounts } from "../../ports/bucket_counts.ts";
import type { HistoryRequest, NotedHistory } from "../../services/administration.ts";
import { COARSE_STEP, type Figure, FigureHistory, FINE_STEP } from "./figure_history.ts";
import type { LoopDelay } from "./loop_delay.ts";
import type { Monitored } from "./monitored.ts";
import { QUEUE_SUMS, QueueHistory } from "./queue_history.ts";

/** The sums among what a server counts whose rates are noted. */
const RATES = [
  ["messages_in", "messagesIn"],
  ["messages_out", "messagesOut"],
  ["bytes_in", "bytesIn"],
  ["bytes_out", "bytesOut"],
  ["events_in", "eventsIn"],
  ["events_out", "eventsOut"],
  ["events_dropped", "eventsDropped"],
  ["jobs_in", "jobsIn"],
  ["jobs_out", "jobsOut"],
  ["jobs_settled", "jobsSettled"],
  ["requests_refused", "requestsRefused"],
  ["connections_opened", "connectionsTotal"],
] as const;

/** The history of one server. */
export class History {
  readonly #server: Monitored;
  readonly #figures: FigureHistory;
  readonly #queues: QueueHistory | null;
  readonly #timer: ReturnType<typeof setInterval>;
  #snapshot: ReturnType<Monitored["features"]["snapshot"]>;

  /** Notes from now on. */
  constructor(server: Monitored, loop: LoopDelay) {
    const { features } = server;
    this.#server = server;
    this.#snapshot = features.snapshot();
    this.#queues = features.queues === null ? null : new QueueHistory(features.queues);
    this.#figures = new FigureHistory([
      ...RATES.map(([name, counter]): Figure => ({
        name,
        kind: "rate",
        read: () => this.#snapshot[counter],
      })),
      ...ownFigures(server, loop),
      ...QUEUE_SUMS.map((state): Figure => ({
        name: `jobs_${state}`,
        kind: "level",
        read: () => this.#queues?.sums[state] ?? 0,
      })),
    ], features.context.clock.monotonicMs());
    this.#timer = setInterval(() => guard("note figures", () => this.#tick()), FINE_STEP.stepMs);
  }

  /** Notes nothing any more. */
  close(): void {
    clearInterval(this.#timer);
  }

  /** What was noted of the server, or of a queue. */
  told({ queue, stepMs, names, most }: HistoryRequest): NotedHistory {
    const { clock } = this.#server.features.context;
    const isFine = stepMs < COARSE_STEP.stepMs;
    const figures = queue === "" ? this.#figures : this.#queues?.of(queue) ?? null;
    const { stepMs: step } = isFine ? FINE_STEP : COARSE_STEP;
    if (figures === null) return { stepMs: step, lastUnixMs: 0, series: [] };
    const { lastMs, series } = figures.last(isFine, names, most);
    const lastUnixMs = lastMs === 0 ? 0 : clock.wallMs() - (clock.monotonicMs() - lastMs);
    return { stepMs: step, lastUnixMs, series };
  }

  #tick(): void {
    const { features } = this.#server;
    const nowMs = features.context.clock.monotonicMs();
    this.#snapshot = features.snapshot();
    this.#queues?.tick(nowMs);
    this.#figures.tick(nowMs);
  }
}

/** The figures that are no counters. */
function ownFigures({ features }: Monitored, loop: LoopDelay): Figure[] {
  const { bus, calls, context, kept } = features;
  const level = (name: string, read: () => number): Figure => ({ name, kind: "level", read });
  const mean = (name: string, counts: BucketCounts): Figure => ({
    name,
    kind: "mean",
    read: () => counts,
  });
  const callsEnded = () => Object.values(calls.ended).reduce((sum, count) => sum + count, 0);
  const store: Figure[] = kept === null ? [] : [
    { name: "commits", kind: "rate", read: () => kept.store.figures().committedBatches },
    mean("commit_ms", kept.store.timings.commitMs),
    mean("sync_ms", kept.store.timings.syncMs),
    level("pending_entries", () => kept.store.figures().pendingEntries),
  ];
  return [
    { name: "calls", kind: "rate", read: callsEnded },
    mean("call_ms", calls.durationsMs),
    level("connections", () => context.counters.connections.open),
    level("subscriptions", () => bus.subscriptions),
    level("calls_under_way", () => calls.size),
    level("outbox_bytes", () => context.budget.bytes),
    ...store,
    { name: "loop_delay_ms", kind: "peak", read: () => loop.takePeak() },
    { name: "longest_turn_ms", kind: "peak", read: () => takePeakTurn(context.turns) },
    level("memory_bytes", () => Deno.memoryUsage().rss),
    level("heap_bytes", () => Deno.memoryUsage().heapUsed),
  ];
}

function takePeakTurn(turns: { peakTurnMs: number }): number {
  const peakMs = turns.peakTurnMs;
  turns.peakTurnMs = 0;
  return peakMs;
}
