/**
 * What each of the server's own methods needs: one table, which is asked before a method does anything.
 *
 * A method without a line here is denied to everybody who has an identity. What is only looked at needs a permission
 * of what could be done with it; what is changed or removed needs `manage`, on `topic.NAME`, `queue.NAME` or
 * `room.NAME`, and what is done to the server as a whole on `server.METHOD`. Lists need nothing, and hold only what may be looked at: `maySeeTopic` and so on.
 */
import type { DescService } from "@bufbuild/protobuf";
import { ErrorCode, ParleyError } from "../../../base/errors.ts";
import { quote } from "../../../base/quote.ts";
import { Admin } from "../../../gen/parley/v1/admin_pb.ts";
import { Demo } from "../../../gen/parley/v1/demo_pb.ts";
import { Queues } from "../../../gen/parley/v1/queue_pb.ts";
import { RoomEventSchema, Rooms } from "../../../gen/parley/v1/room_pb.ts";
import { Topics } from "../../../gen/parley/v1/topic_pb.ts";
import { Types } from "../../../gen/parley/v1/type_pb.ts";
import type { Verb } from "../../../logic/access/rules.ts";
import { DEAD_SUFFIX, isDeadName } from "../../../logic/queues/policies.ts";
import {
  checkMay,
  checkMayAll,
  checkMayAny,
  checkMayOne,
  may,
  mayReceive,
} from "../../access/checks.ts";
import type { Peer } from "../../connection/peer.ts";
import { ROOM_PREFIX } from "../../topics/reserved.ts";

/** The type of what is kept of rooms: a rule can be about it. */
const ROOM_EVENT = RoomEventSchema.typeName;

/** The fields that requests name things by. */
interface Named {
  readonly topic: string;
  readonly pattern: string;
  readonly queue: string;
  readonly room: string;
  readonly name: string;
  readonly user: string;
  /** What is to be set for a pattern, or for the queues of a name. */
  readonly policy?: { readonly pattern?: string; readonly name?: string };
}

/** Raises PERMISSION_DENIED when the peer may not do that. */
type Right = (peer: Peer, request: Named) => void;

const anybody: Right = () => {};
const speaks: Right = (peer) => checkMayAny(peer, "join", "take part in rooms");
const joins: Right = (peer, { room }) => checkMay(peer, "join", room);
const readsRoom: Right = (peer, { room }) =>
  checkMay(peer, "subscribe", ROOM_PREFIX + room, ROOM_EVENT);
const managesQueue: Right = (peer, { queue }) => checkMay(peer, "manage", `queue.${queue}`);

/** The queue whose dead letters a name may be that of: jobs are put back there. */
function livingName(queue: string): string {
  return isDeadName(queue) ? queue.slice(0, -DEAD_SUFFIX.length) : queue;
}

/** The rights of the methods of one service: one that is missing is an error of types. */
type Rights<S extends DescService> = { readonly [Name in keyof S["method"]]: Right };

const DEMO: Rights<typeof Demo> = { echo: anybody, add: anybody };

const ROOMS: Rights<typeof Rooms> = {
  claimName: speaks,
  join: joins,
  // Whoever may not be there any more may always go.
  leave: anybody,
  say: joins,
  setTopicLine: joins,
  members: readsRoom,
  list: anybody,
  history: readsRoom,
  remove: (peer, { room }) => checkMay(peer, "manage", `room.${room}`),
  tell: speaks,
};

const TOPICS: Rights<typeof Topics> = {
  list: anybody,
  info: (peer, { topic }) =>
    maySeeTopic(peer, topic) || checkMayOne(peer, `look at ${quote(topic)}`, seesTopic(topic)),
  trim: (peer, { topic }) => checkMay(peer, "manage", `topic.${topic}`),
  remove: (peer, { pattern }) => checkMayAll(peer, "manage", `topic.${pattern}`),
  policies: anybody,
  keep: (peer, { policy }) => checkMayAll(peer, "manage", `topic.${policy?.pattern ?? ""}`),
  unkeep: (peer, { pattern }) => checkMayAll(peer, "manage", `topic.${pattern}`),
  explain: (peer, { topic, user }) => {
    checkMay(peer, "manage", `topic.${topic}`);
    // What others may do is more than what is done with the topic.
    if (user !== "" && user !== peer.identity?.user) checkMay(peer, "manage", "server.users");
  },
};

const TYPES: Rights<typeof Types> = {
  add: (peer) => checkMay(peer, "manage", "server.types"),
  check: (peer) => checkMay(peer, "manage", "server.types"),
  list: anybody,
  get: anybody,
  remove: (peer) => checkMay(peer, "manage", "server.types"),
};

const QUEUES: Rights<typeof Queues> = {
  list: anybody,
  info: (peer, { queue }) => checkMayOne(peer, `look at ${quote(queue)}`, seesQueue(queue)),
  peek: (peer, { queue }) => checkMay(peer, "pull", queue),
  purge: managesQueue,
  remove: managesQueue,
  redrive: (peer, { queue }) => checkMay(peer, "manage", `queue.${livingName(queue)}`),
  pause: managesQueue,
  resume: managesQueue,
  policies: anybody,
  set: (peer, { policy }) => checkMayAll(peer, "manage", `queue.${policy?.name ?? ""}`),
  unset: (peer, { name }) => checkMayAll(peer, "manage", `queue.${name}`),
};

function managesServer(method: string): Right {
  return (peer) => checkMay(peer, "manage", `server.${method}`);
}

const ADMIN: Rights<typeof Admin> = {
  reload: managesServer("reload"),
  drain: managesServer("drain"),
  connections: managesServer("connections"),
  kick: managesServer("kick"),
  stats: managesServer("stats"),
};

const RIGHTS: ReadonlyMap<string, Right> = new Map([
  ...rightsOf(Demo, DEMO),
  ...rightsOf(Rooms, ROOMS),
  ...rightsOf(Topics, TOPICS),
  ...rightsOf(Queues, QUEUES),
  ...rightsOf(Types, TYPES),
  ...rightsOf(Admin, ADMIN),
]);

function rightsOf<S extends DescService>(service: S, rights: Rights<S>): [string, Right][] {
  return service.methods.map(({ name, localName }) => [
    `${service.typeName}/${name}`,
    rights[localName as keyof S["method"]],
  ]);
}

/** Raises PERMISSION_DENIED unless the peer may call one of the server's own methods with that request. */
export function checkOwnRight(peer: Peer, method: string, request: object): void {
  if (peer.identity === null) return;
  const right = RIGHTS.get(method);
  if (right === undefined) {
    throw new ParleyError(
      ErrorCode.PERMISSION_DENIED,
      `cannot call ${quote(method)}: no rule allows it`,
    );
  }
  right(peer, request as Named);
}

/** Whether the peer may know of a kept topic. */
export function maySeeTopic(peer: Peer, topic: string): boolean {
  const { identity } = peer;
  if (identity === null || identity.permissions.mayRead(topic)) return true;
  return seesTopic(topic).some(([verb, name]) => may(peer, verb, name));
}

/** Whether the peer may know of a queue. */
export function maySeeQueue(peer: Peer, queue: string): boolean {
  return peer.identity === null || seesQueue(queue).some(([verb, name]) => may(peer, verb, name));
}

/** Whether the peer may know of a room. */
export function maySeeRoom(peer: Peer, room: string): boolean {
  return mayReceive(peer, ROOM_PREFIX + room, ROOM_EVENT);
}

function seesTopic(topic: string): [verb: Verb, name: string][] {
  return [["subscribe", topic], ["manage", `topic.${topic}`]];
}

function seesQueue(queue: string): [verb: Verb, name: string][] {
  return [["push", queue], ["pull", queue], ["manage", `queue.${queue}`]];
}
