/**
 * `parley connections`, `parley kick` and `parley stats`: who is connected to a running server, ending connections, and
 * what the server counts.
 */
import type { Command } from "commander";
import { printable } from "../../base/printable.ts";
import type { ConnectionFilter, ConnectionSummary } from "../../client/mod.ts";
import { type CliContext, type ServerOptions, withClient, withServerOptions } from "../command.ts";
import { ageText } from "../queues/info_text.ts";
import { columnLines } from "../terminal/columns.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { count } from "../terminal/summary.ts";
import { styled } from "../terminal/terminal_text.ts";
import { UsageError } from "../usage_error.ts";

interface FilterOptions extends ServerOptions {
  readonly of?: string;
  readonly from?: string;
  readonly over?: string;
}

interface KickOptions extends ServerOptions {
  readonly of?: string;
  readonly from?: string;
  readonly reason?: string;
}

const PERMISSIONS = (name: string) =>
  `Where the server has users, it needs the permission "manage server.${name}";
otherwise only the server's own machine may.`;

/** Adds the commands. */
export function addConnections(program: Command, context: CliContext): void {
  withServerOptions(program.command("connections"))
    .description("list the connections of a server")
    .argument("[session]", "only that one", "")
    .option("--of <user>", "only those of this user")
    .option("--from <address>", "only those from this address")
    .option("--over <kind>", "only those over tcp, tls, unix, raw, ws, text or http")
    .addHelpText(
      "after",
      `\nExamples:\n  parley connections --of ada\n  parley connections --json | jq .outboxBytes\n\n${
        PERMISSIONS("connections")
      }`,
    )
    .action((session: string, options: FilterOptions) => list(session, options, context));
  withServerOptions(program.command("kick"))
    .description("end connections of a server; their clients do not connect again by themselves")
    .argument("[session...]", "which ones, by name")
    .option("--of <user>", "all those of this user")
    .option("--from <address>", "all those from this address")
    .option("--reason <text>", "what they are told")
    .addHelpText(
      "after",
      `\nExample:\n  parley kick --of ada --reason 'the job is done'\n\n${PERMISSIONS("kick")}`,
    )
    .action((sessions: string[], options: KickOptions) => kick(sessions, options, context));
  withServerOptions(program.command("stats"))
    .description("tell what a server counts")
    .addHelpText("after", `\n${PERMISSIONS("stats")}`)
    .action((options: ServerOptions) => stats(options, context));
}

async function list(sessionId: string, options: FilterOptions, { io }: CliContext): Promise<void> {
  const { of: user, from: address, over: kind } = options;
  const filter: ConnectionFilter = { sessionId, user, address, kind };
  const found = await withClient(options, io, async (client) => {
    const all: ConnectionSummary[] = [];
    for await (const one of client.admin.connections(filter)) all.push(one);
    return all;
  });
  const out = io.stdout;
  if (options.json) return void out.write(found.map((each) => jsonLine(each)).join(""));
  if (found.length === 0) return void out.write("no connections\n");
  const right = (title: string) => ({ title, side: "right" as const });
  const columns = [
    ...["session", "over", "peer", "user", "client"].map((title) => ({ title })),
    ...["since", "silent", "waiting", "subs", "consumers"].map(right),
  ];
  const now = Date.now();
  const rows = found.map((one) => [
    printable(one.sessionId),
    one.kind,
    printable(one.peer),
    printable(one.user),
    printable([one.clientName, one.library].filter((text) => text !== "").join(" ")),
    ageText(one.time, now),
    ageText(new Date(now - one.silentMs), now),
    count(one.outboxBytes),
    count(one.subscriptions),
    count(one.consumers),
  ]);
  const [heading, ...lines] = columnLines(columns, rows, out.isTerminal ? out.columns : Infinity);
  out.write([styled("bold", heading, out), ...lines].map((line) => `${line}\n`).join(""));
}

async function kick(
  sessionIds: readonly string[],
  { of: user, from: address, reason, ...options }: KickOptions,
  { io }: CliContext,
): Promise<void> {
  if (sessionIds.length === 0 && user === undefined && address === undefined) {
    throw new UsageError(
      "name a session that `parley connections` tells of, or --of or --from",
    );
  }
  const kicked = await withClient(
    options,
    io,
    (client) => client.admin.kick({ sessionIds, user, address, reason }),
  );
  io.stdout.write(
    options.json
      ? jsonLine({ kicked })
      : `${kicked} ${kicked === 1 ? "connection is" : "connections are"} ended\n`,
  );
}

async function stats(options: ServerOptions, { io }: CliContext): Promise<void> {
  const values = await withClient(options, io, (client) => client.admin.stats());
  if (options.json) return void io.stdout.write(jsonLine(values));
  const names = Object.keys(values).sort();
  const width = Math.max(...names.map((name) => name.length));
  for (const name of names) {
    io.stdout.write(`${printable(name).padEnd(width)}  ${count(values[name])}\n`);
  }
}
