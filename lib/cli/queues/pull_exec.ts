/**
 * Jobs that a program does: one run of it for each job, and its exit code says what becomes of the job.
 *
 * 0 acknowledges it; anything else has it tried again, or makes it a dead letter at once where one code was
 * said to mean that. The last line of standard error goes with it. A job whose lease is lost has its program
 * ended: somebody else has it, or will.
 */
import { type Job, ParleyError } from "../../client/mod.ts";
import type { CliIo } from "../io.ts";
import { jsonLine } from "../terminal/json_text.ts";
import type { LinkNotices } from "../terminal/link_notices.ts";
import { ProgramOutput } from "../programs/output.ts";
import type { JobTaker } from "./pull_run.ts";
import { runProgram } from "../programs/shell.ts";
import { countOf } from "../terminal/summary.ts";

interface ExecOptions {
  readonly concurrency: number;
  readonly rejectExit?: number;
  readonly json?: boolean;
}

/** How a program ended; `code` is null when it could not be started. */
interface Ended {
  readonly code: number | null;
  readonly error: string;
}

/** What became of a job. */
type Outcome = "done" | "failed" | "rejected" | "lost";

/** One run of a program, and what became of its job. */
interface Report extends Ended {
  readonly outcome: Outcome;
  readonly tookMs: number;
}

/** Runs programs. */
export class ExecutedJobs implements JobTaker {
  readonly #io: CliIo;
  readonly #command: string;
  readonly #options: ExecOptions;
  readonly #notices: LinkNotices;
  readonly #counts: Record<Outcome, number> = { done: 0, failed: 0, rejected: 0, lost: 0 };

  constructor(io: CliIo, command: string, options: ExecOptions, notices: LinkNotices) {
    this.#io = io;
    this.#command = command;
    this.#options = options;
    this.#notices = notices;
  }

  async take(job: Job): Promise<void> {
    const startMs = performance.now();
    const ended = await this.#run(job);
    let outcome: Outcome = job.signal.aborted ? "lost" : this.#outcomeOf(ended);
    let { error } = ended;
    try {
      job.signal.throwIfAborted();
      if (outcome === "done") await job.ack();
      else if (outcome === "rejected") await job.reject({ error });
      else await job.nack({ error });
    } catch (reason) {
      outcome = "lost";
      error = ParleyError.from(reason).message;
    }
    this.#counts[outcome]++;
    const tookMs = performance.now() - startMs;
    this.#report(job, { outcome, code: ended.code, error, tookMs });
  }

  summary(): string[] {
    const { done, failed, rejected, lost } = this.#counts;
    const parts = [
      `${countOf(done, "job")} done`,
      ...(failed > 0 ? [`${failed} failed`] : []),
      ...(rejected > 0 ? [`${rejected} rejected`] : []),
      ...(lost > 0 ? [`${lost} lost`] : []),
    ];
    return [parts.join(", ")];
  }

  #outcomeOf({ code }: Ended): Outcome {
    if (code === 0) return "done";
    return code !== null && code === this.#options.rejectExit ? "rejected" : "failed";
  }

  /** Runs the program. Rejects when its output cannot be written. */
  async #run(job: Job): Promise<Ended> {
    const { json, concurrency } = this.#options;
    const prefix = concurrency > 1 ? `${job.id}: ` : "";
    const { stdout, stderr } = this.#io;
    const printed = new ProgramOutput(json ? stderr : stdout, prefix);
    const said = new ProgramOutput(stderr, prefix);
    const program = {
      environment: environmentOf(job),
      input: job.payload,
      signal: job.signal,
    };
    let code: number;
    try {
      const { status } = await runProgram(this.#command, program, (child, end) =>
        Promise.all([
          printed.pass(child.stdout, end),
          said.pass(child.stderr, end),
        ]));
      code = status.code;
    } catch (reason) {
      return { code: null, error: ParleyError.from(reason).message };
    }
    printed.throwIfFailed();
    said.throwIfFailed();
    const last = said.lastLine === "" ? "" : `: ${said.lastLine}`;
    return { code, error: code === 0 ? "" : `exit code ${code}${last}` };
  }

  #report(job: Job, { outcome, code, error, tookMs }: Report): void {
    if (this.#options.json) {
      const { queue, attempt } = job;
      this.#io.stdout.write(jsonLine({
        queue,
        id: Number(job.id),
        attempt,
        outcome,
        exit_code: code,
        ...(error === "" ? {} : { error }),
        duration_ms: Math.round(tookMs * 1000) / 1000,
      }));
    }
    if (outcome === "done") return;
    this.#notices.say(`job ${job.id}, attempt ${job.attempt}, ${outcome}: ${error}`);
  }
}

/** What a program finds of its job. Nothing of it is part of the command. */
function environmentOf(job: Job): Record<string, string> {
  return {
    PARLEY_QUEUE: job.queue,
    PARLEY_JOB_ID: String(job.id),
    PARLEY_ATTEMPT: String(job.attempt),
    PARLEY_REDELIVERED: String(job.redelivered),
    PARLEY_TYPE: job.type,
    PARLEY_KEY: job.key,
    PARLEY_PRIORITY: String(job.priority),
    PARLEY_MESSAGE_ID: job.messageId,
    PARLEY_TOPIC: job.topic,
    PARLEY_PUSHED_AT: job.pushedAt.toISOString(),
    PARLEY_HEADERS: JSON.stringify(job.headers),
  };
}
