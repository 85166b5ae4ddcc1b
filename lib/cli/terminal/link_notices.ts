/**
 * What a command that runs for long says on standard error of its connection: that it was lost and is there
 * again, and that events were or may have been missed. Each is said once, however many subscriptions it
 * concerns.
 */
import { printable } from "../../base/printable.ts";
import { ErrorCode } from "../../base/errors.ts";
import type { ClientStatus, Gap, ParleyError } from "../../client/mod.ts";
import type { CliIo } from "../io.ts";
import { countOf } from "./summary.ts";

/** The notices of one client. */
export class LinkNotices {
  readonly #io: CliIo;
  readonly #said = new Set<string>();
  #lost = false;
  #lines = 0;
  #closed = false;

  /** With `quiet`, nothing is said. */
  constructor(io: CliIo, quiet = false) {
    this.#io = io;
    this.#closed = quiet;
  }

  /** The callback for the status of the client. */
  readonly onStatus = (status: ClientStatus, reason?: ParleyError): void => {
    if (status === "reconnecting" && !this.#lost) {
      this.#lost = true;
      this.say(`${reason?.message ?? "the connection is lost"}; connecting again`);
    } else if (status === "connected" && this.#lost) {
      this.#lost = false;
      this.say("connected again");
    }
  };

  /** To be given to the client as it is: tells what the server took away because it is not allowed any more. */
  readonly onError = (error: ParleyError): void => {
    if (error.code === ErrorCode.PERMISSION_DENIED) this.say(error.message);
  };

  /** Tells a gap of a subscription. */
  onGap(gap: Gap): void {
    const text = gap.kind === "reconnected"
      ? "reconnected: events in between may be missing"
      : gap.kind === "history_lost"
      ? "the server has lost history: events may be missing, or come again"
      : `missed ${countOf(Number(gap.count), "event")} on ${
        printable(gap.topic)
      }: this side is too slow`;
    // Several subscriptions are told of the same gap in the same turn.
    if (this.#said.has(text)) return;
    if (this.#said.size === 0) setTimeout(() => this.#said.clear(), 0);
    this.#said.add(text);
    this.say(text);
  }

  /** How many lines were written, for those who draw on the same terminal. */
  get lines(): number {
    return this.#lines;
  }

  /** Writes a line. */
  say(text: string): void {
    if (this.#closed) return;
    this.#lines++;
    this.#io.stderr.write(`parley: ${printable(text)}\n`);
  }

  /** Says nothing more: the command ends, and the connection with it. */
  close(): void {
    this.#closed = true;
  }
}
