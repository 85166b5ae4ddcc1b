/**
 * What it costs to know who publishes and what they may do: the profiles of the bus against ours without users, with
 * users whose role may do everything, with many rules that allow and deny, and with rates that nobody reaches.
 */
import { join } from "node:path";
import { stringify } from "smol-toml";
import { busProfiles, measureBus } from "./bus.ts";
import { nodeHasher } from "../lib/adapters/secrets/node_hasher.ts";
import { toBase64Url } from "../lib/logic/access/password_hash.ts";
import { tokenOf } from "../lib/logic/access/token.ts";
import type { ConfigInput } from "../lib/server/config/config.ts";
import { type BenchContext, busyNotes, startAll } from "./harness/context.ts";
import { paired } from "./harness/paired.ts";
import type { Case, Check, Metric } from "./harness/result.ts";
import { type Start, startParley, type Subject } from "./harness/subjects.ts";

const METRICS: readonly Metric[] = [
  { key: "rate", label: "10⁶ deliveries a second", digits: 2 },
  { key: "cpu", label: "server CPU s per million", digits: 3 },
];
const OFF = "off";
/** What may be lost against off. */
const AT_LEAST = 0.95;
const RULES = 20;
/** More than any load makes, so that it is counted and nobody waits. */
const RATE = 1_000_000_000;

const many = Array.from({ length: RULES }, (_, index) => `other${index}.>`);
const denied = Array.from({ length: RULES }, (_, index) => `bench.secret${index}.>`);
const rates: ConfigInput["limits"] = {
  rate_messages_per_second: RATE,
  rate_bytes_per_second: RATE * 1000,
  rate_messages_per_second_per_address: RATE,
  rate_bytes_per_second_per_address: RATE * 1000,
};
const everything = { allow: { publish: ">", subscribe: ">" } };
const rules = {
  allow: { publish: [...many, "bench.>"], subscribe: [...many, "bench.>"] },
  deny: { publish: denied, subscribe: denied },
};

/** The configurations, by what they are called. */
function settings(token: string): Readonly<Record<string, ConfigInput>> {
  const hash = toBase64Url(nodeHasher.sha256(token));
  const tokens = [{ name: "bench", hash }];
  const users = (role: string) => [{ name: "bench", roles: [role], tokens }];
  return {
    "users, one rule": { users: users("all"), roles: { all: everything } },
    [`users, ${3 * RULES + 2} rules`]: { users: users("some"), roles: { some: rules } },
    "rates": { limits: rates },
    "users, rules and rates": { users: users("some"), roles: { some: rules }, limits: rates },
  };
}

/** Measures all profiles. */
export async function benchAccess({ options, progress }: BenchContext): Promise<Case[]> {
  await using stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "parley-bench-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const token = tokenOf(crypto.getRandomValues(new Uint8Array(32)));
  const starts: Start[] = [() => startParley(OFF)];
  const all = settings(token);
  for (const [index, [name, config]] of Object.entries(all).entries()) {
    const file = join(folder, `${index}.toml`);
    await Deno.writeTextFile(file, stringify(config));
    starts.push(async (): Promise<Subject> => {
      const subject = await startParley(name, ["--config", file]);
      return config.users === undefined ? subject : { ...subject, token };
    });
  }
  const subjects = await startAll(starts, stack);
  const checks: Check[] = Object.keys(all).flatMap((subject) => [
    { metric: "rate", subject, against: OFF, atLeast: AT_LEAST },
    { metric: "cpu", subject, against: OFF },
  ]);
  const cases: Case[] = [];
  for (const { publishers, subscribers, payloadBytes } of busProfiles) {
    const name = `${publishers} → ${subscribers}, ${payloadBytes} B`;
    progress.begin(`access, ${name}`);
    const { seconds } = options;
    const shape = { publishers, subscribers, payloadBytes, seconds, topics: 1 };
    const measure = (subject: Subject) => measureBus(subject, shape);
    const samples = await paired(subjects, options.runs, progress, measure);
    const notes = busyNotes(samples);
    cases.push({ benchmark: "access", name, metrics: METRICS, checks, samples, notes });
  }
  return cases;
}
