/**
 * Connections that come, exchange one thing, and go: as many a second as a server takes.
 */
import { cpuSeconds } from "../harness/process_facts.ts";
import { nats } from "./dialect_nats.ts";
import { hello } from "./dialect_parley.ts";
import { Setup, type Target } from "./target.ts";

/** What load to make. */
export interface HandshakeLoad {
  readonly kind: "handshakes";
  readonly target: Target;
  /** How many are under way at once. */
  readonly atOnce: number;
  readonly seconds: number;
}

/** What came of it. */
export interface HandshakeResult {
  readonly count: number;
  readonly seconds: number;
  readonly serverCpuSeconds: number;
  readonly loadCpuSeconds: number;
}

/** The part of the time that is loaded before it is measured. */
const WARM_UP = 0.2;

/** Connects for some time: first to warm up, then to measure. */
export async function runHandshakes(load: HandshakeLoad): Promise<HandshakeResult> {
  const { target, seconds } = load;
  await connectFor(load, seconds * WARM_UP);
  const before = [cpuSeconds(target.pid), cpuSeconds(Deno.pid)];
  const startMs = performance.now();
  const count = await connectFor(load, seconds);
  const tookSeconds = (performance.now() - startMs) / 1000;
  const after = [cpuSeconds(target.pid), cpuSeconds(Deno.pid)];
  return {
    count,
    seconds: tookSeconds,
    serverCpuSeconds: after[0] - before[0],
    loadCpuSeconds: after[1] - before[1],
  };
}

async function connectFor({ target, atOnce }: HandshakeLoad, seconds: number): Promise<number> {
  const untilMs = performance.now() + seconds * 1000;
  let count = 0;
  const go = async () => {
    // At least one, however short the time.
    do {
      const setup = await Setup.open(target);
      if (target.dialect === "nats") await nats.open(setup);
      else await hello(setup);
      setup.connection.close();
      count++;
    } while (performance.now() < untilMs);
  };
  await Promise.all(Array.from({ length: atOnce }, go));
  return count;
}
