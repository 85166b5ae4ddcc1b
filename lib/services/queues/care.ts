/**
 * The administration of queues: pausing, and peeking, purging and redriving, each in steps that leave others their turn.
 *
 * A redriven job leaves the dead letters in the batch in which it is back in its queue. A step is committed
 * before the next one begins, so that what is under way is bounded.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { type Job, JobSchema, JobState as PeekedState } from "../../gen/parley/v1/queue_pb.ts";
import { DEAD_SUFFIX, isDeadName } from "../../logic/queues/policies.ts";
import { JobState } from "../../logic/queues/work_queue.ts";
import type { TurnTaker } from "../connection/fair_turns.ts";
import { PeerConsumer, type QueueConsumer } from "./consumer.ts";
import { JobOptions } from "./job_options.ts";
import { withoutId } from "./dead_letters.ts";
import { type JobChunk, readJobs, visitJobs } from "./chunks.ts";
import { committed } from "../kept/committed.ts";
import type { JobMatcher } from "./job_matcher.ts";
import type { Queue } from "./queue.ts";
import { pausedKey } from "./queue_name.ts";
import type { Queues } from "./queues.ts";

/** The most jobs, and bytes of them, that one request looks at; it ends with the chunk in which they are reached. */
export const MAX_LOOKED_JOBS = 20_000;
export const MAX_LOOKED_BYTES = 16 * 1024 * 1024;
/** Jobs that are dropped, and chunks that are redriven, in one step. */
const STEP_JOBS = 16_384;
const STEP_CHUNKS = 16;
const NOTHING = new Uint8Array(0);

/** A job that was peeked at. */
export interface Peeked {
  readonly job: Job;
  readonly state: PeekedState;
  readonly untilUnixMicros: bigint;
  readonly lastError: string;
  readonly holder: string;
}

/** Which jobs a peek is to give. */
interface PeekWanted {
  readonly after: number;
  readonly limit: number;
  readonly maxBytes: number;
  /** Null for all jobs. */
  readonly matcher: JobMatcher | null;
}

/** A page of peeked jobs. Jobs are decoded as they are taken, since a whole decoded page takes much memory. */
export class PeekedJobs {
  readonly #bodies: Uint8Array[] = [];
  readonly #standings: Standing[] = [];

  get length(): number {
    return this.#bodies.length;
  }

  add(body: Uint8Array, standing: Standing): void {
    this.#bodies.push(body);
    this.#standings.push(standing);
  }

  /** The jobs from index `from` to before `to`, decoded. */
  slice(from: number, to?: number): Peeked[] {
    return this.#bodies.slice(from, to)
      .map((body, index) => peeked(body, this.#standings[from + index]));
  }
}

/**
 * The jobs behind `after` that fit, in the order of their ids: at most `limit`, and fewer once they take `maxBytes`
 * together, or once so many were looked at as one request may.
 */
export async function peek(
  queues: Queues,
  queue: Queue,
  { after, limit, maxBytes, matcher }: PeekWanted,
  turn: TurnTaker,
): Promise<{ jobs: PeekedJobs; more: boolean; next: bigint; looked: bigint }> {
  const jobs = new PeekedJobs();
  let bytes = 0;
  let readBytes = 0;
  let looked = 0;
  let next = after;
  const told = (more: boolean) => ({ jobs, more, next: BigInt(next), looked: BigInt(looked) });
  const look = async (chunk: JobChunk): Promise<boolean> => {
    const page = await readJobs(queues.store.jobs, queue, [chunk]);
    await turn.admit();
    readBytes += page.bytes.length;
    return visitJobs([chunk], page, (slot, id, start, end) => {
      const state = peekedState(queue, slot);
      if (id <= after || state === null) return;
      const fits = matcher === null ||
        matcher.fitsStanding(id, state) &&
          (!matcher.needsBody || matcher.fitsBody(page.bytes, start, end));
      if (fits) {
        bytes += end - start;
        if (jobs.length === limit || (bytes > maxBytes && jobs.length > 0)) return false;
        jobs.add(page.bytes.subarray(start, end), standingOf(queue, slot));
      }
      looked++;
      next = id;
    });
  };
  for (const chunk of queue.chunks.behind(after)) {
    if (
      !chunk.stored || matcher?.mayBeWithin(chunk.first, chunk.first + chunk.jobs) === false
    ) {
      if (matcher?.endsBefore(chunk.first)) break;
      continue;
    }
    if (looked >= MAX_LOOKED_JOBS || readBytes >= MAX_LOOKED_BYTES) return told(true);
    if (!await look(chunk)) return told(true);
  }
  return told(false);
}

/** Drops all jobs that no consumer holds; gives their number once that is committed. */
export async function purge(queues: Queues, queue: Queue, turn: TurnTaker): Promise<number> {
  let dropped = 0;
  let step = 0;
  for (const chunk of [...queue.chunks.behind(0)]) {
    await turn.admit();
    for (let index = 0; index < chunk.jobs; index++) {
      const slot = chunk.slotAt(index);
      if (slot < 0 || !queue.machine.drop(slot)) continue;
      dropped++;
      step++;
    }
    if (step < STEP_JOBS) continue;
    step = 0;
    await queues.store.flush();
  }
  await queues.store.flush();
  return dropped;
}

/**
 * Puts dead letters back into their queue, those with these ids or all that no consumer holds; gives their number
 * once that is committed. Rejects with RESOURCE_EXHAUSTED when the queue has no room for more; those before are back.
 */
export async function redrive(
  queues: Queues,
  name: string,
  ids: ReadonlySet<number> | null,
  turn: TurnTaker,
): Promise<number> {
  const living = isDeadName(name) ? name.slice(0, -DEAD_SUFFIX.length) : name;
  const dead = queues.find(living + DEAD_SUFFIX);
  if (dead === null) return 0;
  const queue = queues.get(living, "redrive to");
  let redriven = 0;
  let step = 0;
  for (const chunk of [...dead.chunks.behind(0)]) {
    await turn.admit();
    const isWanted = ids === null || hasAny(chunk, ids);
    if (!isWanted || !chunk.stored) continue;
    const page = await readJobs(queues.store.jobs, dead, [chunk]);
    await turn.admit();
    try {
      visitJobs([chunk], page, (slot, id, start, end) => {
        if ((ids !== null && !ids.has(id)) || !dead.machine.views.isFree(slot)) return;
        redriveJob({ dead, queue, slot }, page.bytes, start, end);
        redriven++;
      });
    } finally {
      queues.endTurn();
    }
    if (++step % STEP_CHUNKS === 0) await queues.store.flush();
  }
  await queues.store.flush();
  return redriven;
}

function hasAny({ first, jobs }: JobChunk, ids: ReadonlySet<number>): boolean {
  for (let id = first; id < first + jobs; id++) if (ids.has(id)) return true;
  return false;
}

/** Puts the dead letter in `slot`, whose body lies from `start` to `end`, back. Raises RESOURCE_EXHAUSTED. */
export function redriveJob(
  { dead, queue, slot }: { dead: Queue; queue: Queue; slot: number },
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  queue.takeOver(withoutId(bytes, start, end), optionsOf(bytes, start, end));
  dead.machine.drop(slot);
}

/** The priority and key of a job; a time that the job once waited for has passed. */
function optionsOf(bytes: Uint8Array, start: number, end: number): JobOptions {
  const options = new JobOptions();
  options.read(bytes, start, end, Infinity);
  options.delayMs = 0;
  return options;
}

/** Where a job stands, as it is told; null for one that is leaving. */
export function peekedState({ machine }: Queue, slot: number): PeekedState | null {
  const state = machine.views.state(slot);
  if (state === JobState.DONE || state === JobState.DROPPING || state === JobState.MOVING) {
    return null;
  }
  return STATES[state] ?? PeekedState.LEASED;
}

/** The part of a peeked job that only its queue knows. */
interface Standing {
  readonly attempt: number;
  readonly redelivered: boolean;
  readonly state: PeekedState;
  readonly untilUnixMicros: bigint;
  readonly lastError: string;
  readonly holder: string;
}

function standingOf(queue: Queue, slot: number): Standing {
  const { machine, context } = queue;
  const state = peekedState(queue, slot) ?? PeekedState.LEASED;
  const holder = machine.views.holder(slot);
  const timed = state === PeekedState.DELAYED || machine.views.state(slot) === JobState.LEASED;
  const untilMs = context.clock.wallMs() + machine.views.timeMs(slot) - context.clock.monotonicMs();
  return {
    attempt: machine.views.attempts(slot),
    redelivered: machine.views.redelivered(slot),
    state,
    untilUnixMicros: timed ? BigInt(Math.round(untilMs * 1000)) : 0n,
    lastError: queue.lastErrorOf(slot),
    holder: state === PeekedState.LEASED ? sessionOf(holder?.attached) : "",
  };
}

/** The session of a consumer; empty for none, and for the server itself. */
function sessionOf(consumer: QueueConsumer | undefined): string {
  return consumer instanceof PeerConsumer ? consumer.session.sessionId : "";
}

function peeked(body: Uint8Array, standing: Standing): Peeked {
  const job = fromBinary(JobSchema, body);
  job.attempt = standing.attempt;
  job.redelivered = standing.redelivered;
  const { state, untilUnixMicros, lastError, holder } = standing;
  return { job, state, untilUnixMicros, lastError, holder };
}

/** The states as they are told; all others are told as leased, since a consumer holds the job or just did. */
const STATES: Readonly<Record<number, PeekedState | undefined>> = {
  [JobState.READY]: PeekedState.READY,
  [JobState.DELAYED]: PeekedState.DELAYED,
  [JobState.RETRYING]: PeekedState.DELAYED,
  [JobState.BLOCKED]: PeekedState.BLOCKED,
};

/** Pauses a queue, or lets it go on, and stores that. Resolves when that is committed. */
export async function pauseQueue(queues: Queues, queue: Queue, paused: boolean): Promise<void> {
  const { store } = queues;
  const key = pausedKey(queue.name);
  const isKept = queues.isPaused(queue.name);
  const set = (now: boolean) => {
    if (now) queue.machine.pause();
    else queue.machine.resume();
    queues.touch(queue);
  };
  set(paused);
  if (paused === isKept) return;
  try {
    await committed((ticket) => {
      if (paused) store.put(key, NOTHING, -1, ticket);
      else store.remove(key, -1, ticket);
    });
  } catch (error) {
    set(isKept);
    throw error;
  }
}

/** Forgets that a queue was paused. Resolves when that is committed. */
export async function unpauseQueue(queues: Queues, queue: Queue): Promise<void> {
  if (queues.isPaused(queue.name)) await pauseQueue(queues, queue, false);
}
