/**
 * A client that does next to nothing: it asks for an echo, waits for it, and a little later asks again. How
 * long it waits is what the others do to it.
 */
import { Histogram } from "../../lib/cli/bench/histogram.ts";
import { nats } from "./dialect_nats.ts";
import { fields, frame, frameBytes, hello } from "./dialect_parley.ts";
import type { Steps } from "./steps.ts";
import { indexOfText, Setup, type Target } from "./target.ts";

/** Whom to ask, and how often. */
export interface InnocentLoad {
  readonly kind: "innocent";
  readonly target: Target;
  /** Between an answer and the next question, in milliseconds. */
  readonly pauseMs: number;
}

/** How long it waited. */
export interface InnocentResult {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const ECHO_FIELD = 1;
const PONG = "PONG\r\n";
const encoder = new TextEncoder();

/** Asks for as many seconds as each step says. */
export async function runInnocent(load: InnocentLoad, steps: Steps): Promise<void> {
  const setup = await Setup.open(load.target);
  const isNats = load.target.dialect === "nats";
  if (isNats) await nats.open(setup);
  else await hello(setup);
  const question = isNats ? encoder.encode("PING\r\n") : frame(ECHO_FIELD, fields("innocent"), 1);
  const whole = isNats ? pongBytes : frameBytes;
  steps.answer({ ready: true });
  for (let step = await steps.next(); step !== undefined; step = await steps.next()) {
    const delays = new Histogram();
    const untilMs = performance.now() + Number(step) * 1000;
    while (delays.count === 0 || performance.now() < untilMs) {
      const sentMs = performance.now();
      await setup.write(question);
      await setup.take(whole, "an echo");
      delays.record(performance.now() - sentMs);
      await new Promise((resolve) => setTimeout(resolve, load.pauseMs));
    }
    steps.answer(
      {
        count: delays.count,
        p50Ms: delays.quantileMs(0.5),
        p99Ms: delays.quantileMs(0.99),
        maxMs: delays.maxMs,
      } satisfies InnocentResult,
    );
  }
}

function pongBytes(bytes: Uint8Array): number | undefined {
  const at = indexOfText(bytes, PONG);
  return at < 0 ? undefined : at + PONG.length;
}
