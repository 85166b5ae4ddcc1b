/**
 * What subscriptions to other topics cost a publish: the same load with few and with very many of them.
 *
 * A server for each number of subscriptions runs all the time, held by a process of its own, so that the
 * numbers can be measured in turn. One publisher and one subscriber; to one topic, where the publisher's
 * memo of its last topics helps, and to a thousand topics in turn, where it does not.
 */
import { measureBus } from "./bus.ts";
import { type BenchContext, busyNotes } from "./harness/context.ts";
import { answerOf, startLoad } from "./harness/generator.ts";
import { paired } from "./harness/paired.ts";
import type { Case, Metric } from "./harness/result.ts";
import { startParley, type Subject } from "./harness/subjects.ts";

const METRICS: readonly Metric[] = [
  { key: "rate", label: "10⁶ deliveries a second", digits: 2 },
  { key: "cpu", label: "server CPU s per million", digits: 3 },
];
const LEVELS = [1, 1000, 1_000_000];
const FLAT_WITHIN = 1.3;
const PAYLOAD_BYTES = 16;
const SUBSCRIBE_SECONDS = 300;

/** Measures both kinds of publishers. */
export async function benchBusSubscriptions({ options, progress }: BenchContext): Promise<Case[]> {
  await using stack = new AsyncDisposableStack();
  const most = options.subscriptions;
  const levels = [...new Set([...LEVELS.filter((level) => level < most), most])];
  const subjects: Subject[] = [];
  for (const level of levels) {
    progress.begin(`bus-subs: ${level} subscriptions`);
    const server = stack.use(await startParley(nameOf(level)));
    const { dialect, port, pid } = server;
    const target = { dialect, port, pid };
    const holder = stack.use(startLoad({ kind: "subscriptions", target, subscriptions: level }));
    await answerOf(holder, SUBSCRIBE_SECONDS);
    subjects.push(server);
  }
  const cases: Case[] = [];
  for (const topics of [1, 1000]) {
    const name = `1 → 1, 16 B, beside n other subscriptions, ${
      topics === 1 ? "one topic" : "1,000 topics in turn"
    }`;
    progress.begin(`bus-subs, ${name}`);
    const { seconds } = options;
    const shape = { publishers: 1, subscribers: 1, payloadBytes: PAYLOAD_BYTES, seconds, topics };
    const samples = await paired(
      subjects,
      options.runs,
      progress,
      (subject) => measureBus(subject, shape),
    );
    const checks = levels.slice(1).map((level) => ({
      metric: "rate",
      subject: nameOf(levels[0]),
      against: nameOf(level),
      atMost: FLAT_WITHIN,
    }));
    cases.push({
      benchmark: "bus-subs",
      name,
      metrics: METRICS,
      checks,
      samples,
      notes: busyNotes(samples),
    });
  }
  return cases;
}

function nameOf(level: number): string {
  return `n = ${level.toLocaleString("en-US")}`;
}
