/**
 * The picture of `parley top`: figures as rows that fit a terminal of any size. Pure.
 *
 * Names that others chose are escaped; nothing is wider than the terminal.
 */
import { printable } from "../../base/printable.ts";
import { type Column, columnLines } from "../terminal/columns.ts";
import { byteSize, count } from "../terminal/summary.ts";
import { styled } from "../terminal/terminal_text.ts";
import { cutText, textWidth } from "../terminal/text_width.ts";
import type { ConnectionLook, Figures, QueueFigure, RateName, TopicFigure } from "./figures.ts";

/** The tables. */
export const TABLES = ["connections", "topics", "queues"] as const;
/** One of them. */
export type TableName = typeof TABLES[number];

/** What the person who looks has chosen. */
export interface TopState {
  readonly table: TableName;
  /** The column that the table is sorted by, from 0. */
  readonly sort: number;
  readonly filter: string;
  /** Whether the filter is being typed. */
  readonly typing: boolean;
  readonly paused: boolean;
  /** How many rows the table is scrolled down. */
  readonly scroll: number;
}

/** The terminal. */
export interface TopCanvas {
  readonly columns: number;
  readonly rows: number;
  readonly colors: boolean;
}

/** Told above the figures, such as a lost connection; empty for nothing. */
export interface TopNotices {
  readonly server: string;
  readonly problem: string;
}

/** A column of a table: its title, how a row is shown in it, and how it is sorted. */
interface TableColumn<Row> extends Column {
  readonly cell: (row: Row) => string;
  /** Whether it is left out where there is little room. */
  readonly wide?: boolean;
  /** The greater is above; for text nothing, which is sorted by name. */
  readonly weight?: (row: Row) => number;
}

const BARS = "▁▂▃▄▅▆▇█";
const LEAST_SPARKLINE = 6;
/** The rows that are kept from facts: for the title, the rates and a table of a few rows. */
const NOT_FACTS = 16;
/** Below so many columns a table leaves some of its own out. */
const WIDE_COLUMNS = 60;

const right = (title: string) => ({ title, side: "right" as const });
const rate = (value: number) => value >= 10 || value === 0 ? count(value) : value.toFixed(1);

const CONNECTION_COLUMNS: readonly TableColumn<ConnectionLook>[] = [
  {
    ...right("waiting"),
    cell: ({ outboxBytes }) => byteSize(outboxBytes),
    weight: (one) => one.outboxBytes,
  },
  {
    ...right("silent"),
    wide: true,
    cell: ({ silentMs }) => `${count(silentMs / 1000)} s`,
    weight: (one) => one.silentMs,
  },
  {
    ...right("subs"),
    cell: ({ subscriptions }) => count(subscriptions),
    weight: (one) => one.subscriptions,
  },
  {
    ...right("cons"),
    wide: true,
    cell: ({ consumers }) => count(consumers),
    weight: (one) => one.consumers,
  },
  {
    title: "client",
    cell: ({ user, clientName }) => printable([user, clientName].filter(Boolean).join(" ")) || "-",
  },
  { title: "peer", cell: ({ kind, peer }) => `${kind} ${printable(peer)}` },
  { title: "session", wide: true, cell: ({ sessionId }) => printable(sessionId) },
];

const TOPIC_COLUMNS: readonly TableColumn<TopicFigure>[] = [
  { ...right("per s"), cell: (one) => rate(one.rate), weight: (one) => one.rate },
  { ...right("last seq"), cell: ({ lastSeq }) => count(lastSeq), weight: (one) => one.lastSeq },
  {
    ...right("events"),
    wide: true,
    cell: ({ events }) => count(events),
    weight: (one) => one.events,
  },
  {
    ...right("size"),
    wide: true,
    cell: ({ bytes }) => byteSize(bytes),
    weight: (one) => one.bytes,
  },
  { title: "topic", cell: ({ topic }) => printable(topic) },
];

const QUEUE_COLUMNS: readonly TableColumn<QueueFigure>[] = [
  { ...right("ready"), cell: ({ ready }) => count(ready), weight: (one) => one.ready },
  { ...right("out"), cell: ({ leased }) => count(leased), weight: (one) => one.leased },
  { ...right("dead"), cell: ({ dead }) => count(dead), weight: (one) => one.dead },
  {
    ...right("later"),
    wide: true,
    cell: ({ delayed, blocked }) => count(delayed + blocked),
    weight: (one) => one.delayed + one.blocked,
  },
  { ...right("in/s"), wide: true, cell: ({ inRate }) => rate(inRate), weight: (one) => one.inRate },
  { ...right("done/s"), cell: ({ outRate }) => rate(outRate), weight: (one) => one.outRate },
  {
    ...right("cons"),
    wide: true,
    cell: ({ consumers }) => count(consumers),
    weight: (one) => one.consumers,
  },
  {
    title: "queue",
    cell: ({ name, paused }) => `${printable(name)}${paused ? " (paused)" : ""}`,
  },
];

/** How many columns a table can be sorted by. */
export function columnsOf(table: TableName): number {
  return { connections: CONNECTION_COLUMNS, topics: TOPIC_COLUMNS, queues: QUEUE_COLUMNS }[table]
    .length;
}

/** The rows of the picture, as many as the terminal has. */
export function drawTop(
  figures: Figures | null,
  state: TopState,
  canvas: TopCanvas,
  { server, problem }: TopNotices,
): string[] {
  const { columns, rows } = canvas;
  const title = `parley top  ${printable(server)}${state.paused ? "  paused" : ""}`;
  const head = [styled("bold", cutText(title, columns), canvas)];
  if (problem !== "") head.push(styled("red", cutText(printable(problem), columns), canvas));
  if (figures === null) return padded([...head, cutText("looking …", columns)], rows);
  head.push(...summary(figures, canvas), "");
  const foot = footer(state, columns);
  const room = Math.max(1, rows - head.length - 1);
  const table = tableLines(figures, state, canvas, room);
  const body = padded([...head, ...table], rows - 1).slice(0, rows - 1);
  return [...body, styled("dim", foot, canvas)];
}

/** The rows about the server as a whole. */
function summary(figures: Figures, canvas: TopCanvas): string[] {
  const { stats, noted } = figures;
  const line = (label: string, name: RateName, unit: (value: number) => string) =>
    rateLine(label, { value: unit(figures.rates[name]), history: figures.history[name] }, canvas);
  const each = (value: number) => `${rate(value)}/s`;
  const bytes = (value: number) => `${byteSize(value)}/s`;
  const known = (name: string, text: (value: number) => string) =>
    noted[name] === undefined ? [] : [text(noted[name])];
  const facts = [
    `${count(stats.connections_open ?? 0)} connections`,
    `${count(stats.subscriptions ?? 0)} subscriptions`,
    `${byteSize(stats.outbox_bytes ?? 0)} wait to leave`,
    `${byteSize(stats.input_bytes ?? 0)} wait to be whole`,
    ...known("loop_delay_ms", (ms) => `loop delay ${rate(ms)} ms`),
    ...known("commits", (commits) => `${rate(commits)} commits/s`),
    ...known("commit_ms", (ms) => `commit ${rate(ms)} ms`),
    ...known("sync_ms", (ms) => `fsync ${rate(ms)} ms`),
    `longest turn ${count(stats.longest_turn_ms ?? 0)} ms`,
    `${count(stats.events_dropped ?? 0)} dropped`,
    `${count(stats.slow_closes ?? 0)} ended as slow`,
    `${count(stats.requests_refused ?? 0)} refused`,
  ];
  return [
    line("in", "messages_in", each),
    line("out", "messages_out", each),
    line("bytes in", "bytes_in", bytes),
    line("bytes out", "bytes_out", bytes),
    line("events", "events_in", each),
    line("deliveries", "events_out", each),
    line("jobs in", "jobs_in", each),
    line("jobs done", "jobs_settled", each),
    // On a low terminal the table has the room.
    ...wrapped(facts, canvas.columns).slice(0, Math.max(1, canvas.rows - NOT_FACTS)),
  ];
}

function rateLine(
  label: string,
  { value, history }: { readonly value: string; readonly history: readonly number[] },
  canvas: TopCanvas,
): string {
  const text = `${label.padEnd(11)}${value.padStart(13)}`;
  const room = canvas.columns - text.length - 2;
  if (room < LEAST_SPARKLINE) return cutText(text, canvas.columns);
  return `${text}  ${styled("cyan", sparkline(history, room), canvas)}`;
}

/** The last values as bars, the newest at the right; the highest is the greatest of them. */
export function sparkline(values: readonly number[], columns: number): string {
  const shown = values.slice(-columns);
  const most = Math.max(...shown, 0);
  return shown.map((value) => {
    if (value <= 0 || most === 0) return " ";
    return BARS[Math.min(BARS.length - 1, Math.floor(value / most * BARS.length))];
  }).join("");
}

/** Facts one behind the other, in as many rows as they take. */
function wrapped(facts: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  for (const fact of facts) {
    const last = lines.at(-1);
    const longer = `${last} · ${fact}`;
    if (last !== undefined && textWidth(longer) <= columns) lines[lines.length - 1] = longer;
    else lines.push(cutText(fact, columns));
  }
  return lines;
}

function tableLines(
  { connections, topics, queues, beyond }: Figures,
  state: TopState,
  canvas: TopCanvas,
  room: number,
): string[] {
  const { table } = state;
  const lines = table === "connections"
    ? sorted(connections, CONNECTION_COLUMNS, state, canvas)
    : table === "topics"
    ? sorted(topics, TOPIC_COLUMNS, state, canvas)
    : sorted(queues, QUEUE_COLUMNS, state, canvas);
  const told = `… and ${count(beyond)} that were not looked at`;
  const more = beyond > 0 ? [cutText(told, canvas.columns)] : [];
  if (lines.length === 1) {
    return [cutText(`no ${table}${state.filter && " that match"}`, canvas.columns)];
  }
  const [heading, ...all] = [...lines, ...more];
  const scroll = Math.max(0, Math.min(state.scroll, all.length - room + 1));
  return [styled("bold", heading, canvas), ...all.slice(scroll, scroll + room - 1)];
}

function sorted<Row>(
  list: readonly Row[],
  columns: readonly TableColumn<Row>[],
  { sort, filter }: TopState,
  canvas: TopCanvas,
): string[] {
  const by = columns[Math.min(sort, columns.length - 1)];
  const wanted = filter.toLowerCase();
  const rows = list.map((row) => ({ row, cells: columns.map(({ cell }) => cell(row)) }))
    .filter(({ cells }) => cells.some((cell) => cell.toLowerCase().includes(wanted)));
  const { weight } = by;
  const at = columns.indexOf(by);
  rows.sort((one, other) =>
    weight === undefined
      ? one.cells[at] < other.cells[at] ? -1 : one.cells[at] > other.cells[at] ? 1 : 0
      : weight(other.row) - weight(one.row)
  );
  const shown = columns.filter(({ wide }) => !wide || canvas.columns >= WIDE_COLUMNS);
  const titled = shown.map((column) =>
    column === by ? { ...column, title: `${column.title}▾` } : column
  );
  const places = shown.map((column) => columns.indexOf(column));
  const cells = rows.map((row) => places.map((place) => row.cells[place]));
  return columnLines(titled, cells, canvas.columns)
    .map((line) => cutText(line, canvas.columns));
}

function footer({ table, typing, filter }: TopState, columns: number): string {
  if (typing) return cutText(`/${printable(filter)}_  Enter keeps it, Ctrl-U empties it`, columns);
  const tables = TABLES.map((name, index) => `${index + 1} ${name === table ? `[${name}]` : name}`);
  const chosen = filter === "" ? "/ filter" : `/ ${printable(filter)}`;
  return cutText([...tables, "s sort", chosen, "p pause", "q quit"].join("  "), columns);
}

function padded(lines: readonly string[], rows: number): string[] {
  return [...lines, ...Array<string>(Math.max(0, rows - lines.length)).fill("")];
}
