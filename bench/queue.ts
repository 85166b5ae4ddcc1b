/**
 * Work queues against a work queue of JetStream and a durable queue of RabbitMQ: jobs that are pushed,
 * confirmed, pulled and settled; the same beside few and many jobs that wait; and one job at a time.
 *
 * Ours answers a push, and says that a job is done, after its fsync. All servers run all the time, with
 * their data on the same disk, and are loaded in turn. A peer that is not installed is left out, which
 * stands below each table.
 */
import { type BenchContext, busyNotes, LOAD_SHARE, startAll } from "./harness/context.ts";
import { runLoad } from "./harness/generator.ts";
import { paired } from "./harness/paired.ts";
import { startRabbit } from "./harness/rabbitmq.ts";
import type { Case, Check, Metric, Sample } from "./harness/result.ts";
import { type Start, startJetStream, startParley, type Subject } from "./harness/subjects.ts";
import type { QueueDelayResult, QueueFlowResult } from "./load/queue_load.ts";

const SHAPE = { producers: 8, window: 256, consumers: 8, prefetch: 64 } as const;
const PAYLOAD_BYTES = 128;
const FLOW = `${SHAPE.producers} producers with ${SHAPE.window} under way, ` +
  `${SHAPE.consumers} consumers with ${SHAPE.prefetch}, ${PAYLOAD_BYTES} B`;
const FEW_JOBS = 1000;
const FLAT_WITHIN = 1.3;
/** Jobs a second that any of them takes while nobody pulls: fewer, and the filling is given up. */
const SLOWEST_FILL = 1000;
const OURS = "parley";
const PEERS: Readonly<Record<string, { start: Start; atLeast: number }>> = {
  "nats-server": { start: startJetStream, atLeast: 1 },
  "rabbitmq-server": { start: startRabbit, atLeast: 5 },
};
const FLOW_METRICS: readonly Metric[] = [
  { key: "rate", label: "jobs a second", digits: 0 },
  { key: "cpu", label: "server CPU s per million", digits: 2 },
];
const DELAY_METRICS: readonly Metric[] = [
  { key: "p50", label: "p50 ms", digits: 3 },
  { key: "p99", label: "p99 ms", digits: 3 },
];

/** Measures all three. */
export async function benchQueue(context: BenchContext): Promise<Case[]> {
  const { peers } = context.machine;
  const there = Object.keys(PEERS).filter((name) => peers[name] !== undefined);
  const notes = Object.keys(PEERS).filter((name) => !there.includes(name))
    .map((name) => `${name} is not installed: it was left out.`);
  await using stack = new AsyncDisposableStack();
  context.progress.begin("queue: servers start");
  const starts = [() => startParley(OURS), ...there.map((name) => PEERS[name].start)];
  const subjects = await startAll(starts, stack);
  const cases = [
    await benchFlow(context, subjects),
    await benchDelay(context, subjects),
    await benchBacklog(context, subjects),
  ];
  return cases.map((one) => ({ ...one, notes: [...one.notes, ...notes] }));
}

async function benchFlow(context: BenchContext, subjects: readonly Subject[]): Promise<Case> {
  const { options: { runs, seconds }, progress } = context;
  progress.begin(`queue, ${FLOW}`);
  const samples = await paired(
    subjects,
    runs,
    progress,
    (subject) => measureFlow(subject, "bench.jobs", false, seconds),
  );
  const checks = Object.entries(PEERS).flatMap(([against, { atLeast }]): Check[] => [
    { metric: "rate", subject: OURS, against, atLeast },
    { metric: "cpu", subject: OURS, against },
  ]);
  return {
    benchmark: "queue",
    name: FLOW,
    metrics: FLOW_METRICS,
    checks,
    samples,
    notes: busyNotes(samples),
  };
}

async function benchDelay(context: BenchContext, subjects: readonly Subject[]): Promise<Case> {
  const { options: { runs, seconds }, progress } = context;
  const name = `one job of ${PAYLOAD_BYTES} B at a time, from push to delivery`;
  progress.begin(`queue, ${name}`);
  const samples = await paired(subjects, runs, progress, async (subject): Promise<Sample> => {
    const place = placeOf(subject, "bench.single");
    const { p50Ms, p99Ms } = await runLoad<QueueDelayResult>(
      { kind: "queue-delay", ...place, seconds },
      seconds,
    );
    return { p50: p50Ms, p99: p99Ms };
  });
  const checks = Object.keys(PEERS).flatMap((against): Check[] =>
    DELAY_METRICS.map(({ key }) => ({ metric: key, subject: OURS, against }))
  );
  return { benchmark: "queue", name, metrics: DELAY_METRICS, checks, samples, notes: [] };
}

async function benchBacklog(context: BenchContext, servers: readonly Subject[]): Promise<Case> {
  const { options: { runs, seconds, jobs: most }, progress } = context;
  const levels = most > FEW_JOBS ? [FEW_JOBS, most] : [most];
  const subjects = servers.flatMap((server) =>
    levels.map((level) => {
      const queue = level === most ? "bench.many" : "bench.few";
      return { name: nameOf(server.name, level), server, level, queue };
    })
  );
  progress.begin("queue: jobs are made to wait");
  for (const { name, server, level, queue } of subjects) {
    progress.step(name);
    const place = placeOf(server, queue);
    await runLoad({ kind: "queue-fill", ...place, jobs: level }, level / SLOWEST_FILL / 10);
  }
  const name = `${FLOW}, beside n jobs that wait`;
  progress.begin(`queue, ${name}`);
  const samples = await paired(
    subjects,
    runs,
    progress,
    ({ server, queue }) => measureFlow(server, queue, true, seconds),
  );
  const checks = levels.length === 1 ? [] : servers.map((server): Check => ({
    metric: "rate",
    subject: nameOf(server.name, levels[0]),
    against: nameOf(server.name, levels[1]),
    ...(server.name === OURS ? { atMost: FLAT_WITHIN } : {}),
  }));
  return {
    benchmark: "queue",
    name,
    metrics: FLOW_METRICS,
    checks,
    samples,
    notes: busyNotes(samples),
  };
}

async function measureFlow(
  subject: Subject,
  queue: string,
  keepsBacklog: boolean,
  seconds: number,
): Promise<Sample> {
  const place = placeOf(subject, queue);
  const result = await runLoad<QueueFlowResult>(
    { kind: "queue-flow", ...place, ...SHAPE, keepsBacklog, seconds },
    seconds,
  );
  return {
    rate: result.jobs / result.seconds,
    cpu: result.serverCpuSeconds / result.jobs * 1e6,
    [LOAD_SHARE]: result.loadCpuSeconds / result.seconds,
  };
}

function placeOf({ dialect, port, pid }: Subject, queue: string) {
  return { target: { dialect, port, pid }, queue, payloadBytes: PAYLOAD_BYTES };
}

function nameOf(server: string, jobs: number): string {
  return `${server}, n = ${jobs.toLocaleString("en-US")}`;
}
