/**
 * What the chat shows, as plain data: messages, where the reader is among them, and how things stand.
 *
 * It knows no terminal and no connection. Bounded: of the messages the last 5,000 are kept, and as many notices
 * among them. Pure: times come with what is added.
 */
import { localDay } from "../../base/local_time.ts";
import type { RoomMessage } from "../../client/mod.ts";
import { mentions } from "./mentions.ts";
import { NameColors } from "./name_colors.ts";
import { happening } from "./text.ts";

/** One entry of the list, as long as it may be. */
export interface ChatLine {
  /** `rule` is a line across, with a title; `said`, `action` and `direct` have a speaker; the others are sentences. */
  readonly kind: "said" | "action" | "direct" | "happening" | "notice" | "error" | "rule";
  /** Null where no time is shown. */
  readonly time: Date | null;
  /** Who speaks, raw; empty when nobody does. */
  readonly name: string;
  /** What is said, raw. */
  readonly text: string;
  /** Whether the reader is spoken to. */
  readonly mention?: boolean;
}

/** Something that was entered and is not in the room yet. */
interface Unsent {
  readonly text: string;
  readonly action: boolean;
}

/** How the connection stands. */
type LinkState = "connected" | "reconnecting" | "closed";

const MAX_LINES = 5000;
/** Between who speaks and who is spoken to; no name holds it. */
export const TO = " → ";
/** Takes a row like a line, and stands where `markAt` says. */
const MARK: ChatLine = { kind: "rule", time: null, name: "", text: "new" };

/** The state of the chat. */
export class ChatState {
  /** The own name. */
  nick: string;
  /** The room, or empty. */
  room = "";
  topicLine = "";
  online = 0;
  link: LinkState = "connected";
  /** What was entered and is not in the room yet. */
  readonly unsent: Unsent[] = [];
  /** Lines that were pasted, and wait until the person says that they are meant; null while none do. */
  pasted: readonly string[] | null = null;
  /** The colours of those who spoke. */
  readonly colors = new NameColors();
  /** How many rows the reader has scrolled up; 0 follows what comes. */
  scroll = 0;
  /** How many messages came while the reader was elsewhere. */
  unread = 0;
  readonly #names = new Set<string>();
  #lines: ChatLine[] = [];
  #focused = true;
  /** Before which line the mark of what is new stands; -1 for nowhere. */
  #markAt = -1;
  #day = "";
  #added: ChatLine[] = [];
  #rings = false;

  constructor(nick: string) {
    this.nick = nick;
  }

  /** Everything that is shown. */
  get lines(): readonly ChatLine[] {
    return this.#lines;
  }

  /** Before which line the mark of what is new stands; -1 for nowhere. */
  get markAt(): number {
    return this.#markAt;
  }

  /** Who is known, for completion; the own name is not. */
  get names(): string[] {
    return [...this.#names].filter((name) => name !== this.nick);
  }

  /** Whether the reader sees what comes. */
  get present(): boolean {
    return this.#focused && this.scroll === 0;
  }

  /** The lines that came at the end since this was asked last, and the mark of what is new if it did. */
  takeAdded(): ChatLine[] {
    return this.#added.splice(0);
  }

  /** Whether the reader was spoken to since this was asked last. */
  takeBell(): boolean {
    const rings = this.#rings;
    this.#rings = false;
    return rings;
  }

  /** Comes into a room. */
  enter(room: string, topicLine: string, names: readonly string[]): void {
    this.room = room;
    this.topicLine = topicLine;
    this.setMembers(names);
    this.#day = "";
    this.#add({ kind: "rule", time: null, name: "", text: room });
  }

  /** Is in no room any more. */
  leave(): void {
    this.room = this.topicLine = "";
    this.online = 0;
    this.#names.clear();
  }

  /** Says who is here. */
  setMembers(names: readonly string[]): void {
    this.#names.clear();
    for (const name of names) this.#names.add(name);
    this.online = this.#names.size;
  }

  /** Takes in what happened in the room. */
  add(message: RoomMessage): void {
    const { kind, name, text, time, past, action } = message;
    if (!past) this.#follow(message);
    const day = localDay(time);
    if (day !== this.#day) {
      this.#day = day;
      this.#add({ kind: "rule", time: null, name: "", text: day });
    }
    if (!past && !this.present && name !== this.nick) {
      if (this.unread === 0) {
        this.#markAt = this.#lines.length;
        this.#added.push(MARK);
      }
      this.unread++;
    }
    const fromOthers = name !== this.nick;
    const mention = kind === "said" && fromOthers && mentions(text, this.nick);
    if (!past && fromOthers && (mention || kind === "direct")) this.#rings = true;
    if (kind === "said" || kind === "direct") this.colors.speaks(name);
    if (kind === "renamed") this.colors.renamed(name, text);
    if (kind === "said") this.#add({ kind: action ? "action" : kind, time, name, text, mention });
    else if (kind === "direct") this.#add({ kind, time, name: `${name}${TO}you`, text });
    else this.#add({ kind: "happening", time, name: "", text: happening(message) });
  }

  /** The own words to one person. */
  told(name: string, text: string, time: Date): void {
    this.#add({ kind: "direct", time, name: `${this.nick}${TO}${name}`, text });
  }

  /** Older messages, to stand above all others; the reader stays where they are. */
  prepend(messages: readonly RoomMessage[]): void {
    const before = new ChatState(this.nick);
    for (const message of messages) before.add({ ...message, past: true });
    this.#lines = [...before.lines, ...this.#lines].slice(-MAX_LINES);
    if (this.#markAt >= 0) this.#markAt += before.lines.length;
  }

  /** Says something of our own. */
  notice(text: string, kind: "notice" | "error" = "notice"): void {
    this.#add({ kind, time: null, name: "", text });
  }

  /** The terminal got the focus, or lost it. */
  setFocus(focused: boolean): void {
    this.#focused = focused;
    if (!focused) this.#clearMark();
    else if (this.scroll === 0) this.unread = 0;
  }

  /** The reader has scrolled to so many rows above the end. */
  scrollTo(rows: number): void {
    const wasAway = this.scroll > 0;
    this.scroll = Math.max(0, rows);
    if (!wasAway && this.scroll > 0) this.#clearMark();
    if (this.scroll === 0 && this.#focused) this.unread = 0;
  }

  /** The reader goes away from here: what comes from now on is new. */
  #clearMark(): void {
    this.#markAt = -1;
    this.unread = 0;
  }

  #follow({ kind, name, text, online }: RoomMessage): void {
    if (kind === "joined" || kind === "said") this.#names.add(name);
    if (kind === "left" || kind === "renamed") this.#names.delete(name);
    if (kind === "renamed") this.#names.add(text);
    if (kind === "topic_line") this.topicLine = text;
    if (kind === "joined" || kind === "left") this.online = online;
  }

  #add(line: ChatLine): void {
    this.#lines.push(line);
    this.#added.push(line);
    if (this.#lines.length <= MAX_LINES) return;
    this.#lines.shift();
    if (this.#markAt >= 0) this.#markAt--;
  }
}
