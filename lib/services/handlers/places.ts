/**
 * Where in a cluster each of the server's own methods is answered: by the node that leads, or by the one that is asked.
 *
 * What changes or tells of queues, rooms and names is known by the node that leads alone. What only reads what all nodes have
 * is asked there as well, so that nobody misses what was just acknowledged to somebody else; while no node leads, each
 * answers from what it has applied.
 */
import type { DescService } from "@bufbuild/protobuf";
import { Admin } from "../../gen/parley/v1/admin_pb.ts";
import { Cluster } from "../../gen/parley/v1/cluster_pb.ts";
import { Demo } from "../../gen/parley/v1/demo_pb.ts";
import { Queues } from "../../gen/parley/v1/queue_pb.ts";
import { Rooms } from "../../gen/parley/v1/room_pb.ts";
import { Server } from "../../gen/parley/v1/server_pb.ts";
import { Services } from "../../gen/parley/v1/service_pb.ts";
import { Topics } from "../../gen/parley/v1/topic_pb.ts";
import { Types } from "../../gen/parley/v1/type_pb.ts";
import { Users } from "../../gen/parley/v1/user_pb.ts";

/** The node that answers: who leads; who leads, or else this one; this one. */
type Place = "writer" | "writer or here" | "here";

/** The places of the methods of one service: one that is missing is an error of types. */
type Places<S extends DescService> = { readonly [Name in keyof S["method"]]: Place };

const DEMO: Places<typeof Demo> = { echo: "here", add: "here" };

const ROOMS: Places<typeof Rooms> = {
  claimName: "writer",
  join: "writer",
  leave: "writer",
  say: "writer",
  setTopicLine: "writer",
  members: "writer",
  list: "writer",
  history: "writer",
  tell: "writer",
  remove: "writer",
};

const TOPICS: Places<typeof Topics> = {
  list: "writer or here",
  info: "writer or here",
  trim: "writer",
  remove: "writer",
  policies: "writer or here",
  keep: "writer",
  unkeep: "writer",
  // What is published on this node.
  measure: "here",
  // The subscriptions that it tells of are those of this node.
  explain: "here",
  read: "writer or here",
  // What other nodes publish comes here, too, for as long as somebody follows it.
  tail: "here",
  levels: "writer or here",
};

const QUEUES: Places<typeof Queues> = {
  list: "writer",
  info: "writer",
  peek: "writer",
  purge: "writer",
  redrive: "writer",
  pause: "writer",
  resume: "writer",
  remove: "writer",
  policies: "writer or here",
  set: "writer",
  unset: "writer",
  countMatching: "writer",
  dropMatching: "writer",
  redriveMatching: "writer",
};

const TYPES: Places<typeof Types> = {
  add: "writer",
  check: "writer or here",
  list: "writer or here",
  get: "writer or here",
  remove: "writer",
};

const SERVICES: Places<typeof Services> = { list: "here", instances: "here", calls: "here" };

const USERS: Places<typeof Users> = {
  list: "here",
  listRoles: "here",
  add: "here",
  setPassword: "here",
  setRoles: "here",
  setDisabled: "here",
  remove: "here",
  newToken: "here",
  revokeToken: "here",
};

const ADMIN: Places<typeof Admin> = {
  reload: "here",
  drain: "here",
  connections: "here",
  rights: "here",
  kick: "here",
  stats: "here",
  logLevels: "here",
  setLogLevel: "here",
  startBackup: "here",
  readBackup: "here",
  endBackup: "here",
};

const SERVER: Places<typeof Server> = {
  about: "here",
  permissions: "here",
  problems: "here",
  history: "here",
};

// Each node tells what it sees, and gives up for itself alone.
const CLUSTER: Places<typeof Cluster> = { info: "here", stepDown: "here" };

const PLACES: ReadonlyMap<string, Place> = new Map([
  ...placesOf(Demo, DEMO),
  ...placesOf(Rooms, ROOMS),
  ...placesOf(Topics, TOPICS),
  ...placesOf(Queues, QUEUES),
  ...placesOf(Types, TYPES),
  ...placesOf(Services, SERVICES),
  ...placesOf(Users, USERS),
  ...placesOf(Admin, ADMIN),
  ...placesOf(Server, SERVER),
  ...placesOf(Cluster, CLUSTER),
]);

function placesOf<S extends DescService>(service: S, places: Places<S>): [string, Place][] {
  return service.methods.map(({ name, localName }) => [
    `${service.typeName}/${name}`,
    places[localName as keyof S["method"]],
  ]);
}

/**
 * Whether a method is to be answered by the node that leads, which is another one; `isReachable` says whether it is known
 * and can be asked. False for what is no method.
 */
export function isForWriter(method: string, isReachable: boolean): boolean {
  const place = PLACES.get(method) ?? "here";
  return place === "writer" || place === "writer or here" && isReachable;
}
