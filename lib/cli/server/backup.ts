/**
 * `parley backup FILE`: copies kept topics, rooms and queues into one file, while the server goes on.
 *
 * Without a server it reads the data directory itself, so it runs where the server runs, as a user who may read it. It finds
 * the directory as `serve` does; where the server may listen is not its affair. With `--server` or `--context` it
 * reads the copy over the connection: the server makes it, and the file has its name once it is whole, checked and on disk.
 */
import type { Command } from "commander";
import { printable } from "../../base/printable.ts";
import { type CliContext, type ServerOptions, withServerOptions } from "../command.ts";
import { UsageError } from "../usage_error.ts";
import { loadFor } from "./config_flags.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { byteSize } from "../terminal/summary.ts";

interface BackupOptions extends ServerOptions {
  readonly config?: string;
  readonly data?: string;
}

const MORE = `
Examples:
  parley backup --data /var/lib/parley /var/backups/parley-$(date +%F).db
  parley backup --server parleys://parley.example.com parley.db

Over a connection it needs the permission "manage server.backup" where the server has users; otherwise only the server's own
machine may. The server needs room for a copy on the disk of its data directory, and makes one at a time.
To restore, put the file as parley.db into an empty directory and start the server with that.`;

/** Adds the command. */
export function addBackup(program: Command, context: CliContext): void {
  withServerOptions(program.command("backup"))
    .description("copy the database of a server to a file, while the server goes on")
    .argument("<file>", "the copy; it must not exist yet")
    .option("--data <dir>", "the data directory of the server")
    .option("--config <file>", "the configuration of the server, which says where its data are")
    .addHelpText("after", MORE)
    .action((file: string, options: BackupOptions, command: Command) =>
      isRemote(command, options)
        ? backUpFrom(file, options, context)
        : backup(file, options, context)
    );
}

/** Whether a server is named on the command line: what the environment says is for commands that always ask one. */
function isRemote(command: Command, { data, config }: BackupOptions): boolean {
  const isNamed = ["server", "context"].some((name) =>
    command.getOptionValueSource(name) === "cli"
  );
  if (isNamed && (data !== undefined || config !== undefined)) {
    throw new UsageError("name either a server or, with --data or --config, a data directory");
  }
  return isNamed;
}

async function backUpFrom(to: string, options: BackupOptions, { io }: CliContext): Promise<void> {
  const { readBackup } = await import("./remote_backup.ts");
  const { bytes, sha256 } = await readBackup(to, options, io);
  io.stdout.write(
    options.json
      ? jsonLine({ file: to, bytes, sha256 })
      : `backed up the server to ${printable(to)}, ${byteSize(bytes)}\n`,
  );
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
