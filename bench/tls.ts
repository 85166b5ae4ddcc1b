/**
 * TLS: connections a second and deliveries a second, against ours without TLS and against nats-server with TLS.
 */
import { busProfiles, measureBus } from "./bus.ts";
import { type BenchContext, busyNotes, LOAD_SHARE, startAll } from "./harness/context.ts";
import { runLoad } from "./harness/generator.ts";
import { paired } from "./harness/paired.ts";
import type { Case, Check, Metric } from "./harness/result.ts";
import { type Start, startParley, type Subject } from "./harness/subjects.ts";
import { makeFiles, startNatsTls, startParleyTls } from "./harness/tls_subjects.ts";
import type { HandshakeResult } from "./load/handshake_load.ts";
import { targetOf } from "./harness/target_of.ts";

const AT_ONCE = 8;
const [OURS, PLAIN, NATS] = ["parley, tls", "parley, tcp", "nats-server, tls"];
const CONNECT_METRICS: readonly Metric[] = [
  { key: "rate", label: "connections a second", digits: 0 },
  { key: "cpu", label: "server CPU ms each", digits: 2 },
];
const BUS_METRICS: readonly Metric[] = [
  { key: "rate", label: "10⁶ deliveries a second", digits: 2 },
  { key: "cpu", label: "server CPU s per million", digits: 3 },
];

/** Measures connections, and the profiles of the bus. */
export async function benchTls(context: BenchContext): Promise<Case[]> {
  await using files = await makeFiles();
  await using stack = new AsyncDisposableStack();
  const starts: Start[] = [() => startParleyTls(files), () => startParley(PLAIN)];
  if (context.machine.peers["nats-server"] !== undefined) starts.push(() => startNatsTls(files));
  const subjects = await startAll(starts, stack);
  const cases = [await handshakes(context, subjects)];
  for (const profile of busProfiles) cases.push(await bus(context, subjects, profile));
  return cases;
}

/** Ours against both others. */
function checksOf(atLeast?: number): Check[] {
  return [
    { metric: "rate", subject: OURS, against: NATS, atLeast },
    { metric: "cpu", subject: OURS, against: NATS },
    { metric: "rate", subject: OURS, against: PLAIN },
    { metric: "cpu", subject: OURS, against: PLAIN },
  ];
}

async function handshakes(
  { options, progress }: BenchContext,
  subjects: readonly Subject[],
): Promise<Case> {
  const name = `connections that come, say Hello and go, ${AT_ONCE} at once`;
  progress.begin(`tls, ${name}`);
  const { seconds } = options;
  const samples = await paired(subjects, options.runs, progress, async (subject) => {
    const target = targetOf(subject);
    const load = { kind: "handshakes", target, atOnce: AT_ONCE, seconds } as const;
    const result = await runLoad<HandshakeResult>(load, seconds);
    return {
      rate: result.count / result.seconds,
      cpu: result.serverCpuSeconds / result.count * 1000,
      [LOAD_SHARE]: result.loadCpuSeconds / result.seconds,
    };
  });
  const notes = busyNotes(samples);
  return { benchmark: "tls", name, metrics: CONNECT_METRICS, checks: checksOf(), samples, notes };
}

async function bus(
  { options, progress }: BenchContext,
  subjects: readonly Subject[],
  { publishers, subscribers, payloadBytes }: typeof busProfiles[number],
): Promise<Case> {
  const name = `${publishers} → ${subscribers}, ${payloadBytes} B`;
  progress.begin(`tls, ${name}`);
  const { seconds } = options;
  const shape = { publishers, subscribers, payloadBytes, seconds, topics: 1 };
  const measure = (subject: Subject) => measureBus(subject, shape);
  const samples = await paired(subjects, options.runs, progress, measure);
  const notes = busyNotes(samples);
  return { benchmark: "tls", name, metrics: BUS_METRICS, checks: checksOf(1), samples, notes };
}
