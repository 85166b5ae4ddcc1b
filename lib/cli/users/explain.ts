/**
 * `parley explain VERB NAME`: whether somebody may do something, and which rule of which role decides, by the configuration
 * and the file of users as they are now. `parley explain TOPIC` asks a running server what becomes of an event there.
 * `parley passwd`: the hash of a password, for a configuration that is written by hand.
 */
import type { Command } from "commander";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { Accounts } from "../../logic/access/accounts.ts";
import { explain, ruleText } from "../../logic/access/permissions.ts";
import { ruleFault, type Verb, VERBS } from "../../logic/access/rules.ts";
import { nearest } from "../../server/config/suggest.ts";
import { type CliContext, type ServerOptions, UsageError, withServerOptions } from "../command.ts";
import { loadFor } from "../server/config_flags.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { askNewPassword } from "./new_password.ts";

interface ExplainOptions extends ServerOptions {
  readonly config?: string;
  readonly of?: string;
  readonly type?: string;
}

const MORE = `
With a verb and a name the configuration decides, and no server is asked: --user and --token say about whom (default: a
guest). With a topic alone a running server tells what becomes of an event there: who gets it and who may not, what is
kept by which policy, which queues take a copy, which type is checked, and which rules decide for whoever asks, or --of.

Examples:
  parley explain publish orders.eu --user ada
  parley explain orders.eu
  parley explain orders.eu --type acme.v1.OrderCreated --of ada --json

Where the server has users, a topic needs the permission "manage topic.NAME", and --of "manage server.users" as well;
otherwise only the server's own machine may ask.`;

/** Adds the commands. */
export function addExplain(program: Command, context: CliContext): void {
  withServerOptions(program.command("explain"))
    .description(
      "tell what becomes of an event, or whether a user may do something; exit code 1 if not",
    )
    .argument("<verb or topic>", `one of ${VERBS.join(", ")}, or a topic`)
    .argument("[name]", "behind a verb: the topic, pattern, method, room or queue")
    .option("--of <user>", "about this user")
    .option("--type <type>", "only events of that message type")
    .option(
      "--config <file>",
      "the server's configuration (PARLEY_CONFIG; default: parley.toml if there is one)",
    )
    .addHelpText("after", MORE)
    .action((verb: string, name: string | undefined, options: ExplainOptions, command: Command) =>
      name === undefined
        ? tellOfTopic(verb, options, context)
        : tell(verb, name, said(options, command), context)
    );
  program.command("passwd")
    .description("print the hash of a password, which is typed or PARLEY_NEW_PASSWORD")
    .action(() => printHash(context));
}

async function tellOfTopic(topic: string, options: ExplainOptions, context: CliContext) {
  const { explainTopic } = await import("../topics/explain.ts");
  await explainTopic(topic, options, context);
}

/** Who is asked about, as it stands on the command line: what a context says is for servers. */
function said(options: ExplainOptions, command: Command): ExplainOptions {
  const written = (name: string) => command.getOptionValueSource(name) === "cli";
  return {
    ...options,
    user: options.of ?? (written("user") ? options.user : undefined),
    token: written("token") ? options.token : undefined,
  };
}

async function tell(verb: string, name: string, options: ExplainOptions, context: CliContext) {
  const { io, outcome } = context;
  if (!isVerb(verb)) {
    const guess = nearest(verb, VERBS);
    const meant = guess === undefined ? "" : `; did you mean ${guess}?`;
    throw new UsageError(`there is no verb ${quote(verb)}: ${VERBS.join(", ")}${meant}`);
  }
  const { type = "" } = options;
  const fault = ruleFault(verb, type === "" ? name : `${name} ${type}`);
  if (fault !== null) throw new UsageError(`cannot explain ${quote(name)}: ${fault}`);
  const { config } = await loadFor({ config: options.config }, io);
  const { readAccess } = await import("../../server/config/users_file.ts");
  const settings = await readAccess(config);
  const say = (allowed: boolean, why: string) => {
    if (!allowed) outcome.exitCode = 1;
    io.stdout.write(options.json ? jsonLine({ allowed, why }) : `${why}\n`);
  };
  if (settings === null) return say(true, "everything is allowed: no users are configured");
  const accounts = new Accounts(settings);
  if (options.token !== undefined) {
    if (options.user !== undefined) throw new UsageError("name either --user or --token");
    const { identityOfToken } = await import("../../server/token_owner.ts");
    const { permissions, user, roles } = await identityOfToken(config, options.token);
    const decision = permissions.decideAll(verb, name, type);
    const shown = roles.map((role) => quote(role)).join(", ") || "none";
    return say(
      decision.allowed,
      `${explain(decision, ruleText(verb, name, type))}; the user is ${
        quote(user)
      }, its roles are ${shown}`,
    );
  }
  const identity = options.user === undefined ? accounts.guest : accounts.of(options.user, {});
  if (identity === null) {
    if (options.user === undefined) {
      return say(false, "everything is denied: guests have no role (auth.guest_role)");
    }
    if (accounts.user(options.user) !== null) {
      return say(false, `everything is denied: the user ${quote(options.user)} is disabled`);
    }
    throw new ParleyError(ErrorCode.NOT_FOUND, `cannot find the user ${quote(options.user)}`, {
      accepted: "one that `parley user ls` tells",
    });
  }
  const decision = identity.permissions.decideAll(verb, name, type);
  say(decision.allowed, explain(decision, ruleText(verb, name, type)));
}

function isVerb(text: string): text is Verb {
  return (VERBS as readonly string[]).includes(text);
}

async function printHash({ io }: CliContext): Promise<void> {
  const { hashPassword } = await import("../../server/users_editor.ts");
  io.stdout.write(`${await hashPassword(await askNewPassword("the user", io))}\n`);
}
