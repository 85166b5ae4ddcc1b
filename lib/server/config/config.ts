/**
 * Puts the configuration together: defaults, then parley.toml, then the environment, then flags; what
 * comes later wins key by key.
 *
 * Invariants: a configuration is complete and consistent, or there is a ConfigError that names every
 * problem with the line, variable or flag at fault; nothing is taken over half. Lists are replaced, not
 * joined. The file is read once, here; everything else in this file is pure.
 */
import { parse, TomlError } from "smol-toml";
import {
  ConfigError,
  type ConfigProblem,
  inOrder,
  nameOf,
  onlyInFile,
  type Path,
  problem,
  problemsOf,
  type Source,
  unknownKey,
  withoutEchoes,
} from "./errors.ts";
import { isOthers, unknownVariable } from "./environment.ts";
import { type ConfigKey, configKeys, listAround, valueFromText } from "./keys.ts";
import { tomlLines } from "./lines.ts";
import { type Config, type ConfigInput, configSchema } from "./schema.ts";
import { readWritten, TomlFloat, withNumbers, type Written } from "./written.ts";

export { type Config, type ConfigInput, keepPoliciesOf, type LogConfig } from "./schema.ts";
export { limitsOf } from "./limits_schema.ts";
export { queuePoliciesOf } from "./queue_schema.ts";
export { typeRulesOf } from "./types_schema.ts";
export { storeLimitsOf } from "./store_schema.ts";
export { checkVariables, configVariables } from "./environment.ts";
export { ConfigError, type Source } from "./errors.ts";

/** The file that is read when none is named. */
export const DEFAULT_CONFIG_FILE = "parley.toml";

/** A value that was given on the command line. */
export interface FlagValue {
  /** As it was written, for errors: `--tcp` or `--set log.level`. */
  readonly flag: string;
  /** The key that it sets. */
  readonly path: string;
  /** The value as text. */
  readonly text: string;
}

/** Where a configuration is taken from. */
export interface ConfigSources {
  /** A file that must be there. Default: PARLEY_CONFIG, then parley.toml if there is one. */
  readonly file?: string;
  /** The environment; only PARLEY_* matters. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Values from the command line; the last of equal keys wins. */
  readonly flags?: readonly FlagValue[];
}

/** A configuration, and where each of its values comes from. */
export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read, if any. */
  readonly file?: string;
  /** Where the value of a key (`limits.max_frame_bytes`) comes from. */
  sourceOf(path: string): Source;
}

/** Reads the file, if there is one, and puts everything together. Raises ConfigError. */
export async function loadConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const environment = sources.environment ?? {};
  const variable = environment.PARLEY_CONFIG;
  const named = sources.file ?? (variable === "" ? undefined : variable);
  const file = named ?? DEFAULT_CONFIG_FILE;
  let text: string | undefined;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    if (named !== undefined || !(error instanceof Deno.errors.NotFound)) {
      const source: Source = sources.file !== undefined
        ? { kind: "flag", flag: "--config" }
        : named !== undefined
        ? { kind: "environment", variable: "PARLEY_CONFIG" }
        : { kind: "default" };
      const reason = error instanceof Deno.errors.NotFound
        ? "there is no such file"
        : (error as Error).message;
      const message = `cannot read ${JSON.stringify(file)}: ${reason}`;
      throw new ConfigError([problem(source, "", message)], { cause: error });
    }
  }
  return resolveConfig(
    text === undefined ? undefined : { name: file, text },
    environment,
    sources.flags,
  );
}

/** Completes and checks a configuration that a program wrote, for tests and embedding. Raises ConfigError. */
export function configFrom(input: ConfigInput): Config {
  const builder = new Builder();
  builder.addTree(input, [], () => ({ kind: "default" }));
  return builder.finish().config;
}

/** Puts a configuration together from what was read. Raises ConfigError. */
export function resolveConfig(
  file: { readonly name: string; readonly text: string } | undefined,
  environment: Readonly<Record<string, string>> = {},
  flags: readonly FlagValue[] = [],
): LoadedConfig {
  const builder = new Builder();
  if (file !== undefined) builder.addFile(file.name, file.text);
  builder.addEnvironment(environment);
  builder.addFlags(flags);
  return builder.finish(file?.name);
}

type Tree = { [key: string]: unknown };

/** Gathers layers of values with their sources. */
class Builder {
  readonly #tree: Tree = {};
  readonly #sources = new Map<string, Source>();
  readonly #problems: ConfigProblem[] = [];

  addFile(name: string, text: string): void {
    let tree: Tree;
    try {
      tree = withNumbers(parse(text, { integersAsBigInt: true })) as Tree;
    } catch (error) {
      if (!(error instanceof TomlError)) throw error;
      // The first line says what is wrong; the others draw a picture of the place.
      const message = error.message.split("\n")[0].replace(/^Invalid TOML document: /, "");
      const source: Source = { kind: "file", file: name, line: error.line };
      throw new ConfigError([problem(source, "", `not valid TOML: ${message}`)], { cause: error });
    }
    const lines = tomlLines(text);
    this.addTree(
      tree,
      [],
      (parts) => ({ kind: "file", file: name, line: nearestLine(lines, parts) }),
    );
  }

  /** Takes over every value below `tree`; what is no table counts as one value. */
  addTree(tree: object, above: readonly string[], sourceOf: (path: string[]) => Source): void {
    for (const [written, given] of Object.entries(tree)) {
      const { name, value } = this.#read(above, { written, given, table: tree }, sourceOf);
      const parts = [...above, name];
      this.#sources.set(parts.join("."), sourceOf([...above, written]));
      if (isTable(value)) {
        // An empty table has no values, but whether it may be there is for the schema to say.
        this.#put(parts, {});
        this.addTree(value, parts, sourceOf);
      } else this.#put(parts, this.#readItems(value, parts, sourceOf));
    }
  }

  /** Notes where the items of a list come from, and the fields of those that are tables; gives what was meant. */
  #readItems(
    list: unknown,
    above: readonly string[],
    sourceOf: (path: string[]) => Source,
  ): unknown {
    if (!Array.isArray(list)) return list;
    return list.map((item, index) => {
      const place = [...above, String(index)];
      this.#sources.set(place.join("."), sourceOf(place));
      if (!isTable(item)) return item;
      const entries = Object.entries(item).map(([written, given]) => {
        const { name, value } = this.#read(
          [...above, index],
          { written, given, table: item },
          sourceOf,
        );
        this.#sources.set([...place, name].join("."), sourceOf([...place, written]));
        return [name, value];
      });
      return Object.fromEntries(entries);
    });
  }

  /** Reads one entry of `table`, and notes what is wrong with how it was written. */
  #read(
    above: readonly PropertyKey[],
    { written, given, table }: { written: string; given: unknown; table: object },
    sourceOf: (path: string[]) => Source,
  ): Written {
    const found = readWritten(above, written, given);
    if (found.name === written) return found;
    const fault = Object.hasOwn(table, found.name)
      ? `${found.name} says it, too; write one of them`
      : found.fault;
    if (fault === null) return found;
    const source = sourceOf([...above.map(String), written]);
    this.#problems.push(problem(source, nameOf([...above, written]), fault));
    return { ...found, value: undefined };
  }

  addEnvironment(environment: Readonly<Record<string, string>>): void {
    const keys = new Map(configKeys().map((key) => [key.variable, key]));
    for (const [variable, text] of Object.entries(environment)) {
      const key = keys.get(variable) ?? keys.get(`${variable}_MS`);
      if (key !== undefined) {
        this.#setText(key, variable === key.variable, text, { kind: "environment", variable });
      } else if (!isOthers(variable, text)) this.#problems.push(unknownVariable(variable));
    }
  }

  addFlags(flags: readonly FlagValue[]): void {
    const keys = new Map(configKeys().map((key) => [key.path, key]));
    for (const { flag, path, text } of flags) {
      const key = keys.get(path) ?? keys.get(`${path}_ms`);
      const source: Source = { kind: "flag", flag };
      if (key !== undefined) {
        this.#setText(key, path === key.path, text, source);
        continue;
      }
      const list = listAround(path.split("."));
      const message = list === undefined ? unknownKey(path) : onlyInFile(list);
      this.#problems.push(problem(source, path, message));
    }
  }

  finish(file?: string): LoadedConfig {
    const result = configSchema.safeParse(this.#tree);
    const sourceOf = (path: Path) => this.#sourceOf(path.map(String));
    for (const issue of withoutEchoes(result.error?.issues ?? [])) {
      this.#problems.push(...problemsOf(issue, this.#tree, sourceOf));
    }
    if (this.#problems.length > 0) throw new ConfigError(inOrder(this.#problems));
    return { config: result.data!, file, sourceOf: (path) => sourceOf(path.split(".")) };
  }

  /** Sets a key that was written as text, under its own name or without `_ms` as a duration. */
  #setText(key: ConfigKey, isItsName: boolean, text: string, source: Source): void {
    const given = isItsName ? valueFromText(key, text) : text.trim();
    const last = key.parts.at(-1)!;
    const name = isItsName ? last : last.replace(/_ms$/, "");
    const { value, fault } = readWritten(key.parts.slice(0, -1), name, given);
    if (fault !== null) this.#problems.push(problem(source, "", fault));
    else this.#set(key, value, source);
  }

  #set(key: ConfigKey, value: unknown, source: Source): void {
    this.#put(key.parts, value);
    // The tables of a list that is replaced are gone, and so is where they came from.
    for (const path of this.#sources.keys()) {
      if (path.startsWith(`${key.path}.`)) this.#sources.delete(path);
    }
    this.#sources.set(key.path, source);
  }

  #put(parts: readonly string[], value: unknown): void {
    let table = this.#tree;
    for (const part of parts.slice(0, -1)) {
      // A value where a table belongs is replaced: the stronger source decides.
      if (!isTable(table[part])) table[part] = {};
      table = table[part] as Tree;
    }
    // defineProperty, because a key of a file may be called __proto__.
    Object.defineProperty(table, parts.at(-1)!, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }

  /** The source of a value; in a list of tables also that of the table, or of the list, around it. */
  #sourceOf(parts: readonly string[]): Source {
    const least = listAround(parts)?.parts.length ?? parts.length;
    for (let length = parts.length; length >= least; length--) {
      const source = this.#sources.get(parts.slice(0, length).join("."));
      if (source !== undefined) return source;
    }
    return { kind: "default" };
  }
}

/** The line of the value at a path, or of what is nearest around it. */
export function nearestLine(lines: ReadonlyMap<string, number>, parts: readonly string[]): number {
  for (let length = parts.length; length > 0; length--) {
    const line = lines.get(parts.slice(0, length).join("."));
    if (line !== undefined) return line;
  }
  return 0;
}

function isTable(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date) && !(value instanceof TomlFloat);
}
