/**
 * Restores a queue as it was when the server stopped: each chunk with the states of its jobs.
 */
import { DurableState } from "../../logic/queues/work_queue.ts";
import type { StoredChunk } from "../../ports/job_log.ts";
import { jobsIn, PLAIN_JOB, readState } from "./job_states.ts";
import type { WorkQueue } from "../../logic/queues/work_queue.ts";
import type { ServerContext } from "../connection/server_context.ts";
import type { JobChunks } from "./chunks.ts";

/** The queue that is restored. */
interface LoadedQueue {
  readonly context: ServerContext;
  readonly machine: WorkQueue<unknown>;
  readonly chunks: JobChunks;
}

/** Enters the chunks that were found into the machine and the chunks of `queue`. */
export function loadQueue(queue: LoadedQueue, chunks: readonly StoredChunk[]): void {
  const { clock } = queue.context;
  const [nowMs, wallMs] = [clock.monotonicMs(), clock.wallMs()];
  const job = { ...PLAIN_JOB, id: 0, dueMs: 0 };
  for (const found of chunks) {
    const { states } = found;
    const chunk = queue.chunks.addStored(found.first, found.timeMs);
    // Without states all jobs are as they were pushed, and only the sum of their bytes is known.
    const bytes = Math.floor(found.bytes / found.jobs);
    for (let index = 0; index < found.jobs; index++) {
      if (states !== null && index < jobsIn(states)) readState(states, index, wallMs, job);
      else Object.assign(job, PLAIN_JOB, { bytes });
      if (job.state === DurableState.GONE) {
        queue.chunks.addStoredJob(chunk, null, 0);
        continue;
      }
      job.id = found.first + index;
      job.dueMs = job.delayMs > 0 ? nowMs + job.delayMs : 0;
      const slot = queue.machine.restore(job);
      queue.chunks.addStoredJob(chunk, slot, job.bytes);
    }
    queue.chunks.endStored(chunk);
  }
}
