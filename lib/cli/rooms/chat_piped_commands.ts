/**
 * The commands that lines of standard input can be with `parley chat --commands`: those that make sense where nobody looks.
 */
import type { Room, RoomSummary } from "../../client/mod.ts";
import { printable } from "../../base/printable.ts";
import { UsageError } from "../command.ts";
import { parseEntry, splitFirst } from "./chat_commands.ts";

/** What a line has done. */
export interface Done {
  /** The seq of what was said; absent when nothing was. */
  readonly seq?: bigint;
  /** What is to be told. */
  readonly lines?: readonly string[];
  /** Whether the chat is to end. */
  readonly quit?: boolean;
}

const KNOWN = "/me, /msg, /name, /topic, /who, /rooms or /quit";

/**
 * Carries out a line: says it, or does what it commands. Rejects with a UsageError for a command that is none, and as
 * the room does.
 */
export async function carryOut(
  line: string,
  room: Room,
  rooms: () => Promise<RoomSummary[]>,
): Promise<Done> {
  const entry = parseEntry(line);
  if (entry.kind === "nothing") return {};
  if (entry.kind === "say" && !line.trimStart().startsWith("/")) return await room.say(line);
  if (entry.kind === "say") return await room.say(entry.text);
  const { name, rest } = entry;
  switch (name) {
    case "me":
      return await room.say(needed(rest, "/me TEXT"), { action: true });
    case "msg": {
      const [to, text] = splitFirst(rest);
      await room.tell(to, needed(text, "/msg NAME TEXT"));
      return {};
    }
    case "name":
      await room.rename(needed(rest, "/name NAME"));
      return {};
    case "topic":
      if (rest !== "") return await room.setTopicLine(rest === "-" ? "" : rest);
      return { lines: [`topic: ${printable(room.topicLine)}`] };
    case "who": {
      const names = (await room.members()).map(({ name, idle }) =>
        printable(name) + (idle ? " (idle)" : "")
      );
      return { lines: [`${names.length} here: ${names.join(", ")}`] };
    }
    case "rooms":
      return {
        lines: (await rooms()).map(({ name, online, topicLine }) =>
          `${printable(name)} (${online} online)${topicLine && `: ${printable(topicLine)}`}`
        ),
      };
    case "quit":
      return { quit: true };
    default:
      throw new UsageError(`there is no command /${printable(name)} here; accepted: ${KNOWN}`);
  }
}

function needed(text: string, form: string): string {
  if (text !== "") return text;
  throw new UsageError(`something is missing; accepted: ${form}`);
}
