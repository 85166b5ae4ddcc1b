/**
 * What may be written into the chat besides what is said: its commands, their help, and the completion of
 * commands, rooms and names. Pure.
 */

/** One command. */
interface ChatCommand {
  readonly name: string;
  /** What else it is called, as in IRC. */
  readonly alias?: string;
  /** What follows it. */
  readonly takes: string;
  readonly about: string;
  /** What its first word is, for completion. */
  readonly first?: "name" | "room";
}

/** All commands, in the order of the help. */
const CHAT_COMMANDS: readonly ChatCommand[] = [
  { name: "help", takes: "", about: "tell what there is" },
  { name: "me", takes: "TEXT", about: "say what you do" },
  { name: "who", alias: "names", takes: "", about: "tell who is here" },
  { name: "msg", takes: "NAME TEXT", about: "say something to one person alone", first: "name" },
  { name: "name", alias: "nick", takes: "NAME", about: "go by another name" },
  {
    name: "topic",
    takes: "[TEXT]",
    about: "tell the room's topic line, or set it; - takes it away",
  },
  { name: "rooms", alias: "list", takes: "", about: "list the rooms" },
  { name: "join", alias: "j", takes: "ROOM", about: "go into another room", first: "room" },
  { name: "leave", alias: "part", takes: "", about: "leave the room" },
  { name: "history", takes: "[N]", about: "show older messages" },
  { name: "quit", takes: "", about: "leave, and end" },
];

/** A line as it is meant. */
export type ChatEntry =
  | { readonly kind: "nothing" }
  | { readonly kind: "say"; readonly text: string }
  | { readonly kind: "command"; readonly name: string; readonly rest: string };

/** What a line means; one that begins with two slashes says the rest with one. */
export function parseEntry(line: string): ChatEntry {
  const text = line.trim();
  if (text === "") return { kind: "nothing" };
  if (!text.startsWith("/")) return { kind: "say", text };
  if (text.startsWith("//")) return { kind: "say", text: text.slice(1) };
  const [word] = text.split(/\s/, 1);
  const called = word.slice(1).toLowerCase();
  const name = CHAT_COMMANDS.find(({ alias }) => alias === called)?.name ?? called;
  return { kind: "command", name, rest: text.slice(word.length).trim() };
}

/** The first word of `text`, and what follows it. */
export function splitFirst(text: string): [string, string] {
  const [first = ""] = text.split(/\s/, 1);
  return [first, text.slice(first.length).trim()];
}

/** The lines of the help. */
export function helpLines(): string[] {
  const heads = CHAT_COMMANDS.map(({ name, alias, takes }) =>
    `/${name}${alias === undefined ? "" : `, /${alias}`} ${takes}`.trim()
  );
  const width = Math.max(...heads.map((head) => head.length));
  return [
    ...CHAT_COMMANDS.map(({ about }, index) => `${heads[index].padEnd(width)}  ${about}`),
    `${"Tab".padEnd(width)}  complete a name or a command`,
    `${"PgUp, PgDn".padEnd(width)}  scroll; at the top PgUp shows older messages`,
  ];
}

/** What can be completed. */
interface Completable {
  readonly names: readonly string[];
  readonly rooms: readonly string[];
}

/** What to put before the cursor, and among what to choose when that is not all. */
interface Completion {
  readonly before: string;
  readonly choices: readonly string[];
}

/** Completes the word before the cursor as far as it is clear. */
export function complete(before: string, known: Completable): Completion {
  const start = before.lastIndexOf(" ") + 1;
  const word = before.slice(start);
  const head = before.slice(0, start);
  let candidates: string[];
  let behind = " ";
  if (start === 0 && word.startsWith("/")) {
    candidates = CHAT_COMMANDS.flatMap(({ name, alias }) =>
      alias === undefined ? [`/${name}`] : [`/${name}`, `/${alias}`]
    );
  } else {
    const called = head.trim().slice(1).toLowerCase();
    const command = head.startsWith("/")
      ? CHAT_COMMANDS.find(({ name, alias }) => name === called || alias === called)
      : undefined;
    if (command?.first === "room") candidates = [...known.rooms];
    else {
      if (word === "") return { before, choices: [] };
      candidates = [...known.names];
      if (start === 0) behind = ": ";
    }
  }
  const lower = word.toLowerCase();
  const fitting = candidates.filter((each) => each.toLowerCase().startsWith(lower)).sort();
  if (fitting.length === 0) return { before, choices: [] };
  if (fitting.length === 1) return { before: head + fitting[0] + behind, choices: [] };
  const common = commonStart(fitting);
  return { before: head + (common.length > word.length ? common : word), choices: fitting };
}

/** What all of them begin with, without regard to case; as the first writes it. */
function commonStart(words: readonly string[]): string {
  let length = words[0].length;
  for (const word of words) {
    while (word.slice(0, length).toLowerCase() !== words[0].slice(0, length).toLowerCase()) {
      length--;
    }
  }
  return words[0].slice(0, length);
}
