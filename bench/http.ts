/**
 * HTTP: publishing over connections that stay, against the runtime's own server and that of node:http with nothing behind
 * them, and streams of events of one topic.
 *
 * Ours publishes each body and answers how many got it; the bare servers read it and answer 204. What is left to win is
 * what node:http, which ours stands on, leaves.
 */
import { type BenchContext, busyNotes, LOAD_SHARE, startAll } from "./harness/context.ts";
import { runLoad } from "./harness/generator.ts";
import { paired } from "./harness/paired.ts";
import type { Case, Check, Metric, Sample } from "./harness/result.ts";
import { startBareHttp, startBareNodeHttp, startParley, type Subject } from "./harness/subjects.ts";
import type { HttpLoadResult } from "./load/http_load.ts";

const CONNECTIONS = 50;
const PAYLOAD_BYTES = 64;
const PUBLISH_METRICS: readonly Metric[] = [
  { key: "rate", label: "requests a second", digits: 0 },
  { key: "cpu", label: "server CPU µs a request", digits: 1 },
];
const EVENTS_METRICS: readonly Metric[] = [
  { key: "rate", label: "deliveries a second", digits: 0 },
  { key: "cpu", label: "server CPU µs a delivery", digits: 1 },
];
const PAIRS = [
  { subject: "parley", against: "bare Deno.serve" },
  { subject: "parley", against: "bare node:http" },
  { subject: "bare node:http", against: "bare Deno.serve" },
];

/** Measures both. */
export async function benchHttp(context: BenchContext): Promise<Case[]> {
  const { readers } = context.options;
  const published = `publish, ${CONNECTIONS} connections that stay, ${PAYLOAD_BYTES} B`;
  const streamed = `events to ${readers.toLocaleString("en-US")} streams, ${PAYLOAD_BYTES} B`;
  return [
    await measure(context, {
      name: published,
      kind: "http-publish",
      connections: CONNECTIONS,
      metrics: PUBLISH_METRICS,
      checks: PAIRS.flatMap((pair) => [{ metric: "rate", ...pair }, { metric: "cpu", ...pair }]),
      starts: [() => startParley(), startBareHttp, startBareNodeHttp],
    }),
    await measure(context, {
      name: streamed,
      kind: "http-events",
      connections: readers,
      metrics: EVENTS_METRICS,
      checks: [],
      starts: [() => startParley()],
    }),
  ];
}

/** What is measured of whom. */
interface Shape {
  readonly name: string;
  readonly kind: "http-publish" | "http-events";
  readonly connections: number;
  readonly metrics: readonly Metric[];
  readonly checks: readonly Check[];
  readonly starts: readonly (() => Promise<Subject>)[];
}

async function measure({ options, progress }: BenchContext, shape: Shape): Promise<Case> {
  await using stack = new AsyncDisposableStack();
  const { name, kind, connections, metrics, checks } = shape;
  const subjects = await startAll(shape.starts, stack);
  progress.begin(`http, ${name}`);
  const { seconds } = options;
  const samples = await paired(
    subjects,
    options.runs,
    progress,
    async (subject): Promise<Sample> => {
      const { dialect, port, pid, webSocketPort: httpPort = port } = subject;
      const load = {
        kind,
        target: { dialect, port, pid },
        httpPort,
        connections,
        seconds,
        payloadBytes: PAYLOAD_BYTES,
      };
      const result = await runLoad<HttpLoadResult>(load, seconds);
      return {
        rate: result.done / result.seconds,
        cpu: result.serverCpuSeconds / result.done * 1e6,
        [LOAD_SHARE]: result.loadCpuSeconds / result.seconds,
      };
    },
  );
  return { benchmark: "http", name, metrics, checks, samples, notes: busyNotes(samples) };
}
