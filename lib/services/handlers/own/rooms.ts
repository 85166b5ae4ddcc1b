/**
 * The methods `parley.v1.Rooms/…`: names, joining and leaving, saying and telling, and what has been said.
 *
 * What they answer is true once it is answered: a name is granted, a message is in the history.
 */
import { invalidArgument } from "../../../base/errors.ts";
import type { Rooms as RoomsService } from "../../../gen/parley/v1/room_pb.ts";
import { foldName } from "../../../logic/rooms/person_name.ts";
import { checkMessage, type Room } from "../../../logic/rooms/room.ts";
import { firstNames, madeLater } from "./name_page.ts";
import { maySeeRoom } from "./rights.ts";
import type { Methods } from "./method.ts";
import type { Rooms } from "../../rooms/rooms.ts";
import { rosterOf } from "../../rooms/roster.ts";
import { ROOM_PREFIX } from "../../topics/reserved.ts";
import type { Features } from "../../features.ts";
import type { Peer } from "../../connection/peer.ts";

/** The most rooms of one list. */
const MAX_LISTED_ROOMS = 1000;
/** The most events of one page of history, and how many there are when nobody says. */
const MAX_PAGE_EVENTS = 256;
const USUAL_PAGE_EVENTS = 50;

/** The methods of the service Rooms. */
export const ROOM_METHODS: Methods<typeof RoomsService> = {
  claimName: async (features, session, { name, token }) => {
    features.access?.checkName(session, name);
    return await features.needRooms().claimName(session, name, token);
  },
  join: {
    list: "members",
    encoded: true,
    run: async (features, session, request) => {
      const rooms = features.needRooms();
      const { room, seq } = await rooms.join(session, request.room);
      return {
        room: infoOf(features, room),
        members: request.withoutMembers
          ? []
          : await rosterOf(room, rooms).members(session.callsTurn),
        seq: BigInt(seq),
      };
    },
  },
  leave: async (features, session, { room }) => {
    await features.needRooms().leave(session, room);
    return {};
  },
  say: async (features, session, request) => {
    const rooms = features.needRooms();
    const room = rooms.room(request.room);
    room.checkMember(session, "say something");
    const text = checkMessage(request.text, "say");
    const messageId = ownMessageId(session, rooms, request.messageId);
    rooms.active(session);
    const said = {
      case: "said",
      value: { name: rooms.nameOf(session), text, action: request.action },
    } as const;
    const seq = await rooms.announce(request.room, said, session, messageId);
    return { seq: BigInt(seq) };
  },
  setTopicLine: async (features, session, { room, text }) => {
    const seq = await features.needRooms().setTopicLine(session, room, text);
    return { seq: BigInt(seq) };
  },
  members: {
    list: "members",
    encoded: true,
    run: async (features, session, request) => {
      const rooms = features.needRooms();
      const roster = rosterOf(rooms.room(request.room), rooms);
      return { members: await roster.members(session.callsTurn) };
    },
  },
  list: { list: "rooms", run: list },
  // Events are given as they are kept.
  history: { list: "events", encoded: true, run: history },
  remove: async (features, _session, { room }) => ({
    dropped: BigInt(await features.needRooms().remove(room)),
  }),
  tell: (features, session, { to, text }) => {
    const rooms = features.needRooms();
    rooms.active(session);
    rooms.tell(session, to, text);
    return {};
  },
};

/**
 * The message_id under which what `session` says is kept: with the name in front, so that nobody can make
 * the words of somebody else look like a repetition. Raises INVALID_ARGUMENT when it is too long.
 */
function ownMessageId(session: Peer, rooms: Rooms, messageId: string): string {
  if (messageId === "") return "";
  const { maxMessageIdBytes } = session.context.limits;
  const bytes = new TextEncoder().encode(messageId).length;
  if (bytes <= maxMessageIdBytes) {
    return `${foldName(rooms.nameOf(session))}/${messageId}`;
  }
  throw invalidArgument(`cannot say something with a message_id of ${bytes} bytes`, {
    accepted: `at most ${maxMessageIdBytes} bytes`,
  });
}

async function list(features: Features, session: Peer, { after }: { after: string }) {
  const rooms = features.needRooms();
  const options = { after, most: MAX_LISTED_ROOMS, turn: session.callsTurn };
  const { names, more } = await firstNames(roomNames(features, session), options);
  return { rooms: madeLater(names, (name) => infoOf(features, rooms.room(name))), more };
}

/** The rooms that people are in or that have a history; some come twice. */
function* roomNames(features: Features, session: Peer): Generator<string> {
  for (const name of features.needRooms().rooms.keys()) {
    if (maySeeRoom(session, name)) yield name;
  }
  for (const { name } of features.needKept().store.topics()) {
    if (!name.startsWith(ROOM_PREFIX)) continue;
    const room = name.slice(ROOM_PREFIX.length);
    if (maySeeRoom(session, room)) yield room;
  }
}

async function history(
  features: Features,
  session: Peer,
  request: { room: string; beforeSeq: bigint; limit: number },
) {
  const { store } = features.needKept();
  const room = features.needRooms().room(request.room);
  const topic = store.topic(ROOM_PREFIX + room.name);
  if (topic === null || topic.events === 0) return { events: [], more: false };
  const before = request.beforeSeq === 0n ? Infinity : Number(request.beforeSeq);
  const from = Math.min(before - 1, topic.lastSeq);
  if (from < topic.firstSeq) return { events: [], more: false };
  const page = await store.read(topic, {
    from,
    direction: "backward",
    maxEvents: Math.min(request.limit || USUAL_PAGE_EVENTS, MAX_PAGE_EVENTS),
    // The page is one message: half of what a message may be leaves room for everything around it.
    maxBytes: session.context.limits.maxFrameBytes >>> 1,
  });
  const { ranges, bytes } = page;
  const events = Array.from(
    { length: page.count },
    (_, index) => bytes.subarray(ranges[2 * index], ranges[2 * index + 1]),
  );
  return { events, more: page.count > 0 && page.seqs[0] > topic.firstSeq };
}

function infoOf(features: Features, room: Room<Peer>) {
  const topic = features.needKept().store.topic(ROOM_PREFIX + room.name);
  return {
    name: room.name,
    topicLine: room.topicLine,
    online: room.online,
    lastSeq: BigInt(topic?.lastSeq ?? 0),
  };
}
