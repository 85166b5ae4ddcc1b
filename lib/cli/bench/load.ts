/**
 * The load generator for echo: plain sockets, prebuilt bytes out, bytes counted in.
 *
 * It measures the server and not a client, so it parses nothing: the answer to an echo has the bytes of
 * the request, and only the first answer of each connection is compared. Answers that are under way when
 * the time is over are waited for and counted. Of any length, it uses the same memory.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { handled } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { type ServerMessage, ServerMessageSchema } from "../../gen/parley/v1/envelope_pb.ts";
import { dialAll, dialer, hangUp, shownServer } from "./dial.ts";
import { type Durations, Histogram } from "./histogram.ts";
import { PROGRESS_INTERVAL_MS, repeated, watchStall, writeAll } from "./load_run.ts";

/** What load to make. */
export interface EchoLoad {
  /** `parley://host:port` or `unix:///path`. */
  readonly server: string;
  /** Connections at once. */
  readonly connections: number;
  /** Requests that each connection has under way; 1 is ping-pong, and only then latency is measured. */
  readonly inFlight: number;
  /** Bytes of the text in each request. */
  readonly sizeBytes: number;
  /** How long; or see `requests`. */
  readonly seconds?: number;
  /** How many requests over all connections; stronger than `seconds`. */
  readonly requests?: number;
  /**
   * `delimited`: a length before each message, as on tcp and unix. `bytes`: the message alone, for the
   * raw listener, or for any server that sends back what it gets.
   */
  readonly framing: "delimited" | "bytes";
  /** Called about five times a second with the number of answers so far. */
  readonly onProgress?: (answers: number) => void;
}

/** What came of it. */
export interface LoadResult {
  /** Answers that came. */
  readonly requests: number;
  /** From the first request to the last answer. */
  readonly seconds: number;
  readonly requestsPerSecond: number;
  /** Bytes of answers a second, in units of 10⁶. */
  readonly megabytesPerSecond: number;
  /** The bytes of one request, and of one answer. */
  readonly frameBytes: number;
  /** Round trips, in milliseconds; null unless `inFlight` is 1. */
  readonly latencyMs: Durations | null;
}

// What the kernel takes without anybody reading, so that a write of this size cannot wait for a read.
const SMALL_WRITE_BYTES = 32 * 1024;
const READ_BUFFER_BYTES = 256 * 1024;

/** Makes the load and waits for its end. Rejects when a connection fails or an answer is wrong. */
export async function runEchoLoad(load: EchoLoad): Promise<LoadResult> {
  const frame = echoFrame(load.sizeBytes, load.framing);
  const links = await dialAll(dialer(load.server), load.connections);
  const histogram = load.inFlight === 1 ? new Histogram() : null;
  const run = new LoadRun(load, frame, histogram);
  const timers = [setInterval(() => load.onProgress?.(run.answers), PROGRESS_INTERVAL_MS)];
  let failure: unknown = null;
  const closeAll = () => links.forEach(hangUp);
  try {
    const startMs = performance.now();
    if (load.requests === undefined) {
      timers.push(setTimeout(() => run.stop(), (load.seconds ?? 5) * 1000));
    }
    timers.push(watchStall(() => run.answers, (seconds) => {
      failure ??= new ParleyError(ErrorCode.DEADLINE_EXCEEDED, `no answer came for ${seconds} s`);
      closeAll();
    }));
    await Promise.all(links.map((link) =>
      run.drive(link).catch((error) => {
        // One failure ends the others; theirs are its consequence.
        failure ??= error;
        closeAll();
      })
    ));
    if (failure !== null) {
      throw ParleyError.from(
        failure,
        ErrorCode.UNAVAILABLE,
        `the load on ${shownServer(load.server)} failed`,
      );
    }
    return result(run.answers, (performance.now() - startMs) / 1000, frame.length, histogram);
  } finally {
    timers.forEach(clearInterval);
    closeAll();
  }
}

/** Builds one request: a ClientMessage with nothing but an echo of `sizeBytes` bytes of ASCII. */
export function echoFrame(sizeBytes: number, framing: EchoLoad["framing"]): Uint8Array {
  const echo = new BinaryWriter();
  if (sizeBytes > 0) echo.tag(1, 2).string("x".repeat(sizeBytes));
  const message = new BinaryWriter().tag(1, 2).bytes(echo.finish()).finish();
  return framing === "bytes" ? message : new BinaryWriter().bytes(message).finish();
}

/** The state that the connections of one load share. */
class LoadRun {
  answers = 0;
  readonly #load: EchoLoad;
  readonly #frame: Uint8Array;
  readonly #batch: Uint8Array;
  readonly #histogram: Histogram | null;
  #unsent: number;

  constructor(load: EchoLoad, frame: Uint8Array, histogram: Histogram | null) {
    this.#load = load;
    this.#frame = frame;
    this.#histogram = histogram;
    this.#unsent = load.requests ?? Infinity;
    this.#batch = repeated(frame, load.inFlight);
  }

  /** Sends no more requests; those under way are still awaited. */
  stop(): void {
    this.#unsent = 0;
  }

  /** Keeps one connection busy until the load is over. */
  async drive(link: Deno.Conn): Promise<void> {
    const frameBytes = this.#frame.length;
    const buffer = new Uint8Array(
      Math.min(READ_BUFFER_BYTES, Math.max(4096, this.#batch.length)),
    );
    let underWay = 0;
    let receivedBytes = 0;
    let answered = 0;
    let sentMs = 0;
    let writing: Promise<void> | null = null;
    while (true) {
      const count = Math.min(this.#load.inFlight - underWay, this.#unsent);
      if (count > 0 && writing === null) {
        this.#unsent -= count;
        underWay += count;
        sentMs = performance.now();
        const batch = this.#batch.subarray(0, count * frameBytes);
        if (batch.length <= SMALL_WRITE_BYTES) {
          await writeAll(link, batch);
        } else {
          // Answers are read while this write is under way: else both sides could wait for each other.
          writing = writeAll(link, batch);
          handled(writing.then(() => writing = null));
        }
      }
      if (underWay === 0) {
        if (writing === null) return;
        await writing;
        continue;
      }
      const read = await this.#read(link, buffer, writing);
      if (receivedBytes < frameBytes) this.#compare(buffer.subarray(0, read), receivedBytes);
      receivedBytes += read;
      const complete = Math.floor(receivedBytes / frameBytes) - answered;
      answered += complete;
      underWay -= complete;
      this.answers += complete;
      if (complete > 0) this.#histogram?.record(performance.now() - sentMs);
    }
  }

  async #read(link: Deno.Conn, buffer: Uint8Array, writing: Promise<void> | null): Promise<number> {
    const read = link.read(buffer);
    // A write that fails is told at once, and not after a read that may never end.
    const count = await (writing === null ? read : Promise.race([read, writing.then(() => read)]));
    if (count === null) throw new Error("the server closed a connection");
    return count;
  }

  /** Compares the first answer: a server that answers with errors must not look fast. */
  #compare(bytes: Uint8Array, at: number): void {
    const expected = this.#frame.subarray(at, at + bytes.length);
    if (expected.every((byte, index) => byte === bytes[index])) return;
    throw refusalIn(bytes, this.#load.framing) ?? new Error("the answer is not what was sent");
  }
}

/** The server's own words, if it answered with an error. */
function refusalIn(bytes: Uint8Array, framing: EchoLoad["framing"]): ParleyError | null {
  try {
    const answer = framing === "bytes"
      ? fromBinary(ServerMessageSchema, bytes)
      : firstMessage(bytes);
    if (answer.message.case !== "error") return null;
    return new ParleyError(answer.message.value.code, answer.message.value.message);
  } catch {
    return null;
  }
}

function firstMessage(bytes: Uint8Array): ServerMessage {
  return fromBinary(ServerMessageSchema, new BinaryReader(bytes).bytes());
}

function result(
  requests: number,
  seconds: number,
  frameBytes: number,
  histogram: Histogram | null,
): LoadResult {
  return {
    requests,
    seconds,
    requestsPerSecond: requests / seconds,
    megabytesPerSecond: requests * frameBytes / seconds / 1e6,
    frameBytes,
    latencyMs: histogram?.summary() ?? null,
  };
}
