/**
 * The file of users: the tables [[users]] and [roles] of parley.toml, in a file of their own.
 *
 * Invariants: it is taken as a whole or, with every fault and its line, not at all; no secret is part of an error;
 * a file that is larger than any such file may be is not read.
 */
import { parse, TomlError } from "smol-toml";
import type { AccessSettings } from "../../logic/access/accounts.ts";
import {
  accessFaults,
  accessSettingsOf,
  type AccessTables,
  usersFileSchema,
} from "./access_schema.ts";
import { nearestLine } from "./config.ts";
import { ConfigError, nameOf, type Path, problem, problemsOf, type Source } from "./errors.ts";
import { tomlLines } from "./lines.ts";
import { hasUsers } from "./relations.ts";
import { JwtSource } from "../jwt.ts";
import type { UsersSource } from "../users.ts";
import type { Config } from "./schema.ts";
import { withNumbers } from "./written.ts";

/** The largest file of users. */
export const MAX_USERS_FILE_BYTES = 16 * 1024 * 1024;

/** Reads the text of a file of users. Raises ConfigError. */
export function parseUsersFile(name: string, text: string): AccessTables {
  let tree: unknown;
  try {
    tree = withNumbers(parse(text, { integersAsBigInt: true }));
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const source: Source = { kind: "file", file: name, line: error.line };
    // Nothing of the place is shown: a secret may stand there.
    throw new ConfigError([problem(source, "", "not valid TOML")]);
  }
  const result = usersFileSchema.safeParse(tree);
  if (result.success) return result.data;
  const sourceOf = sourcesOf(name, text);
  throw new ConfigError(
    result.error.issues.flatMap((issue) =>
      issue.code === "unrecognized_keys" && issue.path.length === 0
        ? issue.keys.map((key) => problem(sourceOf([key]), key, "only users and roles may be here"))
        : problemsOf(issue, tree, sourceOf)
    ),
  );
}

/** Where the value at a path stands in a file. */
function sourcesOf(file: string, text: string): (path: Path) => Source {
  const lines = tomlLines(text);
  return (path) => ({ kind: "file", file, line: nearestLine(lines, path.map(String)) });
}

/** Reads a file of users. Rejects with a ConfigError. */
export async function readUsersFile(name: string): Promise<{ text: string; tables: AccessTables }> {
  let text: string;
  try {
    const { size } = await Deno.stat(name);
    if (size > MAX_USERS_FILE_BYTES) {
      throw new Error(`it has ${size} bytes, at most ${MAX_USERS_FILE_BYTES} are read`);
    }
    text = await Deno.readTextFile(name);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : (error as Error).message;
    const message = `cannot read the users of ${JSON.stringify(name)}: ${why}`;
    throw new ConfigError([problem({ kind: "default" }, "", message)], { cause: error });
  }
  return { text, tables: parseUsersFile(name, text) };
}

/**
 * Everything that a configuration says about users and roles, with its file of users; null when it has no users.
 * Rejects with a ConfigError.
 */
export async function readAccess(config: Config): Promise<AccessSettings | null> {
  if (!hasUsers(config)) return null;
  const { auth } = config;
  const { users_file: file } = auth;
  if (file === "") return accessSettingsOf(config, auth);
  const { text, tables } = await readUsersFile(file);
  const sourceOf = sourcesOf(file, text);
  const twice = Object.keys(tables.roles).filter((role) => Object.hasOwn(config.roles, role));
  if (twice.length > 0) {
    throw new ConfigError(
      twice.map((role) =>
        problem(
          sourceOf(["roles", role]),
          `roles.${role}`,
          "is there twice: parley.toml has it, too",
        )
      ),
    );
  }
  const all = {
    users: [...tables.users, ...config.users],
    roles: { ...config.roles, ...tables.roles },
  };
  const faults = accessFaults(all, auth);
  if (faults.length === 0) return accessSettingsOf(all, auth);
  throw new ConfigError(faults.map(({ message, path }) => {
    const inFile = path[0] === "users" && Number(path[1]) < tables.users.length;
    return problem(inFile ? sourceOf(path) : { kind: "default" }, nameOf(path), message);
  }));
}

/**
 * The users of a configuration, to be read again when `again` gives another one, or when one of its files changes.
 * Without `again` the configuration itself stays as it is.
 */
export function usersOf(
  { config, file }: { readonly config: Config; readonly file?: string },
  again?: () => Promise<Config>,
): UsersSource {
  let present = config;
  let first = true;
  const jwt = new JwtSource();
  return {
    config: () => present,
    files: () => [
      ...file === undefined || again === undefined ? [] : [file],
      ...present.auth.users_file === "" ? [] : [present.auth.users_file],
      ...JwtSource.files(present.auth.jwt),
    ],
    async read(config) {
      if (config !== undefined) present = config;
      else if (!first && again !== undefined) present = await again();
      first = false;
      const settings = await readAccess(present);
      if (settings === null) return null;
      return { settings, jwt: await jwt.read(present.auth.jwt) };
    },
    close: () => jwt.close(),
  };
}
