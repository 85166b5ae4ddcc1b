/**
 * A room: many members, each a connection with a name of its own, of whom one speaks with a few messages
 * under way. Every member, the speaker included, gets every message.
 *
 * All are in this one process, so that a message is sent and received by the same clock. That also makes
 * the delays those of a member whose machine reads for all the others, too.
 */
import { FrameReader } from "../../lib/wire/frame_reader.ts";
import { cpuSeconds } from "../harness/process_facts.ts";
import { atOnce } from "./at_once.ts";
import { call, callFrame, fields, hello, subscribe } from "./dialect_parley.ts";
import { Talk } from "./talk.ts";
import { concat, type Connection, Setup, type Target, writeAll } from "./target.ts";

/** What to say to how many. */
export interface RoomLoad {
  readonly kind: "room";
  readonly target: Target;
  readonly members: number;
  readonly messages: number;
  readonly inFlight: number;
  readonly textBytes: number;
}

/** What came of it. */
export interface RoomLoadResult {
  readonly deliveries: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly serverCpuSeconds: number;
  readonly loadCpuSeconds: number;
}

const ROOM = "bench";
const METHODS = "parley.v1.Rooms/";
const WARM_UP = 0.2;
const MAX_MESSAGE_BYTES = 1 << 20;
/** A conversation in which nothing comes for so long fails the load. */
const STALL_MS = 10_000;

/** Runs the load: first to warm up, then to measure. */
export async function runRoomLoad(load: RoomLoad): Promise<RoomLoadResult> {
  const members = await enter(load);
  const talk = new Talk(members.length, load.inFlight, load.textBytes);
  const failure = Promise.race(members.map((each, index) => receive(each, index, talk)));
  // It is told to whoever waits for the conversation; nobody may be waiting at the moment.
  failure.catch(() => {});
  const phase = async (messages: number, warmUp: boolean) => {
    const done = talk.allow(messages, warmUp);
    await speak(members[0], talk);
    await withinStall(talk, Promise.race([done, failure]));
  };
  await phase(Math.ceil(load.messages * WARM_UP), true);
  const before = [cpuSeconds(load.target.pid), cpuSeconds(Deno.pid)];
  const startMs = performance.now();
  await phase(load.messages, false);
  const seconds = (performance.now() - startMs) / 1000;
  const after = [cpuSeconds(load.target.pid), cpuSeconds(Deno.pid)];
  return {
    deliveries: talk.delays.count,
    seconds,
    p50Ms: talk.delays.quantileMs(0.5),
    p99Ms: talk.delays.quantileMs(0.99),
    maxMs: talk.delays.maxMs,
    serverCpuSeconds: after[0] - before[0],
    loadCpuSeconds: after[1] - before[1],
  };
}

/** Lets everybody come in, and then listen: what is announced of those who come is not measured. */
async function enter(load: RoomLoad): Promise<Connection[]> {
  const members = await atOnce(Array.from({ length: load.members }), async (_, index) => {
    const setup = await Setup.open(load.target);
    await hello(setup);
    await call(setup, `${METHODS}ClaimName`, fields(`member-${index}`));
    await call(setup, `${METHODS}Join`, fields(ROOM));
    return setup;
  });
  await atOnce(members, (setup) => subscribe(setup, `room.${ROOM}`, { echo: true }));
  return members.map(({ connection }) => connection);
}

/** Says what may be said now. */
async function speak(connection: Connection, talk: Talk): Promise<void> {
  const frames: Uint8Array[] = [];
  for (let text = talk.next(performance.now()); text !== undefined;) {
    // The answers come in order, so all can have the same id.
    frames.push(callFrame(`${METHODS}Say`, fields(ROOM, text)));
    text = talk.next(performance.now());
  }
  if (frames.length > 0) await writeAll(connection, concat(frames));
}

/** Listens for ever; the first member speaks again as its answers come. Rejects when something is wrong. */
async function receive(connection: Connection, member: number, talk: Talk): Promise<never> {
  const reader = new FrameReader("delimited", MAX_MESSAGE_BYTES);
  for (;;) {
    const count = await connection.read(reader.space());
    if (count === null) throw new Error("the server ended the connection of a member");
    reader.filled(count);
    const nowMs = performance.now();
    while (reader.next()) {
      talk.take(member, reader.buffer.subarray(reader.messageStart, reader.messageEnd), nowMs);
    }
    if (member === 0) await speak(connection, talk);
  }
}

/** Rejects when no delivery comes for a long time. */
async function withinStall(talk: Talk, work: Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  let seen = -1;
  const timer = setInterval(() => {
    const all = talk.deliveries;
    if (all === seen) {
      reject(new Error(`nothing for ${STALL_MS / 1000} s, after ${all} deliveries`));
    }
    seen = all;
  }, STALL_MS);
  try {
    await Promise.race([work, promise]);
  } finally {
    clearInterval(timer);
  }
}
