/**
 * Several nodes as one, against what they stand on: three nodes of Parley and three servers of NATS with JetStream, which hold
 * the nodes' log and, for the peer, a stream and a work queue with three replicas in files of their own.
 *
 * Both are loaded in turn, by clients of whoever leads and by clients of another node or server. All of it runs on one machine:
 * a server of NATS is then never waited for over a network, and everybody shares the cores.
 */
import { type BenchContext, busyNotes, LOAD_SHARE } from "../harness/context.ts";
import { runLoad } from "../harness/generator.ts";
import { paired } from "../harness/paired.ts";
import type { Case, Check, Metric, Sample } from "../harness/result.ts";
import type { BusLoadResult } from "../load/bus_load.ts";
import type { KeptDelayResult, KeptLoadResult } from "../load/kept_load.ts";
import type { QueueFlowResult } from "../load/queue_load.ts";
import { type Beside, withInnocents } from "./beside.ts";
import { measureKill } from "./failover.ts";
import { startNatsServers } from "./nats_servers.ts";
import { ParleyNodes } from "./nodes.ts";
import { type ClusterSubject, NAMES, QUEUE, SUBJECTS, type Systems, targetsOf } from "./systems.ts";

const PUBLISHERS = 16;
const IN_FLIGHT = 64;
const FLOW = { producers: 8, window: 256, consumers: 8, prefetch: 64 } as const;
const PAYLOAD_BYTES = 128;
const PLAIN_BYTES = [16, 128];
/** Between two single events. */
const DELAY_PAUSE_MS = 2;
const TIMES_NATIVE = 3;
const FAIL_OVER_SECONDS = 6;
const CPU: Metric = { key: "cpu", label: "CPU s per million, all processes", digits: 2 };
const INNOCENT: readonly Metric[] = [
  { key: "here", label: "innocent client there p99 ms", digits: 1 },
  { key: "there", label: "elsewhere p99 ms", digits: 1 },
];
const ACROSS = { parley: "parley, two nodes", nats: "nats-server, two servers" } as const;

/** Measures all of it. */
export async function benchCluster(context: BenchContext): Promise<Case[]> {
  if (context.machine.peers["nats-server"] === undefined) {
    throw new Error("cannot bench a cluster: nats-server is not installed");
  }
  await using stack = new AsyncDisposableStack();
  context.progress.begin("cluster: servers start");
  const folder = await Deno.makeTempDir({ prefix: "parley-bench-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const nats = await startNatsServers(folder, stack);
  const nodes = stack.use(await ParleyNodes.start(folder, nats));
  const systems: Systems = { nats, nodes };
  return [
    await benchKept(context, systems),
    await benchQueue(context, systems),
    ...await benchPlain(context, systems),
    await benchDelay(context, systems),
    await benchFailOver(context, systems),
  ];
}

async function benchKept(context: BenchContext, systems: Systems): Promise<Case> {
  const { options: { runs, seconds }, progress } = context;
  const name = `${PUBLISHERS} publishers of kept events with ${IN_FLIGHT} under way, ` +
    `${PAYLOAD_BYTES} B`;
  progress.begin(`cluster, ${name}`);
  const samples = await paired(SUBJECTS, runs, progress, async (subject): Promise<Sample> => {
    const targets = await targetsOf(systems, subject, "kept");
    const { result, waited } = await withInnocents(targets, seconds, () =>
      runLoad<KeptLoadResult>({
        kind: "kept",
        target: targets.here,
        publishers: PUBLISHERS,
        inFlight: IN_FLIGHT,
        payloadBytes: PAYLOAD_BYTES,
        seconds,
        replay: false,
      }, seconds));
    return sampleOf(result, result.acknowledged, waited);
  });
  return {
    benchmark: "cluster",
    name,
    metrics: [{ key: "rate", label: "acknowledged a second", digits: 0 }, CPU, ...INNOCENT],
    checks: againstNative({ metric: "rate", atLeast: TIMES_NATIVE }, { metric: "cpu" }),
    samples,
    notes: busyNotes(samples),
  };
}

async function benchQueue(context: BenchContext, systems: Systems): Promise<Case> {
  const { options: { runs, seconds }, progress } = context;
  const name = `a queue: ${FLOW.producers} producers with ${FLOW.window} under way, ` +
    `${FLOW.consumers} consumers with ${FLOW.prefetch}, ${PAYLOAD_BYTES} B`;
  progress.begin(`cluster, ${name}`);
  const samples = await paired(SUBJECTS, runs, progress, async (subject): Promise<Sample> => {
    const targets = await targetsOf(systems, subject, "queue");
    const { result, waited } = await withInnocents(
      targets,
      seconds,
      () =>
        runLoad<QueueFlowResult>({
          kind: "queue-flow",
          target: targets.here,
          queue: QUEUE,
          payloadBytes: PAYLOAD_BYTES,
          ...FLOW,
          keepsBacklog: false,
          seconds,
        }, seconds),
    );
    return sampleOf(result, result.jobs, waited);
  });
  return {
    benchmark: "cluster",
    name,
    metrics: [{ key: "rate", label: "jobs a second", digits: 0 }, CPU, ...INNOCENT],
    checks: againstNative({ metric: "rate", atLeast: TIMES_NATIVE }, { metric: "cpu" }),
    samples,
    notes: busyNotes(samples),
  };
}

async function benchPlain(context: BenchContext, systems: Systems): Promise<Case[]> {
  const { options: { runs, seconds }, progress } = context;
  const subjects: ClusterSubject[] = (["parley", "nats"] as const)
    .map((system) => ({ name: ACROSS[system], system, place: "leading" }));
  const cases: Case[] = [];
  for (const payloadBytes of PLAIN_BYTES) {
    const name = `a plain topic across nodes, 1 → 1, ${payloadBytes} B`;
    progress.begin(`cluster, ${name}`);
    const samples = await paired(subjects, runs, progress, async (subject): Promise<Sample> => {
      const targets = await targetsOf(systems, subject, "plain");
      const { result, waited } = await withInnocents(
        targets,
        seconds,
        () =>
          runLoad<BusLoadResult>({
            kind: "bus",
            target: targets.here,
            subscribersAt: targets.there,
            publishers: 1,
            subscribers: 1,
            payloadBytes,
            seconds,
            topics: 1,
          }, seconds),
      );
      return sampleOf(result, result.deliveries, waited);
    });
    const pair = { subject: ACROSS.parley, against: ACROSS.nats };
    cases.push({
      benchmark: "cluster",
      name,
      metrics: [{ key: "rate", label: "deliveries a second", digits: 0 }, CPU, ...INNOCENT],
      checks: [{ metric: "rate", ...pair, atLeast: 1 }, { metric: "cpu", ...pair }],
      samples,
      notes: busyNotes(samples),
    });
  }
  return cases;
}

async function benchDelay(context: BenchContext, systems: Systems): Promise<Case> {
  const { options: { runs, seconds }, progress } = context;
  const name = `one kept event of ${PAYLOAD_BYTES} B at a time on an idle cluster, ` +
    "until it is acknowledged";
  progress.begin(`cluster, ${name}`);
  const samples = await paired(SUBJECTS, runs, progress, async (subject): Promise<Sample> => {
    const { here: target } = await targetsOf(systems, subject, "kept");
    const { p50Ms, p99Ms } = await runLoad<KeptDelayResult>(
      { kind: "kept-delay", target, payloadBytes: PAYLOAD_BYTES, seconds, pauseMs: DELAY_PAUSE_MS },
      seconds,
    );
    return { p50: p50Ms, p99: p99Ms };
  });
  return {
    benchmark: "cluster",
    name,
    metrics: [
      { key: "p50", label: "p50 ms", digits: 3 },
      { key: "p99", label: "p99 ms", digits: 3 },
    ],
    checks: againstNative({ metric: "p50" }, { metric: "p99" }),
    samples,
    notes: [],
  };
}

async function benchFailOver(context: BenchContext, systems: Systems): Promise<Case> {
  const { options: { kills }, progress } = context;
  const name = `fail-over: the node that writes is killed ${kills} times under load`;
  progress.begin(`cluster, ${name}`);
  const seconds: number[] = [];
  for (let kill = 1; kill <= kills; kill++) {
    progress.step(`kill ${kill} of ${kills}`);
    seconds.push(await measureKill(systems.nodes));
  }
  const worst = Math.max(...seconds);
  const subject = "parley";
  return {
    benchmark: "cluster",
    name,
    metrics: [
      { key: "pause", label: "s without an acknowledgement", digits: 2 },
      { key: "worst", label: "the longest", digits: 2 },
    ],
    checks: ["pause", "worst"].map((metric) => ({ metric, subject, atMost: FAIL_OVER_SECONDS })),
    samples: new Map([[subject, seconds.map((pause) => ({ pause, worst }))]]),
    notes: [],
  };
}

/** What all loads give. */
interface Loaded {
  readonly seconds: number;
  readonly serverCpuSeconds: number;
  readonly loadCpuSeconds: number;
}

function sampleOf(result: Loaded, count: number, { here, there }: Beside): Sample {
  return {
    rate: count / result.seconds,
    cpu: result.serverCpuSeconds / count * 1e6,
    here,
    there,
    [LOAD_SHARE]: result.loadCpuSeconds / result.seconds,
  };
}

/** Compares ours with the peer in the same place. */
function againstNative(...checks: readonly Omit<Check, "subject" | "against">[]): Check[] {
  return Object.values(NAMES).flatMap(({ parley: subject, nats: against }) =>
    checks.map((check) => ({ ...check, subject, against }))
  );
}
