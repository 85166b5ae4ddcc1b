/**
 * `parley backup FILE`: copies kept topics, rooms and queues into one file, while the server goes on.
 *
 * It reads the data directory itself, so it runs where the server runs, as a user who may read it. It finds the
 * directory as `serve` does; where the server may listen is not its affair.
 */
import type { Command } from "commander";
import { printable } from "../../base/printable.ts";
import type { CliContext } from "../command.ts";
import { loadFor } from "./config_flags.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { byteSize } from "../terminal/summary.ts";

interface BackupOptions {
  readonly config?: string;
  readonly data?: string;
  readonly json?: boolean;
}

const MORE = `
Example:
  parley backup --data /var/lib/parley /var/backups/parley-$(date +%F).db
To restore, put the file as parley.db into an empty directory and start the server with that.`;

/** Adds the command. */
export function addBackup(program: Command, context: CliContext): void {
  program.command("backup")
    .description("copy the data directory's database to a file, while the server goes on")
    .argument("<file>", "the copy; it must not exist yet")
    .option("--data <dir>", "the data directory of the server")
    .option("--config <file>", "the configuration of the server, which says where its data are")
    .option("--json", "print JSON")
    .addHelpText("after", MORE)
    .action((file: string, options: BackupOptions) => backup(file, options, context));
}

async function backup(to: string, options: BackupOptions, { io }: CliContext): Promise<void> {
  const { data, config: file } = options;
  const { config } = await loadFor({ data, config: file, insecure: true }, io);
  const { backUp } = await import("../../server/backup.ts");
  const bytes = await backUp(config, to);
  io.stdout.write(
    options.json
      ? jsonLine({ file: to, bytes })
      : `backed up ${printable(config.data)} to ${printable(to)}, ${byteSize(bytes)}\n`,
  );
}
