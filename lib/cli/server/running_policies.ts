/**
 * The policies that were set at run time on a server, as tables of the configuration with where each comes from: what
 * `parley config print --running URL` adds to what the configuration says.
 */
import { callMethod } from "../../client/mod.ts";
import { Queues } from "../../gen/parley/v1/queue_pb.ts";
import { PolicyOrigin, Topics } from "../../gen/parley/v1/topic_pb.ts";
import { type CliContext, withClient } from "../command.ts";
import { originText } from "./policy_origin.ts";

/** How long the server may take. */
const TIMEOUT_MS = 10_000;

type Value = string | number | boolean | readonly string[];

/** The tables as TOML; a line that says so when nothing was set. */
export async function runningPolicies(server: string, { io }: CliContext): Promise<string> {
  const { keep, queue } = await withClient({ server, timeout: TIMEOUT_MS }, io, async (client) => ({
    keep: (await callMethod(client, Topics.method.policies, {})).policies,
    queue: (await callMethod(client, Queues.method.policies, {})).policies,
  }));
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
  if (tables.length === 0) return "\n# Nothing was set at run time.\n";
  return `\n# Set at run time; it comes before what the configuration says.\n\n${
    tables.join("\n")
  }`;
}

function table(name: string, origin: string, values: Readonly<Record<string, Value>>): string {
  const lines = Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
  return `[[${name}]]  # ${origin}\n${lines.join("")}`;
}
