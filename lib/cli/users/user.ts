/**
 * `parley user add|passwd|roles|disable|enable|rm|ls`: the users in the file that the server reads (auth.users_file), or those of a
 * server over the connection.
 *
 * A server that runs takes a changed file over within a second. Passwords are typed, or given as PARLEY_NEW_PASSWORD or on
 * standard input, never as an argument.
 */
import type { Command } from "commander";
import { printable } from "../../base/printable.ts";
import { quote } from "../../base/quote.ts";
import { personNameFault } from "../../logic/rooms/person_name.ts";
import { type CliContext, UsageError } from "../command.ts";
import { columnLines } from "../terminal/columns.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { styled } from "../terminal/terminal_text.ts";
import { askNewPassword, type NewPasswordOptions, withNewPassword } from "./new_password.ts";
import {
  type ListedUser,
  type PlaceOptions,
  type Said,
  withPlace,
  withPlaceOptions,
} from "./place.ts";

interface RolesOptions extends PlaceOptions {
  readonly none?: boolean;
}

interface AddOptions extends PlaceOptions, NewPasswordOptions {
  readonly role?: readonly string[];
  readonly password: boolean;
}

const EXAMPLES = `
Examples:
  parley user add ada --role admin
  parley user add ada --role admin --server parleys://parley.example.com
  pass show parley/ada | parley user add ada --password-stdin`;

const ROLES_EXAMPLES = `
Examples:
  parley user roles ada
  parley user roles ada orders reports
  parley user roles ada --none --server parleys://parley.example.com`;

/** Adds the commands. */
export function addUser(program: Command, context: CliContext): void {
  const user = program.command("user").description("look after the users of a server");
  withNewPassword(withPlaceOptions(user.command("add")))
    .description("add a user; the password is typed, or PARLEY_NEW_PASSWORD")
    .argument("<name>", "the name of the user")
    .option("--role <role>", "a role of the user; may be repeated", gather)
    .option("--no-password", "a user who comes in with tokens or a certificate only")
    .addHelpText("after", EXAMPLES)
    .action((name: string, options: AddOptions, command: Command) =>
      add(name, { command, options }, context)
    );
  withNewPassword(withPlaceOptions(user.command("passwd")))
    .description("give a user another password; its sessions end")
    .argument("<name>", "the name of the user")
    .action((name: string, options: PlaceOptions & NewPasswordOptions, command: Command) =>
      changePassword(name, { command, options }, context)
    );
  withPlaceOptions(user.command("roles"))
    .description("give a user other roles, at once; without any, print those it has")
    .argument("<name>", "the name of the user")
    .argument("[role...]", "all its roles from now on")
    .option("--none", "take all its roles away")
    .addHelpText("after", ROLES_EXAMPLES)
    .action((name: string, roles: readonly string[], options: RolesOptions, command: Command) =>
      rolesOf(name, roles, { command, options }, context)
    );
  for (const disabled of [true, false]) {
    withPlaceOptions(user.command(disabled ? "disable" : "enable"))
      .description(disabled ? "let a user in no more, and end its sessions" : "let a user in again")
      .argument("<name>", "the name of the user")
      .action((name: string, options: PlaceOptions, command: Command) =>
        setDisabled(name, disabled, { command, options }, context)
      );
  }
  withPlaceOptions(user.command("rm"))
    .description("remove a user with its tokens, and end its sessions")
    .argument("<name>", "the name of the user")
    .action((name: string, options: PlaceOptions, command: Command) =>
      remove(name, { command, options }, context)
    );
  withPlaceOptions(user.command("ls"))
    .description("list the users, those of the configuration too")
    .action((options: PlaceOptions, command: Command) => list({ command, options }, context));
}

function gather(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function tell(
  { io }: CliContext,
  { json }: PlaceOptions,
  fields: Record<string, unknown>,
  text: string,
): void {
  io.stdout.write(json ? jsonLine(fields) : text);
}

async function add(
  name: string,
  { command, options }: Said<AddOptions>,
  context: CliContext,
): Promise<void> {
  const { io } = context;
  const roles = options.role ?? [];
  const place = await withPlace({ command, options }, context, async (place) => {
    const password = options.password || options.passwordStdin
      ? await askNewPassword(name, io, options)
      : "";
    await place.add(name, password, roles);
    return place.name;
  });
  tell(context, options, { name, roles }, `added ${printable(name)} to ${printable(place)}\n`);
  const fault = personNameFault(name);
  if (fault === null) return;
  io.stderr.write(
    `parley: ${
      printable(quote(name))
    } can be no name in rooms (${fault}): there this user takes another one\n`,
  );
}

async function changePassword(
  name: string,
  { command, options }: Said<PlaceOptions & NewPasswordOptions>,
  context: CliContext,
): Promise<void> {
  await withPlace({ command, options }, context, async (place) => {
    // Whether there is such a user is said before anything is typed.
    await place.check(name);
    await place.setPassword(name, await askNewPassword(name, context.io, options));
  });
  tell(context, options, { name }, `${printable(name)} has another password\n`);
}

/** Sets the roles of a user, or prints them. */
async function rolesOf(
  name: string,
  roles: readonly string[],
  { command, options }: Said<RolesOptions>,
  context: CliContext,
): Promise<void> {
  if (options.none && roles.length > 0) {
    throw new UsageError("name the roles of the user, or take all away with --none");
  }
  const changes = options.none === true || roles.length > 0;
  const has = await withPlace({ command, options }, context, async (place) => {
    if (changes) {
      await place.setRoles(name, roles);
      return roles;
    }
    const [found] = await place.list(name);
    if (found === undefined) await place.check(name);
    return found?.roles ?? [];
  });
  const shown = has.length === 0 ? "no roles" : has.map((role) => printable(role)).join(", ");
  const text = changes ? `${printable(name)} has ${shown}\n` : `${shown}\n`;
  tell(context, options, { name, roles: has }, text);
}

async function setDisabled(name: string, disabled: boolean, said: Said, context: CliContext) {
  await withPlace(said, context, (place) => place.setDisabled(name, disabled));
  const text = `${printable(name)} is ${disabled ? "disabled" : "enabled"}\n`;
  tell(context, said.options, { name, disabled }, text);
}

async function remove(name: string, said: Said, context: CliContext): Promise<void> {
  await withPlace(said, context, (place) => place.remove(name));
  tell(context, said.options, { name }, `removed ${printable(name)}\n`);
}

async function list(said: Said, context: CliContext) {
  const users = await withPlace(said, context, (place) => place.list());
  const out = context.io.stdout;
  if (said.options.json) {
    const lines = users.map(({ name, roles, disabled, hasPassword, tokens }) =>
      jsonLine({ name, roles, disabled, password: hasPassword, tokens: tokens.length })
    );
    return out.write(lines.join(""));
  }
  if (users.length === 0) return out.write("no users\n");
  const columns = [
    { title: "user" },
    { title: "roles" },
    { title: "comes in with" },
    { title: "" },
  ];
  const rows = users.map((user) => [
    printable(user.name),
    user.roles.map((role) => printable(role)).join(", "),
    waysOf(user),
    user.disabled ? "disabled" : "",
  ]);
  const [heading, ...lines] = columnLines(columns, rows, out.isTerminal ? out.columns : Infinity);
  out.write([styled("bold", heading, out), ...lines].map((line) => `${line}\n`).join(""));
}

function waysOf({ hasPassword, tokens }: ListedUser): string {
  const ways = [
    ...hasPassword ? ["password"] : [],
    ...tokens.length === 0 ? [] : [tokens.length === 1 ? "1 token" : `${tokens.length} tokens`],
  ];
  return ways.join(", ") || "certificate";
}
