/**
 * Figures of the last minutes or hours, as the server has noted them: also of the time before the page was open.
 */
import type { HistoryServerResponse } from "../../lib/gen/parley/v1/server_pb.ts";
import { Server } from "../../lib/gen/parley/v1/server_pb.ts";
import { ofMicros } from "../format/times.ts";
import type { Line } from "../parts/chart.tsx";
import { ask } from "./ask.ts";
import { type Polled, usePolled } from "./polled.ts";

/** How far back: the last quarter of an hour, or the last day. */
export type Span = "minutes" | "hours";

const SPANS: Readonly<Record<Span, { stepMs: number; everyMs: number; seconds: number }>> = {
  minutes: { stepMs: 0, everyMs: 2_000, seconds: 900 },
  hours: { stepMs: 60_000, everyMs: 30_000, seconds: 86_400 },
};

/** Figures over time. */
export interface Figures {
  /** In seconds since 1970. */
  readonly times: readonly number[];
  /** How much time charts of it show. */
  readonly seconds: number;
  /** A figure by its name; null where nothing was noted. */
  readonly values: (name: string) => readonly (number | null)[];
  /** The newest value of a figure; null when there is none. */
  readonly newest: (name: string) => number | null;
}

/** Reads the figures of the server, or of one queue. */
export function useHistory(span: Span, queue = "", isOffered = true): Polled<Figures> {
  const { stepMs, everyMs, seconds } = SPANS[span];
  const key = isOffered ? `history ${span} ${queue}` : null;
  return usePolled(key, async (signal) => {
    const told = await ask(Server.method.history, { stepMs, queue }, { signal });
    return figuresOf(told, seconds);
  }, everyMs);
}

function figuresOf(told: HistoryServerResponse, seconds: number): Figures {
  const { series, stepMs, lastUnixMicros } = told;
  const count = series[0]?.values.length ?? 0;
  const last = ofMicros(lastUnixMicros) / 1000;
  const times = Array.from(
    { length: count },
    (_, index) => last - (count - 1 - index) * stepMs / 1000,
  );
  const known = new Map(series.map(({ name, values }) => [
    name,
    values.map((value) => Number.isNaN(value) ? null : value),
  ]));
  const values = (name: string) => known.get(name) ?? [];
  return { times, seconds, values, newest: (name) => values(name).at(-1) ?? null };
}

/** Lines of a chart: a title, and the name of a figure. */
export function linesOf(
  figures: Figures,
  lines: readonly (readonly [title: string, name: string])[],
): Line[] {
  return lines.map(([title, name]) => ({ title, values: figures.values(name) }));
}
