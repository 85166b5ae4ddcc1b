/**
 * `parley user add|passwd|disable|enable|rm|ls`: the users in the file that the server reads (auth.users_file).
 *
 * The commands change the file; a server that runs takes it over within a second. Passwords are typed, or given as
 * PARLEY_NEW_PASSWORD, never as an argument.
 */
import type { Command } from "commander";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { quote } from "../../base/quote.ts";
import type { WrittenUser } from "../../server/users_editor.ts";
import type { CliContext } from "../command.ts";
import { columnLines } from "../terminal/columns.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { styled } from "../terminal/terminal_text.ts";
import { askNewPassword, type FileOptions, userOf, usersFile, withFileOptions } from "./file.ts";

interface AddOptions extends FileOptions {
  readonly role?: readonly string[];
  readonly password: boolean;
}

/** Adds the commands. */
export function addUser(program: Command, context: CliContext): void {
  const user = program.command("user").description("look after the users of a server");
  withFileOptions(user.command("add"))
    .description("add a user; the password is typed, or PARLEY_NEW_PASSWORD")
    .argument("<name>", "the name of the user")
    .option("--role <role>", "a role of the user; may be repeated", gather)
    .option("--no-password", "a user who comes in with tokens or a certificate only")
    .action((name: string, options: AddOptions) => add(name, options, context));
  withFileOptions(user.command("passwd"))
    .description("give a user another password; its sessions end")
    .argument("<name>", "the name of the user")
    .action((name: string, options: FileOptions) => changePassword(name, options, context));
  for (const disabled of [true, false]) {
    withFileOptions(user.command(disabled ? "disable" : "enable"))
      .description(disabled ? "let a user in no more, and end its sessions" : "let a user in again")
      .argument("<name>", "the name of the user")
      .action((name: string, options: FileOptions) =>
        setDisabled(name, disabled, options, context)
      );
  }
  withFileOptions(user.command("rm"))
    .description("remove a user with its tokens, and end its sessions")
    .argument("<name>", "the name of the user")
    .action((name: string, options: FileOptions) => remove(name, options, context));
  withFileOptions(user.command("ls"))
    .description("list the users, those of the configuration too")
    .option("--json", "print JSON")
    .action((options: FileOptions & { readonly json?: boolean }) => list(options, context));
}

function gather(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

async function add(name: string, options: AddOptions, { io }: CliContext): Promise<void> {
  const { path, config } = await usersFile(options, io);
  const { changeUsers, hashPassword } = await import("../../server/users_editor.ts");
  const password = options.password ? await hashPassword(await askNewPassword(name, io)) : "";
  await changeUsers(path, config, ({ users }) => {
    if (users.some((one) => one.name === name)) {
      throw new ParleyError(
        ErrorCode.ALREADY_EXISTS,
        `cannot add the user ${quote(name)}: it is there`,
        { accepted: "`parley user passwd`, for another password" },
      );
    }
    users.push({ name, ...password === "" ? {} : { password }, roles: [...options.role ?? []] });
  });
  io.stdout.write(`added ${printable(name)} to ${printable(path)}\n`);
}

async function changePassword(name: string, options: FileOptions, { io }: CliContext) {
  const { path, config } = await usersFile(options, io);
  const { changeUsers, hashPassword } = await import("../../server/users_editor.ts");
  // Whether there is such a user is said before anything is typed.
  await changeUsers(path, config, (tables) => userOf(tables, name));
  const password = await hashPassword(await askNewPassword(name, io));
  await changeUsers(path, config, (tables) => {
    userOf(tables, name).password = password;
  });
  io.stdout.write(`${printable(name)} has another password\n`);
}

async function setDisabled(
  name: string,
  disabled: boolean,
  options: FileOptions,
  { io }: CliContext,
): Promise<void> {
  const { path, config } = await usersFile(options, io);
  const { changeUsers } = await import("../../server/users_editor.ts");
  await changeUsers(path, config, (tables) => {
    userOf(tables, name).disabled = disabled;
  });
  io.stdout.write(`${printable(name)} is ${disabled ? "disabled" : "enabled"}\n`);
}

async function remove(name: string, options: FileOptions, { io }: CliContext): Promise<void> {
  const { path, config } = await usersFile(options, io);
  const { changeUsers } = await import("../../server/users_editor.ts");
  await changeUsers(path, config, (tables) => {
    tables.users.splice(tables.users.indexOf(userOf(tables, name)), 1);
  });
  io.stdout.write(`removed ${printable(name)}\n`);
}

async function list(options: FileOptions & { readonly json?: boolean }, { io }: CliContext) {
  const users = await allUsers(options, io);
  const out = io.stdout;
  if (options.json) {
    const lines = users.map((user) =>
      jsonLine({
        name: user.name,
        roles: rolesOf(user),
        disabled: user.disabled ?? false,
        password: (user.password ?? "") !== "",
        tokens: user.tokens?.length ?? 0,
      })
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
    rolesOf(user).map((role) => printable(role)).join(", "),
    waysOf(user),
    user.disabled ? "disabled" : "",
  ]);
  const [heading, ...lines] = columnLines(columns, rows, out.isTerminal ? out.columns : Infinity);
  out.write([styled("bold", heading, out), ...lines].map((line) => `${line}\n`).join(""));
}

/** The users of the file, and those of the configuration. */
async function allUsers(options: FileOptions, io: CliContext["io"]): Promise<WrittenUser[]> {
  const { loadFor } = await import("../server/config_flags.ts");
  const { config } = await loadFor({ config: options.config }, io);
  const path = options.file ?? config.auth.users_file;
  if (path === "") return config.users;
  const { readUsersFile } = await import("../../server/config/users_file.ts");
  return [...(await readUsersFile(path)).tables.users, ...config.users];
}

function rolesOf({ roles = [] }: WrittenUser): string[] {
  return typeof roles === "string" ? [roles] : roles;
}

function waysOf({ password = "", tokens = [] }: WrittenUser): string {
  const ways = [
    ...password === "" ? [] : ["password"],
    ...tokens.length === 0 ? [] : [tokens.length === 1 ? "1 token" : `${tokens.length} tokens`],
  ];
  return ways.join(", ") || "certificate";
}
