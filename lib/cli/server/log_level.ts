/**
 * `parley log-level`: at which levels a running server logs, and having it log more or less for a while.
 */
import type { Command } from "commander";
import { callMethod } from "../../client/mod.ts";
import { Admin, type LogLevel } from "../../gen/parley/v1/admin_pb.ts";
import { printable } from "../../base/printable.ts";
import { type CliContext, type ServerOptions, withClient, withServerOptions } from "../command.ts";
import { columnLines } from "../terminal/columns.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { styled } from "../terminal/terminal_text.ts";

/** The word that takes back what was set. */
const CONFIGURED = "configured";

const MORE = `
Examples:
  parley log-level                          # the levels, and where each comes from
  parley log-level debug                    # all parts that have no level of their own
  parley log-level connection debug
  parley log-level connection ${CONFIGURED}

Parts are server, listener, connection, cluster, client, cli and audit; levels debug, info, warning and error.
What is set counts until the server is restarted or reads its configuration again. The audit log keeps its own level, and
never has less than its lines. Where the server has users, this needs the permission "manage server.log"; otherwise only the
server's own machine may.`;

/** Adds the command. */
export function addLogLevel(program: Command, context: CliContext): void {
  withServerOptions(program.command("log-level"))
    .description("tell at which levels a server logs, or set one for a while")
    .argument("[part or level]", "the part of the log, or the level of all")
    .argument(
      "[level]",
      `the least that is logged, or "${CONFIGURED}" for what the configuration says`,
    )
    .addHelpText("after", MORE)
    .action((first: string | undefined, second: string | undefined, options: ServerOptions) =>
      logLevel(first, second, options, context)
    );
}

async function logLevel(
  first: string | undefined,
  second: string | undefined,
  options: ServerOptions,
  { io }: CliContext,
): Promise<void> {
  const said = second ?? first;
  const level = said === CONFIGURED ? "" : said ?? "";
  const category = second === undefined ? "" : first ?? "";
  const levels = await withClient(options, io, async (client) => {
    if (said === undefined) return (await callMethod(client, Admin.method.logLevels, {})).levels;
    return (await callMethod(client, Admin.method.setLogLevel, { category, level })).levels;
  });
  const out = io.stdout;
  if (options.json) return void out.write(levels.map((each) => jsonLine(levelJson(each))).join(""));
  const columns = ["part", "level", "origin"].map((title) => ({ title }));
  const rows = levels.map((each) => [
    each.category === "" ? "all others" : printable(each.category),
    printable(each.level),
    originOf(each),
  ]);
  const [heading, ...lines] = columnLines(columns, rows, out.isTerminal ? out.columns : Infinity);
  out.write([styled("bold", heading, out), ...lines].map((line) => `${line}\n`).join(""));
}

function originOf({ category, configured, setBy, setTimeUnixMicros }: LogLevel): string {
  if (setTimeUnixMicros > 0n) {
    const by = setBy === "" ? "" : `, by ${printable(setBy)}`;
    return `set at run time, ${timeOf(setTimeUnixMicros)}${by}; configured: ${
      configured || "as all"
    }`;
  }
  return configured === "" && category !== "" ? "as all others" : "configuration";
}

function levelJson({ category, level, configured, setBy, setTimeUnixMicros }: LogLevel) {
  const isSet = setTimeUnixMicros > 0n;
  return {
    category,
    level,
    configured: configured === "" ? null : configured,
    ...isSet ? { setTime: timeOf(setTimeUnixMicros), setBy } : {},
  };
}

function timeOf(micros: bigint): string {
  return new Date(Number(micros / 1000n)).toISOString();
}
