/**
 * Verdicts on their way to the server: those of one turn and one kind leave as one Settle.
 *
 * Each has its own outcome, whichever Settle it was part of. They leave on the connection that brought the
 * jobs, in the order of their first ones, at once: there are no more of them than the consumer holds jobs.
 */
import { detached } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { Verdict } from "../../gen/parley/v1/queue_pb.ts";
import { readSettled } from "../connection/answers.ts";
import type { ClientConnection } from "../connection/client_connection.ts";
import type { ConnectionPool } from "../connection/pool.ts";
import { type Job, tooLate, type VerdictDetails } from "./job.ts";
import { encodeRequest } from "../connection/requests.ts";

/** What became of one verdict. */
export interface SettleOutcome {
  /** The refusal when the job was late; null when the verdict holds. */
  readonly late: ParleyError | null;
}

/** One verdict on one job. */
interface Entry {
  readonly job: Job;
  readonly resolve: (outcome: SettleOutcome) => void;
  readonly reject: (reason: unknown) => void;
}

/** What leaves as one Settle. */
interface Batch {
  readonly verdict: Verdict;
  readonly details: VerdictDetails;
  readonly entries: Entry[];
}

/** The most tokens of one Settle. */
const MAX_TOKENS = 10_000;
/** What a Settle takes besides its tokens, the error with it. */
const OTHER_BYTES = 2048;
const TOKEN_BYTES = 8;
const LEASE_IS_OVER = "its lease is over";

/** The verdicts of one consumer. */
export class QueueSettles {
  readonly #pool: ConnectionPool;
  readonly #connection: ClientConnection;
  readonly #consumer: number;
  readonly #maxTokens: number;
  readonly #batches = new Map<string, Batch>();
  #scheduled = false;
  /** Why nothing is sent any more. */
  #closedWhy: string | null = null;

  constructor(pool: ConnectionPool, connection: ClientConnection, consumer: number) {
    this.#pool = pool;
    this.#connection = connection;
    this.#consumer = consumer;
    const maxBytes = connection.welcome.limits?.maxFrameBytes || Infinity;
    const fitting = Math.floor((maxBytes - OTHER_BYTES) / TOKEN_BYTES);
    this.#maxTokens = Math.min(MAX_TOKENS, Math.max(1, fitting));
  }

  /** Sends a verdict with this turn's others. Rejects when nobody knows what became of it. */
  add(job: Job, verdict: Verdict, details: VerdictDetails): Promise<SettleOutcome> {
    return new Promise((resolve, reject) => {
      const entry = { job, resolve, reject };
      if (this.#refuses(entry, verdict)) return;
      const { delayMs, error } = details;
      const key = `${verdict} ${delayMs ?? ""} ${error}`;
      let batch = this.#batches.get(key);
      if (batch === undefined) this.#batches.set(key, batch = { verdict, details, entries: [] });
      batch.entries.push(entry);
      if (batch.entries.length >= this.#maxTokens) this.flush();
      else if (!this.#scheduled) {
        this.#scheduled = true;
        queueMicrotask(() => this.flush());
      }
    });
  }

  /** Sends everything now. */
  flush(): void {
    this.#scheduled = false;
    const batches = [...this.#batches.values()];
    this.#batches.clear();
    for (const batch of batches) {
      if (this.#isOver) { for (const entry of batch.entries) this.#refuses(entry, batch.verdict); }
      else this.#send(batch);
    }
  }

  /** The server has taken the jobs back. */
  close(why: string): void {
    this.#closedWhy = why;
    this.flush();
  }

  get #isOver(): boolean {
    return this.#closedWhy !== null || this.#connection.state === "closed";
  }

  /** Refuses a verdict if it cannot be sent any more. */
  #refuses({ job, resolve }: Entry, verdict: Verdict): boolean {
    if (!this.#isOver) return false;
    const why = this.#closedWhy ?? "the connection was lost";
    resolve({ late: tooLate(job, verdict, why) });
    return true;
  }

  #send({ verdict, details, entries }: Batch): void {
    const { delayMs, error } = details;
    const value = {
      consumer: BigInt(this.#consumer),
      tokens: entries.map(({ job }) => job.token),
      verdict,
      delayMs: delayMs === undefined ? undefined : BigInt(Math.ceil(delayMs)),
      error,
    };
    const encode = () => encodeRequest({ case: "settle", value });
    const settling = this.#pool.submit(encode, readSettled, undefined, { on: this.#connection })
      .then(
        ({ lateTokens }) => {
          const late = new Set(lateTokens);
          for (const { job, resolve } of entries) {
            resolve({ late: late.has(job.token) ? tooLate(job, verdict, LEASE_IS_OVER) : null });
          }
        },
        (reason) => {
          const allLate = reason instanceof ParleyError &&
            reason.code === ErrorCode.FAILED_PRECONDITION;
          for (const { job, resolve, reject } of entries) {
            if (allLate) resolve({ late: tooLate(job, verdict, LEASE_IS_OVER) });
            else reject(reason);
          }
        },
      );
    detached(settling, "settle jobs");
  }
}
