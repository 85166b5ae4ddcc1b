/**
 * The load of `parley bench kept`: publishers that each keep a number of acknowledged events under way.
 *
 * Plain sockets and prebuilt bytes; acknowledgements are told from anything else and counted one by one.
 * Raises a ParleyError for a refusal, and FAILED_PRECONDITION when the topic is not kept: then an
 * acknowledgement would say nothing of a disk.
 */
import { create, fromBinary } from "@bufbuild/protobuf";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { ServerMessageSchema } from "../../gen/parley/v1/envelope_pb.ts";
import { EventSchema } from "../../gen/parley/v1/event_pb.ts";
import type { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import { FrameReader } from "../../wire/frame_reader.ts";
import { ACK_TAG, requestFrame } from "./bus_frames.ts";
import { dialAll, dialer, hangUp } from "./dial.ts";
import { repeated, writeAll } from "./load_run.ts";

/** What to publish. */
export interface KeptLoad {
  readonly server: string;
  readonly topic: string;
  readonly publishers: number;
  readonly inFlight: number;
  readonly sizeBytes: number;
  readonly seconds: number;
  readonly onProgress?: (acknowledged: number) => void;
}

/** What came of it. */
interface KeptResult {
  readonly acknowledged: number;
  readonly seconds: number;
  readonly acknowledgedPerSecond: number;
  /** How safe the events are. */
  readonly level: AckLevel;
}

/** The largest answer; an error has a sentence or two. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Runs the load; what is under way at the end is waited for. */
export async function runKeptLoad(load: KeptLoad): Promise<KeptResult> {
  const links = await dialAll(dialer(load.server), load.publishers);
  try {
    const event = eventOf(load);
    const level = await firstLevel(links[0], event, load.topic);
    const batch = repeated(event, load.inFlight);
    const startMs = performance.now();
    const untilMs = startMs + load.seconds * 1000;
    let acknowledged = 0;
    const count = (acks: number) => {
      acknowledged += acks;
      load.onProgress?.(acknowledged);
    };
    const run: Run = { batch, eventBytes: event.length, untilMs, count };
    await Promise.all(links.map((link) => publish(link, run)));
    const seconds = (performance.now() - startMs) / 1000;
    return { acknowledged, seconds, acknowledgedPerSecond: acknowledged / seconds, level };
  } finally {
    links.forEach(hangUp);
  }
}

function eventOf({ topic, sizeBytes }: KeptLoad): Uint8Array {
  const payload = new Uint8Array(sizeBytes).fill(0x78);
  // One id for all: they are counted, not told apart.
  return requestFrame({ case: "event", value: create(EventSchema, { topic, payload }) }, 1n);
}

/** Publishes once, to learn how safe an acknowledged event is here. */
async function firstLevel(link: Deno.Conn, event: Uint8Array, topic: string): Promise<AckLevel> {
  await writeAll(link, event);
  const reader = new FrameReader("delimited", MAX_ANSWER_BYTES);
  while (!reader.next()) await fill(link, reader);
  const { message } = answerIn(reader);
  if (message.case !== "ack") throw refusal(reader);
  if (message.value.seq > 0n) return message.value.level;
  throw new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    `cannot measure "${topic}": it is not kept`,
    {
      accepted: `a topic that a [[keep]] policy matches, like: parley serve --set keep='${topic}'`,
    },
  );
}

/** What each connection publishes. */
interface Run {
  /** The events that may be under way, one behind the other. */
  readonly batch: Uint8Array;
  readonly eventBytes: number;
  readonly untilMs: number;
  /** Is told of acknowledgements as they come. */
  readonly count: (acks: number) => void;
}

/** Keeps a batch under way on one connection until the time is over, then waits for the rest. */
async function publish(link: Deno.Conn, run: Run): Promise<void> {
  const { batch, eventBytes, untilMs, count } = run;
  const reader = new FrameReader("delimited", MAX_ANSWER_BYTES);
  let underWay = batch.length / eventBytes;
  await writeAll(link, batch);
  while (underWay > 0) {
    await fill(link, reader);
    let acks = 0;
    while (reader.next()) {
      if (reader.buffer[reader.messageStart] !== ACK_TAG) throw refusal(reader);
      acks++;
    }
    count(acks);
    underWay -= acks;
    if (acks === 0 || performance.now() >= untilMs) continue;
    await writeAll(link, batch.subarray(0, acks * eventBytes));
    underWay += acks;
  }
}

async function fill(link: Deno.Conn, reader: FrameReader): Promise<void> {
  const count = await link.read(reader.space());
  if (count === null) {
    throw new ParleyError(ErrorCode.UNAVAILABLE, "the server ended a connection under load");
  }
  reader.filled(count);
}

function answerIn(reader: FrameReader) {
  const { buffer, messageStart, messageEnd } = reader;
  return fromBinary(ServerMessageSchema, buffer.slice(messageStart, messageEnd));
}

function refusal(reader: FrameReader): ParleyError {
  const { message } = answerIn(reader);
  if (message.case !== "error") {
    return new ParleyError(ErrorCode.INTERNAL, `the server answered a publish by ${message.case}`);
  }
  const { code, message: text, retryable, accepted } = message.value;
  return new ParleyError(code, text, { retryable, accepted });
}
