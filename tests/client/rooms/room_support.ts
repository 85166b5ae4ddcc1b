/**
 * What is read of rooms one message after the other.
 */
import type { Room, RoomMessage } from "../../../lib/client/mod.ts";
import { settles } from "../../support/until.ts";

const readers = new WeakMap<Room, AsyncIterator<RoomMessage>>();

/** The next message of a room; undefined when the room has ended. Rejects with why it has. */
export async function nextOf(room: Room): Promise<RoomMessage | undefined> {
  const reader = readers.get(room) ?? room[Symbol.asyncIterator]();
  readers.set(room, reader);
  const { value, done } = await settles(reader.next(), "a message of a room");
  return done ? undefined : value;
}

/** The next message of a room of that kind. */
export async function nextOfKind(room: Room, kind: RoomMessage["kind"]): Promise<RoomMessage> {
  for (;;) {
    const message = await nextOf(room);
    if (message === undefined) {
      throw new Error(`the room has ended before a message of the kind ${kind}`);
    }
    if (message.kind === kind) return message;
  }
}
