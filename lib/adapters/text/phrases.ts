/**
 * The words in which the text listener tells what happened. Everything that others chose is made printable.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { printable } from "../../base/printable.ts";
import { type Error as WireError, ErrorCode } from "../../gen/parley/v1/error_pb.ts";
import type { Event } from "../../gen/parley/v1/event_pb.ts";
import {
  type DirectMessage,
  type RoomEvent,
  RoomEventSchema,
  type RoomInfo,
} from "../../gen/parley/v1/room_pb.ts";
import { clockText } from "./banner.ts";

/** What was found of events that many people are shown. */
const happenings = new WeakMap<Event, RoomEvent["event"]>();

/** What happened in a room, by one of its events; empty for an event of another kind. */
export function happeningOf(event: Event): RoomEvent["event"] {
  if (event.type !== RoomEventSchema.typeName) return { case: undefined };
  const known = happenings.get(event);
  if (known !== undefined) return known;
  const { event: happening } = fromBinary(RoomEventSchema, event.payload);
  happenings.set(event, happening);
  return happening;
}

/** The line of something that was said; empty for everything else. */
export function saidLine(event: Event): string {
  const { case: kind, value } = happeningOf(event);
  if (kind !== "said") return "";
  const { name, text, action } = value;
  return action
    ? `[${timeOf(event)}]* ${printable(name)} ${printable(text)}`
    : `[${timeOf(event)}][${printable(name)}]:${printable(text)}`;
}

/** The line of something that happened while `name` was there; empty when there is nothing to tell. */
export function happeningLine(event: Event, name: string): string {
  const { case: kind, value } = happeningOf(event);
  switch (kind) {
    case "said":
      return saidLine(event);
    case "joined":
      return value.name === name ? "" : `${printable(value.name)} has joined our chat...`;
    case "left":
      return value.name === name ? "" : `${printable(value.name)} has left our chat...`;
    case "renamed":
      return `${printable(value.from)} is ${printable(value.to)} now.`;
    case "topicLineSet":
      return value.text === ""
        ? `${printable(value.name)} has taken the topic away.`
        : `${printable(value.name)} has set the topic: ${printable(value.text)}`;
    default:
      return "";
  }
}

/** The line of a text to one person. */
export function directLine(event: Event, { from, text }: DirectMessage): string {
  return `[${timeOf(event)}][${printable(from)} -> you]:${printable(text)}`;
}

/** The line of a room in the list of rooms. */
export function roomLine({ name, online, topicLine }: RoomInfo): string {
  return `${printable(name)} (${online} online)${
    topicLine === "" ? "" : `: ${printable(topicLine)}`
  }`;
}

/** Why something was refused, in sentences for people. */
export function refusalText({ code, message, accepted }: WireError): string {
  const safe = code === ErrorCode.INTERNAL ? "something went wrong" : printable(message);
  const sentence = `${safe.slice(0, 1).toUpperCase()}${safe.slice(1)}.`;
  return accepted === "" ? sentence : `${sentence} Accepted: ${printable(accepted)}.`;
}

function timeOf(event: Event): string {
  return clockText(Number(event.timeUnixMicros / 1000n));
}
