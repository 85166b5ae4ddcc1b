/**
 * What a line that begins with a slash means. Commands may be written in capitals, and some have another name from IRC.
 */

/** The other names of commands. */
const ALIASES: Readonly<Record<string, string>> = {
  "/nick": "/name",
  "/list": "/rooms",
  "/names": "/who",
  "/j": "/join",
  "/part": "/leave",
};

/** Those that are about the room that one is in. */
const IN_ROOM: ReadonlySet<string> = new Set(["/me", "/topic", "/leave", "/who", "/history"]);

/** A command as it is meant. */
export interface TextCommand {
  /** With its slash; as it was written where there is none of that name. */
  readonly name: string;
  readonly words: readonly string[];
  /** All that follows. */
  readonly rest: string;
}

/** The command of a line. */
export function commandOf(line: string): TextCommand {
  const text = line.trim();
  const [written, ...words] = text.split(/\s+/);
  const name = written.toLowerCase();
  return { name: ALIASES[name] ?? name, words, rest: text.slice(written.length).trim() };
}

/** Whether the command called `name` is about the room that one is in. */
export function isInRoom(name: string): boolean {
  return IN_ROOM.has(name);
}
