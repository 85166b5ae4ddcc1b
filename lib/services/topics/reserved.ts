/**
 * The topics on which only the server publishes: those of rooms, direct messages, and what it tells of itself.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { isSystemTopic } from "./system_topics.ts";

/** The topics of rooms begin with this. */
export const ROOM_PREFIX = "room.";
/** The topic of direct messages, which nobody subscribes to. */
export const DIRECT_TOPIC = "direct";

/** Whether only the server publishes on `topic`. */
export function isServersTopic(topic: string): boolean {
  return topic.startsWith(ROOM_PREFIX) || topic === DIRECT_TOPIC || isSystemTopic(topic);
}

/** Raises PERMISSION_DENIED for topics that only the server publishes on. */
export function checkNotReserved(topic: string): void {
  if (!isServersTopic(topic)) return;
  throw new ParleyError(
    ErrorCode.PERMISSION_DENIED,
    `cannot publish to "${topic}": only the server publishes there`,
    {
      accepted:
        'a topic that begins neither with "room." nor with "sys."; parley.v1.Rooms/Say for what is said in a room, parley.v1.Rooms/Tell for one person',
    },
  );
}
