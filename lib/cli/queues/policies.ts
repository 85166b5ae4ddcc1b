/**
 * `parley queue policies|create|set|unset`: how queues of a running server are set up, making queues, and changing them
 * while it runs.
 */
import { type Command, InvalidArgumentError } from "commander";
import { printable } from "../../base/printable.ts";
import { callMethod } from "../../client/mod.ts";
import { type QueuePolicy, Queues } from "../../gen/parley/v1/queue_pb.ts";
import {
  type CliContext,
  type ServerOptions,
  wholeNumber,
  withClient,
  withServerOptions,
} from "../command.ts";
import { UsageError } from "../usage_error.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { originJson, originText } from "../server/policy_origin.ts";
import { count } from "../terminal/summary.ts";
import { styled } from "../terminal/terminal_text.ts";
import { milliseconds } from "../topics/keep.ts";

interface SetOptions extends ServerOptions {
  readonly lease?: number;
  readonly maxDeliveries?: number;
  readonly maxJobs?: number;
  readonly maxBytes?: number;
  readonly whenFull?: "refuse" | "drop-oldest";
  readonly ordered?: boolean;
  readonly backoffMin?: number;
  readonly backoffMax?: number;
  readonly bind?: readonly string[];
  readonly unbind?: boolean;
  readonly deliverTo?: string;
  readonly deliverSecretFile?: string;
  readonly deliverAtOnce?: number;
}

const SET_HELP = `
It is stored, and counts from now on, whatever the configuration says, until \`parley queue unset\` takes it back.
What is not said stays as it is.`;

/** Adds the commands below `queue`. */
export function addQueuePolicies(queue: Command, context: CliContext): void {
  withServerOptions(queue.command("policies"))
    .description("list how queues are set up, and where each policy comes from")
    .action((options: ServerOptions) => listPolicies(options, context));
  withSettings(queue.command("create"))
    .description("make a queue, without a restart")
    .argument("<name>", "which one")
    .addHelpText(
      "after",
      `\nExample:\n  parley queue create emails --lease 1m --max-deliveries 5\n${SET_HELP}`,
    )
    .action((name: string, options: SetOptions) => set(name, options, true, context));
  withSettings(queue.command("set"))
    .description("change how a queue, or all that match a pattern, are set up, without a restart")
    .argument("<name>", "which one, or a pattern like 'jobs.>'")
    .addHelpText("after", `\nExample:\n  parley queue set emails --lease 5m\n${SET_HELP}`)
    .action((name: string, options: SetOptions) => set(name, options, false, context));
  withServerOptions(queue.command("unset"))
    .description("take back what was set with create or set; the configuration decides again")
    .argument("<name>", "the name or pattern of the policy")
    .addHelpText("after", "\nThe queue stays, with its jobs. `parley queue rm` removes one.")
    .action((name: string, options: ServerOptions) => unset(name, options, context));
}

function withSettings(command: Command): Command {
  return withServerOptions(command)
    .option("--lease <duration>", "how long a consumer has for a job, like 30s", milliseconds)
    .option("--max-deliveries <n>", "then a job is a dead letter; 0 for no limit", wholeNumber(0))
    .option("--max-jobs <n>", "the most jobs", wholeNumber(1))
    .option("--max-bytes <n>", "the most bytes of all jobs", wholeNumber(1))
    .option("--when-full <what>", "refuse or drop-oldest", whenFull)
    .option("--ordered", "jobs of one key run one after the other")
    .option("--no-ordered", "they do not")
    .option("--backoff-min <duration>", "the first wait before another try", milliseconds)
    .option("--backoff-max <duration>", "the longest", milliseconds)
    .option(
      "--bind <pattern>",
      "events of these topics become jobs; may be repeated",
      (pattern: string, before: readonly string[] = []) => [...before, pattern],
    )
    .option("--unbind", "no events become jobs any more")
    .option("--deliver-to <url>", "post jobs to this URL instead of having them pulled; '' to stop")
    .option(
      "--deliver-secret-file <file>",
      "the file with the secret that signs what is posted; two lines while one takes the other's place",
    )
    .option("--deliver-at-once <n>", "how many jobs are posted at once", wholeNumber(1));
}

function whenFull(text: string): string {
  if (text === "refuse" || text === "drop-oldest") return text;
  throw new InvalidArgumentError("It must be refuse or drop-oldest.");
}

async function set(
  name: string,
  options: SetOptions,
  create: boolean,
  { io }: CliContext,
): Promise<void> {
  const { lease, maxDeliveries, maxJobs, maxBytes, ordered, backoffMin, backoffMax } = options;
  const policy = {
    name,
    leaseMs: lease,
    maxDeliveries,
    maxJobs: maxJobs === undefined ? undefined : BigInt(maxJobs),
    maxBytes: maxBytes === undefined ? undefined : BigInt(maxBytes),
    dropsOldest: options.whenFull === undefined ? undefined : options.whenFull === "drop-oldest",
    ordered,
    backoffMinMs: backoffMin,
    backoffMaxMs: backoffMax,
    bind: [...options.bind ?? []],
    unbind: options.unbind,
    deliverTo: options.deliverTo,
    deliverSecrets: await secretsOf(options),
    deliverAtOnce: options.deliverAtOnce,
  };
  const answer = await withClient(
    options,
    io,
    (client) => callMethod(client, Queues.method.set, { policy, create }),
  );
  if (options.json) io.stdout.write(jsonLine(policyJson(answer.policy!)));
  else io.stdout.write(`${create ? "made" : "set up"}: ${printable(name)}\n`);
}

/** The secrets in a file: they are not to stand in a command line, which others can see. */
async function secretsOf({ deliverSecretFile: file }: SetOptions): Promise<string[]> {
  if (file === undefined) return [];
  try {
    return (await Deno.readTextFile(file)).split(/\s+/).filter((secret) => secret !== "");
  } catch (cause) {
    const { message } = cause as Error;
    const what = `cannot read the secrets in ${JSON.stringify(file)}: ${message}`;
    throw new UsageError(what, { cause });
  }
}

async function unset(name: string, options: ServerOptions, { io }: CliContext): Promise<void> {
  await withClient(options, io, (client) => callMethod(client, Queues.method.unset, { name }));
  if (options.json) io.stdout.write(jsonLine({ name }));
  else io.stdout.write(`taken back: what was set for ${printable(name)}\n`);
}

async function listPolicies(options: ServerOptions, { io }: CliContext): Promise<void> {
  const { policies } = await withClient(
    options,
    io,
    (client) => callMethod(client, Queues.method.policies, {}),
  );
  const out = io.stdout;
  if (options.json) {
    return void out.write(policies.map((each) => jsonLine(policyJson(each))).join(""));
  }
  if (policies.length === 0) return void out.write("no policies: every queue has the defaults\n");
  for (const policy of policies) {
    out.write(`${styled("bold", printable(policy.name), out)}  ${originText(policy)}\n`);
    const { name: _, origin: _origin, ...settings } = policyJson(policy);
    for (const [key, value] of Object.entries(settings)) {
      if (key === "setTime" || key === "setBy") continue;
      const text = typeof value === "number" ? count(value) : printable(String(value));
      out.write(`  ${styled("dim", key.padEnd(14), out)}${text || "-"}\n`);
    }
  }
}

function policyJson(policy: QueuePolicy): Record<string, unknown> {
  return {
    name: policy.name,
    leaseMs: policy.leaseMs,
    maxDeliveries: policy.maxDeliveries,
    maxJobs: Number(policy.maxJobs ?? 0n),
    maxBytes: Number(policy.maxBytes ?? 0n),
    whenFull: policy.dropsOldest ? "drop-oldest" : "refuse",
    ordered: policy.ordered,
    backoffMinMs: policy.backoffMinMs,
    backoffMaxMs: policy.backoffMaxMs,
    bind: policy.bind,
    ...policy.deliverTo === undefined
      ? {}
      : { deliverTo: policy.deliverTo, deliverAtOnce: policy.deliverAtOnce },
    ...originJson(policy),
  };
}
