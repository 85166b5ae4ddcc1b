/**
 * The conversation with one person at a plain terminal: lines in, requests out, and the other way round.
 *
 * Pure: it knows lines and messages, no sockets; the time is given in. The server speaks first and asks for
 * a name; then the person is in the first room, sees its history and what is said, and is prompted again
 * after each line. Everything that others chose is made printable before it is shown.
 */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { printable } from "../base/printable.ts";
import { type ClientMessage, ClientMessageSchema } from "../gen/parley/v1/envelope_pb.ts";
import type { ServerMessage } from "../gen/parley/v1/envelope_pb.ts";
import { CloseReason, ErrorCode } from "../gen/parley/v1/error_pb.ts";
import type { Event } from "../gen/parley/v1/event_pb.ts";
import * as room from "../gen/parley/v1/room_pb.ts";
import { clockText, TEXT_BANNER, TEXT_HELP } from "./text_banner.ts";
import type { TextLine } from "./text_lines.ts";

/** What a person is asked first. */
export const NAME_PROMPT = "[ENTER YOUR NAME]: ";
/** The most events of a room's history that are shown on coming in. */
const SHOWN_HISTORY = 2048;
const METHODS = "parley.v1.Rooms/";

type Answer = (message: ServerMessage["message"]) => void;

/** What the dialogue needs. */
export interface DialogueOptions {
  /** The room that one comes into first. */
  readonly room: string;
  /** The longest line, for telling people. */
  readonly maxLineBytes: number;
  /** The wall clock, in milliseconds since 1970. */
  readonly wallMs: () => number;
}

/** One person's conversation. */
export class TextDialogue {
  /** Set when the person has taken leave: no more lines are wanted. */
  finished = false;
  readonly #options: DialogueOptions;
  readonly #requests: ClientMessage[] = [];
  readonly #answers = new Map<bigint, Answer>();
  #output = "";
  #nextId = 1n;
  #name = "";
  #wantedName = "";
  #room = "";
  /** Events of the room up to this seq are its history. */
  #historySeq = 0n;
  #showingHistory = false;
  /** Whether the cursor stands behind a prompt. */
  #atPrompt = false;
  #awaitingName = false;

  constructor(options: DialogueOptions) {
    this.#options = options;
    this.#print(TEXT_BANNER);
    this.#askName();
  }

  /** What is to be shown now; taken once. */
  takeOutput(): string {
    const output = this.#output;
    this.#output = "";
    return output;
  }

  /** What is to be asked of the server now; taken once. */
  takeRequests(): ClientMessage[] {
    return this.#requests.splice(0);
  }

  /** The person has typed a line. */
  take(line: TextLine): void {
    // They ended the line that the prompt began.
    this.#atPrompt = false;
    if ("refused" in line) {
      const why = line.refused === "long"
        ? `a line has at most ${this.#options.maxLineBytes} bytes`
        : "that was no UTF-8 text";
      return this.#say(`Not sent: ${why}.`);
    }
    if (this.#name === "") return this.#takeName(line.text);
    if (line.text.trim() === "") return this.#prompt();
    if (line.text.startsWith("/") && !line.text.startsWith("//")) return this.#command(line.text);
    const text = line.text.startsWith("//") ? line.text.slice(1) : line.text;
    if (this.#room === "") {
      return this.#say("You are in no room: /join ROOM, or /rooms to see them.");
    }
    // It comes back as an event, and is shown then.
    this.#call("Say", room.SayRequestSchema, { room: this.#room, text }, room.SayResponseSchema);
  }

  /** The server has said something. */
  receive(message: ServerMessage): void {
    const answer = message.id === 0n ? undefined : this.#answers.get(message.id);
    if (answer !== undefined) {
      this.#answers.delete(message.id);
      return answer(message.message);
    }
    const { case: member, value } = message.message;
    if (member === "event") this.#event(value);
    else if (member === "missed") this.#say(`(${value.count} messages were missed)`);
    else if (member === "error" && value.closeReason !== CloseReason.UNSPECIFIED) {
      this.#print(
        `${this.#atPrompt ? "\n" : ""}The connection ends: ${printable(value.message)}.\n`,
      );
      this.#atPrompt = false;
    }
  }

  #askName(): void {
    this.#print(NAME_PROMPT);
    this.#atPrompt = true;
  }

  #takeName(text: string): void {
    // What is typed before the answer to the last name is there is no other name.
    if (this.#awaitingName) return;
    this.#wantedName = text.trim();
    this.#awaitingName = true;
    const name = this.#wantedName;
    const { ClaimNameRequestSchema, ClaimNameResponseSchema } = room;
    this.#call("ClaimName", ClaimNameRequestSchema, { name }, ClaimNameResponseSchema, () => {
      this.#name = name;
      this.#join(this.#options.room);
    }, (reason) => {
      this.#awaitingName = false;
      this.#print(`${reason}\n`);
      this.#askName();
    });
  }

  #join(name: string): void {
    this.#call(
      "Join",
      room.JoinRequestSchema,
      { room: name },
      room.JoinResponseSchema,
      (answer) => {
        if (this.#room !== "" && this.#room !== name) this.#leave(this.#room);
        this.#room = name;
        this.#historySeq = answer.seq;
        const line = answer.room?.topicLine ?? "";
        if (line !== "") this.#print(`Topic: ${printable(line)}\n`);
        this.#ask({
          case: "subscribe",
          value: {
            pattern: `room.${name}`,
            echo: true,
            start: { since: { case: "last", value: SHOWN_HISTORY } },
          },
        }, () => {});
        // The prompt follows the history, whose end is this person's own coming.
        this.#showingHistory = true;
      },
    );
  }

  #leave(name: string): void {
    const pattern = `room.${name}`;
    this.#ask({ case: "unsubscribe", value: { pattern } }, () => {});
    this.#call(
      "Leave",
      room.LeaveRequestSchema,
      { room: name },
      room.LeaveResponseSchema,
      () => {},
    );
  }

  #command(text: string): void {
    const [command, ...words] = text.trim().split(/\s+/);
    const rest = text.trim().slice(command.length).trim();
    switch (command) {
      case "/help":
        return this.#say(TEXT_HELP);
      case "/name":
        return this.#rename(rest);
      case "/rooms":
        return this.#rooms();
      case "/join":
        return words.length === 1 ? this.#join(words[0].toLowerCase()) : this.#say("/join ROOM");
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
        return this.#say(`There is no ${printable(command)}: /help tells what there is.`);
    }
  }

  #rename(name: string): void {
    const { ClaimNameRequestSchema, ClaimNameResponseSchema } = room;
    this.#call("ClaimName", ClaimNameRequestSchema, { name }, ClaimNameResponseSchema, () => {
      this.#name = name;
      this.#prompt();
    });
  }

  #rooms(): void {
    this.#call("List", room.ListRequestSchema, {}, room.ListResponseSchema, ({ rooms }) => {
      const lines = rooms.map(({ name, online, topicLine }) =>
        `${name} (${online} online)${topicLine === "" ? "" : `: ${printable(topicLine)}`}`
      );
      this.#say(lines.length === 0 ? "There are no rooms." : lines.join("\n"));
    });
  }

  #leaveRoom(): void {
    if (this.#room === "") return this.#say("You are in no room.");
    this.#leave(this.#room);
    this.#room = "";
    this.#say("You have left the room: /join ROOM to come into another.");
  }

  #who(): void {
    if (this.#room === "") return this.#say("You are in no room.");
    const { MembersRequestSchema, MembersResponseSchema } = room;
    this.#call(
      "Members",
      MembersRequestSchema,
      { room: this.#room },
      MembersResponseSchema,
      (answer) => {
        const names = answer.members.map(({ name, idle }) => idle ? `${name} (idle)` : name);
        this.#say(`${names.length} online: ${names.join(", ")}`);
      },
    );
  }

  #tell(to: string, text: string): void {
    if (to === "" || text === "") return this.#say("/msg NAME TEXT");
    this.#call("Tell", room.TellRequestSchema, { to, text }, room.TellResponseSchema, () => {
      this.#say(`[${this.#now()}][${this.#name} -> ${printable(to)}]:${printable(text)}`);
    });
  }

  #history(count: string): void {
    if (this.#room === "") return this.#say("You are in no room.");
    const limit = Math.min(Math.max(Math.trunc(Number(count)) || 50, 1), 256);
    const { HistoryRequestSchema, HistoryResponseSchema } = room;
    const request = { room: this.#room, limit };
    this.#call("History", HistoryRequestSchema, request, HistoryResponseSchema, ({ events }) => {
      const lines = events.map((event) => saidLine(event)).filter((line) => line !== "");
      this.#say(lines.length === 0 ? "Nothing has been said yet." : lines.join("\n"));
    });
  }

  #quit(): void {
    if (this.#room !== "") this.#leave(this.#room);
    this.#print("Goodbye.\n");
    this.finished = true;
  }

  /** Something happened in the room, or somebody said something to this person alone. */
  #event(event: Event): void {
    if (event.type === room.DirectMessageSchema.typeName) {
      const { from, text } = fromBinary(room.DirectMessageSchema, event.payload);
      return this.#say(`[${timeOf(event)}][${printable(from)} -> you]:${printable(text)}`);
    }
    if (event.type !== room.RoomEventSchema.typeName || event.topic !== `room.${this.#room}`) {
      return;
    }
    const isHistory = event.seq <= this.#historySeq;
    const line = saidLine(event) || (isHistory ? "" : this.#happening(event));
    if (isHistory && this.#showingHistory) {
      return line === "" ? undefined : this.#print(`${line}\n`);
    }
    if (this.#showingHistory) {
      this.#showingHistory = false;
      this.#prompt();
    }
    if (line !== "") this.#say(line);
  }

  #happening(event: Event): string {
    const { event: { case: kind, value } } = fromBinary(room.RoomEventSchema, event.payload);
    switch (kind) {
      case "joined":
        return value.name === this.#name ? "" : `${printable(value.name)} has joined our chat...`;
      case "left":
        return `${printable(value.name)} has left our chat...`;
      case "renamed":
        return `${printable(value.from)} is ${printable(value.to)} now.`;
      case "topicLineSet":
        return `${printable(value.name)} has set the topic: ${printable(value.text)}`;
      default:
        return "";
    }
  }

  /** Calls one of the rooms' methods. A refusal is shown, unless `refused` takes it. */
  #call<I extends DescMessage, O extends DescMessage>(
    method: string,
    input: I,
    request: MessageInitShape<I>,
    output: O,
    done: (answer: MessageShape<O>) => void = () => {},
    refused: (reason: string) => void = (reason) => this.#say(reason),
  ): void {
    const payload = toBinary(input, create(input, request));
    const call = { method: METHODS + method, payload, type: input.typeName };
    this.#ask({ case: "call", value: call }, (message) => {
      if (message.case === "answer") done(fromBinary(output, message.value.payload));
      else if (message.case === "error") {
        const { code, message: text, accepted } = message.value;
        const known = code === ErrorCode.INTERNAL ? "Something went wrong." : sentence(text);
        refused(accepted === "" ? known : `${known} Accepted: ${printable(accepted)}.`);
      }
    });
  }

  #ask(message: MessageInitShape<typeof ClientMessageSchema>["message"], answer: Answer): void {
    const id = this.#nextId++;
    this.#answers.set(id, answer);
    this.#requests.push(create(ClientMessageSchema, { id, message }));
  }

  /** Shows whole lines, and the prompt again. */
  #say(lines: string): void {
    this.#print(`${this.#atPrompt ? "\n" : ""}${lines}\n`);
    this.#prompt();
  }

  #prompt(): void {
    if (this.#name === "") {
      if (!this.#awaitingName) this.#askName();
      return;
    }
    this.#print(`[${this.#now()}][${this.#name}]:`);
    this.#atPrompt = true;
  }

  #now(): string {
    return clockText(this.#options.wallMs());
  }

  #print(text: string): void {
    this.#output += text;
  }
}

/** The line of something that was said; empty for every other event. */
function saidLine(event: Event): string {
  if (event.type !== room.RoomEventSchema.typeName) return "";
  const { event: happened } = fromBinary(room.RoomEventSchema, event.payload);
  if (happened.case !== "said") return "";
  const { name, text } = happened.value;
  return `[${timeOf(event)}][${printable(name)}]:${printable(text)}`;
}

function timeOf(event: Event): string {
  return clockText(Number(event.timeUnixMicros / 1000n));
}

/** An error's message as a sentence for people. */
function sentence(text: string): string {
  const safe = printable(text);
  return `${safe.slice(0, 1).toUpperCase()}${safe.slice(1)}.`;
}
