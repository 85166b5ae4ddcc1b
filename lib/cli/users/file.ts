/**
 * What the commands about users share: the file that they work on, passwords that are typed or given, and users by
 * name.
 */
import type { Command } from "commander";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { newPasswordFault } from "../../logic/access/password_hash.ts";
import type { Config } from "../../server/config/config.ts";
import type { WrittenTables, WrittenUser } from "../../server/users_editor.ts";
import { UsageError } from "../command.ts";
import type { CliIo } from "../io.ts";
import { loadFor } from "../server/config_flags.ts";
import { typed } from "../terminal/credentials.ts";

/** The options of all these commands. */
export interface FileOptions {
  readonly config?: string;
  readonly file?: string;
}

/** Adds `--config` and `--file`. */
export function withFileOptions(command: Command): Command {
  return command
    .option(
      "--config <file>",
      "the server's configuration (PARLEY_CONFIG; default: parley.toml if there is one)",
    )
    .option("--file <file>", "the file of users (default: auth.users_file of the configuration)");
}

/** The configuration, and the file of users. Raises UsageError when none is named. */
export async function usersFile(
  options: FileOptions,
  io: CliIo,
): Promise<{ path: string; config: Config }> {
  const { config } = await loadFor({ config: options.config }, io);
  const path = options.file ?? config.auth.users_file;
  if (path !== "") return { path, config };
  throw new UsageError(
    "there is no file of users: set auth.users_file in the configuration, or name it with --file",
  );
}

/** The user of that name in the file. Raises NOT_FOUND. */
export function userOf(tables: WrittenTables, name: string): WrittenUser {
  const user = tables.users.find((one) => one.name === name);
  if (user !== undefined) return user;
  throw new ParleyError(
    ErrorCode.NOT_FOUND,
    `cannot find the user ${quote(name)} in the file of users`,
    { accepted: "one that `parley user ls` tells" },
  );
}

/** A new password: PARLEY_NEW_PASSWORD, or typed twice. Raises UsageError for one that is too short or too long. */
export async function askNewPassword(name: string, io: CliIo): Promise<string> {
  const given = io.environment(["PARLEY_NEW_PASSWORD"]).PARLEY_NEW_PASSWORD;
  const password = given || await typed(`New password of ${name}: `, io, "PARLEY_NEW_PASSWORD");
  const fault = newPasswordFault(password);
  if (fault !== null) throw new UsageError(fault);
  if (!given && await typed("Once more: ", io) !== password) {
    throw new UsageError("the two passwords are not the same");
  }
  return password;
}
