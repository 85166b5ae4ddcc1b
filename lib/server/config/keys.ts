/**
 * The flat view of the configuration: every key that holds a value, with the name of its environment
 * variable and how its value is written as text.
 *
 * It is derived from the JSON Schema, so a key that is added to the schema is at once an environment
 * variable, a `--set` key and a line of the documentation.
 */
import { z } from "zod";
import { configSchema } from "./schema.ts";

/** The part of JSON Schema that the configuration uses. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly required?: readonly string[];
}

/**
 * What kind of value a key holds; policies are tables in a list, like `[[keep]]` and `[[queue]]`, and tables have
 * names that are not known beforehand, like `[roles.NAME]`.
 */
export type ConfigKind =
  | "boolean"
  | "integer"
  | "list"
  | "choice"
  | "text"
  | "policies"
  | "tables";

/** A field of the configuration: a key, or a field that each table of a list has. */
export interface ConfigField {
  /** `limits.max_frame_bytes`; in each table of a list `queue.lease_ms`. */
  readonly path: string;
  /** The path in parts. */
  readonly parts: readonly string[];
  readonly kind: ConfigKind;
  readonly schema: JsonSchema;
}

/** One key that holds a value; its path is as in `--set`. */
export interface ConfigKey extends ConfigField {
  /** The environment variable: `PARLEY_LIMITS_MAX_FRAME_BYTES`. */
  readonly variable: string;
}

/** The JSON Schema of parley.toml. */
export function configJsonSchema(): JsonSchema & Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(configSchema, { io: "input" }) as Record<
    string,
    unknown
  >;
  return { $schema, title: "The configuration of Parley (parley.toml)", ...rest };
}

/** The JSON Schema for editors: beside each time in milliseconds stands its duration with a unit. */
export function editorJsonSchema(): JsonSchema & Record<string, unknown> {
  return withDurations(configJsonSchema()) as JsonSchema & Record<string, unknown>;
}

function withDurations(schema: JsonSchema): JsonSchema {
  const properties = Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => [
    [name, withDurations(inner)],
    ...!name.endsWith("_ms") ? [] : [[name.slice(0, -3), {
      type: "string",
      description: `${name} as a duration with its unit, like 500ms, 10s or 7d.`,
    }]],
  ]);
  return {
    ...schema,
    ...schema.properties === undefined ? {} : { properties: Object.fromEntries(properties) },
    ...schema.items === undefined ? {} : { items: withDurations(schema.items) },
  };
}

let whole: JsonSchema | undefined;
let keys: readonly ConfigKey[] | undefined;

/** Every key that holds a value, in the order of the schema. */
export function configKeys(): readonly ConfigKey[] {
  keys ??= collect(configJsonSchema(), []);
  return keys;
}

/** The fields of each table of a list. */
export function fieldsOf(key: ConfigKey): readonly ConfigField[] {
  return Object.entries(key.schema.items?.properties ?? {}).map(([name, schema]) => {
    const parts = [...key.parts, name];
    return { path: parts.join("."), parts, kind: kindOf(schema), schema };
  });
}

/** The list of tables that a path leads into, if it does: `queue` for `queue.0.name` and `queue.name`. */
export function listAround(path: readonly PropertyKey[]): ConfigKey | undefined {
  return configKeys().find(({ kind, parts }) =>
    kind === "policies" && parts.length < path.length &&
    parts.every((part, index) => part === path[index])
  );
}

/** The key or field at a path, in which numbers say which table of a list is meant. */
export function fieldAt(path: readonly PropertyKey[]): ConfigField | undefined {
  const name = path.filter((part) => typeof part !== "number").join(".");
  const around = listAround(path);
  const field = around === undefined
    ? configKeys().find((key) => key.path === name)
    : fieldsOf(around).find((field) => field.path === name);
  return field ?? innerField(path);
}

/** A field further in: of a table with a name of its own, or of a table in a list in a table of a list. */
function innerField(path: readonly PropertyKey[]): ConfigField | undefined {
  let schema: JsonSchema | undefined = whole ??= configJsonSchema();
  for (const part of path) {
    const tables: JsonSchema | boolean | undefined = schema?.additionalProperties;
    schema = typeof part === "number"
      ? schema?.items
      : schema?.properties?.[String(part)] ?? (typeof tables === "object" ? tables : undefined);
  }
  if (schema === undefined || schema.properties !== undefined) return undefined;
  const parts = path.map(String);
  return { path: parts.join("."), parts, kind: kindOf(schema), schema };
}

/** The field by which a table of a list says what it is about: its only one without a default. */
function nameField(schema: JsonSchema): string {
  return schema.items!.required![0];
}

function collect(schema: JsonSchema, parts: readonly string[]): ConfigKey[] {
  if (schema.properties !== undefined) {
    return Object.entries(schema.properties).flatMap(([name, child]) =>
      collect(child, [...parts, name])
    );
  }
  const variable = `PARLEY_${parts.join("_").toUpperCase()}`;
  return [{ path: parts.join("."), parts, variable, kind: kindOf(schema), schema }];
}

function kindOf(schema: JsonSchema): ConfigKind {
  if (schema.anyOf !== undefined) return "list";
  if (schema.enum !== undefined) return "choice";
  if (schema.type === "string") return "text";
  if (schema.type === "array") return "policies";
  if (schema.type === "object") return "tables";
  return schema.type === "boolean" ? "boolean" : "integer";
}

/**
 * Reads a value that was written as text (environment, flags). What cannot be read stays text, for the
 * schema to refuse with the same words as anywhere else.
 */
export function valueFromText(key: ConfigKey, text: string): unknown {
  const trimmed = text.trim();
  switch (key.kind) {
    case "boolean":
      return { true: true, "1": true, false: false, "0": false }[trimmed.toLowerCase()] ?? text;
    case "integer":
      return /^[+-]?\d(_?\d)*$/.test(trimmed) ? Number(trimmed.replaceAll("_", "")) : text;
    case "list":
      return trimmed === "" ? [] : trimmed.split(",");
    case "choice":
      return trimmed;
    case "text":
    case "tables":
      return text;
    case "policies":
      // In a file a policy is a table; elsewhere it is what it is about, with every default.
      return trimmed === ""
        ? []
        : trimmed.split(",").map((item) => ({ [nameField(key.schema)]: item.trim() }));
  }
}

/** Says in a few words what a key accepts: `a whole number from 1 to 9`. */
export function acceptedBy(key: ConfigField): string {
  const schema = key.schema;
  switch (key.kind) {
    case "boolean":
      return "true or false";
    case "integer":
      return `a whole number from ${schema.minimum} to ${schema.maximum}`;
    case "choice":
      return `one of ${schema.enum!.join(", ")}`;
    case "text":
      return "a string";
    case "policies":
      return `tables with a ${nameField(schema)} each; outside of a file, ${
        nameField(schema)
      }s separated by commas`;
    case "tables":
      return "tables with a name each, in a file only";
    case "list":
      return 'a string or a list of strings ("" or [] is none)';
  }
}
