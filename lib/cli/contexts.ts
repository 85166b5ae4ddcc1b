/**
 * Contexts: names for servers, with who one is there, in a file of the user's.
 *
 * The file is `parley/contexts.json` in XDG_CONFIG_HOME, ~/.config, or APPDATA, for its owner's eyes alone, since it may
 * hold tokens. A context that is named and does not exist is an error: falling back to another server would do
 * there what was meant for this one. Who names the server names the credentials: those of a context count with its
 * server only.
 */
import type { Command } from "commander";
import { printable } from "../base/printable.ts";
import { quote } from "../base/quote.ts";
import { nearest } from "../server/config/suggest.ts";
import type { CliIo } from "./io.ts";
import { UsageError } from "./usage_error.ts";

/** What a context says; each is the option of that name. */
export interface Context {
  readonly server: string;
  readonly user?: string;
  readonly token?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly certKey?: string;
}

/** All contexts of a user. */
export interface Contexts {
  /** The one that is used when nothing else is said; empty when none is. */
  readonly current: string;
  readonly contexts: Readonly<Record<string, Context>>;
}

const FIELDS = ["server", "user", "token", "ca", "cert", "certKey"] as const;
const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const NONE: Contexts = { current: "", contexts: {} };

/** The path of the file. Raises UsageError where the environment names no home. */
export function contextsPath(io: CliIo): string {
  const found = pathOf(io);
  if (found !== null) return found;
  throw new UsageError("there is no place for contexts: set HOME, or XDG_CONFIG_HOME");
}

function pathOf(io: CliIo): string | null {
  const { XDG_CONFIG_HOME, HOME, APPDATA } = io.environment(["XDG_CONFIG_HOME", "HOME", "APPDATA"]);
  const folder = XDG_CONFIG_HOME || (HOME ? `${HOME}/.config` : APPDATA);
  return folder ? `${folder}/parley/contexts.json` : null;
}

/** Reads the contexts. Raises UsageError for a file that is none. */
export function readContexts(io: CliIo): Contexts {
  const path = pathOf(io);
  if (path === null) return NONE;
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return NONE;
    throw new UsageError(`cannot read ${quote(path)}: ${(cause as Error).message}`, { cause });
  }
  return parseContexts(text, path);
}

/** Reads the text of the file. */
export function parseContexts(text: string, path: string): Contexts {
  try {
    const { current = "", contexts = {} } = JSON.parse(text) as Partial<Contexts>;
    if (typeof current !== "string") throw new Error('"current" is no name');
    for (const [name, context] of Object.entries(contexts)) checkContext(name, context);
    return { current, contexts };
  } catch (cause) {
    throw new UsageError(`cannot take ${quote(path)} as contexts: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function checkContext(name: string, context: Context): void {
  checkName(name);
  const known: readonly string[] = FIELDS;
  for (const [field, value] of Object.entries(context)) {
    if (known.includes(field) && typeof value === "string") continue;
    throw new Error(`the context ${quote(name)} has a field ${quote(field)} that is none`);
  }
  if (context.server === undefined) throw new Error(`the context ${quote(name)} has no server`);
}

/** Raises UsageError for what is no name of a context. */
export function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new UsageError(
    `cannot name a context ${quote(name)}: 1 to 64 of A-Z a-z 0-9 . _ - are accepted`,
  );
}

/** Writes the contexts, for nobody else to read. */
export async function writeContexts(contexts: Contexts, io: CliIo): Promise<void> {
  const path = contextsPath(io);
  const folder = path.slice(0, path.lastIndexOf("/"));
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const fresh = `${path}.${crypto.randomUUID()}`;
  await Deno.writeTextFile(fresh, `${JSON.stringify(contexts, null, 2)}\n`, { mode: 0o600 });
  await Deno.rename(fresh, path);
}

/** The context of this name. Raises UsageError, with a guess, when there is none. */
export function contextOf({ contexts }: Contexts, name: string, source: string): Context {
  if (Object.hasOwn(contexts, name)) return contexts[name];
  const names = Object.keys(contexts);
  const guess = nearest(name, names);
  const accepted = guess !== undefined
    ? `did you mean ${guess}?`
    : names.length > 0
    ? `there are ${names.join(", ")}`
    : "there is none yet: parley context add NAME HOST:PORT";
  throw new UsageError(`${source}: there is no context ${printable(quote(name))}; ${accepted}`);
}

/**
 * Fills in what the context says, for a command that takes a server and was told none: by `--server`, or else by
 * `--context`, PARLEY_URL or PARLEY_SERVER, PARLEY_CONTEXT, or `parley context use`. Raises UsageError.
 */
export function applyContext(command: Command, io: CliIo): void {
  if (!command.options.some(({ long }) => long === "--context")) return;
  const { server, context: named } = command.opts<{ server?: string; context?: string }>();
  if (server !== undefined && named !== undefined) {
    throw new UsageError("--server and --context exclude each other: each names a server");
  }
  if (server !== undefined) return;
  const { PARLEY_URL, PARLEY_SERVER, PARLEY_CONTEXT } = io.environment([
    "PARLEY_URL",
    "PARLEY_SERVER",
    "PARLEY_CONTEXT",
  ]);
  if (named === undefined && (PARLEY_URL || PARLEY_SERVER)) return;
  const contexts = readContexts(io);
  const name = named ?? (PARLEY_CONTEXT || contexts.current);
  if (name === "") return;
  const source = named !== undefined
    ? "--context"
    : PARLEY_CONTEXT
    ? "PARLEY_CONTEXT"
    : "parley context use";
  const context = contextOf(contexts, name, source);
  for (const field of FIELDS) {
    const value = context[field];
    if (value !== undefined && command.getOptionValue(field) === undefined) {
      command.setOptionValueWithSource(field, value, "context");
    }
  }
}
