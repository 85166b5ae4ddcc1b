/**
 * What each of the server's own methods needs: one table, which is asked before a method does anything.
 *
 * A method without a line here is denied to everybody who has an identity. What is only looked at needs a permission
 * of what could be done with it; what is changed or removed needs `manage`, on `topic.NAME`, `queue.NAME` or
 * `room.NAME`, and what is done to the server as a whole on `server.METHOD`. Lists need nothing, and hold only what may be looked at: `maySeeTopic` and so on.
 */
import type { DescService } from "@bufbuild/protobuf";
import { ErrorCode, ParleyError } from "../../../base/errors.ts";
import { isLoopbackIp } from "../../../base/ip_address.ts";
import { quote } from "../../../base/quote.ts";
import { Admin } from "../../../gen/parley/v1/admin_pb.ts";
import { Cluster } from "../../../gen/parley/v1/cluster_pb.ts";
import { Demo } from "../../../gen/parley/v1/demo_pb.ts";
import { Queues } from "../../../gen/parley/v1/queue_pb.ts";
import { RoomEventSchema, Rooms } from "../../../gen/parley/v1/room_pb.ts";
import { Server } from "../../../gen/parley/v1/server_pb.ts";
import { Services } from "../../../gen/parley/v1/service_pb.ts";
import { Topics } from "../../../gen/parley/v1/topic_pb.ts";
import { Types } from "../../../gen/parley/v1/type_pb.ts";
import { Users } from "../../../gen/parley/v1/user_pb.ts";
import type { Verb } from "../../../logic/access/rules.ts";
import { EVERY_TOPIC } from "../../../logic/topics/pattern.ts";
import { DEAD_SUFFIX, isDeadName } from "../../../logic/queues/policies.ts";
import {
  checkMay,
  checkMayAll,
  checkMayAllOfOne,
  checkMayAny,
  checkMayOne,
  checkMayWhole,
  may,
  mayRead,
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
  /** The only message type that it is about; empty for all. */
  readonly type: string;
  /** What is to be set for a pattern, or for the queues of a name. */
  readonly policy?: Delivered & { readonly pattern?: string; readonly name?: string };
}

/** What a policy says of where jobs come from and are posted to. */
interface Delivered {
  readonly bind?: readonly string[];
  readonly deliverTo?: string;
  readonly deliverSecrets?: readonly string[];
  readonly deliverAtOnce?: number;
}

function isAboutDelivery({ deliverTo, deliverSecrets = [], deliverAtOnce }: Delivered = {}) {
  return deliverTo !== undefined || deliverSecrets.length > 0 || deliverAtOnce !== undefined;
}

/** What a method needs. */
interface Right {
  /** Raises PERMISSION_DENIED when the peer may not do that. */
  readonly check: (peer: Peer, request: Named) => void;
  /** Whether the peer may do it with some request at least, as far as that can be told. */
  readonly some: (peer: Peer) => boolean;
}

const anybody: Right = { check: () => {}, some: () => true };

/** A right that depends on what the request names: one of these verbs is needed for it. */
function named(verbs: Verb[], check: Right["check"]): Right {
  return {
    check,
    some: ({ identity }) =>
      identity === null || verbs.some((verb) => identity.permissions.mayAny(verb)),
  };
}

/** The right to do something of the server as a whole. */
function managesServer(method: string): Right {
  const name = `server.${method}`;
  return {
    check: (peer) => checkMay(peer, "manage", name),
    some: (peer) => isNear(peer) && may(peer, "manage", name),
  };
}

const speaks = named(["join"], (peer) => checkMayAny(peer, "join", "take part in rooms"));
const joins = named(["join"], (peer, { room }) => checkMay(peer, "join", room));
const readsRoom = named(
  ["subscribe", "join"],
  (peer, { room }) => checkMay(peer, "subscribe", ROOM_PREFIX + room, ROOM_EVENT),
);
const managesQueue = named(
  ["manage"],
  (peer, { queue }) => checkMay(peer, "manage", `queue.${queue}`),
);
const managesTypes: Right = {
  check: (peer) => checkMay(peer, "manage", "server.types"),
  some: (peer) => may(peer, "manage", "server.types"),
};

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
  remove: named(["manage"], (peer, { room }) => checkMay(peer, "manage", `room.${room}`)),
  tell: speaks,
};

const TOPICS: Rights<typeof Topics> = {
  list: anybody,
  info: named(
    ["subscribe", "manage"],
    (peer, { topic }) =>
      maySeeTopic(peer, topic) || checkMayOne(peer, `look at ${quote(topic)}`, seesTopic(topic)),
  ),
  trim: named(["manage"], (peer, { topic }) => checkMay(peer, "manage", `topic.${topic}`)),
  // What is denied of it is left out.
  remove: named(["manage"], (peer, { pattern }) => checkMayAll(peer, "manage", `topic.${pattern}`)),
  policies: anybody,
  read: named(
    ["subscribe", "join"],
    (peer, { topic }) => mayRead(peer, topic) || checkMay(peer, "subscribe", topic),
  ),
  // As for a subscription; what is denied of it is not delivered.
  tail: named(
    ["subscribe", "join"],
    (peer, { pattern, type }) => checkMayAll(peer, "subscribe", pattern || EVERY_TOPIC, type),
  ),
  levels: anybody,
  keep: named(
    ["manage"],
    (peer, { policy }) => checkMayWhole(peer, "manage", `topic.${policy?.pattern ?? ""}`),
  ),
  unkeep: named(
    ["manage"],
    (peer, { pattern }) => checkMayWhole(peer, "manage", `topic.${pattern}`),
  ),
  explain: named(["manage"], (peer, { topic, user }) => {
    checkMay(peer, "manage", `topic.${topic}`);
    // What others may do is more than what is done with the topic.
    if (user !== "" && user !== peer.identity?.user) checkMay(peer, "manage", "server.users");
  }),
  // What is denied of it is left out.
  measure: named(
    ["subscribe", "manage"],
    (peer, { pattern, type }) =>
      checkMayAllOfOne(peer, `measure ${quote(pattern)}`, [
        ["subscribe", pattern, type],
        ["manage", `topic.${pattern}`, ""],
      ]),
  ),
};

const TYPES: Rights<typeof Types> = {
  add: managesTypes,
  check: managesTypes,
  list: anybody,
  get: anybody,
  remove: managesTypes,
};

const seesQueues = named(
  ["push", "pull", "manage"],
  (peer, { queue }) => checkMayOne(peer, `look at ${quote(queue)}`, seesQueue(queue)),
);

const peeks = named(["pull"], (peer, { queue }) => checkMay(peer, "pull", queue));
const redrives = named(
  ["manage"],
  (peer, { queue }) => checkMay(peer, "manage", `queue.${livingName(queue)}`),
);

const QUEUES: Rights<typeof Queues> = {
  list: anybody,
  info: seesQueues,
  peek: peeks,
  purge: managesQueue,
  remove: managesQueue,
  redrive: redrives,
  pause: managesQueue,
  resume: managesQueue,
  policies: anybody,
  set: named(["manage"], (peer, { policy }) => {
    checkMayWhole(peer, "manage", `queue.${policy?.name ?? ""}`);
    // What becomes a job is read by whoever pulls.
    for (const pattern of policy?.bind ?? []) checkMayWhole(peer, "subscribe", pattern);
    // What is posted leaves the server, to wherever it is told.
    if (isAboutDelivery(policy)) checkMay(peer, "manage", "server.webhooks");
  }),
  unset: named(["manage"], (peer, { name }) => checkMayWhole(peer, "manage", `queue.${name}`)),
  countMatching: peeks,
  dropMatching: managesQueue,
  redriveMatching: redrives,
};

const SERVICES: Rights<typeof Services> = {
  list: managesServer("services"),
  instances: managesServer("services"),
  calls: managesServer("services"),
};

const USERS: Rights<typeof Users> = {
  list: managesServer("users"),
  listRoles: managesServer("users"),
  add: managesServer("users"),
  setPassword: managesServer("users"),
  setRoles: managesServer("users"),
  setDisabled: managesServer("users"),
  remove: managesServer("users"),
  newToken: managesServer("users"),
  revokeToken: managesServer("users"),
};

const CLUSTER: Rights<typeof Cluster> = {
  info: managesServer("cluster"),
  stepDown: managesServer("cluster"),
};

const ADMIN: Rights<typeof Admin> = {
  reload: managesServer("reload"),
  drain: managesServer("drain"),
  connections: managesServer("connections"),
  rights: managesServer("connections"),
  kick: managesServer("kick"),
  stats: managesServer("stats"),
  logLevels: managesServer("log"),
  setLogLevel: managesServer("log"),
  startBackup: managesServer("backup"),
  readBackup: managesServer("backup"),
  endBackup: managesServer("backup"),
};

const SERVER: Rights<typeof Server> = {
  about: anybody,
  permissions: anybody,
  // What it tells is what the caller may see.
  problems: anybody,
  history: named(
    ["push", "pull", "manage"],
    (peer, request) =>
      request.queue === ""
        ? checkMay(peer, "manage", "server.stats")
        : seesQueues.check(peer, request),
  ),
};

const RIGHTS: ReadonlyMap<string, Right> = new Map([
  ...rightsOf(Demo, DEMO),
  ...rightsOf(Rooms, ROOMS),
  ...rightsOf(Topics, TOPICS),
  ...rightsOf(Queues, QUEUES),
  ...rightsOf(Types, TYPES),
  ...rightsOf(Services, SERVICES),
  ...rightsOf(Users, USERS),
  ...rightsOf(Admin, ADMIN),
  ...rightsOf(Server, SERVER),
  ...rightsOf(Cluster, CLUSTER),
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
  right.check(peer, request as Named);
}

/** The server's own methods that the peer may call with some request at least, by their full names. */
export function allowedMethods(peer: Peer): string[] {
  return [...RIGHTS].filter(([, { some }]) => some(peer)).map(([method]) => method);
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

/** Whether the peer has an identity that decides, or else is on the server's own machine. */
export function isNear({ identity, link: { address, isRelayed } }: Peer): boolean {
  // A unix socket has no address.
  return identity !== null || isRelayed !== true && (address === "" || isLoopbackIp(address));
}
