/**
 * The load of echo: the one of `parley bench echo`, once to warm up and once to measure, with the time
 * that the server computes.
 */
import { runEchoLoad } from "../../lib/cli/bench/load.ts";
import { cpuSeconds } from "../harness/process_facts.ts";
import type { Target } from "./target.ts";

/** What load to make. */
export interface EchoLoad {
  readonly kind: "echo";
  readonly target: Target;
  readonly connections: number;
  readonly inFlight: number;
  /** Bytes of the text in a request. */
  readonly sizeBytes: number;
  readonly seconds: number;
}

/** What came of it. */
export interface EchoLoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly serverCpuSeconds: number;
  readonly loadCpuSeconds: number;
  /** The bytes of a request on the wire. */
  readonly frameBytes: number;
}

/** The part of the time that is loaded before it is measured. */
const WARM_UP = 0.2;

/** Runs the load. The bare loop is sent the same bytes and sends them back, as an echo does. */
export async function runEcho(load: EchoLoad): Promise<EchoLoadResult> {
  const { target, connections, inFlight, sizeBytes, seconds } = load;
  const server = `parley://127.0.0.1:${target.port}`;
  const common = { server, connections, inFlight, sizeBytes, framing: "delimited" } as const;
  await runEchoLoad({ ...common, seconds: seconds * WARM_UP });
  const before = [cpuSeconds(target.pid), cpuSeconds(Deno.pid)];
  const result = await runEchoLoad({ ...common, seconds });
  const after = [cpuSeconds(target.pid), cpuSeconds(Deno.pid)];
  return {
    requests: result.requests,
    seconds: result.seconds,
    serverCpuSeconds: after[0] - before[0],
    loadCpuSeconds: after[1] - before[1],
    frameBytes: result.frameBytes,
  };
}
