/**
 * What log records look like: one line each, as JSON or for people; where lines go is the caller's affair.
 *
 * Invariants: one record is one write of whole lines; whatever a peer chose to be called or to say
 * cannot move a cursor, forge a line or hide behind a change of direction, in either format; logging
 * never raises and never ends the process. Levels are set overall and by category (lib/base/log.ts).
 */
import { configureSync, type LoggerConfig, type LogRecord } from "@logtape/logtape";
import { ParleyError } from "../base/errors.ts";
import { preciseClock } from "../base/local_time.ts";
import { LOG_CATEGORIES } from "../base/log.ts";
import { printable, printableJson } from "../base/printable.ts";
import type { LogConfig } from "./config/schema.ts";

/** Where the log goes. */
export interface LogTarget {
  /** Whether it is a terminal: then `auto` means pretty. */
  readonly isTerminal: boolean;
  /** Whether pretty lines have colours. */
  readonly colors: boolean;
  /** Takes whole lines, and waits for nobody. May raise; the lines are then lost. */
  write(lines: string): void;
  /** How many lines were lost because nobody read them. Absent: none can be. */
  readonly droppedLines?: number;
  /** How the target tells, in one line, that so many lines were lost. */
  tellDropped?(text: (lines: number) => string): void;
}

let current: LogTarget | null = null;

/** How many lines of the log of this process were lost because nobody read them. */
export function droppedLogLines(): number {
  return current?.droppedLines ?? 0;
}

/** Sends all records to `target` from now on, at the levels of `config`. May be called again. */
export function configureLogging(config: LogConfig, target: LogTarget): void {
  current = target;
  const pretty = config.format === "pretty" || config.format === "auto" && target.isTerminal;
  const format = pretty
    ? (record: LogRecord) => prettyLine(record, target.colors)
    : (record: LogRecord) => jsonLine(record);
  target.tellDropped?.((lines) => format(droppedRecord(lines)) + "\n");
  const sink = (record: LogRecord) => {
    try {
      target.write(format(record) + "\n");
    } catch {
      // Nowhere is left to say that the log cannot be written, and the server goes on without it.
    }
  };
  configureSync<"main", string>({
    reset: true,
    sinks: { main: sink },
    loggers: [
      { category: "parley", sinks: ["main"], lowestLevel: config.level },
      { category: ["logtape", "meta"], sinks: ["main"], lowestLevel: "warning" },
      ...categoryLevels(config),
    ],
  });
}

/** What stands in the log where lines are missing. */
function droppedRecord(lines: number): LogRecord {
  return {
    category: ["parley", "server"],
    level: "warning",
    message: ["", lines, " lines of the log were dropped: nobody read them in time"],
    rawMessage: "{lines} lines of the log were dropped: nobody read them in time",
    timestamp: Date.now(),
    properties: { lines },
  };
}

function categoryLevels(config: LogConfig): LoggerConfig<"main", string>[] {
  return LOG_CATEGORIES.flatMap((name) => {
    const lowestLevel = config.levels[name];
    // A child's records must not pass the parent's level as well, so it has the sink for itself.
    return lowestLevel === undefined
      ? []
      : [{ category: ["parley", name], sinks: ["main"], parentSinks: "override", lowestLevel }];
  });
}

const JSON_FIELDS = ["time", "level", "category", "message"];

/** Formats a record as one line of JSON: time, level, category, message, then its properties. */
export function jsonLine(record: LogRecord): string {
  const line: Record<string, unknown> = {
    time: new Date(record.timestamp).toISOString(),
    level: record.level,
    category: categoryName(record),
    message: messageText(record),
  };
  for (const [name, value] of Object.entries(record.properties)) {
    // What is the whole message is not said again.
    if (record.rawMessage === `{${name}}`) continue;
    line[JSON_FIELDS.includes(name) ? `property_${name}` : name] = value;
  }
  return printableJson(stringify(line));
}

// How many objects, or causes of an error, are shown inside of each other.
const MAX_DEPTH = 8;

function stringify(value: unknown): string {
  const above: unknown[] = [];
  return JSON.stringify(value, function (this: unknown, _name, inner) {
    if (typeof inner === "bigint") return inner.toString();
    if (inner instanceof Error) inner = errorFields(inner);
    if (typeof inner !== "object" || inner === null) return inner;
    // `this` is the object that holds `inner`: whatever was entered after it has been left.
    while (above.length > 0 && above.at(-1) !== this) above.pop();
    // The bound also ends a chain of causes that leads back to its start.
    if (above.length >= MAX_DEPTH || above.includes(inner)) return "[…]";
    above.push(inner);
    return inner;
  });
}

function errorFields(error: Error): Record<string, unknown> {
  return {
    name: error.name,
    ...error instanceof ParleyError ? { code: error.codeName } : {},
    message: error.message,
    stack: error.stack,
    ...error.cause === undefined ? {} : { cause: error.cause },
  };
}

const LEVEL_STYLES: Readonly<Record<string, string>> = {
  trace: "2",
  debug: "2",
  info: "32",
  warning: "33",
  error: "31",
  fatal: "1;31",
};

/** Formats a record for people: `12:00:01.234 INFO    connection  opened  connection=7 peer=…`. */
export function prettyLine(record: LogRecord, colors: boolean): string {
  const style = (code: string, text: string) => colors ? `\x1b[${code}m${text}\x1b[0m` : text;
  const properties: string[] = [];
  const stacks: string[] = [];
  const shownAlready = namesIn(record.rawMessage);
  for (const [name, value] of Object.entries(record.properties)) {
    if (value instanceof Error) stacks.push(...stackLines(value));
    if (shownAlready.has(name)) continue;
    const shown = propertyText(value);
    properties.push(`${style("2", `${printable(name)}=`)}${shown}`);
  }
  const line = [
    style("2", preciseClock(new Date(record.timestamp))),
    style(LEVEL_STYLES[record.level] ?? "0", record.level.toUpperCase().padEnd(7)),
    style("36", categoryName(record).padEnd(10)),
    [printable(messageText(record)), ...properties].join("  "),
  ].join(" ");
  return [line, ...stacks.map((each) => style("2", `    ${each}`))].join("\n");
}

/** The names of the properties that stand in the message itself. */
function namesIn(template: LogRecord["rawMessage"]): Set<string> {
  if (typeof template !== "string") return new Set();
  return new Set(Array.from(template.matchAll(/\{(\w+)\}/g), (match) => match[1]));
}

function stackLines(error: Error, depth = 1): string[] {
  const lines = (error.stack ?? `${error.name}: ${error.message}`).split("\n").map((line) =>
    printable(line.trim())
  );
  const cause = error.cause;
  if (cause instanceof Error && depth < MAX_DEPTH) {
    lines.push(...stackLines(cause, depth + 1).map((line) => `  ${line}`));
  }
  return lines;
}

function categoryName(record: LogRecord): string {
  const parts = record.category[0] === "parley" ? record.category.slice(1) : record.category;
  return parts.join(".");
}

/** The message with its values in place. */
function messageText(record: LogRecord): string {
  return record.message.map((part, index) =>
    index % 2 === 0 ? String(part) : typeof part === "string" ? part : propertyText(part)
  ).join("");
}

/** A value in a few words; text is quoted only where it would run into its neighbours. */
function propertyText(value: unknown): string {
  if (typeof value === "string") {
    return /^[^\s"=]+$/.test(value) ? printable(value) : printableJson(JSON.stringify(value));
  }
  if (value instanceof ParleyError) return printable(`${value.codeName}: ${value.message}`);
  if (value instanceof Error) return printable(`${value.name}: ${value.message}`);
  return printableJson(stringify(value) ?? String(value));
}
