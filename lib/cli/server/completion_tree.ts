/**
 * What can be completed: the tree of commands as plain data.
 *
 * A word is a subcommand, an option, or a value: one of the choices of an option or argument, a file
 * where the value is a file or a path, or anything.
 */
import type { Command } from "commander";

/** An option of a command. */
export interface CompletionOption {
  /** `--log-level`, `-h`. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Whether a value follows. */
  readonly takesValue: boolean;
  readonly choices: readonly string[];
  /** Whether the value is the path of a file. */
  readonly takesFile: boolean;
  /** What of the server's the value names, as in `parley complete`; empty for nothing. */
  readonly live: string;
}

/** A command with all that may follow it. */
export interface CompletionNode {
  /** The words before it, without the program: `config print`; empty for the program itself. */
  readonly path: string;
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletionOption[];
  readonly choices: readonly string[];
  readonly takesFile: boolean;
  /** What of the server's its arguments name, as in `parley complete`; empty for nothing. */
  readonly live: string;
  readonly children: readonly CompletionNode[];
}

/** Reads the tree of commands. Options without a command are those of `serve`, and those that may stand before one. */
export function completionTree(program: Command): CompletionNode {
  const root = readNode(program, []);
  const options = [...root.options];
  const known = new Set(options.flatMap((option) => option.flags));
  for (const option of EARLY.flatMap((name) => optionsOf(root, name))) {
    if (option.flags.some((flag) => known.has(flag))) continue;
    for (const flag of option.flags) known.add(flag);
    options.push(option);
  }
  return { ...root, options };
}

function optionsOf(root: CompletionNode, name: string): readonly CompletionOption[] {
  return root.children.find((child) => child.name === name)?.options ?? [];
}

/** The commands whose options may stand before any command, as lib/cli/word_order has it. */
const EARLY = ["serve", "health"];

function readNode(
  command: Command,
  above: readonly string[],
  name = command.name(),
): CompletionNode {
  const help = command.createHelp();
  const { parent } = command;
  const path = parent === null ? [] : [...above, name];
  const args = command.registeredArguments;
  return {
    path: path.join(" "),
    name,
    description: command.description(),
    options: help.visibleOptions(command).map((option) => ({
      flags: [option.short, option.long].filter((flag) => flag !== undefined),
      description: option.description,
      takesValue: option.required || option.optional,
      choices: option.argChoices ?? [],
      takesFile: /<(file|path)>/.test(option.flags),
      live: option.long === "--context" ? "contexts" : "",
    })),
    choices: parent !== null && name === "help"
      ? parent.commands.map((each) => each.name()).filter((each) => each !== name)
      : args.flatMap((argument) => argument.argChoices ?? []),
    takesFile: args.some((argument) => argument.name() === "file"),
    live: liveOf(path, args.map((argument) => argument.name())),
    children: help.visibleCommands(command).flatMap((child) =>
      [child.name(), ...child.aliases()].map((each) => readNode(child, path, each))
    ),
  };
}

/** What of the server's the arguments of a command name. */
function liveOf([first, verb]: readonly string[], names: readonly string[]): string {
  if (first === "context") return verb === "use" || verb === "rm" ? "contexts" : "";
  if (first === "queue" && names.some((name) => name === "name" || name === "pattern")) {
    return "queues";
  }
  if (names.includes("room")) return "rooms";
  if (names.includes("method") || names.includes("prefix")) return "services";
  return names.includes("topic") || names.includes("pattern") ? "topics" : "";
}

/** The node and all below it, parents first. */
export function everyNode(node: CompletionNode): CompletionNode[] {
  return [node, ...node.children.flatMap(everyNode)];
}
