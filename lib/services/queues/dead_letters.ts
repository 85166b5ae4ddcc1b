/**
 * The way to the dead letters: a job at its end is pushed into the queue of dead letters in the batch in which it
 * leaves its own.
 *
 * The move needs the job's body, which may have to be read first; until the move is committed the job counts as
 * leased. A job that cannot be moved now (its body cannot be read, the store has no room) is tried again later
 * and never dropped. The last errors of jobs are remembered up to a bound, and not beyond the server's end.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { ParleyError } from "../../base/errors.ts";
import {
  type Death as DeathMessage,
  DeathSchema,
  JobSchema,
} from "../../gen/parley/v1/queue_pb.ts";
import { DeathReason, JobState, type WorkQueue } from "../../logic/queues/work_queue.ts";
import { copyFields } from "../../wire/field_copy.ts";
import type { ServerContext } from "../connection/server_context.ts";
import type { JobBodies } from "./bodies.ts";
import type { JobChunks } from "./chunks.ts";

/** The most jobs whose last error is remembered. */
const MAX_ERRORS = 10_000;
/** The most jobs that are moved in one go: a move costs some ten microseconds. */
export const MOVED_AT_ONCE = 64;
/** The time after which a move that failed is tried again. */
const RETRY_MS = 30_000;
/** Fields of a Job that each move gives anew: id and death. */
const ID_FIELD = 12;
const DEATH_FIELD = 20;
const NOTHING = new Uint8Array(0);

/** The end of a job. */
interface Death {
  readonly reason: DeathReason;
  readonly error: string;
}

/** A queue whose jobs come to their end, or that takes dead letters. */
interface DyingQueue {
  readonly name: string;
  readonly machine: WorkQueue<unknown>;
  readonly chunks: JobChunks;
  readonly nowMs: number;
  readonly context: ServerContext;
  /** Takes a job of another queue. Raises RESOURCE_EXHAUSTED. */
  takeOver(body: Uint8Array): void;
  /** Reports that a move went wrong. */
  complain(message: string, error: ParleyError): void;
}

/** The jobs of one queue that are at their end. */
export class DeadLetters {
  readonly #queue: DyingQueue;
  readonly #bodies: JobBodies;
  readonly #dead: () => DyingQueue;
  readonly #wallMs: () => number;
  readonly #errors = new Map<number, string>();
  /** The jobs that wait to be moved, and those whose move is not committed, by slot. */
  readonly #waiting = new Map<number, Death>();
  readonly #moved = new Map<number, Death>();
  #because = "";

  /** `dead` gives the queue of dead letters. */
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

  /** Runs `run`; jobs that it brings to their end get `reason` as their error. */
  because(reason: string, run: () => void): void {
    this.#because = reason;
    run();
    this.#because = "";
  }

  /** Remembers the error that a consumer gave for a job. */
  noteError(slot: number, error: string): void {
    this.#errors.delete(slot);
    if (this.#errors.size >= MAX_ERRORS) {
      const [oldest] = this.#errors.keys();
      this.#errors.delete(oldest);
    }
    this.#errors.set(slot, error);
  }

  /** The error that a consumer gave for a job last, as far as it is remembered; otherwise empty. */
  errorOf(slot: number): string {
    return this.#errors.get(slot) ?? "";
  }

  /** Adds a job that is at its end; `work` moves it. */
  add(slot: number, reason: DeathReason): void {
    const said = this.#errors.get(slot) ?? "";
    // A rejection needs no other cause, even when the job is moved only later.
    const because = reason === DeathReason.REJECTED ? "" : this.#because;
    const error = because === "" ? said : said === "" ? because : `${because}; before: ${said}`;
    this.#waiting.set(slot, { reason, error });
  }

  /**
   * Moves jobs whose bodies are at hand, `MOVED_AT_ONCE` at most, and asks for the bodies of others; gives whether
   * more may be at hand.
   */
  work(): boolean {
    let moved = 0;
    for (const slot of this.#waiting.keys()) {
      const bodies = this.#bodies;
      if (bodies.has(slot)) {
        if (moved++ === MOVED_AT_ONCE) return true;
        const start = bodies.start(slot);
        this.bodyRead(slot, bodies.ring.bytes, start, start + bodies.length(slot));
      } else bodies.want(this.#queue.chunks.of(slot));
    }
    return false;
  }

  /** Moves the job whose body was read, if it waits for that; gives whether it did. */
  bodyRead(slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    const death = this.#waiting.get(slot);
    if (death === undefined) return false;
    this.#waiting.delete(slot);
    const { machine } = this.#queue;
    // A failed batch may have given the job back to its consumer.
    if (machine.views.state(slot) !== JobState.DYING) return false;
    try {
      const message = this.#deathOf(slot, death);
      const told = toBinary(JobSchema, create(JobSchema, { death: message }));
      this.#dead().takeOver(withoutId(bytes, start, end, told));
      machine.moveOut(slot);
      this.#queue.context.notices?.deadLetter(message);
      this.#moved.set(slot, death);
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
      this.#queue.complain(
        "cannot move a job to the dead letters of queue {queue}: {error}",
        error,
      );
      machine.putOff(slot, RETRY_MS, this.#queue.nowMs);
    }
    return true;
  }

  /** Defers a job whose body could not be read. */
  bodyMissing(slot: number): void {
    if (!this.#waiting.delete(slot)) return;
    const { machine } = this.#queue;
    if (machine.views.state(slot) === JobState.DYING) {
      machine.putOff(slot, RETRY_MS, this.#queue.nowMs);
    }
  }

  /** Takes back the moves that are not committed, since their batch has failed. */
  failed(): void {
    const { machine } = this.#queue;
    for (const [slot, death] of this.#moved) {
      if (machine.views.state(slot) === JobState.DYING) this.#waiting.set(slot, death);
    }
    this.#moved.clear();
  }

  /** Forgets the job in `slot`, which is gone. */
  forget(slot: number): void {
    this.#errors.delete(slot);
    this.#waiting.delete(slot);
    this.#moved.delete(slot);
  }

  #deathOf(slot: number, { reason, error }: Death): DeathMessage {
    const { machine, name } = this.#queue;
    return create(DeathSchema, {
      reason: reason as number,
      attempts: machine.views.attempts(slot),
      lastError: error,
      timeUnixMicros: BigInt(Math.floor(this.#wallMs())) * 1000n,
      queue: name,
      id: BigInt(machine.views.id(slot)),
    });
  }
}

/** The body of a job without its id and death, with `more` behind it. */
export function withoutId(
  bytes: Uint8Array,
  start: number,
  end: number,
  more: Uint8Array = NOTHING,
): Uint8Array {
  const given = (field: number) => field === ID_FIELD || field === DEATH_FIELD;
  return copyFields(bytes, start, end, given, more);
}
