/**
 * The chat where no person sits at a terminal: each line of standard input is said, each thing that happens
 * is a line of standard output, and everything else goes to standard error.
 *
 * A line that begins with a slash is no command unless commands are asked for, and is not said either: a program
 * that writes one has either forgotten to ask, or something else was meant. Two slashes say the rest with one. When the input ends, the chat ends as soon as
 * what was said has come back. A line that cannot be said is reported, and the next one follows.
 */
import { handled } from "../../base/detached.ts";
import { ParleyError } from "../../base/errors.ts";
import type { Room, RoomMessage, RoomSummary } from "../../client/mod.ts";
import { decodeText, UsageError } from "../command.ts";
import type { CliIo } from "../io.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { linesOf } from "../terminal/lines.ts";
import type { LinkNotices } from "../terminal/link_notices.ts";
import { carryOut } from "./chat_piped_commands.ts";
import { messageJson, plainMessage } from "./text.ts";

/** The longest line; the server takes less, and says so. */
const MAX_LINE_BYTES = 64 * 1024;

/** How the chat is meant. */
interface PipedOptions {
  readonly json: boolean;
  /** Whether lines that begin with a slash are commands. */
  readonly commands: boolean;
  /** Lists the rooms of the server. */
  readonly rooms: () => Promise<RoomSummary[]>;
  readonly stop: AbortSignal;
  readonly notices: LinkNotices;
}

/** Prints a room and says lines in it, until the input ends or `stop` is aborted; gives the exit code. */
export async function chatPiped(io: CliIo, room: Room, options: PipedOptions): Promise<number> {
  const { json, commands, rooms, stop, notices } = options;
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
        if (!commands) checkIsNoCommand(text);
        const { seq = last, lines = [], quit = false } = await carryOut(text, room, rooms);
        last = seq;
        for (const line of lines) notices.say(line);
        if (quit) break;
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

function checkIsNoCommand(text: string): void {
  if (!/^\s*\/(?!\/)/.test(text)) return;
  throw new UsageError(
    "not said, since it looks like a command; --commands takes it as one, and // says it",
  );
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
