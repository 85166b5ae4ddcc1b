/**
 * The methods that every server answers by itself: `parley.v1.Demo/…` to try it out, `parley.v1.Rooms/…`
 * for the rooms, `parley.v1.Topics/…` for kept topics, `parley.v1.Queues/…` for queues.
 *
 * Each is a line in a table: the schemas of its request and answer, and what it does. Those that change
 * something that is kept answer later, with a promise.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import {
  AddRequestSchema,
  AddResponseSchema,
  EchoMessageSchema,
} from "../../gen/parley/v1/demo_pb.ts";
import { addInt32 } from "./add.ts";
import { type OwnAnswer, type OwnMethod, ownMethod } from "./own_method.ts";
import { QUEUE_METHODS } from "./queue_methods.ts";
import { ROOM_METHODS } from "./room_methods.ts";
import type { Features } from "../features.ts";
import type { Peer } from "../connection/peer.ts";
import { TOPIC_METHODS } from "./topic_methods.ts";

export type { OwnAnswer } from "./own_method.ts";

const METHODS: Readonly<Record<string, OwnMethod>> = {
  "parley.v1.Demo/Echo": ownMethod(
    EchoMessageSchema,
    EchoMessageSchema,
    (_features, _session, message) => message,
  ),
  "parley.v1.Demo/Add": ownMethod(
    AddRequestSchema,
    AddResponseSchema,
    (_features, _session, { a, b }) => ({ result: addInt32(a, b) }),
  ),
  ...ROOM_METHODS,
  ...TOPIC_METHODS,
  ...QUEUE_METHODS,
};

/** Answers one of the server's own methods. Raises UNIMPLEMENTED for a name that is none. */
export function answerOwnMethod(
  features: Features,
  session: Peer,
  method: string,
  payload: Uint8Array,
): OwnAnswer | Promise<OwnAnswer> {
  if (!Object.hasOwn(METHODS, method)) {
    throw new ParleyError(
      ErrorCode.UNIMPLEMENTED,
      `cannot call "${method}": there is no such method`,
      {
        accepted: Object.keys(METHODS).join(", "),
      },
    );
  }
  return METHODS[method].answer(features, session, payload);
}
