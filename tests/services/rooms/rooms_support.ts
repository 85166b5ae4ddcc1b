/**
 * People in rooms, as clients of the wire: names, joining, saying, and what they see.
 */
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { Event } from "../../../lib/gen/parley/v1/event_pb.ts";
import * as room from "../../../lib/gen/parley/v1/room_pb.ts";
import { BusClient } from "../../support/bus_client.ts";
import { call, subscribe } from "../../support/bus_messages.ts";
import { contentOf } from "../../support/frames.ts";
import type { TestServer } from "../../support/server.ts";
import { settles } from "../../support/until.ts";

/** The kinds of listeners that people of programs come over. */
export type PersonKind = "tcp" | "unix" | "ws";

/** One person. */
export class Person implements AsyncDisposable {
  readonly client: BusClient;
  /** The secret of the name. */
  token = "";

  constructor(client: BusClient) {
    this.client = client;
  }

  /** Connects, and takes a name unless it is empty. */
  static async connect(
    server: TestServer,
    name = "",
    kind: PersonKind = "tcp",
    token = "",
  ): Promise<Person> {
    const stream = await settles(server.connect(kind), "a connection");
    const client = new BusClient(stream);
    client.startReading();
    const person = new Person(client);
    if (name !== "") await person.claim(name, token);
    return person;
  }

  /** Asks for a name. */
  async claim(name: string, token = ""): Promise<void> {
    const { ClaimNameRequestSchema, ClaimNameResponseSchema } = room;
    const request = { name, token };
    const answer = await this.call(
      "ClaimName",
      ClaimNameRequestSchema,
      request,
      ClaimNameResponseSchema,
    );
    this.token = answer.token;
  }

  /** Joins a room and follows it from there. */
  async enter(name: string): Promise<room.JoinResponse> {
    const answer = await this.join(name);
    const since = { case: "seq", value: answer.seq + 1n } as const;
    await this.client.acknowledged(subscribe({ pattern: `room.${name}`, start: { since } }));
    return answer;
  }

  join(name: string) {
    return this.call("Join", room.JoinRequestSchema, { room: name }, room.JoinResponseSchema);
  }

  leave(name: string) {
    return this.call("Leave", room.LeaveRequestSchema, { room: name }, room.LeaveResponseSchema);
  }

  say(name: string, text: string, messageId = "") {
    const request = { room: name, text, messageId };
    return this.call("Say", room.SayRequestSchema, request, room.SayResponseSchema);
  }

  tell(to: string, text: string) {
    return this.call("Tell", room.TellRequestSchema, { to, text }, room.TellResponseSchema);
  }

  setTopicLine(name: string, text: string) {
    const { SetTopicLineRequestSchema, SetTopicLineResponseSchema } = room;
    const request = { room: name, text };
    return this.call(
      "SetTopicLine",
      SetTopicLineRequestSchema,
      request,
      SetTopicLineResponseSchema,
    );
  }

  async members(name: string): Promise<room.Member[]> {
    const { MembersRequestSchema, MembersResponseSchema } = room;
    const request = { room: name };
    return (await this.call("Members", MembersRequestSchema, request, MembersResponseSchema))
      .members;
  }

  async list(): Promise<room.RoomInfo[]> {
    return (await this.call("List", room.ListRequestSchema, {}, room.ListResponseSchema)).rooms;
  }

  history(name: string, beforeSeq = 0n, limit = 0) {
    const { HistoryRequestSchema, HistoryResponseSchema } = room;
    const request = { room: name, beforeSeq, limit };
    return this.call("History", HistoryRequestSchema, request, HistoryResponseSchema);
  }

  /** Calls a method of the rooms; fails with the server's refusal. */
  async call<I extends DescMessage, O extends DescMessage>(
    method: string,
    input: I,
    request: MessageInitShape<I>,
    output: O,
  ): Promise<MessageShape<O>> {
    const payload = toBinary(input, create(input, request));
    const answer = await this.client.ask(call({ method: `parley.v1.Rooms/${method}`, payload }));
    if (answer.message.case === "error") {
      const { code, message, accepted, retryable } = answer.message.value;
      throw Object.assign(new Error(message), { code, accepted, retryable });
    }
    return fromBinary(output, contentOf(answer, "answer").payload);
  }

  /** What this person has seen happen, in short. */
  get seen(): string[] {
    return this.client.events.map(inShort);
  }

  /** Waits until so much was seen. */
  async whenSeen(count: number): Promise<string[]> {
    await this.client.whenEvents(count);
    return this.seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
  }
}

/** An event of a room or a direct message in a few words. */
export function inShort(event: Event): string {
  if (event.type === room.DirectMessageSchema.typeName) {
    const { from, to, text } = fromBinary(room.DirectMessageSchema, event.payload);
    return `${from} -> ${to}: ${text}`;
  }
  const { event: { case: kind, value } } = fromBinary(room.RoomEventSchema, event.payload);
  switch (kind) {
    case "said":
      return `${value.name}: ${value.text}`;
    case "joined":
      return `${value.name} joined (${value.online})`;
    case "left":
      return `${value.name} ${value.lost ? "lost" : "left"} (${value.online})`;
    case "renamed":
      return `${value.from} is ${value.to}`;
    case "topicLineSet":
      return `${value.name} set "${value.text}"`;
    case "presenceChanged":
      return `${value.name} ${value.idle ? "idle" : "back"} (${value.online})`;
    default:
      return `? ${kind}`;
  }
}
