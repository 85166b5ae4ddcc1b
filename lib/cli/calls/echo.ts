/**
 * `parley echo TEXT`: sends a text to the server and prints what comes back.
 *
 * `-` stands for standard input, which then comes back byte for byte, with no line feed added in a pipe.
 */
import type { Command } from "commander";
import {
  type CliContext,
  decodeText,
  type ServerOptions,
  withClient,
  withServerOptions,
} from "../command.ts";
import { terminalText } from "../terminal/terminal_text.ts";

// The largest frame that can be configured; a smaller limit is the server's to state.
const MAX_INPUT_BYTES = 64 * 1024 * 1024;

/** Adds the command. */
export function addEcho(program: Command, context: CliContext): void {
  withServerOptions(program.command("echo"))
    .description("send a text and print what comes back")
    .argument("<text>", "the text, or - for standard input")
    .action((text: string, options: ServerOptions) => echo(text, options, context));
}

async function echo(argument: string, options: ServerOptions, { io }: CliContext): Promise<void> {
  const fromInput = argument === "-";
  const text = fromInput
    ? decodeText(await io.readStdin(MAX_INPUT_BYTES), "standard input")
    : argument;
  const content = await withClient(options, io, (client) => client.echo(text));
  if (options.json) {
    io.stdout.write(JSON.stringify({ content }) + "\n");
    return;
  }
  const exact = fromInput && (!io.stdout.isTerminal || content.endsWith("\n"));
  io.stdout.write(terminalText(content, io.stdout) + (exact ? "" : "\n"));
}
