/**
 * `parley completion bash|zsh|fish`: prints a script that completes commands, options and the choices of
 * an option. The scripts are made from the tree of commands, so they cannot know another one.
 */
import { Argument, type Command } from "commander";
import type { CliContext } from "../command.ts";
import { bashScript, fishScript, zshScript } from "./completion_scripts.ts";
import { completionTree } from "./completion_tree.ts";

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

const HELP = `
To have it in every shell:
  bash  parley completion bash > ~/.local/share/bash-completion/completions/parley
  zsh   parley completion zsh > DIR/_parley, where DIR is in $fpath
  fish  parley completion fish > ~/.config/fish/completions/parley.fish`;

/** Adds the command. */
export function addCompletion(program: Command, { io }: CliContext): void {
  program.command("completion")
    .description("print a script for the completion of a shell")
    .addArgument(new Argument("<shell>", "the shell").choices(Object.keys(SCRIPTS)))
    .addHelpText("after", HELP)
    .action((shell: keyof typeof SCRIPTS) => {
      io.stdout.write(SCRIPTS[shell](completionTree(program)));
    });
}
