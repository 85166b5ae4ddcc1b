/**
 * Asks once more before something is done for good: on a terminal by a question, elsewhere `--yes` says
 * that it is meant.
 */
import { UsageError } from "../command.ts";
import { decodeTextLeniently } from "../../base/utf8_text.ts";
import type { CliIo } from "../io.ts";
import { linesOf } from "./lines.ts";

/** The longest answer that is read. */
const MAX_ANSWER_BYTES = 1024;

/** Raises a UsageError when nobody can be asked and `yes` was not said; `what` is what is for good. */
export function checkCanAsk(what: string, yes: boolean | undefined, io: CliIo): void {
  if (yes || io.stdin.isTerminal && io.stderr.isTerminal) return;
  throw new UsageError(`${what} is for good, and nobody can be asked here: --yes says it is meant`);
}

/** Asks the person at the terminal; only a word that says yes is one. */
export async function isMeant(question: string, io: CliIo): Promise<boolean> {
  io.stderr.write(`${question} [y/N] `);
  for await (const { bytes } of linesOf(io.stdin.chunks(), MAX_ANSWER_BYTES)) {
    return /^\s*y(es)?\s*$/i.test(decodeTextLeniently(bytes));
  }
  // The input has ended, and the line of the question with it.
  io.stderr.write("\n");
  return false;
}
