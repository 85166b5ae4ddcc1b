/**
 * `parley token new|ls|revoke`: the tokens of users, in the file that the server reads (auth.users_file).
 *
 * A token is shown once, when it is made; what is kept of it opens nothing.
 */
import { type Command, InvalidArgumentError } from "commander";
import { DURATION_FORM, durationMs } from "../../base/duration.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { quote } from "../../base/quote.ts";
import type { CliContext } from "../command.ts";
import { columnLines } from "../terminal/columns.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { styled } from "../terminal/terminal_text.ts";
import { type FileOptions, userOf, usersFile, withFileOptions } from "./file.ts";

interface NewOptions extends FileOptions {
  readonly expires?: number;
  readonly json?: boolean;
}

interface ListOptions extends FileOptions {
  readonly json?: boolean;
}

/** The longest that a token may last: a hundred years. */
const MAX_LIFE_MS = 100 * 365 * 86_400_000;

/** Adds the commands. */
export function addToken(program: Command, context: CliContext): void {
  const token = program.command("token").description("look after the tokens of users");
  withFileOptions(token.command("new"))
    .description("make a token, and print it once")
    .argument("<user>", "whose it is")
    .argument("<name>", "a name to know it by")
    .option("--expires <duration>", "how long it lasts, like 90d (default: for ever)", life)
    .option("--json", "print JSON")
    .action((user: string, name: string, options: NewOptions) =>
      make(user, name, options, context)
    );
  withFileOptions(token.command("ls"))
    .description("list tokens, without what they are")
    .argument("[user]", "only those of one user")
    .option("--json", "print JSON")
    .action((user: string | undefined, options: ListOptions) => list(user, options, context));
  withFileOptions(token.command("revoke"))
    .description("take a token back, and end its sessions")
    .argument("<user>", "whose it is")
    .argument("<name>", "its name")
    .action((user: string, name: string, options: FileOptions) =>
      revoke(user, name, options, context)
    );
}

function life(text: string): number {
  const ms = durationMs(text);
  if (ms !== null && ms > 0 && ms <= MAX_LIFE_MS) return ms;
  throw new InvalidArgumentError(`It must be ${DURATION_FORM}, above 0 and up to 100 years.`);
}

async function make(user: string, name: string, options: NewOptions, { io }: CliContext) {
  const { path, config } = await usersFile(options, io);
  const { changeUsers, newToken } = await import("../../server/users_editor.ts");
  const { token, hash } = newToken();
  const expires = options.expires === undefined
    ? ""
    : new Date(Date.now() + options.expires).toISOString().replace(/\.\d+Z$/, "Z");
  await changeUsers(path, config, (tables) => {
    const owner = userOf(tables, user);
    const tokens = owner.tokens ??= [];
    if (tokens.some((one) => one.name === name)) {
      throw new ParleyError(
        ErrorCode.ALREADY_EXISTS,
        `cannot make the token ${quote(name)}: ${quote(user)} has one of that name`,
        { accepted: "another name, or `parley token revoke` first" },
      );
    }
    tokens.push({ name, hash, ...expires === "" ? {} : { expires } });
  });
  if (options.json) {
    return io.stdout.write(jsonLine({ user, name, token, expires: expires || null }));
  }
  // The token alone on standard output, so that it can be put where it belongs.
  io.stderr.write("the token is shown only now; clients give it as PARLEY_TOKEN or --token\n");
  io.stdout.write(`${token}\n`);
}

async function list(user: string | undefined, options: ListOptions, { io }: CliContext) {
  const { path } = await usersFile(options, io);
  const { readUsersFile } = await import("../../server/config/users_file.ts");
  const { tables } = await readUsersFile(path);
  const owners = user === undefined ? tables.users : [userOf(tables, user)];
  const tokens = owners.flatMap((owner) =>
    (owner.tokens ?? []).map(({ name, expires = "" }) => ({
      user: owner.name,
      name,
      expires,
      ended: expires !== "" && Date.parse(expires) <= Date.now(),
    }))
  );
  const out = io.stdout;
  if (options.json) {
    const lines = tokens.map((one) => jsonLine({ ...one, expires: one.expires || null }));
    return out.write(lines.join(""));
  }
  if (tokens.length === 0) return out.write("no tokens\n");
  const columns = [{ title: "user" }, { title: "token" }, { title: "expires" }];
  const rows = tokens.map((one) => [
    printable(one.user),
    printable(one.name),
    one.expires === "" ? "never" : one.ended ? `${one.expires} (ended)` : one.expires,
  ]);
  const [heading, ...lines] = columnLines(columns, rows, out.isTerminal ? out.columns : Infinity);
  out.write([styled("bold", heading, out), ...lines].map((line) => `${line}\n`).join(""));
}

async function revoke(user: string, name: string, options: FileOptions, { io }: CliContext) {
  const { path, config } = await usersFile(options, io);
  const { changeUsers } = await import("../../server/users_editor.ts");
  await changeUsers(path, config, (tables) => {
    const owner = userOf(tables, user);
    const left = (owner.tokens ?? []).filter((one) => one.name !== name);
    if (left.length === (owner.tokens ?? []).length) {
      throw new ParleyError(
        ErrorCode.NOT_FOUND,
        `cannot take back the token ${quote(name)}: ${quote(user)} has none of that name`,
        { accepted: "one that `parley token ls` tells" },
      );
    }
    owner.tokens = left;
  });
  io.stdout.write(`took back the token ${printable(name)} of ${printable(user)}\n`);
}
