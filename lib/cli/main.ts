/**
 * The command line: arguments in, exit code out.
 *
 * Exit codes: 0 done, 1 failed, 2 wrong use, and what shells say of an interrupted process. Every failure is one line (or one a problem) on standard
 * error that begins with `parley: `. Without a command, or with options only, it is `parley serve`; options of a server may
 * stand before the command.
 */
import { CommanderError } from "commander";
import { onDefect } from "../base/defects.ts";
import { ParleyError } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import { UsageError } from "./command.ts";
import { type CliIo, processIo } from "./io.ts";
import { makeProgram } from "./program.ts";
import { runtimeFault } from "./runtime.ts";
import { Interrupted } from "./terminal/stop_signals.ts";
import { inOrder } from "./word_order.ts";

/** Runs a command line, without the name of the program, and gives the exit code. */
export async function main(args: readonly string[], io: CliIo = processIo()): Promise<number> {
  const outcome = { exitCode: 0 };
  let stopHearing = () => {};
  try {
    const fault = runtimeFault(io.runtime);
    if (fault !== null) throw new Error(fault);
    const program = makeProgram(io, outcome);
    const words = inOrder(program, args);
    // A server logs its defects, and goes on.
    if (words[0] !== "serve") stopHearing = hearDefects(io, outcome);
    await program.parseAsync(words, { from: "user" });
    return outcome.exitCode;
  } catch (error) {
    return report(error, io);
  } finally {
    stopHearing();
    await io.flushOutputs();
  }
}

/** What the runtime adds to an error of the system: its number, and the call with the path that the sentence has already. */
const SYSTEM_DETAIL = / \(os error \d+\)(?:: [a-z_]+ '[^']*'(?: -> '[^']*')?)?/g;

/** Has a defect told, and end the command with 1; gives what ends that. */
function hearDefects(io: CliIo, outcome: { exitCode: number }): () => void {
  return onDefect((what, error) => {
    outcome.exitCode ||= 1;
    io.stderr.write(`parley: cannot ${what}: ${printable(error.message)}\n`);
  });
}

function report(error: unknown, io: CliIo): number {
  // The commands' library has said by itself what is wrong.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof Interrupted) return error.exitCode;
  // Whoever read our output has enough of it, as in `parley config print | head -1`.
  if (error instanceof Deno.errors.BrokenPipe) return 1;
  const lines = messageOf(error).replaceAll(SYSTEM_DETAIL, "").split("\n").map((line) =>
    `parley: ${printable(line)}\n`
  );
  try {
    io.stderr.write(lines.join(""));
  } catch {
    // Nobody reads standard error any more; the exit code says it all the same.
  }
  return error instanceof UsageError ? 2 : 1;
}

function messageOf(error: unknown): string {
  if (!(error instanceof ParleyError)) {
    return error instanceof Error ? error.message : String(error);
  }
  const { message, accepted } = error;
  return accepted === "" || message.includes(accepted)
    ? message
    : `${message}; accepted: ${accepted}`;
}
