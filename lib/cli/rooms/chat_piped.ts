/**
 * The chat where no person sits at a terminal: each line of standard input is said, each thing that happens
 * is a line of standard output, and everything else goes to standard error.
 *
 * No line is a command: what a program writes is said as it is. When the input ends, the chat ends as soon as
 * what was said has come back. A line that cannot be said is reported, and the next one follows.
 */
import { handled } from "../../base/detached.ts";
import { ParleyError } from "../../base/errors.ts";
import type { Room, RoomMessage } from "../../client/mod.ts";
import { decodeText } from "../command.ts";
import type { CliIo } from "../io.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { linesOf } from "../terminal/lines.ts";
import type { LinkNotices } from "../terminal/link_notices.ts";
import { messageJson, plainMessage } from "./text.ts";

/** The longest line; the server takes less, and says so. */
const MAX_LINE_BYTES = 64 * 1024;

/** Prints a room and says lines in it, until the input ends or `stop` is aborted; gives the exit code. */
export async function chatPiped(
  io: CliIo,
  room: Room,
  options: { readonly json: boolean; readonly stop: AbortSignal; readonly notices: LinkNotices },
): Promise<number> {
  const { json, stop, notices } = options;
  const printed = new PrintedUpTo();
  const printing = (async () => {
    for await (const message of room) {
      io.stdout.write(json ? jsonLine(messageJson(message)) : `${plainMessage(message)}\n`);
      printed.reach(message);
    }
  })();
  const stopped = new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener("abort", () => resolve(), { once: true });
  });
  let exitCode = 0;
  const saying = (async () => {
    let last = room.joinedSeq + 1n;
    for await (const { number, bytes } of linesOf(io.stdin.chunks(), MAX_LINE_BYTES)) {
      if (stop.aborted) return;
      try {
        const text = decodeText(bytes, `line ${number}`).trimEnd();
        if (text !== "") last = (await room.say(text)).seq;
      } catch (error) {
        exitCode = 1;
        notices.say(`line ${number} of standard input: ${ParleyError.from(error).message}`);
        if (room.ended || stop.aborted) return;
      }
    }
    await printed.whenAt(last);
  })();
  // Whoever waits for something else first must not be surprised by them.
  handled(saying);
  handled(printing);
  await Promise.race([saying, printing, stopped]);
  return exitCode;
}

/** Waits for a message to be printed. */
class PrintedUpTo {
  #seq = 0n;
  #wanted: { seq: bigint; resolve: () => void } | null = null;

  reach({ seq }: RoomMessage): void {
    if (seq > this.#seq) this.#seq = seq;
    if (this.#wanted !== null && this.#seq >= this.#wanted.seq) this.#wanted.resolve();
  }

  whenAt(seq: bigint): Promise<void> {
    if (this.#seq >= seq) return Promise.resolve();
    return new Promise((resolve) => this.#wanted = { seq, resolve });
  }
}
