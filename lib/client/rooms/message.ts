/**
 * What happens in rooms, as programs get it, decoded from the events of a room's topic.
 *
 * Whoever writes for people shows these on a terminal or a page: names and texts are others' words, and
 * escaping them is the affair of who shows them.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { DirectMessageSchema, RoomEventSchema } from "../../gen/parley/v1/room_pb.ts";
import type { ReceivedEvent } from "../topics/event.ts";

/** The topics of rooms begin with this. */
export const ROOM_PREFIX = "room.";
/** The topic on which direct messages come, without a subscription. */
export const DIRECT_TOPIC = "direct";

/** What happened. */
export type RoomMessageKind = "said" | "joined" | "left" | "renamed" | "topic_line" | "direct";

/** Something that happened in a room, or was said to one person alone. */
export interface RoomMessage {
  /** What happened. */
  readonly kind: RoomMessageKind;
  /** Who said, joined, left, set the topic line, or goes by another name: the name until then. */
  readonly name: string;
  /** What was said, the topic line, or the new name; otherwise empty. */
  readonly text: string;
  /** For `said`: whether the text tells what they do ("/me waves") instead of what they say. */
  readonly action: boolean;
  /** Its number in the room's history; 0 for what is in none. */
  readonly seq: bigint;
  /** When the server took it. */
  readonly time: Date;
  /** For `left`: whether the connection was lost. */
  readonly lost: boolean;
  /** For `joined` and `left`: how many were there then; otherwise 0. */
  readonly online: number;
  /** Whether it happened before this room was joined. */
  readonly past: boolean;
}

/** What a program may know of an event that is not sent by a subscription's reader. */
type RoomEventLike = Pick<ReceivedEvent, "type" | "payload" | "seq" | "timeMicros">;

/** The message of an event in a room; null for what is none, or none that this version knows. */
export function roomMessage(event: RoomEventLike, joinedSeq = 0n): RoomMessage | null {
  const common = {
    text: "",
    action: false,
    seq: event.seq,
    time: new Date(Number(event.timeMicros / 1000n)),
    lost: false,
    online: 0,
    past: event.seq > 0n && event.seq <= joinedSeq,
  };
  if (event.type === DirectMessageSchema.typeName) {
    const { from, text } = fromBinary(DirectMessageSchema, event.payload);
    return { ...common, kind: "direct", name: from, text };
  }
  if (event.type !== RoomEventSchema.typeName) return null;
  const { event: happened } = fromBinary(RoomEventSchema, event.payload);
  switch (happened.case) {
    case "said": {
      const { name, text, action } = happened.value;
      return { ...common, kind: "said", name, text, action };
    }
    case "joined": {
      const { name, online } = happened.value;
      return { ...common, kind: "joined", name, online };
    }
    case "left": {
      const { name, online, lost } = happened.value;
      return { ...common, kind: "left", name, online, lost };
    }
    case "renamed":
      return { ...common, kind: "renamed", name: happened.value.from, text: happened.value.to };
    case "topicLineSet": {
      const { name, text } = happened.value;
      return { ...common, kind: "topic_line", name, text };
    }
    default:
      return null;
  }
}
