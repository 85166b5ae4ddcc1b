/**
 * `parley complete KIND`: the names that a server, or the file of contexts, has now, for the completion of shells.
 *
 * Hidden from help. It prints one name a line, and nothing else: a shell that completes shows no errors. Names that a shell
 * would take for more than a word are left out.
 */
import { Argument, type Command } from "commander";
import { type CliContext, type ServerOptions, withClient, withServerOptions } from "../command.ts";
import { listedMethods } from "../calls/service.ts";
import { allTopics } from "../topics/kept.ts";
import { readContexts } from "../contexts.ts";

/** What can be completed. */
export const KINDS = ["topics", "queues", "rooms", "services", "contexts"] as const;

type Kind = typeof KINDS[number];

/** More are of no use to a person. */
const MAX_NAMES = 1000;
const WORD = /^[\w./-]+$/;

/** Adds the command. */
export function addComplete(program: Command, context: CliContext): void {
  withServerOptions(program.command("complete", { hidden: true }))
    .addArgument(new Argument("<kind>", "what").choices(KINDS))
    .action((kind: Kind, options: ServerOptions) => complete(kind, options, context));
}

async function complete(
  kind: Kind,
  options: ServerOptions,
  { io, outcome }: CliContext,
): Promise<void> {
  try {
    const names = await namesOf(kind, options, io);
    const words = names.filter((name) => WORD.test(name)).slice(0, MAX_NAMES);
    io.stdout.write(words.map((name) => `${name}\n`).join(""));
  } catch {
    outcome.exitCode = 1;
  }
}

async function namesOf(
  kind: Kind,
  options: ServerOptions,
  io: CliContext["io"],
): Promise<string[]> {
  if (kind === "contexts") return Object.keys(readContexts(io).contexts);
  return await withClient(options, io, async (client) => {
    if (kind === "rooms") return (await client.rooms()).map(({ name }) => name);
    if (kind === "services") return (await listedMethods(client)).map(({ method }) => method);
    if (kind === "topics") return (await allTopics(client, "", true)).map(({ topic }) => topic);
    const names: string[] = [];
    for await (const { name } of client.queues()) names.push(name);
    return names;
  });
}
