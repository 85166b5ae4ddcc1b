/**
 * `parley check`: is all well with a server and its queues? For monitoring: one line a problem, exit code 0 when there is none.
 */
import type { Command } from "commander";
import { printable } from "../../base/printable.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { Client, QueueInfo } from "../../client/mod.ts";
import {
  type CliContext,
  duration,
  type ServerOptions,
  wholeNumber,
  withClient,
  withServerOptions,
} from "../command.ts";
import { isDeadName } from "../../logic/queues/policies.ts";
import { queueProblems } from "../../logic/queue_problems.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { countOf } from "../terminal/summary.ts";

interface CheckOptions extends ServerOptions {
  readonly queue: string;
  readonly maxReady?: number;
  readonly maxDead: number;
  readonly maxAge?: number;
  readonly idle?: boolean;
  readonly maxDefects: number;
}

const MAX_AGE_MS = 366 * 86_400_000;

const HELP = `
Without options it is a problem when a queue has dead letters, or jobs that are ready and nobody who takes them, or is nearly full and
refuses what does not fit, and when the server had a defect or is not ready, as /readyz says.

Examples:
  parley check
  parley check --queue 'emails.*' --max-ready 10000 --max-age 15m --max-dead 100
  parley check --json | jq -r '.problems[]'

Exit codes: 0 all is well, 1 something is not or the server does not answer, 2 wrong use. Where the server has users, defects and
readiness are told only with the permission "manage server.stats", and only queues count that one may see.`;

/** Adds the command. */
export function addCheck(program: Command, context: CliContext): void {
  withServerOptions(program.command("check"))
    .description("tell whether all is well, for monitoring")
    .option("--queue <pattern>", "only these queues (default: all)", "")
    .option("--max-ready <n>", "the most jobs that may wait in a queue", wholeNumber(0))
    .option("--max-dead <n>", "the most dead letters of a queue", wholeNumber(0), 0)
    .option("--max-age <duration>", "the greatest age of a job, like 15m", duration(1, MAX_AGE_MS))
    .option("--idle", "jobs that are ready may have nobody who takes them")
    .option("--max-defects <n>", "the most defects since the server started", wholeNumber(0), 0)
    .addHelpText("after", HELP)
    .action((options: CheckOptions) => check(options, context));
}

async function check(options: CheckOptions, { io, outcome }: CliContext): Promise<void> {
  const { queues, defects, own } = await withClient(options, io, async (client) => {
    const queues: QueueInfo[] = [];
    // Dead letters count with the queue that they come from.
    for await (const info of client.queues(options.queue)) {
      if (!isDeadName(info.name)) queues.push(info);
    }
    return { queues, defects: await defectsOf(client), own: await serverProblemsOf(client) };
  });
  const now = Date.now();
  const problems = [...own, ...queues.flatMap((info) => problemsOf(info, options, now))];
  if (defects !== null && defects > options.maxDefects) {
    problems.push(`the server had ${countOf(defects, "defect")} (at most ${options.maxDefects})`);
  }
  if (problems.length > 0) outcome.exitCode = 1;
  if (options.json) {
    const ok = problems.length === 0;
    return void io.stdout.write(jsonLine({ ok, queues: queues.length, defects, problems }));
  }
  const lines = problems.length > 0
    ? problems
    : [`all is well with ${countOf(queues.length, "queue")}`];
  io.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

/** What is wrong with a queue, in words. */
function problemsOf(info: QueueInfo, options: CheckOptions, now: number): string[] {
  const { name, oldest, settings, ready, delayed, leased, blocked } = info;
  const condition = {
    ...info,
    oldestMs: oldest?.getTime() ?? 0,
    jobs: ready + delayed + leased + blocked,
    maxJobs: settings.maxJobs,
    maxBytes: settings.maxBytes,
    dropsOldest: settings.whenFull === "drop_oldest",
  };
  const bounds = {
    maxReady: options.maxReady ?? Infinity,
    maxDead: options.maxDead,
    maxAgeMs: options.maxAge ?? Infinity,
    mayIdle: options.idle === true,
  };
  return queueProblems(condition, bounds, now)
    .map(({ text }) => `queue ${printable(name)}: ${text}`);
}

/** What is wrong with the server itself but its defects, in words; nothing for who may not know. */
async function serverProblemsOf(client: Client): Promise<string[]> {
  try {
    const { problems } = await client.server.problems();
    return problems.filter(({ name, kind }) => name === "" && kind !== "defects")
      .map(({ text }) => `the server: ${printable(text)}`);
  } catch (error) {
    // A server of an older version does not tell.
    if (error instanceof ParleyError && error.code === ErrorCode.UNIMPLEMENTED) return [];
    throw error;
  }
}

/** The defects since the server started; null for who may not know. */
async function defectsOf(client: Client): Promise<number | null> {
  try {
    return (await client.admin.stats()).internal_errors ?? 0;
  } catch (error) {
    if (error instanceof ParleyError && error.code === ErrorCode.PERMISSION_DENIED) return null;
    throw error;
  }
}
