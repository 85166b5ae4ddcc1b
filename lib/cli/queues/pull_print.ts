/**
 * Jobs that are printed, which is all that is done with them: as `sub` prints events.
 *
 * A job is acknowledged after it was written. When nobody reads the output any more, it is not.
 */
import { type Job, ParleyError } from "../../client/mod.ts";
import { decodeTextLeniently } from "../../base/utf8_text.ts";
import type { CliIo } from "../io.ts";
import type { LinkNotices } from "../terminal/link_notices.ts";
import { jobJson, jobText } from "./job_text.ts";
import type { JobTaker } from "./pull_run.ts";
import { terminalText } from "../terminal/terminal_text.ts";
import { PayloadTypes } from "../terminal/payload_types.ts";

interface PrintOptions {
  readonly json?: boolean;
  readonly raw?: boolean;
  readonly full?: boolean;
}

/** Prints jobs. */
export class PrintedJobs implements JobTaker {
  /** The types that payloads are shown by. */
  types = PayloadTypes.OWN;
  readonly #io: CliIo;
  readonly #options: PrintOptions;
  readonly #notices: LinkNotices;

  constructor(io: CliIo, options: PrintOptions, notices: LinkNotices) {
    this.#io = io;
    this.#options = options;
    this.#notices = notices;
  }

  async take(job: Job): Promise<void> {
    this.#io.stdout.write(this.#shown(job));
    try {
      await job.ack();
    } catch (error) {
      // It was printed, and that cannot be undone.
      const why = ParleyError.from(error).message;
      this.#notices.say(`job ${job.id} was printed and may come again: ${why}`);
    }
  }

  summary(): string[] {
    return [];
  }

  #shown(job: Job): string | Uint8Array {
    const { stdout } = this.#io;
    const { json, raw, full = false } = this.#options;
    const { types } = this;
    if (json) return jobJson(job, null, types);
    if (!raw) return jobText(job, { lines: stdout.isTerminal, colors: stdout.colors, full, types });
    if (stdout.isTerminal) {
      const text = decodeTextLeniently(job.payload);
      return terminalText(text, stdout) + "\n";
    }
    return withLineFeed(job.payload);
  }
}

function withLineFeed(payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(payload.length + 1);
  bytes.set(payload);
  bytes[payload.length] = 0x0a;
  return bytes;
}
