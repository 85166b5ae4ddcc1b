/**
 * `parley help WORDS…`: explains the command that the words lead to, however deep it lies; and how help is laid out
 * on terminals of any width.
 *
 * Each group of commands has its own `help`. Words that lead nowhere are wrong use, with a guess.
 */
import { Command, Help } from "commander";
import { nearest } from "../server/config/suggest.ts";
import type { CliIo, Output } from "./io.ts";
import { textWidth } from "./terminal/text_width.ts";

/** Beside its term a description has at least so many columns; with fewer it stands below. */
const LEAST_BESIDE_COLUMNS = 30;
/** Narrower than this nothing is laid out. */
const LEAST_COLUMNS = 16;
/** How wide help is where nothing says it. */
const USUAL_COLUMNS = 80;
const INDENT = "  ";
const BELOW = "      ";

/** Adds `help` to `command` and to the groups below it, in the place of the library's own. */
export function addHelp(command: Command): void {
  for (const each of command.commands) if (each.commands.length > 0) addHelp(each);
  command.helpCommand(false);
  command.command("help")
    .description("explain a command")
    .argument("[command...]", "which one")
    .helpOption(false)
    .action((words: string[]) => leadsTo(command, words).outputHelp());
}

/** The command that `words` lead to from `command`; raises wrong use. */
function leadsTo(command: Command, words: readonly string[]): Command {
  let at = command;
  for (const word of words) {
    const named = at.commands.find((each) => [each.name(), ...each.aliases()].includes(word));
    if (named === undefined) {
      const names = at.commands.flatMap((each) => [each.name(), ...each.aliases()]);
      const guess = nearest(word, names);
      const meant = guess === undefined ? "" : `\n(Did you mean ${guess}?)`;
      return at.error(`error: unknown command '${word}'${meant}`, { exitCode: 2 });
    }
    at = named;
  }
  return at;
}

/** Lays an option or a command and its description out beside each other, or below where it is narrow. */
export function formatItem(term: string, termWidth: number, description: string, help: Help) {
  const columns = help.helpWidth ?? USUAL_COLUMNS;
  const beside = columns - termWidth - 2 * INDENT.length;
  if (beside >= LEAST_BESIDE_COLUMNS || description === "") {
    return Help.prototype.formatItem.call(help, term, termWidth, description, help);
  }
  const below = help.boxWrap(description, Math.max(LEAST_COLUMNS, columns - BELOW.length));
  return [INDENT + term, ...below.split("\n").map((line) => BELOW + line)].join("\n");
}

/** How wide help may be: as the terminal, or in a pipe as COLUMNS says; null where nothing says it. */
export function helpColumns({ isTerminal, columns }: Output, io: CliIo): number | null {
  if (isTerminal) return columns;
  const { COLUMNS = "" } = io.environment(["COLUMNS"]);
  return /^[1-9]\d{0,3}$/.test(COLUMNS) ? Number(COLUMNS) : null;
}

/**
 * Breaks lines of help between words where they are too long; where nothing says how wide they may be, they are as they are. A
 * word that is too long stays whole, so that it can be copied.
 */
export function fitted(text: string, columns: number | null): string {
  if (columns === null || columns < LEAST_COLUMNS) return text;
  return joined(text, columns).split("\n").flatMap((line) => {
    if (textWidth(line) <= columns) return line;
    const indent = /^ */.exec(line)![0];
    // What goes on stands further in, as long as that leaves room.
    const hanging = indent !== "" && indent.length + BELOW.length <= columns / 2
      ? indent + INDENT
      : indent;
    const lines = WORDS.boxWrap(line.slice(indent.length), columns - hanging.length).split("\n");
    return lines.map((each, index) => (index === 0 ? indent : hanging) + each);
  }).join("\n");
}

/**
 * Joins lines of paragraphs that were broken for wide terminals, where one of them is too long: broken anew they fill their
 * lines. What is indented, as examples are, and titles stay lines of their own.
 */
function joined(text: string, columns: number): string {
  const isOfParagraph = (line: string) => /^\S/.test(line) && !line.startsWith("Usage:");
  return text.split("\n\n").map((part) => {
    const lines = part.split("\n");
    const isParagraph = lines.filter((line) => line !== "").every(isOfParagraph);
    return isParagraph && lines.some((line) => textWidth(line) > columns)
      ? part.replaceAll(/(?<=\S)\n(?=\S)/g, " ")
      : part;
  }).join("\n\n");
}

/** Breaks text between words. */
const WORDS = Object.assign(new Help(), { minWidthToWrap: 1 });
