/**
 * What the commands say of words that they cannot take: misspelt ones are guessed, and what is missing is shown by an example.
 *
 * Most who stop early were about to write the rest, so what begins with the word comes first; what nothing begins with is
 * guessed by likeness, as the library of commands does.
 */
import type { Command } from "commander";
import { UsageError } from "./usage_error.ts";

/** What the library of commands does with a word or an option that it does not know, and with an argument that is not there. */
interface Unknown {
  unknownCommand(): void;
  unknownOption(flag: string): void;
  missingArgument(name: string): void;
}

/** Fewer letters begin too much. */
const LEAST_BEGINNING = 2;

/** Has `command`, and all below it, say what may have been meant. */
export function explainWrongUse(command: Command): void {
  for (const each of command.commands) explainWrongUse(each);
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
  known.missingArgument = (name) => {
    throw missing(command, name);
  };
}

/** The error of a command that lacks an argument. */
export function missing(command: Command, name: string): UsageError {
  return new UsageError(`missing required argument '${name}', as in: ${exampleOf(command)}`);
}

/** How a command is used: the first example of it, in its help or that of its group, or else what its help begins with. */
function exampleOf(command: Command): string {
  const names: string[] = [];
  const help: string[] = [];
  for (let each: Command | null = command; each !== null; each = each.parent) {
    names.unshift(each.name());
    help.push(textBehind(each));
  }
  const begins = `${names.join(" ")} `;
  const examples = help.join("\n").split("\n").map((line) => line.trim())
    .filter((line) => line.startsWith(begins));
  // Behind two spaces stands what an example does.
  return examples[0]?.split("  ", 1)[0] ?? command.createHelp().commandUsage(command);
}

/** What tells the library of commands to write the text behind a command's help. */
interface Tells {
  emit(
    event: "afterHelp",
    to: { error: boolean; command: Command; write(text: string): void },
  ): void;
}

/** What stands behind the options in the help of a command. */
function textBehind(command: Command): string {
  const parts: string[] = [];
  const write = (text: string) => void parts.push(text);
  (command as unknown as Tells).emit("afterHelp", { error: false, command, write });
  return parts.join("");
}

function whatBegins(word: string, names: readonly string[]): string {
  if (word.replace(/^--/, "").length < LEAST_BEGINNING) return "";
  const found = names.filter((name) => name.startsWith(word));
  if (found.length === 0) return "";
  return `\n(Did you mean ${found.length > 1 ? "one of " : ""}${found.join(", ")}?)`;
}
