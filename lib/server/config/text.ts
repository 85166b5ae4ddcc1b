/**
 * The configuration as text: what is in force, as a parley.toml that says where each value comes from,
 * and the reference of all keys, which is docs/configuration.md.
 */
import { stringify } from "smol-toml";
import { printable, shownUrl } from "../../base/printable.ts";
import type { Config, LoadedConfig } from "./config.ts";
import { sourceText } from "./errors.ts";
import { needsRestart } from "../reload/keys.ts";
import {
  acceptedBy,
  type ConfigField,
  configJsonSchema,
  type ConfigKey,
  configKeys,
  fieldsOf,
  type JsonSchema,
} from "./keys.ts";

/** What stands in the place of a secret. */
const REDACTED = "(not shown)";
/** The fields that hold secrets, or what is stored of some. */
const SECRETS = ["password", "hash", "deliver_secret"];
/** The field with a URL whose query may hold one. */
const URL_FIELD = "deliver_to";

/** Writes what is in force as TOML; each value that is no default says where it comes from. */
export function configToml(loaded: LoadedConfig): string {
  const lines: string[] = [];
  for (const [table, keys] of byTable()) {
    const tables = keys.flatMap((key) => [...listTables(loaded, key), ...namedTables(loaded, key)]);
    const pairs = keys.flatMap((key) => {
      const value = valueOf(loaded.config, key);
      if (value === undefined || isFullList(key, value)) return [];
      if (key.kind === "tables") return isEmpty(value) ? [`${key.path} = {}`] : [];
      return [withSource(stringify({ [key.parts.at(-1)!]: value }).trim(), loaded, key.path)];
    });
    if (pairs.length > 0) lines.push("", ...(table === "" ? [] : [`[${table}]`]), ...pairs);
    // What stands behind a [[table]] belongs to it, so these come behind all values of the table above.
    lines.push(...tables);
  }
  return lines.slice(1).join("\n") + "\n";
}

/** The tables of a list, each with an empty line before it. */
function listTables(loaded: LoadedConfig, key: ConfigKey): string[] {
  const value = valueOf(loaded.config, key);
  if (!isFullList(key, value)) return [];
  return value.flatMap((item, index) => {
    const shown = stringify({ [key.path]: [withoutSecrets(item)] }).trim().split("\n");
    return ["", withSource(shown[0], loaded, `${key.path}.${index}`), ...shown.slice(1)];
  });
}

/** Tables with names of their own; an empty list in one of them is left out. */
function namedTables(loaded: LoadedConfig, key: ConfigKey): string[] {
  const value = valueOf(loaded.config, key);
  if (key.kind !== "tables" || isEmpty(value)) return [];
  const shown = stringify({ [key.path]: withoutEmptyLists(value) }).trim();
  return ["", ...shown.split("\n").filter((line) => line !== `[${key.path}]`)];
}

function isEmpty(table: unknown): boolean {
  return Object.keys(table as object).length === 0;
}

function withoutEmptyLists(value: unknown): unknown {
  if (Array.isArray(value) || typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) =>
    !(Array.isArray(inner) && inner.length === 0)
  );
  return Object.fromEntries(entries.map(([name, inner]) => [name, withoutEmptyLists(inner)]));
}

/** A configuration as it may be shown: without secrets, and what is stored of passwords and tokens. */
export function shownConfig(config: Config): Config {
  return {
    ...config,
    users: config.users.map((user) => withoutSecrets(user) as typeof user),
    queue: config.queue.map((queue) => withoutSecrets(queue) as typeof queue),
  };
}

/** What is stored of passwords and tokens is shown to nobody. */
function withoutSecrets(item: Record<string, unknown>): Record<string, unknown> {
  const shown = { ...item };
  for (const [name, value] of Object.entries(item)) {
    if (SECRETS.includes(name) && (value as string | unknown[]).length > 0) shown[name] = REDACTED;
    else if (name === URL_FIELD && value !== "") shown[name] = shownUrl(value as string);
    else if (Array.isArray(value)) {
      shown[name] = value.map((inner) =>
        typeof inner === "object" && inner !== null
          ? withoutSecrets(inner as Record<string, unknown>)
          : inner
      );
    }
  }
  return shown;
}

/** Whether this is a list of tables that is not empty; an empty one is written like any other value. */
function isFullList(key: ConfigKey, value: unknown): value is Record<string, unknown>[] {
  return key.kind === "policies" && (value as unknown[]).length > 0;
}

function withSource(text: string, loaded: LoadedConfig, path: string): string {
  const source = sourceText(loaded.sourceOf(path));
  return source === "" ? text : `${text} # ${printable(source)}`;
}

function valueOf(config: unknown, key: ConfigKey): unknown {
  return key.parts.reduce<unknown>(
    (value, part) => (value as Record<string, unknown> | undefined)?.[part],
    config,
  );
}

function byTable(): Map<string, ConfigKey[]> {
  const tables = new Map<string, ConfigKey[]>();
  for (const key of configKeys()) {
    const table = key.parts.slice(0, -1).join(".");
    tables.set(table, [...tables.get(table) ?? [], key]);
  }
  return tables;
}

const INTRODUCTION = `# Configuration

<!-- Generated by \`deno task docs:config\` from the schema in lib/server/config/schema.ts. -->

Parley runs without any configuration. What you set comes from four places; a later one wins, key by key:

1. the defaults below,
2. a TOML file: the one named by \`--config\` or \`PARLEY_CONFIG\`, otherwise \`parley.toml\` in the working
   directory if there is one,
3. environment variables, as named below (lists are separated by commas),
4. options of the command line: \`--tcp\`, \`--tls\`, \`--tls-dev\`, \`--raw\`, \`--http\`, \`--text\`, \`--unix\`, \`--data\`, \`--insecure\`, \`--log-level\`,
   \`--log-format\`, and \`--set KEY=VALUE\` for every key.

Each key that ends in \`_ms\` may be written without that ending, in all of these places, and then takes a duration with its unit
(\`ms\`, \`s\`, \`m\`, \`h\`, \`d\`): \`drain = "10s"\`, \`max_age = "7d"\`, \`PARLEY_LIMITS_DRAIN=10s\`. The level \`warn\` is \`warning\`.

The tables \`[[keep]]\`, \`[[queue]]\` and \`[[users]]\` may be there any number of times. A later place that has any replaces them all,
and outside of a file each is only what it is about, with the defaults: \`--set queue=emails,jobs.high\`. What users may do stands in tables \`[roles.NAME]\`, in a file only; see
[security](security.md#users-and-roles).

While the server runs, \`parley reload\` takes over [what can be](operations.md#reading-the-configuration-again): all keys but those of which
it is said here that they take a restart.

An unknown key or variable is an error, and so is a value out of bounds; the message names the line of the
file, the variable or the option. \`parley config check\` tries a configuration without starting anything,
\`parley config print\` shows what is in force and where each value comes from, and \`parley config schema\`
prints a JSON Schema for editors.

\`\`\`toml
# parley.toml
[listen]
tcp = "localhost:7311"
unix = "/run/parley/parley.sock"

[[queue]]
name = "emails"
bind = ["orders.created"]
lease_ms = 60000

[limits]
max_connections = 20000

[log]
level = "info"
levels = { connection = "debug" }
\`\`\`
`;

/** Writes the reference of all keys as Markdown. */
export function configMarkdown(): string {
  const schema = configJsonSchema();
  const sections = [...byTable()].flatMap(([table, keys]) => {
    const description = tableAt(schema, table)?.description;
    const section = [
      table === "" ? "## Top level" : `## [${table}]`,
      ...(table !== "" && description !== undefined ? ["", description] : []),
      "",
      "| key | default | accepts | variable |",
      "|---|---|---|---|",
      ...keys.map(row),
      "",
      ...keys.map(explanation),
    ].join("\n");
    return [section, ...keys.filter((key) => key.kind === "policies").map(listSection)];
  });
  return [INTRODUCTION, ...sections.map((section) => `${section}\n`)].join("\n");
}

/** The section of a list of tables: what each of them may hold. */
function listSection(key: ConfigKey): string {
  const fields = fieldsOf(key);
  return [
    `## [[${key.path}]]`,
    "",
    key.schema.description,
    "",
    "| key | default | accepts |",
    "|---|---|---|",
    ...fields.map((field) =>
      `| \`${field.path}\` | ${initial(field) || "none: it must be there"} | ${acceptedBy(field)} |`
    ),
    "",
    ...fields.map(explanation),
  ].join("\n");
}

function explanation(field: ConfigField): string {
  const restart = needsRestart(field.path) ? " Takes a restart." : "";
  return `- \`${field.parts.at(-1)}\`: ${field.schema.description}${restart}`;
}

function tableAt(schema: JsonSchema, table: string): JsonSchema | undefined {
  return table === "" ? schema : table.split(".").reduce<JsonSchema | undefined>(
    (inner, name) => inner?.properties?.[name],
    schema,
  );
}

function row(key: ConfigKey): string {
  return `| \`${key.path}\` | ${initial(key)} | ${acceptedBy(key)} | \`${key.variable}\` |`;
}

function initial({ schema }: ConfigField): string {
  return schema.default === undefined ? "" : `\`${JSON.stringify(schema.default)}\``;
}
