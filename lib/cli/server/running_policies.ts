/**
 * The policies and log levels that were set at run time on a server, as tables of the configuration with where each comes from: what
 * `parley config print --running URL` adds to what the configuration says.
 */
import { callMethod, type Client, ErrorCode, ParleyError } from "../../client/mod.ts";
import { Admin, type LogLevel } from "../../gen/parley/v1/admin_pb.ts";
import { Queues } from "../../gen/parley/v1/queue_pb.ts";
import { PolicyOrigin, Topics } from "../../gen/parley/v1/topic_pb.ts";
import { type CliContext, withClient } from "../command.ts";
import { originText } from "./policy_origin.ts";

/** How long the server may take. */
const TIMEOUT_MS = 10_000;

type Value = string | number | boolean | readonly string[];

/** The tables as TOML; a line that says so when nothing was set. */
export async function runningPolicies(server: string, { io }: CliContext): Promise<string> {
  const { keep, queue, log } = await withClient(
    { server, timeout: TIMEOUT_MS },
    io,
    async (client) => ({
      keep: (await callMethod(client, Topics.method.policies, {})).policies,
      queue: (await callMethod(client, Queues.method.policies, {})).policies,
      log: await logLevels(client),
    }),
  );
  const isSet = ({ origin }: { origin: PolicyOrigin }) => origin === PolicyOrigin.RUNTIME;
  const tables = [
    ...keep.filter(isSet).map((policy) =>
      table("keep", originText(policy), {
        pattern: policy.pattern,
        max_events: Number(policy.maxEvents),
        max_age_ms: Number(policy.maxAgeMs),
        max_bytes: Number(policy.maxBytes),
        forget_after_ms: Number(policy.forgetAfterMs),
      })
    ),
    ...queue.filter(isSet).map((policy) =>
      table("queue", originText(policy), {
        name: policy.name,
        bind: policy.bind,
        lease_ms: policy.leaseMs ?? 0,
        max_deliveries: policy.maxDeliveries ?? 0,
        backoff_min_ms: policy.backoffMinMs ?? 0,
        backoff_max_ms: policy.backoffMaxMs ?? 0,
        max_jobs: Number(policy.maxJobs ?? 0n),
        max_bytes: Number(policy.maxBytes ?? 0n),
        when_full: policy.dropsOldest ? "drop-oldest" : "refuse",
        ordered: policy.ordered ?? false,
        ...policy.deliverTo === undefined ? {} : {
          deliver_to: policy.deliverTo,
          deliver_secret: "(not shown)",
          deliver_at_once: policy.deliverAtOnce ?? 0,
        },
      })
    ),
  ];
  const levels = log.filter(({ setTimeUnixMicros }) => setTimeUnixMicros > 0n);
  if (levels.length > 0) tables.push(levelTable(levels));
  if (tables.length === 0) return "\n# Nothing was set at run time.\n";
  return `\n# Set at run time; it comes before what the configuration says.\n\n${
    tables.join("\n")
  }`;
}

/** The levels of the log; none for those who may not see them. */
async function logLevels(client: Client): Promise<readonly LogLevel[]> {
  try {
    return (await callMethod(client, Admin.method.logLevels, {})).levels;
  } catch (reason) {
    if (reason instanceof ParleyError && reason.code === ErrorCode.PERMISSION_DENIED) return [];
    throw reason;
  }
}

function levelTable(levels: readonly LogLevel[]): string {
  const lines = levels.map(({ category, level, setBy, setTimeUnixMicros }) => {
    const origin = originText({ origin: PolicyOrigin.RUNTIME, setBy, setTimeUnixMicros });
    const key = category === "" ? "log.level" : `log.levels.${category}`;
    return `${key} = ${JSON.stringify(level)}  # ${origin}, until a restart or a reload\n`;
  });
  return lines.join("");
}

function table(name: string, origin: string, values: Readonly<Record<string, Value>>): string {
  const lines = Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
  return `[[${name}]]  # ${origin}\n${lines.join("")}`;
}
