/**
 * `parley reload`: has a running server read its configuration again. Exit code 0 when what can be taken over is in
 * force, 1 when something is wrong, and then nothing has changed.
 */
import type { Command } from "commander";
import { type CliContext, type ServerOptions, withClient, withServerOptions } from "../command.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { styled, terminalText } from "../terminal/terminal_text.ts";

const MORE = `
The server reads the file that it was started with; its environment and options stay what they were.
On Linux and macOS SIGHUP does the same. Where the server has users, it needs the permission
"manage server.reload"; otherwise only the server's own machine may.`;

/** Adds the command. */
export function addReload(program: Command, context: CliContext): void {
  withServerOptions(program.command("reload"))
    .description("have a server read its configuration again, without a restart")
    .addHelpText("after", MORE)
    .action((options: ServerOptions) => reload(options, context));
}

async function reload(options: ServerOptions, { io }: CliContext): Promise<void> {
  const { applied, waiting } = await withClient(options, io, (client) => client.admin.reload());
  const { stdout } = io;
  if (options.json) return void stdout.write(jsonLine({ applied, waiting }));
  stdout.write(
    applied.length === 0
      ? "nothing has changed\n"
      : `in force: ${terminalText(applied.join(", "), stdout)}\n`,
  );
  for (const { key, running, configured } of waiting) {
    const change = terminalText(`${key}: ${running} → ${configured}`, stdout);
    stdout.write(`${styled("bold", "takes a restart", stdout)}: ${change}\n`);
  }
}
