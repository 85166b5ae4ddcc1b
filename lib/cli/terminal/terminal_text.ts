/**
 * Text on its way to a stream of which a terminal may be the end.
 *
 * On a terminal, what somebody else wrote is shown with its control characters written out; into a pipe
 * or a file it goes byte for byte. Styles are added only where the stream takes colours.
 */
import { printable } from "../../base/printable.ts";
import type { Output } from "../io.ts";

/** Gives text of foreign origin as `output` may get it. Line feeds and tabs stay. */
export function terminalText(text: string, output: Pick<Output, "isTerminal">): string {
  return output.isTerminal ? printable(text, { lines: true }) : text;
}

const STYLES = { bold: "1", dim: "2", red: "31", green: "32", cyan: "36" } as const;

/** Gives our own text in a style, if `output` takes colours. */
export function styled(
  style: keyof typeof STYLES,
  text: string,
  output: Pick<Output, "colors">,
): string {
  return output.colors ? `\x1b[${STYLES[style]}m${text}\x1b[0m` : text;
}
