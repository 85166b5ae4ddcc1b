/**
 * Durable publishing: publishers that each keep a number of events under way and count what is
 * acknowledged; and the reading of all that was kept.
 *
 * Ours acknowledges after its fsync. JetStream, with file storage, acknowledges when it has written, up to
 * two minutes before its fsync. Acknowledgements are counted one by one, since their length varies.
 */
import { FrameReader } from "../../lib/wire/frame_reader.ts";
import { Histogram } from "../../lib/cli/bench/histogram.ts";
import { cpuSeconds } from "../harness/process_facts.ts";
import { fields, frame, hello } from "./dialect_parley.ts";
import { KEPT_TOPIC, type KeptShape, openPublishers } from "./kept_publisher.ts";
import { concat, serverSeconds, Setup, type Target } from "./target.ts";

/** What to publish. */
export interface KeptLoad extends KeptShape {
  readonly kind: "kept";
  readonly publishers: number;
  readonly seconds: number;
  /** Whether all that was kept is then read from the start; ours only. */
  readonly replay: boolean;
}

/** One event at a time, on a server that has nothing else to do. */
export interface KeptDelayLoad extends Pick<KeptShape, "target" | "payloadBytes"> {
  readonly kind: "kept-delay";
  readonly seconds: number;
  /** Between an acknowledgement and the next publish, in milliseconds. */
  readonly pauseMs: number;
}

/** How long acknowledgements took. */
export interface KeptDelayResult {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What came of it. */
export interface KeptLoadResult {
  readonly acknowledged: number;
  readonly seconds: number;
  readonly serverCpuSeconds: number;
  readonly loadCpuSeconds: number;
  /** Events read from the start, and how long that took; 0 without a replay. */
  readonly replayed: number;
  readonly replaySeconds: number;
}

const WARM_UP = 0.2;

/** Runs the load. */
export async function runKeptLoad(load: KeptLoad): Promise<KeptLoadResult> {
  const publishers = await openPublishers(load, load.publishers);
  const phase = async (seconds: number) => {
    const until = performance.now() + seconds * 1000;
    const counts = await Promise.all(publishers.map((each) => each.publishUntil(until)));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  const warm = await phase(load.seconds * WARM_UP);
  const before = [serverSeconds(load.target), cpuSeconds(Deno.pid)];
  const startMs = performance.now();
  const acknowledged = await phase(load.seconds);
  const seconds = (performance.now() - startMs) / 1000;
  const after = [serverSeconds(load.target), cpuSeconds(Deno.pid)];
  const replayStartMs = performance.now();
  const replayed = load.replay ? await replay(load.target, warm + acknowledged) : 0;
  return {
    acknowledged,
    seconds,
    serverCpuSeconds: after[0] - before[0],
    loadCpuSeconds: after[1] - before[1],
    replayed,
    replaySeconds: (performance.now() - replayStartMs) / 1000,
  };
}

/** Publishes one event after the other, each once the one before it is acknowledged. */
export async function runKeptDelay(load: KeptDelayLoad): Promise<KeptDelayResult> {
  const [publisher] = await openPublishers({ ...load, inFlight: 1 }, 1);
  let delays = new Histogram();
  for (const share of [WARM_UP, 1]) {
    delays = new Histogram();
    const until = performance.now() + load.seconds * 1000 * share;
    while (delays.count === 0 || performance.now() < until) {
      const sentMs = performance.now();
      await publisher.publishOne();
      delays.record(performance.now() - sentMs);
      await new Promise((resolve) => setTimeout(resolve, load.pauseMs));
    }
  }
  publisher.close();
  return { count: delays.count, p50Ms: delays.quantileMs(0.5), p99Ms: delays.quantileMs(0.99) };
}

const SUBSCRIBE_FIELD = 5;
/** Subscribe.start, with everything that there is. */
const START_ALL = new Uint8Array([0x32, 0x02, 0x20, 0x01]);
/** Tag of ServerMessage.event. */
const EVENT_TAG = 0x1a;

/** Subscribes from the first event on, and waits until `events` have come. */
async function replay(target: Target, events: number): Promise<number> {
  const setup = await Setup.open(target);
  await hello(setup);
  await setup.write(frame(SUBSCRIBE_FIELD, concat([fields(KEPT_TOPIC), START_ALL]), 2));
  const reader = new FrameReader("delimited", 1 << 20);
  let seen = 0;
  while (seen < events) {
    const count = await setup.connection.read(reader.space());
    if (count === null) throw new Error(`the replay ended after ${seen} of ${events} events`);
    reader.filled(count);
    while (reader.next()) if (reader.buffer[reader.messageStart] === EVENT_TAG) seen++;
  }
  return seen;
}
