/**
 * `parley init`: writes a configuration to begin with, and a file of users with one who may do everything. The
 * password is made here and shown once.
 *
 * Nothing that is there is written over.
 */
import type { Command } from "commander";
import { printable } from "../../base/printable.ts";
import { VERBS } from "../../logic/access/rules.ts";
import { type CliContext, UsageError } from "../command.ts";
import { jsonLine } from "../terminal/json_text.ts";

interface InitOptions {
  readonly config: string;
  readonly users: string;
  readonly user: string;
  readonly json?: boolean;
}

/** Adds the command. */
export function addInit(program: Command, context: CliContext): void {
  program.command("init")
    .description("write a parley.toml with users, and a first user whose password is shown once")
    .option("--config <file>", "the configuration to write", "parley.toml")
    .option("--users <file>", "the file of users to write", "users.toml")
    .option("--user <name>", "the name of the first user", "admin")
    .option("--json", "print JSON")
    .action((options: InitOptions) => init(options, context));
}

function configText(users: string): string {
  const rules = VERBS.map((verb) => `${verb} = [">"]`).join("\n");
  return `# A Parley server with users. What else may be set: \`parley config schema --markdown\`

[auth]
# \`parley user\` and \`parley token\` change this file; the server reads it again by itself.
users_file = ${JSON.stringify(users)}
# What those may do who do not say who they are; without it everybody has to.
# guest_role = "guest"

# What users may do. A rule that denies wins over all that allow; what no rule allows is denied.
[roles.admin.allow]
${rules}

# [roles.orders.allow]
# publish = ["orders.>"]
# subscribe = ["orders.>"]
`;
}

async function init({ config, users, user, json }: InitOptions, { io }: CliContext): Promise<void> {
  for (const file of [config, users]) {
    if (await isThere(file)) throw new UsageError(`${JSON.stringify(file)} is there already`);
  }
  const { changeUsers, hashPassword, newPassword, writeNew } = await import(
    "../../server/users_editor.ts"
  );
  const { resolveConfig } = await import("../../server/config/config.ts");
  const text = configText(users);
  const password = newPassword();
  const stored = await hashPassword(password);
  const resolved = resolveConfig({ name: config, text }).config;
  await changeUsers(users, resolved, (tables) => {
    tables.users.push({ name: user, password: stored, roles: ["admin"] });
  });
  await writeNew(config, text);
  if (json) return io.stdout.write(jsonLine({ config, users, user, password }));
  io.stdout.write(
    [
      `wrote ${printable(config)} and ${printable(users)}`,
      "",
      `  user      ${printable(user)}`,
      `  password  ${password}   (shown only now)`,
      "",
      `  start     parley serve --config ${printable(config)}`,
      `  try       parley echo hello --user ${printable(user)}`,
      "",
    ].join("\n"),
  );
}

async function isThere(file: string): Promise<boolean> {
  try {
    await Deno.lstat(file);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
