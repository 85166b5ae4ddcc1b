/**
 * `parley man`: prints the manual page, made from the tree of commands, so that it cannot know another one.
 *
 *   parley man | man -l -
 */
import type { Command } from "commander";
import { VERSION } from "../../base/version.ts";
import type { CliContext } from "../command.ts";

/** Adds the command. */
export function addMan(program: Command, { io }: CliContext): void {
  program.command("man")
    .description("print the manual page; read it with: parley man | man -l -")
    .action(() => {
      io.stdout.write(manPage(program));
    });
}

/** The page, in the language of man(7). */
export function manPage(program: Command): string {
  const lines = [
    `.TH PARLEY 1 "" "parley ${escaped(VERSION)}" "Parley"`,
    ".SH NAME",
    "parley \\- message server: one typed connection for services, topics, rooms and queues",
    ".SH SYNOPSIS",
    ".B parley",
    "[\\fICOMMAND\\fR] [\\fIOPTIONS\\fR]",
    ".SH DESCRIPTION",
    paragraph(program.description()),
    "Without a command it is",
    '.BR "parley serve" .',
    ".SH COMMANDS",
    ...visible(program).flatMap((command) => commandLines(command, [program.name()])),
    ".SH EXIT STATUS",
    "0: done. 1: failed. 2: wrong use.",
    ".SH FILES",
    ".TP\n.I ~/.config/parley/contexts.json\nThe contexts that\n.B parley context\nkeeps.",
    ".TP\n.I parley.toml\nThe configuration of a server.",
    ".SH ENVIRONMENT",
    '.TP\n.BR PARLEY_URL ", " PARLEY_CONTEXT\nThe server that commands ask.',
    '.TP\n.BR PARLEY_USER ", " PARLEY_PASSWORD ", " PARLEY_TOKEN\nWho one is.',
    '.TP\n.B PARLEY_*\nEach key of the configuration; see\n.BR "parley config schema" .',
  ];
  return lines.join("\n") + "\n";
}

/** The part of a command, and of those below it. */
function commandLines(command: Command, above: readonly string[]): string[] {
  const path = [...above, command.name()];
  const help = command.createHelp();
  const below = visible(command);
  const lines = [`.SS "${escaped(path.join(" "))} ${escaped(command.usage())}"`];
  lines.push(paragraph(help.commandDescription(command)));
  const aliases = command.aliases();
  if (aliases.length > 0) lines.push(`Also: ${aliases.map(escaped).join(", ")}.`);
  for (const argument of help.visibleArguments(command)) {
    lines.push(".TP", `\\fI${escaped(help.argumentTerm(argument))}\\fR`);
    lines.push(paragraph(help.argumentDescription(argument)));
  }
  for (const option of help.visibleOptions(command)) {
    if (option.long === "--help") continue;
    lines.push(".TP", `\\fB${escaped(help.optionTerm(option))}\\fR`);
    lines.push(paragraph(help.optionDescription(option)));
  }
  return [...lines, ...below.flatMap((each) => commandLines(each, path))];
}

/** The commands that help shows, without its own. */
function visible(command: Command): Command[] {
  return command.createHelp().visibleCommands(command).filter((each) => each.name() !== "help");
}

/** Text that no line of which is taken for an instruction. */
function paragraph(text: string): string {
  return text.split("\n").map((line) => {
    const one = escaped(line.trim());
    return /^[.']/.test(one) ? `\\&${one}` : one;
  }).join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll('"', "\\(dq");
}
