/**
 * `parley drain`: has a server stop in order, and point its clients to others. Exit code 0 when it has begun to.
 */
import type { Command } from "commander";
import { type CliContext, type ServerOptions, withClient, withServerOptions } from "../command.ts";
import { jsonLine } from "../terminal/json_text.ts";

interface DrainOptions extends ServerOptions {
  readonly to?: readonly string[];
}

const MORE = `
Example:
  parley drain --server parleys://one.example.com --to parleys://two.example.com
On Linux and macOS SIGTERM does the same. Where the server has users, it needs the permission
"manage server.drain"; otherwise only the server's own machine may.`;

/** Adds the command. */
export function addDrain(program: Command, context: CliContext): void {
  withServerOptions(program.command("drain"))
    .description("have a server stop in order, and point its clients to others")
    .option(
      "--to <url>",
      "a server that clients are pointed to; may be repeated (default: as the server is configured)",
      (url: string, before: readonly string[] = []) => [...before, url],
    )
    .addHelpText("after", MORE)
    .action((options: DrainOptions) => drain(options, context));
}

async function drain(options: DrainOptions, { io }: CliContext): Promise<void> {
  const connections = await withClient(options, io, (client) => client.admin.drain(options.to));
  io.stdout.write(
    options.json
      ? jsonLine({ connections })
      : `the server stops: ${connections} ${
        connections === 1 ? "connection is" : "connections are"
      } told\n`,
  );
}
