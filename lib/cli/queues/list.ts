/**
 * `parley queue ls` and `parley queue info`: which queues there are, what they hold and how they are set up.
 *
 * Ages are told by the clock of this machine; JSON has the times themselves.
 */
import type { Command } from "commander";
import { printable } from "../../base/printable.ts";
import type { QueueInfo } from "../../client/mod.ts";
import { columnLines } from "../terminal/columns.ts";
import { type CliContext, type ServerOptions, withClient, withServerOptions } from "../command.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { ageText, infoJson, infoRows } from "./info_text.ts";
import { count } from "../terminal/summary.ts";
import { styled } from "../terminal/terminal_text.ts";

/** Adds the commands below `queue`. */
export function addQueueList(queue: Command, context: CliContext): void {
  withServerOptions(queue.command("ls"))
    .description("list the queues")
    .argument("[pattern]", "only those that match, like 'emails.>'", "")
    .addHelpText("after", "\nExamples:\n  parley queue ls\n  parley queue ls '*.dead' --json")
    .action((pattern: string, options: ServerOptions) => listQueues(pattern, options, context));
  withServerOptions(queue.command("info"))
    .description("tell what a queue holds and how it is set up")
    .argument("<name>", "which one")
    .addHelpText("after", "\nExample:\n  parley queue info emails --json | jq .ready")
    .action((name: string, options: ServerOptions) => queueInfo(name, options, context));
}

async function listQueues(pattern: string, options: ServerOptions, { io }: CliContext) {
  const queues = await withClient(options, io, async (client) => {
    const found: QueueInfo[] = [];
    for await (const info of client.queues(pattern)) found.push(info);
    return found;
  });
  const out = io.stdout;
  if (options.json) return out.write(queues.map((each) => jsonLine(infoJson(each))).join(""));
  if (queues.length === 0) return out.write("no queues\n");
  const numbers = ["ready", "delayed", "leased", "blocked", "dead", "consumers"] as const;
  const columns = [
    { title: "queue" },
    ...numbers.map((title) => ({ title, side: "right" as const })),
    { title: "oldest", side: "right" as const },
    { title: "state" },
  ];
  const now = Date.now();
  const rows = queues.map((info) => [
    printable(info.name),
    ...numbers.map((name) => count(info[name])),
    ageText(info.oldest, now),
    info.paused ? "paused" : "",
  ]);
  const [heading, ...lines] = columnLines(columns, rows, out.isTerminal ? out.columns : Infinity);
  out.write([styled("bold", heading, out), ...lines].map((line) => `${line}\n`).join(""));
}

async function queueInfo(name: string, options: ServerOptions, { io }: CliContext) {
  const info = await withClient(options, io, (client) => client.queue(name).info());
  const out = io.stdout;
  if (options.json) return out.write(jsonLine(infoJson(info)));
  for (const [label, value] of infoRows(info, Date.now())) {
    out.write(`${styled("dim", label.padEnd(11), out)}${value}\n`);
  }
}
