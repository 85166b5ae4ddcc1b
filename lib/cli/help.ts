/**
 * `parley help WORDS…`: explains the command that the words lead to, however deep it lies; and how help is laid out
 * on terminals of any width.
 *
 * Each group of commands has its own `help`. Words that lead nowhere are wrong use, with a guess.
 */
import { Command, Help } from "commander";
import { nearest } from "../server/config/suggest.ts";
import type { Output } from "./io.ts";
import { textWidth } from "./terminal/text_width.ts";

/** Beside its term a description has at least so many columns; with fewer it stands below. */
const LEAST_BESIDE_COLUMNS = 30;
/** Narrower than this nothing is laid out. */
const LEAST_COLUMNS = 16;
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

/** What the library of commands does with a word or an option that it does not know. */
interface Unknown {
  unknownCommand(): void;
  unknownOption(flag: string): void;
}

/**
 * Has misspelt commands and options guessed by their beginning first, since most who stop early were about to write the
 * rest; what nothing begins with is guessed by likeness, as the library does.
 */
export function guessByBeginning(command: Command): void {
  for (const each of command.commands) guessByBeginning(each);
  const known = command as unknown as Unknown;
  const byLikeness = {
    command: known.unknownCommand.bind(command),
    option: known.unknownOption.bind(command),
  };
  known.unknownCommand = () => {
    const [word] = command.args;
    const names = command.createHelp().visibleCommands(command)
      .flatMap((each) => [each.name(), ...each.aliases()]);
    const meant = whatBegins(word, names);
    if (meant === "") return byLikeness.command();
    command.error(`error: unknown command '${word}'${meant}`, { code: "commander.unknownCommand" });
  };
  known.unknownOption = (flag) => {
    const flags = command.createHelp().visibleOptions(command).map(({ long }) => long ?? "");
    const meant = flag.startsWith("--") ? whatBegins(flag, flags) : "";
    if (meant === "") return byLikeness.option(flag);
    command.error(`error: unknown option '${flag}'${meant}`, { code: "commander.unknownOption" });
  };
}

/** Fewer letters begin too much. */
const LEAST_BEGINNING = 2;

function whatBegins(word: string, names: readonly string[]): string {
  if (word.replace(/^--/, "").length < LEAST_BEGINNING) return "";
  const found = names.filter((name) => name.startsWith(word));
  if (found.length === 0) return "";
  return `\n(Did you mean ${found.length > 1 ? "one of " : ""}${found.join(", ")}?)`;
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
  const columns = help.helpWidth ?? 80;
  const beside = columns - termWidth - 2 * INDENT.length;
  if (beside >= LEAST_BESIDE_COLUMNS || description === "") {
    return Help.prototype.formatItem.call(help, term, termWidth, description, help);
  }
  const below = help.boxWrap(description, Math.max(LEAST_COLUMNS, columns - BELOW.length));
  return [INDENT + term, ...below.split("\n").map((line) => BELOW + line)].join("\n");
}

/**
 * Breaks lines of help between words where they are too long for the terminal; a pipe gets them as they are. A word
 * that is too long stays whole, so that it can be copied.
 */
export function fitted(text: string, output: Pick<Output, "isTerminal" | "columns">): string {
  const { isTerminal, columns } = output;
  if (!isTerminal || columns < LEAST_COLUMNS) return text;
  return text.split("\n").flatMap((line) => {
    if (textWidth(line) <= columns) return line;
    const indent = /^ */.exec(line)![0];
    // What goes on stands further in, as long as that leaves room.
    const hanging = indent.length + BELOW.length <= columns / 2 ? indent + INDENT : indent;
    const lines = WORDS.boxWrap(line.slice(indent.length), columns - hanging.length).split("\n");
    return lines.map((each, index) => (index === 0 ? indent : hanging) + each);
  }).join("\n");
}

/** Breaks text between words. */
const WORDS = Object.assign(new Help(), { minWidthToWrap: 1 });
