/**
 * What people may write otherwise than the schema names it: durations with their unit under the name of a key
 * without its `_ms` (`max_age = "7d"` for `max_age_ms`), and `warn` for the level `warning`. TOML tells 10 from 10.0,
 * which JavaScript does not: what asks for a whole number must not get the second.
 *
 * Pure. Whatever cannot be read stays as it is, for the schema to refuse.
 */
import { DURATION_FORM, durationMs } from "../../base/duration.ts";
import { fieldAt } from "./keys.ts";

const MS = "_ms";

/** A number that TOML calls a float, so that no whole number is taken from it. */
export class TomlFloat {
  readonly #value: number;

  constructor(value: number) {
    this.#value = value;
  }

  /** As it is shown to people. */
  toString(): string {
    return Number.isInteger(this.#value) ? this.#value.toFixed(1) : String(this.#value);
  }
}

/** A value under the name that the schema has for it; `fault` says what is wrong with it. */
export interface Written {
  readonly name: string;
  readonly value: unknown;
  readonly fault: string | null;
}

/** Reads a value that was written under `name` in the table at `above`; numbers in that say which of several. */
export function readWritten(above: readonly PropertyKey[], name: string, value: unknown): Written {
  const found = { name, value: withSynonym([...above, name], value), fault: null };
  if (fieldAt([...above, name]) !== undefined) return found;
  if (fieldAt([...above, name + MS])?.kind !== "integer") return found;
  const ms = typeof value === "string" ? durationMs(value) : value === 0 ? 0 : null;
  const fault = ms === null ? `must be ${DURATION_FORM}, not ${shown(value)}` : null;
  return { name: name + MS, value: ms, fault };
}

/** The whole tree of a TOML file, with numbers as they were meant; the parser gives whole numbers as bigint. */
export function withNumbers(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "number") return new TomlFloat(value);
  if (Array.isArray(value)) return value.map(withNumbers);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  const table = Object.create(null);
  for (const [name, inner] of Object.entries(value)) table[name] = withNumbers(inner);
  return table;
}

function withSynonym(path: readonly PropertyKey[], value: unknown): unknown {
  const isLevel = path[0] === "log" && (path[1] === "level" || path[1] === "levels");
  return isLevel && value === "warn" ? "warning" : value;
}

function shown(value: unknown): string {
  return value instanceof TomlFloat ? String(value) : JSON.stringify(value) ?? String(value);
}
