/**
 * What happens in rooms in words, for pipes and for terminals.
 *
 * Names and texts are others' words: whatever they hold, nothing that comes out of here is obeyed by a
 * terminal or ends a line.
 */
import { localClock, localDay } from "../../base/local_time.ts";
import { printable } from "../../base/printable.ts";
import type { RoomMessage } from "../../client/mod.ts";

/** What happened, without who said it: `ann has come in`; empty for what somebody said. */
export function happening({ kind, name, text, lost }: RoomMessage): string {
  const who = printable(name);
  switch (kind) {
    case "joined":
      return `${who} has joined`;
    case "left":
      return lost ? `${who} has lost the connection` : `${who} has left`;
    case "renamed":
      return `${who} is ${printable(text)} now`;
    case "topic_line":
      return text === ""
        ? `${who} took the topic away`
        : `${who} set the topic: ${printable(text)}`;
    default:
      return "";
  }
}

/** A message as one line: `2026-01-20 15:48:41 <ann> hello`. */
export function plainMessage(message: RoomMessage): string {
  const { kind, name, text, time, action } = message;
  const what = action
    ? `* ${printable(name)} ${printable(text)}`
    : kind === "said"
    ? `<${printable(name)}> ${printable(text)}`
    : kind === "direct"
    ? `[${printable(name)} to you] ${printable(text)}`
    : `* ${happening(message)}`;
  return `${localDay(time)} ${localClock(time)} ${what}`;
}

/** A message for a line of JSON. */
export function messageJson({ kind, name, text, seq, time, action }: RoomMessage) {
  const message = { seq: Number(seq), time: time.toISOString(), kind, name, text };
  return action ? { ...message, action } : message;
}
