/**
 * The administration of queues: peeking, purging and redriving, each in steps that leave others their turn.
 *
 * A redriven job leaves the dead letters in the batch in which it is back in its queue. A step is committed
 * before the next one begins, so that what is under way is bounded.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { type Job, JobSchema, JobState as PeekedState } from "../../gen/parley/v1/queue_pb.ts";
import { DEAD_SUFFIX, isDeadName } from "../../logic/queues/policies.ts";
import { JobState } from "../../logic/queues/work_queue.ts";
import type { TurnTaker } from "../connection/fair_turns.ts";
import { JobOptions } from "./job_options.ts";
import { withoutId } from "./dead_letters.ts";
import { type JobChunk, readJobs, visitJobs } from "./chunks.ts";
import type { Queue } from "./queue.ts";
import type { Queues } from "./queues.ts";

/** Jobs that are dropped, and chunks that are redriven, in one step. */
const STEP_JOBS = 16_384;
const STEP_CHUNKS = 16;

/** A job that was peeked at. */
export interface Peeked {
  readonly job: Job;
  readonly state: PeekedState;
  readonly untilUnixMicros: bigint;
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
 * The jobs behind `after`, in the order of their ids: at most `limit`, and fewer once they take `maxBytes`
 * together.
 */
export async function peek(
  queues: Queues,
  queue: Queue,
  { after, limit, maxBytes }: { after: number; limit: number; maxBytes: number },
  turn: TurnTaker,
): Promise<{ jobs: PeekedJobs; more: boolean }> {
  const jobs = new PeekedJobs();
  let bytes = 0;
  const look = async (chunk: JobChunk): Promise<boolean> => {
    const page = await readJobs(queues.store.jobs, queue, [chunk]);
    await turn.admit();
    return visitJobs([chunk], page, (slot, id, start, end) => {
      if (id <= after || isLeaving(queue, slot)) return;
      bytes += end - start;
      if (jobs.length === limit || (bytes > maxBytes && jobs.length > 0)) return false;
      jobs.add(page.bytes.subarray(start, end), standingOf(queue, slot));
    });
  };
  for (const chunk of queue.chunks.behind(after)) {
    if (chunk.stored && !await look(chunk)) return { jobs, more: true };
  }
  return { jobs, more: false };
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
        const body = withoutId(page.bytes, start, end);
        queue.takeOver(body, optionsOf(page.bytes, start, end));
        dead.machine.drop(slot);
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

/** The priority and key of a job; a time that the job once waited for has passed. */
function optionsOf(bytes: Uint8Array, start: number, end: number): JobOptions {
  const options = new JobOptions();
  options.read(bytes, start, end, Infinity);
  options.delayMs = 0;
  return options;
}

function isLeaving(queue: Queue, slot: number): boolean {
  const state = queue.machine.views.state(slot);
  return state === JobState.DONE || state === JobState.DROPPING || state === JobState.MOVING;
}

/** The part of a peeked job that only its queue knows. */
interface Standing {
  readonly attempt: number;
  readonly redelivered: boolean;
  readonly state: PeekedState;
  readonly untilUnixMicros: bigint;
}

function standingOf({ machine, context }: Queue, slot: number): Standing {
  const state = STATES[machine.views.state(slot)] ?? PeekedState.LEASED;
  const timed = state === PeekedState.DELAYED || machine.views.state(slot) === JobState.LEASED;
  const untilMs = context.clock.wallMs() + machine.views.timeMs(slot) - context.clock.monotonicMs();
  return {
    attempt: machine.views.attempts(slot),
    redelivered: machine.views.redelivered(slot),
    state,
    untilUnixMicros: timed ? BigInt(Math.round(untilMs * 1000)) : 0n,
  };
}

function peeked(body: Uint8Array, standing: Standing): Peeked {
  const job = fromBinary(JobSchema, body);
  job.attempt = standing.attempt;
  job.redelivered = standing.redelivered;
  return { job, state: standing.state, untilUnixMicros: standing.untilUnixMicros };
}

/** The states as they are told; all others are told as leased, since a consumer holds the job or just did. */
const STATES: Readonly<Record<number, PeekedState | undefined>> = {
  [JobState.READY]: PeekedState.READY,
  [JobState.DELAYED]: PeekedState.DELAYED,
  [JobState.RETRYING]: PeekedState.DELAYED,
  [JobState.BLOCKED]: PeekedState.BLOCKED,
};
