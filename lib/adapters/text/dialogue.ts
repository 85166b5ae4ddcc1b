/**
 * The conversation with one person at a plain terminal: lines in, requests out, and the other way round.
 *
 * Pure: it knows lines and messages, no sockets; the time is given in. The server speaks first and asks for
 * a name; then the person is in the first room, sees its history and what is said, and is prompted again
 * after each line. Everything that others chose is made printable before it is shown.
 *
 * Lines are taken one after the other: while what a line means depends on an answer that is not there yet
 * (`ready` is false), the next one has to wait. So nothing is lost that is typed, or piped, too early.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { printable } from "../../base/printable.ts";
import type { ClientMessage, ServerMessage } from "../../gen/parley/v1/envelope_pb.ts";
import { CloseReason, ErrorCode } from "../../gen/parley/v1/error_pb.ts";
import type { Event } from "../../gen/parley/v1/event_pb.ts";
import { DirectMessageSchema, type RoomEvent, Rooms } from "../../gen/parley/v1/room_pb.ts";
import { clockText, NAME_PROMPT, PASSWORD_PROMPT, TEXT_HELP } from "./banner.ts";
import { commandOf, isInRoom } from "./commands.ts";
import type { TextLine } from "./lines.ts";
import {
  directLine,
  happeningLine,
  happeningOf,
  refusalText,
  roomLine,
  saidLine,
} from "./phrases.ts";
import type { DialogueOptions } from "./options.ts";
import { Requests } from "./requests.ts";

/** The most events of a room's history that are shown on coming in. */
const SHOWN_HISTORY = 2048;

/** One person's conversation. */
export class TextDialogue {
  /** Set when the person has taken leave: no more lines are wanted. */
  finished = false;
  /** Set when the server has said its last word: nothing will be answered any more. */
  dismissed = false;
  readonly #options: DialogueOptions;
  readonly #requests = new Requests((reason) => this.#say(reason));
  #output = "";
  #name = "";
  /** The name whose password is asked for; empty while none is. */
  #claimed = "";
  #room = "";
  #topicLine = "";
  /** A command that waits for the answers to what was said before it; empty while none does. */
  #postponed = "";
  /** Events of the room up to this seq are its history. */
  #historySeq = 0n;
  #showingHistory = false;
  /** The seq of what was said last in the room, and of what was shown last of it. */
  #saidSeq = 0n;
  #shownSeq = 0n;
  /** Takes leave once everything that was said has been shown; null while nobody takes leave. */
  #farewell: (() => void) | null = null;
  /** Whether the cursor stands behind a prompt. */
  #atPrompt = false;

  constructor(options: DialogueOptions) {
    this.#options = options;
    this.#print(options.banner);
    this.#askName();
  }

  /** Whether the next line can be taken. */
  get ready(): boolean {
    return this.#requests.deciding === 0 && !this.#showingHistory && !this.finished &&
      !this.dismissed;
  }

  /** Whether the person has a name. */
  get isNamed(): boolean {
    return this.#name !== "";
  }

  /** What is to be shown now; taken once. */
  takeOutput(): string {
    const output = this.#output;
    this.#output = "";
    return output;
  }

  /** What is to be asked of the server now; taken once. */
  takeRequests(): ClientMessage[] {
    return this.#requests.take();
  }

  /** The person has typed a line. Only while `ready`. */
  take(line: TextLine): void {
    // They ended the line that the prompt began.
    this.#atPrompt = false;
    if ("refused" in line) {
      const why = line.refused === "long"
        ? `a line has at most ${this.#options.maxLineBytes} bytes`
        : "that was no UTF-8 text";
      return this.#say(`Not sent: ${why}.`);
    }
    if (this.#claimed !== "") return this.#takePassword(this.#claimed, line.text);
    if (this.#name === "") return this.#takeName(line.text.trim());
    if (line.text.trim() === "") return this.#prompt();
    if (line.text.startsWith("/") && !line.text.startsWith("//")) return this.#command(line.text);
    const text = line.text.startsWith("//") ? line.text.slice(1) : line.text;
    if (this.#room === "") {
      return this.#say("You are in no room: /join ROOM, or /rooms to see them.");
    }
    this.#speak(text, false);
  }

  /** Says something. It comes back as an event, and the prompt with it. */
  #speak(text: string, action: boolean): void {
    const request = { room: this.#room, text, action };
    this.#requests.call(Rooms.method.say, request, ({ seq }) => {
      if (request.room === this.#room) this.#saidSeq = seq;
    });
  }

  /** The server has said something. */
  receive(message: ServerMessage): void {
    if (this.#requests.answered(message)) return this.#goOn();
    const { case: member, value } = message.message;
    if (member === "event") this.#event(value);
    else if (member === "missed") {
      // What was to end the history can be among them.
      this.#showingHistory = false;
      this.#say(`(${value.count} messages were missed)`);
      this.#farewell?.();
    } else if (member === "error" && value.closeReason !== CloseReason.UNSPECIFIED) {
      this.#print(
        `${this.#atPrompt ? "\n" : ""}The connection ends: ${printable(value.message)}.\n`,
      );
      this.#atPrompt = false;
      this.dismissed = true;
    } else if (member === "error" && this.#name !== "") this.#say(refusalText(value));
  }

  #askName(): void {
    this.#claimed = "";
    this.#print(NAME_PROMPT);
    this.#atPrompt = true;
  }

  #takeName(name: string): void {
    if (name === "/quit") return this.#quit();
    this.#requests.decide(Rooms.method.claimName, { name }, (granted) => {
      this.#name = granted.name;
      this.#join(this.#options.room);
    }, (reason, code) => {
      if (code === ErrorCode.UNAUTHENTICATED && name !== "") {
        this.#claimed = name;
        this.#atPrompt = true;
        return this.#print(PASSWORD_PROMPT);
      }
      this.#print(`${reason}\n`);
      this.#askName();
    });
  }

  #takePassword(user: string, password: string): void {
    this.#claimed = "";
    this.#requests.deciding++;
    const hello = { protocolVersion: 1, library: "parley-text", user, password };
    this.#requests.ask({ case: "hello", value: hello }, (message) => {
      this.#requests.deciding--;
      if (message.case === "welcome") return this.#takeName(user);
      if (message.case === "error") this.#print(`${refusalText(message.value)}\n`);
      this.#askName();
    });
  }

  #join(name: string): void {
    if (name === this.#room) return this.#say(`You are in ${name} already.`);
    this.#requests.decide(Rooms.method.join, { room: name, withoutMembers: true }, (answer) => {
      const former = this.#room;
      if (former !== "") {
        this.#unsubscribe(former);
        this.#requests.call(Rooms.method.leave, { room: former });
      }
      this.#room = name;
      this.#saidSeq = this.#shownSeq = 0n;
      this.#historySeq = answer.seq;
      this.#topicLine = answer.room?.topicLine ?? "";
      if (this.#topicLine !== "") this.#print(`Topic: ${printable(this.#topicLine)}\n`);
      this.#showHistory(name);
    });
  }

  /** Asks for the room's events; the prompt follows the history, whose end is this person's own coming. */
  #showHistory(name: string): void {
    this.#showingHistory = true;
    const start = { since: { case: "last" as const, value: SHOWN_HISTORY } };
    const value = { pattern: `room.${name}`, echo: true, start };
    this.#requests.ask({ case: "subscribe", value }, (message) => {
      if (message.case !== "error") return;
      this.#showingHistory = false;
      this.#say(refusalText(message.value));
    });
  }

  #unsubscribe(name: string): void {
    this.#requests.ask({ case: "unsubscribe", value: { pattern: `room.${name}` } });
  }

  /** Carries out a command that waited for what was asked before it. */
  #goOn(): void {
    const text = this.#postponed;
    if (text === "" || this.#requests.waiting > 0) return;
    this.#postponed = "";
    this.#requests.deciding--;
    this.#command(text);
  }

  #command(text: string): void {
    if (this.#requests.waiting > 0) {
      // What was said before it has to be there first.
      this.#requests.deciding++;
      this.#postponed = text;
      return;
    }
    const { name, words, rest } = commandOf(text);
    if (this.#room === "" && isInRoom(name)) return this.#say("You are in no room.");
    switch (name) {
      case "/help":
        return this.#say(TEXT_HELP);
      case "/name":
        return rest === ""
          ? this.#say(`You are ${this.#name}: /name NAME changes that.`)
          : this.#rename(rest);
      case "/me":
        return this.#act(rest);
      case "/topic":
        return this.#topic(rest);
      case "/rooms":
        return this.#rooms();
      case "/join":
        return words.length === 1
          ? this.#join(words[0].replace(/^#/, "").toLowerCase())
          : this.#say("/join ROOM");
      case "/leave":
        return this.#leaveRoom();
      case "/who":
        return this.#who();
      case "/msg":
        return this.#tell(words[0] ?? "", rest.slice((words[0] ?? "").length).trim());
      case "/history":
        return this.#history(words[0] ?? "");
      case "/quit":
        return this.#quit();
      default:
        return this.#say(`There is no ${printable(name)}: /help tells what there is.`);
    }
  }

  #rename(name: string): void {
    this.#requests.decide(Rooms.method.claimName, { name }, (granted) => {
      this.#name = granted.name;
      // In a room this was told already.
      if (!this.#atPrompt) this.#prompt();
    });
  }

  #act(text: string): void {
    if (text === "") return this.#say("/me TEXT");
    this.#speak(text, true);
  }

  /** Tells the topic line, or sets it. */
  #topic(text: string): void {
    if (text === "") {
      const line = this.#topicLine;
      return this.#say(line === "" ? "The room has no topic line." : `Topic: ${printable(line)}`);
    }
    // It comes back as an event, and is shown then.
    const request = { room: this.#room, text: text === "-" ? "" : text };
    this.#requests.decide(Rooms.method.setTopicLine, request, () => {
      this.#topicLine = request.text;
    });
  }

  #rooms(): void {
    this.#requests.decide(Rooms.method.list, {}, (answer) => {
      const lines = answer.rooms.map(roomLine);
      if (answer.more) lines.push(`These are the first ${lines.length}; there are more.`);
      this.#say(lines.length === 0 ? "There are no rooms." : lines.join("\n"));
    });
  }

  #leaveRoom(): void {
    const name = this.#room;
    this.#requests.decide(Rooms.method.leave, { room: name }, () => {
      this.#unsubscribe(name);
      this.#room = "";
      this.#say("You have left the room: /join ROOM to come into another.");
    });
  }

  #who(): void {
    const request = { room: this.#room };
    this.#requests.decide(Rooms.method.members, request, ({ members }) => {
      const names = members.map(({ name, idle }) => printable(name) + (idle ? " (idle)" : ""));
      this.#say(`${names.length} online: ${names.join(", ")}`);
    });
  }

  #tell(to: string, text: string): void {
    if (to === "" || text === "") return this.#say("/msg NAME TEXT");
    this.#requests.decide(Rooms.method.tell, { to, text }, () => {
      this.#say(
        `[${clockText(this.#options.wallMs())}][${this.#name} -> ${printable(to)}]:${
          printable(text)
        }`,
      );
    });
  }

  #history(count: string): void {
    if (!/^([1-9]\d{0,4})?$/.test(count)) return this.#say("/history [COUNT], from 1");
    const limit = Math.min(Number(count) || 50, 256);
    const request = { room: this.#room, limit };
    this.#requests.decide(Rooms.method.history, request, ({ events }) => {
      const lines = events.map((event) => saidLine(event)).filter((line) => line !== "");
      this.#say(lines.length === 0 ? "Nothing has been said yet." : lines.join("\n"));
    });
  }

  #quit(): void {
    const goodbye = () => {
      this.#farewell = null;
      this.#print(`${this.#atPrompt ? "\n" : ""}Goodbye.\n`);
      this.#atPrompt = false;
      this.finished = true;
    };
    if (this.#room === "") return goodbye();
    const request = { room: this.#room };
    this.#requests.decide(Rooms.method.leave, request, () => {
      if (this.#saidSeq <= this.#shownSeq) return goodbye();
      // The room's history can be behind the answers: one sees one's own words before one goes.
      this.#requests.deciding++;
      this.#farewell = goodbye;
    }, goodbye);
  }

  /** Shows an event of the room, or a message to this person alone. */
  #event(event: Event): void {
    if (event.type === DirectMessageSchema.typeName) {
      return this.#say(directLine(event, fromBinary(DirectMessageSchema, event.payload)));
    }
    if (event.topic !== `room.${this.#room}`) return;
    this.#roomEvent(event);
    this.#shownSeq = event.seq;
    if (this.#shownSeq >= this.#saidSeq) this.#farewell?.();
  }

  #roomEvent(event: Event): void {
    const isHistory = event.seq <= this.#historySeq;
    const line = isHistory ? saidLine(event) : happeningLine(event, this.#name);
    if (isHistory && this.#showingHistory) {
      return line === "" ? undefined : this.#print(`${line}\n`);
    }
    const happening = happeningOf(event);
    if (!isHistory) this.#note(happening);
    if (this.#showingHistory) {
      this.#showingHistory = false;
      this.#prompt();
    }
    const { case: kind, value } = happening;
    // The line that one typed stands there already.
    const isOwnLine = !isHistory && kind === "said" && !value.action && value.name === this.#name;
    if (isOwnLine) {
      if (!this.#atPrompt) this.#prompt();
    } else if (line !== "") this.#say(line);
  }

  /** The event that tells of one's own new name comes before the answer that grants it. */
  #note({ case: kind, value }: RoomEvent["event"]): void {
    if (kind === "renamed" && value.from === this.#name) this.#name = value.to;
    else if (kind === "topicLineSet") this.#topicLine = value.text;
  }

  /** Shows whole lines, and the prompt again. */
  #say(lines: string): void {
    this.#print(`${this.#atPrompt ? "\n" : ""}${lines}\n`);
    this.#prompt();
  }

  #prompt(): void {
    if (this.#name === "") return this.#askName();
    this.#print(`[${clockText(this.#options.wallMs())}][${this.#name}]:`);
    this.#atPrompt = true;
  }

  #print(text: string): void {
    this.#output += text;
  }
}
