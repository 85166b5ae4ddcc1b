/**
 * All jobs of a queue that fit a filter: counting, dropping and redriving them, a bounded number for each request.
 *
 * A request reads at most so many jobs or bytes, in turns with others, and says where the next one goes on. What it has
 * done is committed before it is answered.
 */
import { DEAD_SUFFIX } from "../../logic/queues/policies.ts";
import type { TurnTaker } from "../connection/fair_turns.ts";
import { MAX_LOOKED_BYTES, MAX_LOOKED_JOBS, peekedState, redriveJob } from "./care.ts";
import { type JobChunk, readJobs, visitJobs } from "./chunks.ts";
import type { JobMatcher } from "./job_matcher.ts";
import type { Queue } from "./queue.ts";
import type { Queues } from "./queues.ts";

/** The number of chunks after which what was done is committed. */
const STEP_CHUNKS = 16;

/** Where a request begins, and the turns that it takes. */
export interface From {
  /** Only jobs behind this id. */
  readonly after: number;
  readonly turn: TurnTaker;
}

/** How far a request has come. */
export interface Progress {
  /** Jobs that fit and that nobody holds: counted, or dropped, or redriven. */
  readonly done: number;
  /** Jobs that fit and stay, since a consumer holds them. */
  readonly held: number;
  readonly looked: number;
  /** The id of the last job that was looked at. */
  readonly next: number;
  readonly more: boolean;
}

/** A job that fits and that nobody holds; the body lies from `start` to `end`, where bodies were asked for. */
type Act = (slot: number, bytes: Uint8Array, start: number, end: number) => void;

const NO_BODY = new Uint8Array(0);

/** Counts. */
export function countJobs(
  queues: Queues,
  queue: Queue,
  matcher: JobMatcher | null,
  from: From,
): Promise<Progress> {
  return eachJob(queues, queue, { matcher, needsBody: false, act: () => {} }, from);
}

/** Drops; done once it is committed. */
export async function dropJobs(
  queues: Queues,
  queue: Queue,
  matcher: JobMatcher,
  from: From,
): Promise<Progress> {
  const act: Act = (slot) => void queue.machine.drop(slot);
  const progress = await eachJob(queues, queue, { matcher, needsBody: false, act }, from);
  await queues.store.flush();
  return progress;
}

/**
 * Puts dead letters of the queue `living` back; done once it is committed. Rejects with RESOURCE_EXHAUSTED when the
 * queue has no room for more; those before are back.
 */
export async function redriveJobs(
  queues: Queues,
  living: string,
  matcher: JobMatcher,
  from: From,
): Promise<Progress> {
  const dead = queues.find(living + DEAD_SUFFIX);
  if (dead === null) return { done: 0, held: 0, looked: 0, next: from.after, more: false };
  const queue = queues.get(living, "redrive to");
  const act: Act = (slot, bytes, start, end) => {
    redriveJob({ dead, queue, slot }, bytes, start, end);
  };
  const progress = await eachJob(queues, dead, { matcher, needsBody: true, act }, from);
  await queues.store.flush();
  return progress;
}

/** What is done with which jobs. */
interface Work {
  /** Null for all jobs. */
  readonly matcher: JobMatcher | null;
  readonly needsBody: boolean;
  readonly act: Act;
}

/** Does `act` with each job that fits, from `after` on, as far as one request goes. */
async function eachJob(
  queues: Queues,
  queue: Queue,
  { matcher, needsBody, act }: Work,
  { after, turn }: From,
): Promise<Progress> {
  const progress = { done: 0, held: 0, looked: 0, next: after, more: false };
  const readsBody = needsBody || matcher?.needsBody === true;
  let bytes = 0;
  let step = 0;
  const look = (slot: number, id: number, [body, start, end]: [Uint8Array, number, number]) => {
    if (id <= after) return;
    progress.looked++;
    progress.next = id;
    const state = peekedState(queue, slot);
    if (state === null || matcher?.fitsStanding(id, state) === false) return;
    if (matcher?.needsBody && !matcher.fitsBody(body, start, end)) return;
    if (!queue.machine.views.isFree(slot)) {
      progress.held++;
      return;
    }
    act(slot, body, start, end);
    progress.done++;
  };
  for (const chunk of [...queue.chunks.behind(after)]) {
    if (
      !chunk.stored || matcher?.mayBeWithin(chunk.first, chunk.first + chunk.jobs) === false
    ) {
      if (matcher?.endsBefore(chunk.first)) break;
      continue;
    }
    if (progress.looked >= MAX_LOOKED_JOBS || bytes >= MAX_LOOKED_BYTES) {
      return { ...progress, more: true };
    }
    await turn.admit();
    const acted = progress.done;
    try {
      if (readsBody) {
        const page = await readJobs(queues.store.jobs, queue, [chunk]);
        await turn.admit();
        bytes += page.bytes.length;
        visitJobs(
          [chunk],
          page,
          (slot, id, start, end) => look(slot, id, [page.bytes, start, end]),
        );
      } else visitSlots(chunk, (slot, id) => look(slot, id, [NO_BODY, 0, 0]));
    } finally {
      if (progress.done > acted) queues.endTurn();
    }
    if (progress.done > acted && ++step % STEP_CHUNKS === 0) await queues.store.flush();
  }
  return progress;
}

function visitSlots(chunk: JobChunk, visit: (slot: number, id: number) => void): void {
  for (let index = 0; index < chunk.jobs; index++) {
    const slot = chunk.slotAt(index);
    if (slot >= 0) visit(slot, chunk.first + index);
  }
}
