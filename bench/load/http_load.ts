/**
 * The loads of HTTP: requests that publish, one at a time on each connection, and streams of events of one topic.
 *
 * How long an answer and a delivery are is learned of the first; then bytes are counted, and one more or less than was
 * to come fails the load. Streams get their events in rounds: the next is published when all of the last have come.
 */
import { cpuSeconds } from "../harness/process_facts.ts";
import { atOnce } from "./at_once.ts";
import { busDialect } from "./dialect.ts";
import { concat, Setup, type Target } from "./target.ts";
import { type Connection, indexOfText, writeAll } from "./connection.ts";

/** What load to make. */
export interface HttpLoad {
  readonly kind: "http-publish" | "http-events";
  readonly target: Target;
  readonly httpPort: number;
  readonly connections: number;
  readonly seconds: number;
  readonly payloadBytes: number;
}

/** What came of it. */
export interface HttpLoadResult {
  /** Requests that were answered, or deliveries. */
  readonly done: number;
  readonly seconds: number;
  readonly serverCpuSeconds: number;
  readonly loadCpuSeconds: number;
}

/** The part of the time that is loaded before it is measured. */
const WARM_UP = 0.2;
const TOPIC = "bench.http";
/** Events of one round. */
const ROUND = 32;
const BUFFER_BYTES = 64 * 1024;
const encoder = new TextEncoder();

/** Runs one of them. */
export async function runHttp(load: HttpLoad): Promise<HttpLoadResult> {
  const { kind, httpPort, connections } = load;
  const target = { ...load.target, port: httpPort };
  const indexes = Array.from({ length: connections }, (_, index) => index);
  const setups = await atOnce(indexes, () => Setup.open(target));
  const run = kind === "http-publish" ? await publishes(setups, load) : await streams(setups, load);
  await run(load.seconds * WARM_UP);
  const startedMs = performance.now();
  const before = [cpuSeconds(target.pid), cpuSeconds(Deno.pid)];
  const done = await run(load.seconds);
  const after = [cpuSeconds(target.pid), cpuSeconds(Deno.pid)];
  const seconds = (performance.now() - startedMs) / 1000;
  for (const { connection } of setups) connection.close();
  const [serverCpuSeconds, loadCpuSeconds] = after.map((value, index) => value - before[index]);
  return { done, seconds, serverCpuSeconds, loadCpuSeconds };
}

/** Does something for so many seconds; gives how often. */
type Run = (seconds: number) => Promise<number>;

/** Publishes over each connection, again as soon as it is answered. */
async function publishes(setups: readonly Setup[], load: HttpLoad): Promise<Run> {
  const request = encoder.encode(
    `POST /v1/publish/${TOPIC} HTTP/1.1\r\nHost: localhost\r\n` +
      `Content-Length: ${load.payloadBytes}\r\n\r\n${"x".repeat(load.payloadBytes)}`,
  );
  const [first] = setups;
  await first.write(request);
  const answer = await first.take(answerLength, "an answer");
  if (indexOfText(answer, "HTTP/1.1 20") !== 0) {
    throw new Error(`the server does not publish: ${new TextDecoder().decode(answer)}`);
  }
  return async (seconds) => {
    const untilMs = performance.now() + seconds * 1000;
    const counts = await Promise.all(setups.map(async ({ connection }) => {
      const into = new Uint8Array(BUFFER_BYTES);
      let count = 0;
      do {
        await writeAll(connection, request);
        for (let left = answer.length; left > 0;) left = await readOf(connection, into, left);
        count++;
      } while (performance.now() < untilMs);
      return count;
    }));
    return counts.reduce((sum, count) => sum + count, 0);
  };
}

/** Opens streams, and publishes to all of them over tcp. */
async function streams(setups: readonly Setup[], load: HttpLoad): Promise<Run> {
  const request = encoder.encode(
    `GET /v1/events?pattern=${TOPIC} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  );
  await atOnce(setups, async (setup) => {
    await setup.write(request);
    // The first chunk says how long a browser is to wait.
    await setup.take((bytes) => endOf(bytes, "\n\n\r\n"), "the head of a stream");
  });
  const publisher = await Setup.open(load.target);
  const event = busDialect(load.target.dialect).publish(
    TOPIC,
    encoder.encode("x".repeat(load.payloadBytes)),
  );
  await publisher.write(event);
  const lengths = await atOnce(
    setups,
    async (setup) => (await setup.take((bytes) => endOf(bytes, "\n\n\r\n"), "an event")).length,
  );
  const round = concat(Array.from({ length: ROUND }, () => event));
  const into = new Uint8Array(BUFFER_BYTES);
  return async (seconds) => {
    const untilMs = performance.now() + seconds * 1000;
    let rounds = 0;
    do {
      const came = Promise.all(setups.map(async ({ connection }, index) => {
        for (let left = ROUND * lengths[index]; left > 0;) {
          left = await readOf(connection, into, left);
        }
      }));
      await publisher.write(round);
      await came;
      rounds++;
    } while (performance.now() < untilMs);
    return rounds * ROUND * setups.length;
  };
}

/** Reads some of `left` bytes; gives how many are left then. */
async function readOf(connection: Connection, into: Uint8Array, left: number): Promise<number> {
  const count = await connection.read(into);
  if (count === null) throw new Error("the server ended a connection under load");
  if (count > left) throw new Error(`the server sent ${count - left} bytes too many`);
  return left - count;
}

/** The length of the answer that `bytes` begin with, when it is whole. */
function answerLength(bytes: Uint8Array): number | undefined {
  const head = endOf(bytes, "\r\n\r\n");
  if (head === undefined) return undefined;
  const text = new TextDecoder().decode(bytes.subarray(0, head));
  const length = head + Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
  return bytes.length >= length ? length : undefined;
}

/** Where the first `text` in `bytes` ends. */
function endOf(bytes: Uint8Array, text: string): number | undefined {
  const at = indexOfText(bytes, text);
  return at < 0 ? undefined : at + text.length;
}
