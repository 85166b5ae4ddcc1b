/**
 * New passwords: typed twice, unseen, or PARLEY_NEW_PASSWORD, or the first line of standard input. Never an argument: what stands
 * on a command line, everybody on the machine can read.
 */
import type { Command } from "commander";
import { decodeTextLeniently } from "../../base/utf8_text.ts";
import { newPasswordFault } from "../../logic/access/password_hash.ts";
import { UsageError } from "../command.ts";
import type { CliIo } from "../io.ts";
import { typed } from "../terminal/credentials.ts";

/** The most that is read from standard input. */
const MAX_INPUT_BYTES = 4096;

/** The options that say where a new password comes from. */
export interface NewPasswordOptions {
  readonly passwordStdin?: boolean;
}

/** Adds `--password-stdin`. */
export function withNewPassword(command: Command): Command {
  return command.option("--password-stdin", "read the new password from standard input, one line");
}

/** A new password. Raises UsageError for one that is too short or too long, or when there is none. */
export async function askNewPassword(
  name: string,
  io: CliIo,
  { passwordStdin = false }: NewPasswordOptions = {},
): Promise<string> {
  const given = passwordStdin
    ? await firstLine(io)
    : io.environment(["PARLEY_NEW_PASSWORD"]).PARLEY_NEW_PASSWORD;
  const missing = "PARLEY_NEW_PASSWORD, or give it on standard input with --password-stdin";
  const password = given || await typed(`New password of ${name}: `, io, missing);
  const fault = newPasswordFault(password);
  if (fault !== null) throw new UsageError(fault);
  if (!given && await typed("Once more: ", io) !== password) {
    throw new UsageError("the two passwords are not the same");
  }
  return password;
}

/** The first line of standard input. Raises UsageError when there is none. */
async function firstLine(io: CliIo): Promise<string> {
  const [line] = decodeTextLeniently(await io.readStdin(MAX_INPUT_BYTES)).split(/\r?\n/, 1);
  if (line !== "") return line;
  throw new UsageError("there is no password on standard input: its first line is empty");
}
