/**
 * Shows what was measured of topics: rows for people, objects for JSON.
 *
 * Rows fit the width of the terminal, so that a table that is drawn over itself never wraps; names of
 * topics are escaped before they are measured.
 */
import { printable } from "../../base/printable.ts";
import { byteSize, count, countOf } from "../terminal/summary.ts";
import type { TopicFigures, TopicReport } from "./figures.ts";

/** What is measured: the rate of events, that of bytes, or how long events were under way. */
export type Measure = "hz" | "bw" | "delay";

const LEAST_TOPIC_COLUMNS = 12;

/** The rows of a report that fit into `columns` and `rows`, the first of them the heading. */
export function tableRows(
  report: TopicReport,
  measure: Measure,
  columns: number,
  rows: number,
): string[] {
  const room = Math.max(1, rows - 2);
  const shown = busiest(report.topics, measure, room);
  const cells = shown.map((figures) => cellsOf(figures, measure));
  const heading = HEADINGS[measure];
  const widths = heading.map((title, index) =>
    Math.max(title.length, ...cells.map((row) => row[index].length))
  );
  const taken = widths.reduce((sum, width) => sum + width + 2, 0);
  const names = shown.map(({ topic }) => printable(topic));
  const most = Math.max(LEAST_TOPIC_COLUMNS, columns - 1 - taken);
  const nameColumns = Math.min(most, Math.max(5, ...names.map(columnsOf)));
  const line = (name: string, row: readonly string[]) =>
    cut(
      fit(name, nameColumns) + row.map((cell, i) => "  " + cell.padStart(widths[i])).join(""),
      columns - 1,
    );
  const lines = [line("topic", heading), ...names.map((name, index) => line(name, cells[index]))];
  const hidden = report.topics.length - shown.length;
  const more = [
    ...(hidden > 0 ? [`${countOf(hidden, "more topic")}`] : []),
    ...(report.others > 0 ? [`${countOf(report.others, "event")} on topics beyond these`] : []),
  ];
  if (more.length > 0) lines.push(cut(`… ${more.join(", ")}`, columns - 1));
  return lines;
}

/** One line a topic, for a pipe. */
export function plainLines(report: TopicReport, measure: Measure): string[] {
  const lines = report.topics.map((figures) => {
    const cells = cellsOf(figures, measure);
    const heading = HEADINGS[measure];
    const named = cells.map((cell, index) => `${heading[index].replace(" ", "-")} ${cell}`);
    return [printable(figures.topic), ...named].join("  ");
  });
  if (report.others > 0) lines.push(`>  ${countOf(report.others, "event")} on topics beyond these`);
  return lines;
}

/** A report as JSON: one object, with all that was measured. */
export function reportJson(report: TopicReport, measure: Measure, time: string) {
  return {
    time,
    topics: report.topics.map((figures) => ({
      topic: figures.topic,
      events: figures.events,
      new_events: figures.fresh,
      window: figures.window,
      ...(measure === "hz"
        ? {
          events_per_second: figures.rate,
          interval_seconds: figures.intervals === null ? null : {
            average: figures.intervals.average,
            min: figures.intervals.min,
            max: figures.intervals.max,
            standard_deviation: figures.intervals.standardDeviation,
          },
        }
        : measure === "bw"
        ? { bytes_per_second: figures.bytesPerSecond, payload_bytes: figures.sizes }
        : { delay_seconds: figures.delays }),
    })),
    events_on_other_topics: report.others,
  };
}

const HEADINGS: Readonly<Record<Measure, readonly string[]>> = {
  hz: ["average", "min", "max", "std dev", "window", "new"],
  bw: ["average", "mean size", "min size", "max size", "window", "new"],
  delay: ["average", "min", "max", "window", "new"],
};

function cellsOf(figures: TopicFigures, measure: Measure): string[] {
  const { intervals, sizes, delays, rate, bytesPerSecond } = figures;
  const counts = [count(figures.window), figures.fresh === 0 ? "none" : count(figures.fresh)];
  if (measure === "delay") {
    return [...[delays.average, delays.min, delays.max].map(interval), ...counts];
  }
  if (measure === "bw") {
    return [
      bytesPerSecond === null ? "-" : `${byteSize(bytesPerSecond)}/s`,
      ...[sizes.average, sizes.min, sizes.max].map(byteSize),
      ...counts,
    ];
  }
  const spread = intervals === null
    ? ["-", "-", "-"]
    : [intervals.min, intervals.max, intervals.standardDeviation].map(interval);
  return [rate === null ? "-" : `${rate.toFixed(2)}/s`, ...spread, ...counts];
}

/** A time in the unit that shows most of it: `12.3 µs`, `4.56 ms`, `1.234 s`; below 0 where two clocks differ. */
function interval(seconds: number): string {
  const size = Math.abs(seconds);
  if (size >= 1) return `${seconds.toFixed(3)} s`;
  return size >= 0.001 ? `${(seconds * 1e3).toFixed(2)} ms` : `${(seconds * 1e6).toFixed(1)} µs`;
}

/** The topics with most to show, still in the order of their names. */
function busiest(
  topics: readonly TopicFigures[],
  measure: Measure,
  most: number,
): readonly TopicFigures[] {
  if (topics.length <= most) return topics;
  const weight = (each: TopicFigures) =>
    measure === "delay"
      ? each.delays.average
      : (measure === "hz" ? each.rate : each.bytesPerSecond) ?? 0;
  const kept = new Set([...topics].sort((a, b) => weight(b) - weight(a)).slice(0, most));
  return topics.filter((each) => kept.has(each));
}

/** How many columns a terminal takes for `text` at most: what may be wide counts as two. */
function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += character.codePointAt(0)! < 0x1100 ? 1 : 2;
  return columns;
}

/** `text` in exactly `columns` columns. */
function fit(text: string, columns: number): string {
  const shown = cut(text, columns);
  return shown + " ".repeat(Math.max(0, columns - columnsOf(shown)));
}

/** `text` in at most `columns` columns. */
function cut(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let shown = "";
  let taken = 0;
  for (const character of text) {
    taken += columnsOf(character);
    if (taken > columns - 2) break;
    shown += character;
  }
  return `${shown}…`;
}
