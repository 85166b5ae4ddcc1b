/**
 * `parley token new|ls|revoke`: the tokens of users, in the file that the server reads (auth.users_file), or of a server over
 * the connection.
 *
 * A token is shown once, when it is made; what is kept of it opens nothing.
 */
import { type Command, InvalidArgumentError } from "commander";
import { DURATION_FORM, durationMs } from "../../base/duration.ts";
import { printable } from "../../base/printable.ts";
import type { CliContext } from "../command.ts";
import { columnLines } from "../terminal/columns.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { styled } from "../terminal/terminal_text.ts";
import { type PlaceOptions, type Said, withPlace, withPlaceOptions } from "./place.ts";

interface NewOptions extends PlaceOptions {
  readonly expires?: number;
}

/** The longest that a token may last: a hundred years. */
const MAX_LIFE_MS = 100 * 365 * 86_400_000;

/** Adds the commands. */
export function addToken(program: Command, context: CliContext): void {
  const token = program.command("token").description("look after the tokens of users");
  withPlaceOptions(token.command("new"))
    .description("make a token, and print it once")
    .argument("<user>", "whose it is")
    .argument("<name>", "a name to know it by")
    .option("--expires <duration>", "how long it lasts, like 90d (default: for ever)", life)
    .action((user: string, name: string, options: NewOptions, command: Command) =>
      make(user, name, { command, options }, context)
    );
  withPlaceOptions(token.command("ls"))
    .description("list tokens, without what they are")
    .argument("[user]", "only those of one user")
    .action((user: string | undefined, options: PlaceOptions, command: Command) =>
      list(user, { command, options }, context)
    );
  withPlaceOptions(token.command("revoke"))
    .description("take a token back, and end its sessions")
    .argument("<user>", "whose it is")
    .argument("<name>", "its name")
    .action((user: string, name: string, options: PlaceOptions, command: Command) =>
      revoke(user, name, { command, options }, context)
    );
}

function life(text: string): number {
  const ms = durationMs(text);
  if (ms !== null && ms > 0 && ms <= MAX_LIFE_MS) return ms;
  throw new InvalidArgumentError(`It must be ${DURATION_FORM}, above 0 and up to 100 years.`);
}

/** When a token ends, in UTC and whole seconds; empty for never. */
function endText(expiresMs: number): string {
  return expiresMs === 0 ? "" : new Date(expiresMs).toISOString().replace(/\.\d+Z$/, "Z");
}

async function make(user: string, name: string, said: Said<NewOptions>, context: CliContext) {
  const { expires = 0, json } = said.options;
  const { token, expiresMs } = await withPlace(
    said,
    context,
    (place) => place.newToken(user, name, expires),
  );
  const { io } = context;
  if (json) {
    io.stdout.write(jsonLine({ user, name, token, expires: endText(expiresMs) || null }));
    return;
  }
  // The token alone on standard output, so that it can be put where it belongs.
  io.stderr.write("the token is shown only now; clients give it as PARLEY_TOKEN or --token\n");
  io.stdout.write(`${token}\n`);
}

async function revoke(user: string, name: string, said: Said, context: CliContext) {
  await withPlace(said, context, (place) => place.revokeToken(user, name));
  context.io.stdout.write(
    said.options.json
      ? jsonLine({ user, name })
      : `took back the token ${printable(name)} of ${printable(user)}\n`,
  );
}

async function list(user: string | undefined, said: Said, context: CliContext) {
  const owners = await withPlace(said, context, async (place) => {
    const found = await place.list(user);
    if (user !== undefined && found.length === 0) await place.check(user);
    return found;
  });
  const tokens = owners.flatMap((owner) =>
    owner.tokens.map(({ name, expiresMs }) => ({
      user: owner.name,
      name,
      expires: endText(expiresMs),
      ended: expiresMs !== 0 && expiresMs <= Date.now(),
    }))
  );
  const out = context.io.stdout;
  if (said.options.json) {
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
