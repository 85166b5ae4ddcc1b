/**
 * What the chat does: it is in a room, says what is entered, carries out commands, and puts what happens into
 * the state. It draws nothing; `changed` is called when there is something to draw.
 *
 * Nothing here rejects: what goes wrong becomes a line for the reader. What could not be said is given back.
 */
import { detached } from "../../base/detached.ts";
import { ParleyError } from "../../base/errors.ts";
import type { Client, ClientStatus, Gap, Room } from "../../client/mod.ts";
import { type ChatEntry, helpLines, parseEntry, splitFirst } from "./chat_commands.ts";
import type { ChatState } from "./chat_state.ts";
import { countOf } from "../terminal/summary.ts";

/** What a session is made of. */
interface ChatSessionOptions {
  readonly client: Client;
  readonly state: ChatState;
  /** How many earlier events are read on coming in. */
  readonly history: number;
  /** Called when there is something to draw. */
  readonly changed: () => void;
  /** Called with what was entered and could not be said. */
  readonly giveBack: (text: string) => void;
  /** The wall clock. */
  readonly now: () => Date;
}

/** Older events that one request brings. */
const PAGE_EVENTS = 100;
const MAX_PAGE_EVENTS = 256;

/** One person's chat. */
export class ChatSession {
  /** Resolves when the person wants to end. */
  readonly finished: Promise<void>;
  readonly #options: ChatSessionOptions;
  readonly #state: ChatState;
  #room: Room | null = null;
  /** The seq of the oldest event that is shown; 0 before the first. */
  #oldest = 0n;
  #loading = false;
  #rooms: string[] = [];
  #finish!: () => void;

  constructor(options: ChatSessionOptions) {
    this.#options = options;
    this.#state = options.state;
    this.finished = new Promise((resolve) => this.#finish = resolve);
  }

  /** The rooms that are known, for completion. */
  get rooms(): readonly string[] {
    return this.#rooms;
  }

  /** The person wants to end. */
  quit(): void {
    this.#finish();
  }

  /** Goes into a room, and leaves the one before. Rejects when that is refused. */
  async join(name: string): Promise<void> {
    const { client, history } = this.#options;
    const state = this.#state;
    const onGap = (gap: Gap) => this.#tellGap(gap);
    const room = await client.room(name, { nick: state.nick, history, onGap });
    const former = this.#room;
    this.#room = room;
    this.#oldest = 0n;
    if (former) detached(former.leave(), "leave a room");
    state.enter(name, room.topicLine, []);
    detached(this.#follow(room), "show what is said");
    const members = await room.members();
    if (this.#room === room) state.setMembers(members.map((each) => each.name));
    this.#rooms = (await client.rooms()).map((each) => each.name);
    this.#options.changed();
  }

  /** Takes a line that was entered. */
  async enter(line: string): Promise<void> {
    const entry = parseEntry(line);
    try {
      await this.#carryOut(entry);
    } catch (error) {
      if (entry.kind === "say") this.#options.giveBack(line);
      this.#complain(error);
    }
    this.#options.changed();
  }

  /** Shows older messages, as many as one page has. */
  async older(limit = PAGE_EVENTS): Promise<void> {
    const room = this.#room;
    if (room === null || this.#loading || this.#oldest <= 1n) return;
    this.#loading = true;
    try {
      const { messages, more } = await room.history({ before: this.#oldest, limit });
      if (this.#room !== room) return;
      this.#oldest = more && messages.length > 0 ? messages[0].seq : 1n;
      this.#state.prepend(messages);
    } catch (error) {
      this.#complain(error);
    } finally {
      this.#loading = false;
      this.#options.changed();
    }
  }

  /** The callback for the status of the client. */
  readonly onStatus = (status: ClientStatus): void => {
    if (status === "connecting") return;
    this.#state.link = status;
    this.#options.changed();
  };

  async #carryOut(entry: ChatEntry): Promise<void> {
    if (entry.kind === "nothing") return;
    if (entry.kind === "say") return await this.#say(entry.text, false);
    const { name, rest } = entry;
    const state = this.#state;
    switch (name) {
      case "help":
        return state.notice(helpLines().join("\n"));
      case "me":
        if (rest === "") return state.notice("/me TEXT says what you do");
        return await this.#say(rest, true);
      case "who":
        return await this.#who();
      case "rooms":
        return await this.#listRooms();
      case "msg":
        return await this.#tell(...splitFirst(rest));
      case "name":
        if (rest === "") return state.notice(`you are ${state.nick}; /name NAME changes that`);
        await this.#inRoom().rename(rest);
        state.nick = this.#inRoom().nick;
        return;
      case "topic":
        return await this.#topic(rest);
      case "join":
        if (rest === "") return state.notice("/join ROOM");
        return await this.join(rest.replace(/^#/, "").toLowerCase());
      case "leave":
        return await this.#leave();
      case "history":
        return await this.#history(rest);
      case "quit":
        return this.quit();
      default:
        return state.notice(`there is no /${name}: /help tells what there is`, "error");
    }
  }

  /** Says several lines, one message each, as they are: none is a command. What could not be said is told. */
  async paste(lines: readonly string[]): Promise<void> {
    for (const [index, line] of lines.entries()) {
      try {
        await this.#say(line, false);
      } catch (error) {
        this.#complain(error);
        const left = lines.length - index;
        if (left > 1) {
          this.#state.notice(`${countOf(left, "line")} of ${lines.length} were not said`, "error");
        }
        break;
      }
    }
    this.#options.changed();
  }

  async #say(text: string, action: boolean): Promise<void> {
    const room = this.#inRoom();
    const { unsent } = this.#state;
    const waiting = { text, action };
    unsent.push(waiting);
    this.#options.changed();
    try {
      await room.say(text, { action });
    } finally {
      unsent.splice(unsent.indexOf(waiting), 1);
    }
  }

  async #who(): Promise<void> {
    const members = await this.#inRoom().members();
    this.#state.setMembers(members.map(({ name }) => name));
    const names = members.map(({ name, idle }) => idle ? `${name} (idle)` : name);
    this.#state.notice(`${members.length} here: ${names.join(", ")}`);
  }

  async #listRooms(): Promise<void> {
    const rooms = await this.#options.client.rooms();
    this.#rooms = rooms.map(({ name }) => name);
    const lines = rooms.map(({ name, online, topicLine }) =>
      `${name} (${online} online)${topicLine === "" ? "" : `: ${topicLine}`}`
    );
    this.#state.notice(lines.length === 0 ? "there are no rooms" : lines.join("\n"));
  }

  async #tell(name: string, text: string): Promise<void> {
    if (text === "") return this.#state.notice("/msg NAME TEXT");
    await this.#inRoom().tell(name, text);
    this.#state.told(name, text, this.#options.now());
  }

  async #topic(text: string): Promise<void> {
    const room = this.#inRoom();
    if (text !== "") return void await room.setTopicLine(text === "-" ? "" : text);
    const { topicLine } = this.#state;
    this.#state.notice(topicLine === "" ? "the room has no topic line" : `topic: ${topicLine}`);
  }

  async #leave(): Promise<void> {
    const room = this.#inRoom();
    this.#room = null;
    this.#state.leave();
    this.#state.notice("you are in no room: /join ROOM goes into one, /rooms lists them");
    await room.leave();
  }

  async #history(rest: string): Promise<void> {
    const limit = rest === "" ? PAGE_EVENTS : Number(rest);
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE_EVENTS) {
      return this.#state.notice(`/history N, from 1 to ${MAX_PAGE_EVENTS}`);
    }
    this.#inRoom();
    if (this.#oldest <= 1n) return this.#state.notice("there is nothing older");
    await this.older(limit);
  }

  /** Reads a room to its end. */
  async #follow(room: Room): Promise<void> {
    try {
      for await (const message of room) {
        if (this.#room !== room) return;
        if (this.#oldest === 0n) this.#oldest = message.seq;
        this.#state.nick = room.nick || this.#state.nick;
        this.#state.add(message);
        this.#options.changed();
      }
    } catch (error) {
      if (this.#room !== room) return;
      this.#room = null;
      this.#state.leave();
      this.#complain(error);
      this.#options.changed();
    }
  }

  /** The room. Raises when there is none. */
  #inRoom(): Room {
    if (this.#room !== null) return this.#room;
    throw new Error("you are in no room: /join ROOM goes into one");
  }

  #tellGap(gap: Gap): void {
    const text = gap.kind === "missed"
      ? `${countOf(Number(gap.count), "message")} cannot be shown any more`
      : gap.kind === "history_lost"
      ? "the server has lost the history of this room"
      : "messages may be missing here";
    this.#state.notice(text, "error");
    if (gap.kind === "history_lost") this.#oldest = 0n;
    this.#options.changed();
  }

  #complain(thrown: unknown): void {
    const { message, accepted } = ParleyError.from(thrown);
    const known = accepted === "" || message.includes(accepted);
    this.#state.notice(known ? message : `${message}; accepted: ${accepted}`, "error");
  }
}
