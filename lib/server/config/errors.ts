/**
 * Turns what the schema found into sentences that name the source at fault: the file's line, the
 * environment variable or the flag.
 *
 * Values from outside are shown shortened and escaped: a configuration file may come from anywhere and
 * its errors go to terminals and logs.
 */
import type { z } from "zod";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { printable, printableJson } from "../../base/printable.ts";
import { acceptedBy, type ConfigKey, configKeys, fieldAt, fieldsOf, listAround } from "./keys.ts";
import { nearest, thatBegins } from "./suggest.ts";
import { TomlFloat } from "./written.ts";

/** Where a value comes from, in rising order of precedence. */
export type Source =
  | { readonly kind: "default" }
  | { readonly kind: "file"; readonly file: string; readonly line: number }
  | { readonly kind: "environment"; readonly variable: string }
  | { readonly kind: "flag"; readonly flag: string };

/** The way to a value: keys of tables, and numbers of items in lists. */
export type Path = readonly PropertyKey[];

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  readonly source: Source;
  /** The whole sentence: `parley.toml:12: limits.max_frame_bytes: must be …`. */
  readonly text: string;
}

/** A configuration that cannot be used; the message has one line for each problem. */
export class ConfigError extends ParleyError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], options: { cause?: unknown } = {}) {
    super(
      ErrorCode.INVALID_ARGUMENT,
      problems.map((problem) => problem.text).join("\n"),
      options,
    );
    this.problems = problems;
  }
}

/** Makes a problem out of its source, the key (may be empty) and what is wrong. */
export function problem(source: Source, path: string, message: string): ConfigProblem {
  const prefix = sourceText(source);
  // A variable or a flag says by itself which key is meant.
  const named = source.kind === "default" || source.kind === "file" ? path : "";
  const text = [prefix, named, message].filter((part) => part !== "").join(": ");
  return { source, text: printable(text) };
}

/** Names a source for people: `parley.toml:12`, `PARLEY_LOG_LEVEL`, `--tcp`. */
export function sourceText(source: Source): string {
  switch (source.kind) {
    case "default":
      return "";
    case "file":
      return source.line > 0 ? `${source.file}:${source.line}` : source.file;
    case "environment":
      return source.variable;
    case "flag":
      return source.flag;
  }
}

const RANK = { default: 0, file: 1, environment: 2, flag: 3 } as const;

/** Sorts problems as a reader goes through them: the file from its first line, then what is stronger. */
export function inOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const line = ({ source }: ConfigProblem) => source.kind === "file" ? source.line : 0;
  return problems.toSorted((one, other) =>
    RANK[one.source.kind] - RANK[other.source.kind] || line(one) - line(other)
  );
}

/** Leaves out the relations between values of which one is wrong by itself. */
export function withoutEchoes(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  const wrong = new Set(
    issues.filter((issue) => issue.code !== "custom").map((issue) => issue.path.join(".")),
  );
  return issues.filter((issue) =>
    issue.code !== "custom" || !collidingPaths(issue).some((path) => wrong.has(path.join(".")))
  );
}

/** The values that a relation is between: whole paths (`paths`) or fields of one table (`fields`). */
function collidingPaths(issue: z.core.$ZodIssueCustom): readonly Path[] {
  const fields = issue.params?.fields as string[] | undefined;
  return issue.params?.paths as Path[] | undefined ??
    fields?.map((field) => [...issue.path, field]) ?? [];
}

/**
 * Gives the problems behind an issue of the schema.
 *
 * @param input What was checked, to show the value that was refused.
 * @param sourceOf Tells where the value at a path comes from.
 */
export function problemsOf(
  issue: z.core.$ZodIssue,
  input: unknown,
  sourceOf: (path: Path) => Source,
): ConfigProblem[] {
  const path = issue.path;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const whole = [...path, key];
      const around = listAround(whole);
      const guess = around === undefined ? unknownKey(whole.join(".")) : unknownField(around, key);
      return problem(sourceOf(whole), nameOf(whole), guess);
    });
  }
  if (issue.code === "custom") {
    const paths = collidingPaths(issue);
    // Whoever set the strongest of the values that collide is told, and no default that it collides with.
    const weight = (each: Path) =>
      2 * RANK[sourceOf(each).kind] + (valueAt(input, each) === undefined ? 0 : 1);
    const [blamed = path] = paths.toSorted((one, other) => weight(other) - weight(one));
    return [problem(sourceOf(blamed), nameOf(blamed), issue.message)];
  }
  const value = valueAt(input, path);
  const field = fieldAt(path);
  const accepted = field === undefined ? "a table" : acceptedBy(field);
  const message = value === undefined
    ? `is missing; it must be ${accepted}`
    : isSecret(path, value)
    ? `must be ${accepted}`
    : `must be ${accepted}, not ${showValue(value)}`;
  return [problem(sourceOf(path), nameOf(path), message)];
}

/** Writes a path for people: `limits.max_frame_bytes`, and in the first table of a list `queue[0].name`. */
export function nameOf(path: Path): string {
  return path.map((part) => typeof part === "number" ? `[${part}]` : `.${String(part)}`).join("")
    .slice(1);
}

function unknownField(list: ConfigKey, name: string): string {
  const fields = fieldsOf(list).map(({ parts }) => parts.at(-1)!);
  // Names are short, so the measure is the name alone; with its table in front anything would be near.
  const guess = nearest(name, fields);
  return guess === undefined ? "unknown key" : `unknown key; did you mean ${list.path}.${guess}?`;
}

/** Says that a key of a table in a list can be set in a file only. */
export function onlyInFile(list: ConfigKey): string {
  return `only a file can set this; ${list.path} takes ${acceptedBy(list)}`;
}

/** Says that a key does not exist, and which one may have been meant. */
export function unknownKey(path: string): string {
  const known = configKeys().map((key) => key.path);
  const tables = known.map((name) => name.split(".").slice(0, -1).join("."))
    .filter((name) => name !== "");
  const inLists = configKeys().flatMap(fieldsOf).map((field) => field.path);
  if (tables.includes(path)) {
    const one = known.find((name) => name.startsWith(`${path}.`));
    return `it is a table; set one of its keys, like ${one}`;
  }
  const last = path.slice(path.lastIndexOf(".") + 1);
  // A table is meant only by what could be one; a key in the wrong table is found by its name.
  const candidates = path === last ? [...known, ...tables] : known;
  const whole = () => nearest(path, candidates);
  const begun = () => byName(last, known, thatBegins);
  const guess = thatBegins(path, candidates) ??
    (path === last ? whole() ?? begun() : begun() ?? whole()) ??
    [...known, ...inLists].find((name) => name.endsWith(`.${last}`)) ??
    byName(last, known, nearest);
  return guess === undefined ? "unknown key" : `unknown key; did you mean ${guess}?`;
}

/** The key that is meant by a name without its table. */
function byName(
  name: string,
  known: readonly string[],
  guess: (word: string, candidates: string[]) => string | undefined,
): string | undefined {
  const nameOfKey = (path: string) => path.slice(path.lastIndexOf(".") + 1);
  const meant = guess(name, known.map(nameOfKey));
  return known.find((path) => nameOfKey(path) === meant);
}

/** Whether a value is shown to nobody, also when it is wrong: a secret, or what may hold some. */
function isSecret(path: Path, value: unknown): boolean {
  if (path[0] === "queue") {
    return path.some((part) => part === "deliver_secret" || part === "deliver_to") ||
      typeof value === "object" && JSON.stringify(value)?.includes("deliver_");
  }
  if (path[0] !== "users") return false;
  return typeof value === "object" ||
    path.some((part) => part === "password" || part === "hash");
}

function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, part) => (value as Record<PropertyKey, unknown> | undefined)?.[part],
    input,
  );
}

function showValue(value: unknown): string {
  if (value instanceof TomlFloat) return String(value);
  const text = value instanceof Date ? value.toISOString() : JSON.stringify(value) ?? String(value);
  return printableJson(text.length > 80 ? `${text.slice(0, 77)}…` : text);
}
