/**
 * Options that stand before their command: `parley -s shop:7311 pub a.b hello` is `parley pub -s shop:7311 a.b hello`.
 *
 * Pure. Only options that reach a server, or set one up, may stand there; they are put behind the command, which takes or
 * refuses them as if they had been written there. Without a command it is `serve`.
 */
import type { Command, Option } from "commander";
import { UsageError } from "./usage_error.ts";

/** Options of the program itself. */
const OWN_OPTIONS = ["-h", "--help", "-V", "--version"];
/** A command that has all options which reach a server, and no others. */
const ASKS = "health";
const SERVES = "serve";

/** Gives the words of a command line in the order in which the commands take them. Raises UsageError. */
export function inOrder(program: Command, args: readonly string[]): string[] {
  const { early, path, rest } = split(program, args);
  if (path.length > 0) return [...path, ...early, ...rest];
  const [next] = rest;
  const asks = early.length > 0 && isOf(program, ASKS, early[0]) &&
    !isOf(program, SERVES, early[0]);
  if (next !== undefined && !next.startsWith("-")) {
    // No command, which the program says of it.
    return early.length === 0 || asks ? [...rest, ...early] : [SERVES, ...args];
  }
  if (next !== undefined && early.length === 0 && OWN_OPTIONS.includes(next)) return [...args];
  if (!asks) return [SERVES, ...args];
  if (next !== undefined && OWN_OPTIONS.includes(next)) return [...rest];
  const given = early.join(" ");
  throw new UsageError(`missing a command behind ${given}, as in: parley ${given} health`);
}

interface Parts {
  /** Options that stand before the command, with their values. */
  readonly early: readonly string[];
  /** The words that lead to the command. */
  readonly path: readonly string[];
  readonly rest: readonly string[];
}

function split(program: Command, args: readonly string[]): Parts {
  const early: string[] = [];
  const path: string[] = [];
  let command = program;
  let at = 0;
  while (at < args.length) {
    const word = args[at];
    const option = optionOf(program, SERVES, word) ?? optionOf(program, ASKS, word);
    if (option !== undefined) {
      const end = at + (takesNext(option, word, args[at + 1]) ? 2 : 1);
      early.push(...args.slice(at, end));
      at = end;
      continue;
    }
    const named = command.commands.find((each) => isCalled(each, word));
    if (named === undefined) break;
    path.push(word);
    command = named;
    at++;
    if (named.commands.length === 0) break;
  }
  return { early, path, rest: args.slice(at) };
}

function isCalled(command: Command, word: string): boolean {
  return command.name() === word || command.aliases().includes(word);
}

function isOf(program: Command, command: string, word: string): boolean {
  return optionOf(program, command, word) !== undefined;
}

/** The option of a command that a word is, with or without its value: `-s`, `-sx`, `--server`, `--server=x`. */
function optionOf(program: Command, command: string, word: string): Option | undefined {
  const options = program.commands.find((each) => each.name() === command)?.options ?? [];
  const [long] = word.split("=", 1);
  return options.find((option) =>
    option.long === long || option.short === word ||
    option.short !== undefined && option.required && !word.startsWith("--") &&
      word.startsWith(option.short)
  );
}

/** Whether the word behind an option is its value. */
function takesNext(option: Option, word: string, next: string | undefined): boolean {
  if (next === undefined || word !== option.long && word !== option.short) return false;
  return option.required || option.optional && !next.startsWith("-");
}
