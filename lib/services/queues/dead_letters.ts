/**
 * Dead letters: jobs at their end go into the queue of the dead, in the batch in which they leave theirs.
 *
 * Moving one needs the body, which may have to be read first; until it is committed the job counts as leased.
 * One that cannot be moved now (its body cannot be read, the store has no room) is tried again later, never
 * dropped. What consumers said of a job is remembered up to a bound, and forgotten with the server.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { ParleyError } from "../../base/errors.ts";
import { DeathSchema, JobSchema } from "../../gen/parley/v1/queue_pb.ts";
import { DeathReason, JobState, type WorkQueue } from "../../logic/queues/work_queue.ts";
import { copyFields } from "../../wire/field_copy.ts";
import type { JobBodies } from "./bodies.ts";
import type { JobChunks } from "./chunks.ts";

/** How many jobs' last errors are remembered. */
const MAX_ERRORS = 10_000;
/** When a burial that failed is tried again. */
const RETRY_MS = 30_000;
/** Fields of a Job that are given anew with each burial: id and death. */
const ID_FIELD = 12;
const DEATH_FIELD = 20;
const NOTHING = new Uint8Array(0);

interface Death {
  readonly reason: DeathReason;
  readonly error: string;
}

/** A queue whose jobs come to their end, or that takes such jobs. */
interface DyingQueue {
  readonly name: string;
  readonly machine: WorkQueue<unknown>;
  readonly chunks: JobChunks;
  readonly nowMs: number;
  /** Takes a job of another queue. Raises RESOURCE_EXHAUSTED. */
  takeOver(body: Uint8Array): void;
  /** Tells of what went wrong. */
  complain(message: string, error: ParleyError): void;
}

/** The jobs of one queue that are at their end. */
export class DeadLetters {
  readonly #queue: DyingQueue;
  readonly #bodies: JobBodies;
  readonly #dead: () => DyingQueue;
  readonly #wallMs: () => number;
  readonly #errors = new Map<number, string>();
  /** Those that wait to be moved, and those whose move is not committed. */
  readonly #waiting = new Map<number, Death>();
  readonly #moved = new Map<number, Death>();
  #because = "";

  /** `dead` gives the queue that the dead go to. */
  constructor(
    queue: DyingQueue,
    bodies: JobBodies,
    dead: () => DyingQueue,
    wallMs: () => number,
  ) {
    this.#queue = queue;
    this.#bodies = bodies;
    this.#dead = dead;
    this.#wallMs = wallMs;
  }

  /** Runs what may bring jobs to their end, for this reason. */
  because(reason: string, run: () => void): void {
    this.#because = reason;
    run();
    this.#because = "";
  }

  /** Remembers what a consumer said of a job. */
  noteError(slot: number, error: string): void {
    this.#errors.delete(slot);
    if (this.#errors.size >= MAX_ERRORS) {
      const [oldest] = this.#errors.keys();
      this.#errors.delete(oldest);
    }
    this.#errors.set(slot, error);
  }

  /** A job is at its end; `work` moves it. */
  add(slot: number, reason: DeathReason): void {
    const said = this.#errors.get(slot) ?? "";
    // A rejection needs no other cause, also when it is moved only after that.
    const because = reason === DeathReason.REJECTED ? "" : this.#because;
    const error = because === "" ? said : said === "" ? because : `${because}; before: ${said}`;
    this.#waiting.set(slot, { reason, error });
  }

  /** Moves those whose bodies are at hand, and has the bodies of the others read. */
  work(): void {
    for (const slot of this.#waiting.keys()) {
      const bodies = this.#bodies;
      if (bodies.has(slot)) {
        const start = bodies.start(slot);
        this.bodyRead(slot, bodies.ring.bytes, start, start + bodies.length(slot));
      } else bodies.want(this.#queue.chunks.of(slot));
    }
  }

  /** Moves the job if it waits for that; says whether it did. */
  bodyRead(slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    const death = this.#waiting.get(slot);
    if (death === undefined) return false;
    this.#waiting.delete(slot);
    const { machine } = this.#queue;
    // A failed batch may have given it back to its consumer.
    if (machine.views.state(slot) !== JobState.DYING) return false;
    try {
      this.#dead().takeOver(withoutId(bytes, start, end, this.#deathOf(slot, death)));
      machine.bury(slot);
      this.#moved.set(slot, death);
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
      this.#queue.complain(
        "cannot move a job to the dead letters of queue {queue}: {error}",
        error,
      );
      machine.unbury(slot, RETRY_MS, this.#queue.nowMs);
    }
    return true;
  }

  /** The body could not be read. */
  bodyMissing(slot: number): void {
    if (!this.#waiting.delete(slot)) return;
    const { machine } = this.#queue;
    if (machine.views.state(slot) === JobState.DYING) {
      machine.unbury(slot, RETRY_MS, this.#queue.nowMs);
    }
  }

  /** What was not committed was taken back. */
  failed(): void {
    const { machine } = this.#queue;
    for (const [slot, death] of this.#moved) {
      if (machine.views.state(slot) === JobState.DYING) this.#waiting.set(slot, death);
    }
    this.#moved.clear();
  }

  /** The slot is another job's from now on. */
  forget(slot: number): void {
    this.#errors.delete(slot);
    this.#waiting.delete(slot);
    this.#moved.delete(slot);
  }

  #deathOf(slot: number, { reason, error }: Death): Uint8Array {
    const { machine, name } = this.#queue;
    const death = create(DeathSchema, {
      reason: reason as number,
      attempts: machine.views.attempts(slot),
      lastError: error,
      timeUnixMicros: BigInt(Math.floor(this.#wallMs())) * 1000n,
      queue: name,
      id: BigInt(machine.views.id(slot)),
    });
    return toBinary(JobSchema, create(JobSchema, { death }));
  }
}

/** The body of a job as it was before it was given an id, with `more` behind it. */
export function withoutId(
  bytes: Uint8Array,
  start: number,
  end: number,
  more: Uint8Array = NOTHING,
): Uint8Array {
  const given = (field: number) => field === ID_FIELD || field === DEATH_FIELD;
  return copyFields(bytes, start, end, given, more);
}
