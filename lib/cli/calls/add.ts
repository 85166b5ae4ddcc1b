/**
 * `parley add A B`: lets the server add two numbers. The sum that does not fit is the server's to refuse.
 */
import type { Command } from "commander";
import {
  type CliContext,
  type ServerOptions,
  wholeNumber,
  withClient,
  withServerOptions,
} from "../command.ts";

const INT32_LEAST = -(2 ** 31);
const INT32_MOST = 2 ** 31 - 1;

/** Adds the command. */
export function addAdd(program: Command, context: CliContext): void {
  const summand = wholeNumber(INT32_LEAST, INT32_MOST);
  withServerOptions(program.command("add"))
    .description("add two whole numbers of 32 bits")
    .argument("<a>", "the first summand", summand)
    .argument("<b>", "the second summand", summand)
    .action((a: number, b: number, options: ServerOptions) => add(a, b, options, context));
}

async function add(
  a: number,
  b: number,
  options: ServerOptions,
  { io }: CliContext,
): Promise<void> {
  const result = await withClient(options, io, (client) => client.add(a, b));
  io.stdout.write((options.json ? JSON.stringify({ result }) : String(result)) + "\n");
}
