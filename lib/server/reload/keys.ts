/**
 * What of a configuration a running server takes over, and what takes a restart.
 *
 * A key that is in neither list takes a restart: so it does until something takes it over. What is taken over while the
 * rest stays as it was has to fit together as any configuration has. Pure.
 */
import type { WaitingKey } from "../../services/administration.ts";
import { ConfigError, inOrder, problem } from "../config/errors.ts";
import { configKeys } from "../config/keys.ts";
import { type Config, configSchema } from "../config/schema.ts";

/** What is taken over: keys, or tables with all keys in them. */
const TAKEN_OVER = [
  "insecure",
  "keep",
  "queue",
  "webhooks",
  "types",
  "users",
  "roles",
  "auth",
  "drain",
  "limits",
  "log",
  "console",
  "listen.allow_addresses",
  "listen.deny_addresses",
  "tls.certificate",
  "tls.key",
  "tls.identities",
];

/** The longest value that is shown. */
const MAX_SHOWN_CHARACTERS = 200;

const SECRET = /password|secret|token|hash|private/;

/** Whether a key takes a restart. */
export function needsRestart(path: string): boolean {
  return !TAKEN_OVER.some((taken) => path === taken || path.startsWith(`${taken}.`));
}

/** The keys whose values differ. */
export function differences(one: Config, other: Config): string[] {
  return configKeys().filter(({ parts }) =>
    JSON.stringify(valueAt(one, parts)) !== JSON.stringify(valueAt(other, parts))
  ).map(({ path }) => path);
}

/** What differs between the configuration that a server runs with and the one that was read, and takes a restart. */
export function waitingKeys(running: Config, read: Config): WaitingKey[] {
  return differences(running, read).filter(needsRestart).map((key) => ({
    key,
    running: shownAt(running, key),
    configured: shownAt(read, key),
  }));
}

/**
 * The configuration that is in force when a server that runs with `running` takes over what it can of `read`. Raises a
 * ConfigError when that does not fit together, although `read` as a whole does.
 */
export function inForce(running: Config, read: Config): Config {
  const merged: Record<string, unknown> = structuredClone(read);
  const kept = differences(running, read).filter(needsRestart);
  for (const path of kept) set(merged, path.split("."), valueAt(running, path.split(".")));
  const result = configSchema.safeParse(merged);
  if (result.success) return result.data;
  throw new ConfigError(inOrder(result.error.issues.map((issue) =>
    problem(
      { kind: "default" },
      issue.path.join("."),
      `${issue.message}; with what stays until a restart (${
        kept.join(", ")
      }) it does not fit together`,
    )
  )));
}

function shownAt(config: Config, path: string): string {
  if (SECRET.test(path)) return "(not shown)";
  const text = JSON.stringify(valueAt(config, path.split("."))) ?? "nothing";
  return text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}…` : text;
}

function valueAt(config: unknown, parts: readonly string[]): unknown {
  return parts.reduce<unknown>(
    (table, part) => (table as Record<string, unknown> | undefined)?.[part],
    config,
  );
}

function set(config: Record<string, unknown>, parts: readonly string[], value: unknown): void {
  const table = valueAt(config, parts.slice(0, -1)) as Record<string, unknown>;
  if (value === undefined) delete table[parts.at(-1)!];
  else table[parts.at(-1)!] = structuredClone(value);
}
