/**
 * `parley queue peek NAME`: shows jobs without taking them, in the order of their ids.
 *
 * Pages join: the last id of one is the `--after` of the next.
 */
import { type Command, InvalidArgumentError } from "commander";
import {
  type CliContext,
  type ServerOptions,
  wholeNumber,
  withClient,
  withServerOptions,
} from "../command.ts";
import { jobJson, jobText } from "./job_text.ts";
import { payloadTypes, type ProtoOption, withProto } from "../terminal/payload_types.ts";

interface PeekOptions extends ServerOptions, ProtoOption {
  readonly count: number;
  readonly after?: bigint;
  readonly full?: boolean;
}

const EXAMPLES = `
Examples:
  parley queue peek emails --count 3
  parley queue peek emails.dead                      why jobs were given up
  parley queue peek emails --count 100000 --json | jq -c 'select(.attempt > 3)'`;

const PAGE_JOBS = 1000;
const MAX_JOBS = 10_000_000;

/** Adds the command below `queue`. */
export function addQueuePeek(queue: Command, context: CliContext): void {
  withProto(withServerOptions(queue.command("peek")))
    .description("show the jobs of a queue without taking them")
    .argument("<name>", "which one")
    .option("-n, --count <n>", "at most so many", wholeNumber(1, MAX_JOBS), 10)
    .option("--after <id>", "only jobs behind this id", jobId)
    .option("--full", "print payloads in full length")
    .addHelpText("after", EXAMPLES)
    .action((name: string, options: PeekOptions) => peek(name, options, context));
}

function jobId(text: string): bigint {
  const id = /^\d{1,20}$/.test(text) ? BigInt(text) : -1n;
  if (id >= 0n && id < 2n ** 64n) return id;
  throw new InvalidArgumentError("It must be the id of a job: a whole number.");
}

async function peek(queue: string, options: PeekOptions, { io }: CliContext): Promise<void> {
  const { stdout, stderr } = io;
  const { isTerminal, colors } = stdout;
  let last = options.after ?? 0n;
  let shown = 0;
  const more = await withClient(options, io, async (client) => {
    const types = await payloadTypes(client, options);
    const view = { lines: isTerminal, colors, full: options.full ?? false, types };
    for (let left = options.count; left > 0;) {
      const limit = Math.min(left, PAGE_JOBS);
      const { jobs, more } = await client.queue(queue).peek({ after: last, limit });
      const texts = jobs.map((job) =>
        options.json ? jobJson(job, job, types) : jobText(job, view, job)
      );
      stdout.write(texts.join(""));
      left -= jobs.length;
      shown += jobs.length;
      last = jobs.at(-1)?.id ?? last;
      if (!more || jobs.length === 0) return false;
    }
    return true;
  });
  if (options.json) return;
  if (shown === 0) stdout.write("no jobs\n");
  else if (more && isTerminal) stderr.write(`more: --after ${last}\n`);
}
