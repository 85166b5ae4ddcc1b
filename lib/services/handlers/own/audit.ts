/**
 * The audit log: one line for each administrative act, also for one that was refused: who, from where, what, on what, and
 * what became of it.
 *
 * An act is what changes or removes something of the server's own, or the server as a whole. Reading is none.
 */
import { ParleyError } from "../../../base/errors.ts";
import { logger } from "../../../base/log.ts";
import { Admin } from "../../../gen/parley/v1/admin_pb.ts";
import { Cluster } from "../../../gen/parley/v1/cluster_pb.ts";
import { Queues } from "../../../gen/parley/v1/queue_pb.ts";
import { Rooms } from "../../../gen/parley/v1/room_pb.ts";
import { Topics } from "../../../gen/parley/v1/topic_pb.ts";
import { Users } from "../../../gen/parley/v1/user_pb.ts";
import type { Peer } from "../../connection/peer.ts";

const log = logger("audit");

/** The services whose methods are acts, unless they only read. */
const SERVICES: readonly string[] = [Admin, Cluster, Queues, Topics, Users].map(({ typeName }) =>
  typeName
);
const READING =
  /^(?:Get|Info|List|Peek|Count|Read|Tail|Levels|Measure|Check|Stats|Connections|Rights|Policies|Explain|LogLevels)/;
/** Acts of other services. */
const FURTHER: readonly string[] = [`${Rooms.typeName}/Remove`];
/** The fields that say what a request is about. */
const TARGETS = [
  "topic",
  "pattern",
  "queue",
  "room",
  "name",
  "user",
  "address",
  "connection",
  "category",
];

/** Whether a method is an administrative act. */
export function isAct(method: string): boolean {
  const [service, name] = method.split("/");
  return FURTHER.includes(method) || SERVICES.includes(service) && !READING.test(name);
}

/** Notes what becomes of an act: of `run`, which does it. */
export function audited<T>(
  method: string,
  peer: Peer,
  request: object,
  run: () => T | Promise<T>,
): T | Promise<T> {
  const note = noteOf(method, peer, request);
  let result: T | Promise<T>;
  try {
    result = run();
  } catch (reason) {
    note(reason);
    throw reason;
  }
  if (!(result instanceof Promise)) {
    note(null);
    return result;
  }
  return result.then((value) => {
    note(null);
    return value;
  }, (reason) => {
    note(reason);
    throw reason;
  });
}

/** Writes the line; `reason` says why the act was refused or failed, null that it was done. */
function noteOf(act: string, peer: Peer, request: object): (reason: unknown) => void {
  const fields = request as Readonly<Record<string, unknown>>;
  const all = { ...fields, ...fields.policy as object | undefined } as typeof fields;
  const target = TARGETS.map((name) => all[name]).find((value) =>
    typeof value === "string" && value !== "" || typeof value === "bigint"
  );
  const { number: connection, link, identity } = peer;
  const who = {
    user: identity?.user ?? "",
    connection,
    listener: link.kind,
    peer: link.peer,
    client: peer.client?.name ?? "",
  };
  return (reason) => {
    const error = reason === null ? null : ParleyError.from(reason);
    log.info("{act} {target}: {outcome}", {
      act,
      target: target === undefined ? "" : String(target),
      outcome: error === null ? "done" : error.codeName,
      ...who,
      ...error === null ? {} : { reason: error.message },
    });
  };
}
