/**
 * What the tests of the job log share: jobs as bytes, a listener that remembers, and short forms of the
 * calls. Bodies are decoded with the generated classes, so that what is read back is a real Job.
 */
import { Entry } from "../../lib/ports/entry.ts";
import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ParleyError } from "../../lib/base/errors.ts";
import { type Job, JobSchema } from "../../lib/gen/parley/v1/queue_pb.ts";
import type { StoreQueue } from "../../lib/ports/job_log.ts";
import type { Store, StoreBatch, StoreListener } from "../../lib/ports/store.ts";
import type { StorePage } from "../../lib/ports/store_page.ts";
import { SenderStamps } from "../../lib/wire/stamp.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const stamps = new SenderStamps("s1");

/** What may be said of a job beside its payload. */
export interface PushOptions {
  /** Its time; 1 when absent. */
  readonly timeMs?: number;
  readonly messageId?: string;
  /** Whether it begins a chunk; true when absent. */
  readonly newChunk?: boolean;
  /** The payload when absent. */
  readonly completion?: unknown;
}

/** Pushes a job with a text payload. */
export function push(
  store: Store,
  queue: StoreQueue,
  payload: string,
  { timeMs = 1, messageId = "", newChunk = true, completion = payload }: PushOptions = {},
): number {
  const plain = toBinary(
    JobSchema,
    create(JobSchema, { queue: queue.name, payload: encoder.encode(payload) }),
  );
  const id = encoder.encode(messageId);
  // Bytes around the job, so that offsets matter; the id is the last field.
  const bytes = new Uint8Array(3 + plain.length + (id.length ? 2 + id.length : 0) + 3).fill(0xee);
  bytes.set(plain, 3);
  let end = 3 + plain.length;
  let idStart = 0;
  if (id.length > 0) {
    bytes.set([0x2a, id.length], end);
    bytes.set(id, idStart = end + 2);
    end = idStart + id.length;
  }
  stamps.setTime(timeMs);
  const idEnd = idStart + id.length;
  const entry = new Entry().setBody(bytes, 3, end).setStamps(stamps).setId(idStart, idEnd);
  entry.timeMs = timeMs;
  return store.jobs.push(queue, entry, newChunk, completion);
}

/** One job of a page. */
export interface PageJob {
  readonly id: number;
  readonly timeMs: number;
  readonly payload: string;
}

/** The jobs of a page, by their ids; fails unless each body says the id that the page says. */
export function jobsOf(page: StorePage): PageJob[] {
  const jobs = Array.from({ length: page.count }, (_, index) => {
    const job = jobIn(page.bytes.subarray(page.ranges[2 * index], page.ranges[2 * index + 1]));
    const id = page.seqs[index];
    assert.equal(Number(job.id), id, "the body is stamped with its id");
    assert.equal(job.sender, "s1");
    return { id, timeMs: page.times[index], payload: decoder.decode(job.payload) };
  });
  return jobs.sort((one, other) => one.id - other.id);
}

/** Reads the chunks that begin with these jobs; each holds at most `most` jobs. */
export async function readJobs(
  store: Store,
  queue: StoreQueue,
  firsts: readonly number[],
  most = 128,
): Promise<PageJob[]> {
  return jobsOf(await store.jobs.readChunks(queue, firsts, firsts.map(() => most)));
}

/** The payloads of these chunks. */
export async function payloadsIn(
  store: Store,
  queue: StoreQueue,
  ...firsts: number[]
): Promise<string[]> {
  return (await readJobs(store, queue, firsts)).map(({ payload }) => payload);
}

function jobIn(bytes: Uint8Array): Job {
  return fromBinary(JobSchema, bytes);
}

/** One entry of a batch, copied. */
export interface SeenJob {
  readonly kind: string;
  /** The queue or the topic; empty for records. */
  readonly of: string;
  readonly seq: number;
  readonly timeMs: number;
  readonly duplicate: boolean;
  /** Null for duplicates, events and records. */
  readonly job: Job | null;
  /** The bytes of the body. */
  readonly size: number;
  readonly completion: unknown;
}

/** Remembers what it is told, in the order it is told. */
export class JobRecorder implements StoreListener {
  /** The names of the calls. */
  readonly calls: string[] = [];
  readonly committedJobs: SeenJob[] = [];
  readonly failedJobs: SeenJob[] = [];
  readonly errors: ParleyError[] = [];
  /** Runs in `leaving`, and in `fellBack`. */
  onLeaving: () => void = () => {};
  onFellBack: () => void = () => {};

  leaving(): void {
    this.calls.push("leaving");
    this.onLeaving();
  }

  stayed(): void {
    this.calls.push("stayed");
  }

  fellBack(): void {
    this.calls.push("fellBack");
    this.onFellBack();
  }

  committed(batch: StoreBatch): void {
    this.calls.push("committed");
    this.committedJobs.push(...entriesOf(batch));
  }

  failed(batch: StoreBatch, error: ParleyError): void {
    this.calls.push("failed");
    this.errors.push(error);
    this.failedJobs.push(...entriesOf(batch));
  }
}

/** The entries of a finished batch, copied; fails unless there are as many as it says. */
export function entriesOf(batch: StoreBatch): SeenJob[] {
  const entries: SeenJob[] = [];
  while (batch.next()) {
    const { kind, seq, timeMs, duplicate, completion, topic, queue } = batch;
    const isJob = kind === "job" && !duplicate;
    const job = isJob ? jobIn(batch.bytes.slice(batch.start, batch.end)) : null;
    assert(topic === null || queue === null, "what is of a topic is of no queue");
    const of = queue?.name ?? topic?.name ?? "";
    const size = batch.end - batch.start;
    entries.push({ kind, of, seq, timeMs, duplicate, job, size, completion });
  }
  assert.equal(entries.length, batch.count, "a batch has as many entries as it says");
  return entries;
}
