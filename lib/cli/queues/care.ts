/**
 * `parley queue purge|rm|redrive|pause|resume`: looking after queues.
 *
 * Purging and removing are for good: on a terminal it is asked for once more, elsewhere `--yes` says that it is meant.
 */
import { type Command, InvalidArgumentError } from "commander";
import { printable } from "../../base/printable.ts";
import type { QueueInfo } from "../../client/mod.ts";
import {
  type CliContext,
  type ServerOptions,
  UsageError,
  withClient,
  withServerOptions,
} from "../command.ts";
import type { CliIo } from "../io.ts";
import { checkCanAsk, isMeant } from "../terminal/confirm.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { infoJson } from "./info_text.ts";
import { count, countOf } from "../terminal/summary.ts";

interface PurgeOptions extends ServerOptions {
  readonly yes?: boolean;
}

interface RemoveOptions extends ServerOptions {
  readonly yes?: boolean;
  readonly force?: boolean;
}

interface RedriveOptions extends ServerOptions {
  readonly all?: boolean;
}

const REDRIVE_EXAMPLES = `
Examples:
  parley queue redrive emails 7 9          their ids are those of: parley queue peek emails.dead
  parley queue redrive emails --all

They are new jobs, with all their attempts. Dead letters that somebody holds stay.`;

const REMOVE_HELP = `
Example:
  parley queue rm emails --force --yes

A queue that somebody pulls from stays. One that the configuration names is there again at once, and empty.`;

const MAX_IDS = 10_000;

/** Adds the commands below `queue`. */
export function addQueueCare(queue: Command, context: CliContext): void {
  withServerOptions(queue.command("purge"))
    .description("drop all jobs of a queue that nobody holds, for good")
    .argument("<name>", "which one")
    .option("--yes", "do not ask; needed where nobody can be asked")
    .addHelpText("after", "\nExample:\n  parley queue purge emails.dead --yes")
    .action((name: string, options: PurgeOptions) => purge(name, options, context));
  withServerOptions(queue.command("rm"))
    .description("remove a queue with its dead letters, for good")
    .argument("<name>", "which one")
    .option("--force", "also when it holds jobs, which are dropped")
    .option("--yes", "do not ask; needed where nobody can be asked")
    .addHelpText("after", REMOVE_HELP)
    .action((name: string, options: RemoveOptions) => remove(name, options, context));
  withServerOptions(queue.command("redrive"))
    .description("put dead letters back into the queue they came from")
    .argument("<name>", "which one: 'emails' or 'emails.dead'")
    .argument("[id...]", "which dead letters, by their ids", jobIds)
    .option("--all", "all of them")
    .addHelpText("after", REDRIVE_EXAMPLES)
    .action((name: string, ids: bigint[], options: RedriveOptions) =>
      redrive(name, ids, options, context)
    );
  withServerOptions(queue.command("pause"))
    .description("stop a queue from handing out jobs; it goes on taking them")
    .argument("<name>", "which one")
    .addHelpText("after", "\nIt stays paused when the server starts again.")
    .action((name: string, options: ServerOptions) => pause(name, options, context));
  withServerOptions(queue.command("resume"))
    .description("let a paused queue hand out jobs again")
    .argument("<name>", "which one")
    .action((name: string, options: ServerOptions) => resume(name, options, context));
}

/** Gathers one id of an argument that may be repeated. */
function jobIds(text: string, gathered: readonly bigint[] = []): bigint[] {
  const id = /^\d{1,20}$/.test(text) ? BigInt(text) : 0n;
  if (id < 1n || id >= 2n ** 64n) {
    throw new InvalidArgumentError("It must be the id of a job: a whole number from 1.");
  }
  if (gathered.length >= MAX_IDS) throw new InvalidArgumentError(`At most ${MAX_IDS} at once.`);
  return [...gathered, id];
}

async function purge(queue: string, options: PurgeOptions, { io, outcome }: CliContext) {
  checkCanAsk("purging", options.yes, io);
  const dropped = await withClient(options, io, async (client) => {
    const target = client.queue(queue);
    const meant = options.yes || await isMeant(questionOf(await target.info()), io);
    return meant ? await target.purge() : null;
  });
  if (dropped === null) {
    outcome.exitCode = 1;
    io.stderr.write("nothing was dropped\n");
    return;
  }
  io.stdout.write(
    options.json
      ? jsonLine({ queue, dropped })
      : `dropped ${countOf(dropped, "job")} of ${printable(queue)}\n`,
  );
}

async function remove(queue: string, options: RemoveOptions, { io, outcome }: CliContext) {
  checkCanAsk("removing", options.yes, io);
  const dropped = await withClient(options, io, async (client) => {
    const target = client.queue(queue);
    const info = await target.info();
    const jobs = countOf(info.ready + info.delayed + info.blocked + info.dead, "job");
    const question = `remove ${printable(info.name)} with ${jobs} for good?`;
    const meant = options.yes || await isMeant(question, io);
    return meant ? await target.remove({ force: options.force ?? false }) : null;
  });
  if (dropped === null) {
    outcome.exitCode = 1;
    io.stderr.write("nothing was removed\n");
    return;
  }
  io.stdout.write(
    options.json
      ? jsonLine({ queue, dropped })
      : `removed ${printable(queue)} with ${countOf(dropped, "job")}\n`,
  );
}

function questionOf({ name, ready, delayed, blocked }: QueueInfo): string {
  return `drop ${countOf(ready + delayed + blocked, "job")} of ${printable(name)} for good?`;
}

async function redrive(
  queue: string,
  ids: readonly bigint[],
  options: RedriveOptions,
  { io, outcome }: CliContext,
) {
  if ((ids.length > 0) === (options.all ?? false)) {
    throw new UsageError("say which dead letters to put back: their ids, or --all");
  }
  const wanted = new Set(ids);
  const redriven = await withClient(
    options,
    io,
    (client) => client.queue(queue).redrive(options.all ? undefined : [...wanted]),
  );
  const missing = Math.max(0, wanted.size - redriven);
  if (missing > 0) outcome.exitCode = 1;
  if (options.json) return io.stdout.write(jsonLine({ queue, redriven }));
  const home = queue.replace(/\.dead$/, "");
  const rest = missing === 0 ? "" : `; ${count(missing)} not there, or held by a consumer`;
  io.stdout.write(`put ${countOf(redriven, "job")} back into ${printable(home)}${rest}\n`);
}

async function pause(queue: string, options: ServerOptions, { io }: CliContext) {
  const info = await withClient(options, io, (client) => client.queue(queue).pause());
  tell(`${printable(queue)} is paused: it takes jobs and hands none out`, info, options, io);
}

async function resume(queue: string, options: ServerOptions, { io }: CliContext) {
  const info = await withClient(options, io, (client) => client.queue(queue).resume());
  tell(`${printable(queue)} hands out jobs`, info, options, io);
}

function tell(text: string, info: QueueInfo, options: ServerOptions, io: CliIo): void {
  if (options.json) return io.stdout.write(jsonLine(infoJson(info)));
  io.stdout.write(`${text}; ${count(info.ready)} ready, ${count(info.leased)} leased
`);
}
