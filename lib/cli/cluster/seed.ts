/**
 * `parley cluster seed`: begins the log of a cluster with what the data directory of a single server holds.
 */
import type { Command } from "commander";
import { printable } from "../../base/printable.ts";
import type { CliContext } from "../command.ts";
import { type ConfigOptions, loadFor } from "../server/config_flags.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { byteSize, count, countOf } from "../terminal/summary.ts";

interface SeedOptions extends ConfigOptions {
  readonly json?: boolean;
}

const MORE = `
Examples:
  parley cluster seed --data /var/lib/parley --cluster nats://a:4222,nats://b:4222,nats://c:4222
  parley cluster seed --config /etc/parley/parley.toml

The server is stopped before. Its data directory is checked, copied into JetStream, and belongs to the cluster from then on; it has the history
that its clients know. Then start the servers of the cluster: this one with its directory, all others with empty ones.`;

/** Adds the command. */
export function addSeed(cluster: Command, context: CliContext): void {
  cluster.command("seed")
    .description("begin the log of a cluster with the data directory of a single server")
    .option("--data <dir>", "the data directory of the server")
    .option("--cluster <urls>", "the servers of NATS, as in nats://a:4222,nats://b:4222")
    .option("--config <file>", "the configuration of the server, which says both")
    .option("--set <key=value>", "any key of the configuration; may be repeated", gather)
    .option("--json", "print JSON")
    .addHelpText("after", MORE)
    .action((options: SeedOptions) => seed(options, context));
}

function gather(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

async function seed(options: SeedOptions, { io }: CliContext): Promise<void> {
  const { config } = await loadFor({ ...options, insecure: true }, io);
  const { seedCluster } = await import("../../server/cluster/seed.ts");
  const report = await seedCluster(config);
  const out = io.stdout;
  if (options.json) return void out.write(jsonLine(report));
  const { epoch, topics, events, queues, jobs, records, bytes, digest } = report;
  out.write(
    `began the log of the cluster ${printable(config.cluster.name)} with ${
      printable(config.data)
    }:\n` +
      `  ${count(events)} events of ${countOf(topics, "topic")}, ${count(jobs)} jobs of ${
        countOf(queues, "queue")
      }, ${countOf(records, "record")}\n` +
      `  a snapshot of ${byteSize(bytes)}, ${printable(digest)}\n` +
      `  history ${printable(epoch)}\n`,
  );
}
