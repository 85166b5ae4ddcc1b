/**
 * `parley config print|check|schema`: what is in force, whether it could be used, and what may be set.
 *
 * None of them starts or binds anything. `print` and `check` take the options of `serve`.
 */
import type { Command } from "commander";
import { type CliContext, UsageError } from "../command.ts";
import { runningPolicies } from "./running_policies.ts";
import { type ConfigOptions, loadFor, withConfigOptions } from "./config_flags.ts";

interface PrintOptions extends ConfigOptions {
  readonly json?: boolean;
  readonly running?: string;
}

/** Adds the commands. */
export function addConfig(program: Command, context: CliContext): void {
  const config = program.command("config").description("show or check the configuration");
  withConfigOptions(config.command("print"))
    .description("print the configuration in force, and where each value comes from")
    .option("--json", "print JSON")
    .option("--running <url>", "also what was set at run time on that server")
    .action((options: PrintOptions) => print(options, context));
  withConfigOptions(config.command("check"))
    .description("check a configuration without starting anything")
    .argument("[file]", "the file, as with --config")
    .option("--json", "print JSON")
    .action((file: string | undefined, options: PrintOptions) => check(file, options, context));
  config.command("schema")
    .description("print what may be set, as JSON Schema")
    .option("--markdown", "print it as documentation")
    .action((options: { readonly markdown?: boolean }) => schema(options, context));
}

async function print(options: PrintOptions, context: CliContext): Promise<void> {
  const { io } = context;
  if (options.json && options.running !== undefined) {
    throw new UsageError(
      "cannot print JSON of what runs: `parley topic policies --json` and `parley queue policies --json` do",
    );
  }
  const loaded = await loadFor(options, io);
  const { configToml, shownConfig } = await import("../../server/config/text.ts");
  io.stdout.write(
    options.json ? JSON.stringify(shownConfig(loaded.config), null, 2) + "\n" : configToml(loaded),
  );
  if (options.running !== undefined) {
    io.stdout.write(await runningPolicies(options.running, context));
  }
}

async function check(
  file: string | undefined,
  options: PrintOptions,
  { io, outcome }: CliContext,
): Promise<void> {
  if (file !== undefined && options.config !== undefined && options.config !== file) {
    throw new UsageError(
      "cannot check two files at once: name one, as an argument or with --config",
    );
  }
  const { ConfigError } = await import("../../server/config/config.ts");
  try {
    const loaded = await loadFor({ ...options, config: file ?? options.config }, io);
    const checked = loaded.file ?? null;
    if (options.json) {
      io.stdout.write(JSON.stringify({ ok: true, file: checked, problems: [] }) + "\n");
    } else io.stdout.write(`ok: ${checked ?? "no file, the defaults are used"}\n`);
  } catch (error) {
    const cause = error instanceof UsageError ? error.cause : error;
    if (!options.json || !(cause instanceof ConfigError)) throw error;
    const problems = cause.problems.map(({ source, text }) => ({ source, text }));
    io.stdout.write(JSON.stringify({ ok: false, problems }) + "\n");
    outcome.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

async function schema(options: { readonly markdown?: boolean }, { io }: CliContext): Promise<void> {
  if (options.markdown) {
    const { configMarkdown } = await import("../../server/config/text.ts");
    io.stdout.write(configMarkdown());
    return;
  }
  const { editorJsonSchema } = await import("../../server/config/keys.ts");
  io.stdout.write(JSON.stringify(editorJsonSchema(), null, 2) + "\n");
}
