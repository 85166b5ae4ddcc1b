/**
 * `parley context add|use|ls|rm`: names for servers, with who one is there.
 */
import type { Command } from "commander";
import { type CliContext, serverUrl } from "../command.ts";
import { columnLines } from "../terminal/columns.ts";
import { checkName, type Context, contextOf, readContexts, writeContexts } from "../contexts.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { printable } from "../../base/printable.ts";
import { UsageError } from "../usage_error.ts";
import { missing } from "../wrong_use.ts";

interface AddOptions {
  readonly server?: string;
  readonly user?: string;
  readonly token?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly certKey?: string;
}

const COLUMNS = ["", "NAME", "SERVER", "WHO"].map((title) => ({ title }));

const EXAMPLES = `
Examples:
  parley context add home localhost:7311
  parley context add shop parleys://shop.example --token "$TOKEN" --ca ca.pem
  parley context use shop
  parley health --context home

Without --server, --context, PARLEY_URL and PARLEY_CONTEXT, commands ask the server of the context in use.`;

/** Adds the commands. */
export function addContext(program: Command, context: CliContext): void {
  const group = program.command("context").description("name servers, and say which one is meant")
    .addHelpText("after", EXAMPLES);
  group.command("add")
    .description("add a context, or replace it; the first is in use at once")
    .argument("<name>", "its name")
    .argument("[server]", "a URL or HOST:PORT")
    .option("-s, --server <url>", "the same as an option")
    .option("--user <name>", "who you are there; the password is asked for")
    .option(
      "--token <token>",
      "a token, instead of a password; kept in a file that only you can read",
    )
    .option("--ca <file>", "authorities to trust under TLS, in PEM")
    .option("--cert <file>", "a certificate to show under TLS, in PEM")
    .option("--cert-key <file>", "the private key of that certificate")
    .action((name: string, server: string | undefined, options: AddOptions, command: Command) => {
      if (server !== undefined && options.server !== undefined) {
        throw new UsageError("the server is named twice: as an argument, and with --server");
      }
      const given = server ?? options.server;
      if (given === undefined) throw missing(command, "server");
      return add(name, { ...options, server: given }, context);
    });
  group.command("use")
    .description("use a context from now on")
    .argument("<name>", "which one")
    .action((name: string) => use(name, context));
  group.command("ls")
    .description("list contexts; * marks the one in use")
    .option("--json", "print JSON, without tokens")
    .action((options: { json?: boolean }) => list(options.json === true, context));
  group.command("rm")
    .description("remove a context")
    .argument("<name>", "which one")
    .action((name: string) => remove(name, context));
}

async function add(
  name: string,
  options: AddOptions & { server: string },
  { io }: CliContext,
): Promise<void> {
  checkName(name);
  if ((options.cert === undefined) !== (options.certKey === undefined)) {
    throw new UsageError("--cert and --cert-key belong together: name both, or neither");
  }
  const { ca, cert, certKey, token, user } = options;
  // Contexts are used from anywhere.
  const [caPath, certPath, keyPath] = await Promise.all(
    [ca, cert, certKey].map((path) => path === undefined ? undefined : Deno.realPath(path)),
  );
  const context: Context = {
    server: serverUrl(options, io),
    user,
    token,
    ca: caPath,
    cert: certPath,
    certKey: keyPath,
  };
  const { current, contexts } = readContexts(io);
  const isFirst = Object.keys(contexts).length === 0;
  const now = isFirst ? name : current;
  await writeContexts({ current: now, contexts: { ...contexts, [name]: context } }, io);
  io.stdout.write(`${name} is ${printable(context.server)}${now === name ? ", and in use" : ""}\n`);
}

async function use(name: string, { io }: CliContext): Promise<void> {
  const { contexts } = readContexts(io);
  const { server } = contextOf({ current: "", contexts }, name, "context use");
  await writeContexts({ current: name, contexts }, io);
  io.stdout.write(`${name} is in use: ${printable(server)}\n`);
}

function list(json: boolean, { io }: CliContext): void {
  const { current, contexts } = readContexts(io);
  const rows = Object.entries(contexts).sort(([one], [other]) => one < other ? -1 : 1);
  if (json) {
    for (const [name, { server, user }] of rows) {
      io.stdout.write(jsonLine({ name, server, user, current: name === current }));
    }
    return;
  }
  const cells = rows.map(([name, { server, user, token }]) => [
    name === current ? "*" : "",
    name,
    printable(server),
    user === undefined ? token === undefined ? "" : "by token" : printable(user),
  ]);
  const { isTerminal, columns } = io.stdout;
  for (const line of columnLines(COLUMNS, cells, isTerminal ? columns : Infinity)) {
    io.stdout.write(`${line}\n`);
  }
}

async function remove(name: string, { io }: CliContext): Promise<void> {
  const { current, contexts } = readContexts(io);
  contextOf({ current, contexts }, name, "context rm");
  const left = Object.fromEntries(Object.entries(contexts).filter(([each]) => each !== name));
  await writeContexts({ current: current === name ? "" : current, contexts: left }, io);
  io.stdout.write(`removed ${name}${current === name ? "; none is in use now" : ""}\n`);
}
