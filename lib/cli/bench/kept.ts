/**
 * `parley bench kept`: durable publishing on a running server, and a summary.
 */
import { type Command, Option } from "commander";
import { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import { type CliContext, DEFAULT_SERVER, seconds, serverUrl, wholeNumber } from "../command.ts";
import { Progress } from "../terminal/progress.ts";
import { count, countOf, table } from "../terminal/summary.ts";

interface KeptOptions {
  readonly server?: string;
  readonly topic: string;
  readonly publishers: number;
  readonly inFlight: number;
  readonly size: number;
  readonly seconds: number;
  readonly json?: boolean;
}

const MAX_CONNECTIONS = 30_000;

const EXAMPLE = `
Example:
  parley serve --set keep='bench.>'      in another terminal: the topic must be kept
  parley bench kept --publishers 16 --in-flight 64`;

/** Adds the command to the group of load generators. */
export function addBenchKept(bench: Command, context: CliContext): void {
  bench.command("kept")
    .description("events on a kept topic that are acknowledged a second")
    .addOption(
      new Option("-s, --server <url>", `the server (PARLEY_URL; default: "${DEFAULT_SERVER}")`),
    )
    .option("--topic <topic>", "the topic; a policy of the server must keep it", "bench.kept")
    .option("--publishers <n>", "connections that publish", wholeNumber(1, MAX_CONNECTIONS), 16)
    .option("--in-flight <n>", "events under way on each", wholeNumber(1, 65_536), 64)
    .option("--size <bytes>", "bytes of each payload", wholeNumber(0, 64 * 1024 ** 2), 128)
    .option("--seconds <s>", "how long", seconds, 5)
    .option("--json", "print JSON")
    .addHelpText("after", EXAMPLE)
    .action((options: KeptOptions) => benchKept(options, context));
}

async function benchKept(options: KeptOptions, { io }: CliContext): Promise<void> {
  const { runKeptLoad } = await import("./kept_load.ts");
  const { topic, publishers, inFlight, size: sizeBytes } = options;
  const result = await Progress.of(io, (show) =>
    runKeptLoad({
      server: serverUrl(options, io),
      topic,
      publishers,
      inFlight,
      sizeBytes,
      seconds: options.seconds,
      onProgress: (acknowledged) => show(`${count(acknowledged)} acknowledged`),
    }));
  const level = AckLevel[result.level];
  if (options.json) {
    const line = {
      topic,
      publishers,
      in_flight: inFlight,
      size_bytes: sizeBytes,
      acknowledged: result.acknowledged,
      seconds: result.seconds,
      acknowledged_per_second: result.acknowledgedPerSecond,
      level,
    };
    io.stdout.write(JSON.stringify(line) + "\n");
    return;
  }
  table(io, [
    ["load", `${countOf(publishers, "publisher")}, ${inFlight} in flight, ${sizeBytes} B`],
    ["events", `${count(result.acknowledged)} in ${result.seconds.toFixed(2)} s`],
    ["rate", `${count(result.acknowledgedPerSecond)}/s`],
    ["level", level],
  ]);
}
