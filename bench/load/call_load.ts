/**
 * Calls and answers: many callers, each with one call under way, and one connection that answers.
 *
 * Callers and responder are in this one process for every server, so its share of the time is about the
 * same for all. Calls under way at the end are waited for. With NATS a call is what its clients make of
 * one: an inbox that the caller subscribes to once, and a message that names it.
 */
import { Histogram } from "../../lib/cli/bench/histogram.ts";
import { cpuSeconds } from "../harness/process_facts.ts";
import { type CallDialect, natsCalls, parleyCalls } from "./call_dialect.ts";
import { type Connection, Setup, type Target, writeAll } from "./target.ts";

/** What to call. */
export interface CallLoad {
  readonly kind: "call";
  readonly target: Target;
  readonly callers: number;
  readonly payloadBytes: number;
  readonly seconds: number;
}

/** What came of it. */
export interface CallLoadResult {
  readonly calls: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly serverCpuSeconds: number;
  readonly loadCpuSeconds: number;
}

const RESPONDER_BUFFER_BYTES = 64 * 1024;
const CALLER_BUFFER_BYTES = 4096;
/** The part of the time that is loaded before it is measured. */
const WARM_UP = 0.2;
/** A call that takes longer fails the load. */
const STALL_MS = 10_000;

/** Runs the load: first to warm up, then to measure. */
export async function runCallLoad(load: CallLoad): Promise<CallLoadResult> {
  const dialect = load.target.dialect === "nats" ? natsCalls : parleyCalls;
  const payload = new Uint8Array(load.payloadBytes).fill("x".charCodeAt(0));
  const responder = await Setup.open(load.target);
  await dialect.respond(responder);
  const responding = respond(responder.connection, dialect, payload);
  const callers: Caller[] = [];
  for (let index = 0; index < load.callers; index++) {
    callers.push(await Caller.open(load.target, dialect, index, payload));
  }
  const phase = async (seconds: number, histogram: Histogram) => {
    const until = performance.now() + seconds * 1000;
    await Promise.all(callers.map((each) => each.callUntil(until, histogram)));
  };
  await failing(responding, phase(load.seconds * WARM_UP, new Histogram()));
  const histogram = new Histogram();
  const before = [cpuSeconds(load.target.pid), cpuSeconds(Deno.pid)];
  const startMs = performance.now();
  await failing(responding, phase(load.seconds, histogram));
  const seconds = (performance.now() - startMs) / 1000;
  const after = [cpuSeconds(load.target.pid), cpuSeconds(Deno.pid)];
  return {
    calls: histogram.count,
    seconds,
    p50Ms: histogram.quantileMs(0.5),
    p99Ms: histogram.quantileMs(0.99),
    serverCpuSeconds: after[0] - before[0],
    loadCpuSeconds: after[1] - before[1],
  };
}

/** Waits for the work, or for the failure of the responder. */
function failing(responding: Promise<never>, work: Promise<void>): Promise<void> {
  return Promise.race([responding, work]);
}

/** Answers every call; the answers to what one read brought leave in one write. */
async function respond(
  connection: Connection,
  dialect: CallDialect,
  payload: Uint8Array,
): Promise<never> {
  const input = new Uint8Array(RESPONDER_BUFFER_BYTES);
  const output = new Uint8Array(RESPONDER_BUFFER_BYTES * 2);
  const answer = dialect.answerer(payload);
  let filled = 0;
  for (;;) {
    const count = await connection.read(input.subarray(filled));
    if (count === null) throw new Error("the server ended the connection of the responder");
    filled += count;
    const { taken, written } = answer(input.subarray(0, filled), output);
    if (taken > 0) input.copyWithin(0, taken, filled);
    filled -= taken;
    if (written > 0) await writeAll(connection, output.subarray(0, written));
  }
}

/** One connection that calls. */
class Caller {
  readonly #connection: Connection;
  readonly #call: Uint8Array;
  readonly #answerBytes: number;
  readonly #unasked: string;
  readonly #buffer = new Uint8Array(CALLER_BUFFER_BYTES);

  private constructor(setup: Setup, call: Uint8Array, answerBytes: number, unasked: string) {
    this.#connection = setup.connection;
    this.#call = call;
    this.#answerBytes = answerBytes;
    this.#unasked = unasked;
  }

  /** Connects, and makes one call to learn what an answer looks like. */
  static async open(
    target: Target,
    dialect: CallDialect,
    index: number,
    payload: Uint8Array,
  ): Promise<Caller> {
    const setup = await Setup.open(target);
    await dialect.prepare(setup, index);
    const call = dialect.call(index, payload);
    await setup.write(call);
    const answer = await setup.take(dialect.answerBytes, "an answer");
    const filler = payload.at(0);
    if (answer.filter((byte) => byte === filler).length < payload.length) {
      throw new Error(`a call was refused: ${new TextDecoder().decode(answer)}`);
    }
    return new Caller(setup, call, answer.length, dialect.unasked);
  }

  /** Calls again and again. */
  async callUntil(until: number, histogram: Histogram): Promise<void> {
    for (let startMs = performance.now(); startMs < until;) {
      await writeAll(this.#connection, this.#call);
      for (let missing = this.#answerBytes; missing > 0;) {
        const count = await this.#connection.read(this.#buffer);
        if (count === null) throw new Error("the server ended the connection of a caller");
        missing -= count;
        if (missing !== 0) missing += this.#unaskedBytes(count);
        if (missing < 0) throw new Error(`an answer had ${-missing} bytes too many`);
      }
      const endMs = performance.now();
      if (endMs - startMs > STALL_MS) throw new Error(`a call took ${endMs - startMs} ms`);
      histogram.record(endMs - startMs);
      startMs = endMs;
    }
  }

  /** How many of the bytes that came are the server's own, at either end. */
  #unaskedBytes(count: number): number {
    if (this.#unasked === "") return 0;
    const text = new TextDecoder().decode(this.#buffer.subarray(0, count));
    return text.startsWith(this.#unasked) || text.endsWith(this.#unasked)
      ? this.#unasked.length
      : 0;
  }
}
