/**
 * The methods that every server answers by itself: `parley.v1.Demo/…` to try it out, `parley.v1.Rooms/…`
 * for the rooms, `parley.v1.Topics/…` for kept topics, `parley.v1.Queues/…` for queues, `parley.v1.Types/…` for message types, `parley.v1.Services/…` for what clients answer, `parley.v1.Users/…` for users, `parley.v1.Admin/…` for those who
 * manage the server, `parley.v1.Server/…` for those who want to know how it is, `parley.v1.Cluster/…` for those who want to know how it is with all nodes.
 *
 * proto/ describes each; what it does is a line in a table of its service. Those that change something that is kept answer later, with a promise.
 */
import { ErrorCode, ParleyError } from "../../../base/errors.ts";
import { Admin } from "../../../gen/parley/v1/admin_pb.ts";
import { Cluster } from "../../../gen/parley/v1/cluster_pb.ts";
import { Demo } from "../../../gen/parley/v1/demo_pb.ts";
import { Queues } from "../../../gen/parley/v1/queue_pb.ts";
import { Rooms } from "../../../gen/parley/v1/room_pb.ts";
import { Server } from "../../../gen/parley/v1/server_pb.ts";
import { Services } from "../../../gen/parley/v1/service_pb.ts";
import { Topics } from "../../../gen/parley/v1/topic_pb.ts";
import { Types } from "../../../gen/parley/v1/type_pb.ts";
import { Users } from "../../../gen/parley/v1/user_pb.ts";
import { ADMIN_METHODS } from "./admin.ts";
import { addInt32 } from "../add.ts";
import { CLUSTER_METHODS } from "./cluster.ts";
import { implement, type Methods, type OwnAnswer, type OwnMethod } from "./method.ts";
import { QUEUE_METHODS } from "./queues.ts";
import { ROOM_METHODS } from "./rooms.ts";
import { SERVER_METHODS } from "./server.ts";
import { SERVICE_METHODS } from "./services.ts";
import type { Features } from "../../features.ts";
import type { Peer } from "../../connection/peer.ts";
import { TOPIC_METHODS } from "./topics.ts";
import { MAX_TYPES_REQUEST_BYTES, TYPE_METHODS } from "./types.ts";
import { USER_METHODS } from "./users.ts";

export type { OwnAnswer } from "./method.ts";

const DEMO_METHODS: Methods<typeof Demo> = {
  echo: (_features, _session, message) => message,
  add: (_features, _session, { a, b }) => ({ result: addInt32(a, b) }),
};

const METHODS: ReadonlyMap<string, OwnMethod> = new Map([
  // An echo may be as large as a message.
  ...implement(Demo, DEMO_METHODS, Infinity),
  ...implement(Rooms, ROOM_METHODS),
  ...implement(Topics, TOPIC_METHODS),
  ...implement(Queues, QUEUE_METHODS),
  ...implement(Types, TYPE_METHODS, MAX_TYPES_REQUEST_BYTES),
  ...implement(Services, SERVICE_METHODS),
  ...implement(Users, USER_METHODS),
  ...implement(Admin, ADMIN_METHODS),
  ...implement(Server, SERVER_METHODS),
  ...implement(Cluster, CLUSTER_METHODS),
]);

/** Answers one of the server's own methods. Raises UNIMPLEMENTED for a name that is none. */
export function answerOwnMethod(
  features: Features,
  session: Peer,
  method: string,
  payload: Uint8Array,
): OwnAnswer | Promise<OwnAnswer> {
  const own = METHODS.get(method);
  if (own === undefined) {
    throw new ParleyError(
      ErrorCode.UNIMPLEMENTED,
      `cannot call "${method}": there is no such method`,
      {
        accepted: [...METHODS.keys()].join(", "),
      },
    );
  }
  return own.answer(features, session, payload);
}
