/**
 * The methods of the service Admin that are about connections: which there are, what each may do, and ending some of them.
 *
 * A list comes in pages, in the order in which connections came; others have their turn while one is made. Whoever is
 * ended is told KICKED and the reason, and the log says who had it done.
 */
import { CloseReason, ErrorCode, invalidArgument, ParleyError } from "../../../base/errors.ts";
import { logger } from "../../../base/log.ts";
import { quote } from "../../../base/quote.ts";
import type {
  ConnectionRightsRequest,
  ConnectionsRequest,
  KickRequest,
} from "../../../gen/parley/v1/admin_pb.ts";
import { inertName, type Role, USER_VARIABLE } from "../../../logic/access/rules.ts";
import { roleOf } from "../../access/role_info.ts";
import type { Administration } from "../../administration.ts";
import type { Peer } from "../../connection/peer.ts";
import type { Session } from "../../connection/session.ts";
import { queuesOf } from "../../queues/peer_queues.ts";
import { topicsOf } from "../../topics/peer_topics.ts";
import type { Features } from "../../features.ts";

const log = logger("connection");

/** The most connections of one page, and the most that one Kick names. */
const MAX_PAGE = 1000;
/** The longest reason that is told. */
const MAX_REASON_BYTES = 256;
/** The number of connections that are looked at before others may have their turn. */
const LOOKED_AT_ONCE = 256;

/** Which connections are meant; an empty field means all. */
interface Wanted {
  readonly sessionId?: string;
  readonly user: string;
  readonly address: string;
  readonly kind?: string;
}

/** The connections that are asked for, or one page of them. */
export async function listConnections(
  { sessions }: Administration,
  peer: Peer,
  request: ConnectionsRequest,
) {
  const most = Math.min(request.limit || MAX_PAGE, MAX_PAGE);
  const after = request.after === "" ? 0 : numberOf(request.after);
  const found: Session[] = [];
  const turn = peer.callsTurn;
  await turn.admit();
  let looked = 0;
  for (const session of sessions) {
    if (++looked % LOOKED_AT_ONCE === 0) await turn.did(LOOKED_AT_ONCE);
    if (session.number <= after || !isWanted(session, request)) continue;
    if (found.length === most) return { connections: found.map(infoOf), more: true };
    found.push(session);
  }
  return { connections: found.map(infoOf), more: false };
}

/** Tells what a connection may do. Raises NOT_FOUND when there is none of that name. */
export function connectionRights(
  { access }: Features,
  { sessions }: Administration,
  peer: Peer,
  { sessionId }: ConnectionRightsRequest,
) {
  const session = [...sessions].find((each) => each.sessionId === sessionId);
  if (session === undefined) throw notThere("tell what may be done by", sessionId);
  const { identity } = session;
  if (identity === null) return { everything: true };
  const { user, assertion } = identity;
  const known = new Map(access?.accounts?.roles.map((role) => [role.name, role]));
  const roles = identity.roles.map((name): Role =>
    known.get(name) ?? { name, allow: {}, deny: {} }
  );
  if (assertion?.permissions) roles.push({ ...assertion.permissions, name: "" });
  // The rules of this very user: what stands for a name is that name.
  const ruleOf = (rule: string) => rule.replaceAll(USER_VARIABLE, () => inertName(user));
  let left = peer.context.limits.maxFrameBytes >>> 1;
  let more = false;
  const rules = [];
  for (const role of roles) {
    const { told, bytes } = roleOf(role, left, ruleOf);
    left -= bytes;
    more ||= told.rules > told.allow.length + told.deny.length;
    if (left < 0 && rules.length > 0) {
      return { user, roles: [...identity.roles], rules, more: true };
    }
    rules.push(told);
  }
  return { user, roles: [...identity.roles], rules, more };
}

/** Ends connections. Raises INVALID_ARGUMENT, and NOT_FOUND when there is none of them. */
export function kick({ sessions }: Administration, peer: Peer, request: KickRequest) {
  const { sessionIds, user, address, reason } = request;
  if (sessionIds.length === 0 && user === "" && address === "") {
    throw invalidArgument("cannot end connections: the request names none", {
      accepted: "session_ids, a user or an address",
    });
  }
  if (sessionIds.length > MAX_PAGE) {
    throw invalidArgument(`cannot end ${sessionIds.length} connections at once`, {
      accepted: `at most ${MAX_PAGE} session_ids`,
    });
  }
  if (new TextEncoder().encode(reason).length > MAX_REASON_BYTES) {
    throw invalidArgument("cannot end connections with so long a reason", {
      accepted: `at most ${MAX_REASON_BYTES} bytes`,
    });
  }
  const named = new Set(sessionIds);
  const wanted = [...sessions].filter((session) =>
    session.state !== "closing" && session.state !== "closed" &&
    (named.size === 0 || named.has(session.sessionId)) && isWanted(session, { user, address })
  );
  if (wanted.length === 0) {
    throw notThere("end", sessionIds[0] ?? (user || address));
  }
  const by = peer.identity?.user ?? "";
  for (const session of wanted) {
    log.info("connection ended by an administrator", {
      connection: session.number,
      peer: session.link.peer,
      user: session.identity?.user ?? "",
      by,
      administrator: peer.link.peer,
      reason,
    });
    session.end(kicked(reason));
  }
  return { kicked: wanted.length };
}

function notThere(action: string, which: string): ParleyError {
  return new ParleyError(
    ErrorCode.NOT_FOUND,
    `cannot ${action} ${quote(which)}: there is no such connection`,
    { accepted: "connections that `parley connections` tells of" },
  );
}

function kicked(reason: string): ParleyError {
  const text = "an administrator ended the connection";
  return new ParleyError(
    ErrorCode.PERMISSION_DENIED,
    reason === "" ? text : `${text}: ${reason}`,
    { closeReason: CloseReason.KICKED },
  );
}

/** The number in the name of a session. Raises INVALID_ARGUMENT. */
function numberOf(sessionId: string): number {
  const match = /-(\d{1,15})$/.exec(sessionId);
  if (match !== null) return Number(match[1]);
  throw invalidArgument(`cannot list connections after ${quote(sessionId)}`, {
    accepted: "a session_id",
  });
}

function isWanted(session: Session, wanted: Wanted): boolean {
  const { identity, link: { kind, address } } = session;
  return (!wanted.sessionId || session.sessionId === wanted.sessionId) &&
    (!wanted.user || identity?.user === wanted.user) &&
    (!wanted.address || address === wanted.address) &&
    (!wanted.kind || kind === wanted.kind);
}

function infoOf(session: Session) {
  const { context, identity, client, link, slots } = session;
  return {
    sessionId: session.sessionId,
    kind: link.kind,
    peer: link.peer,
    user: identity?.user ?? "",
    clientName: client?.name ?? "",
    library: client?.library ?? "",
    timeUnixMicros: BigInt(Math.floor(session.cameMs)) * 1000n,
    silentMs: BigInt(Math.max(0, Math.floor(context.nowMs - session.lastHeardMs))),
    outboxBytes: BigInt(session.outbox.size),
    subscriptions: slots.topics === null ? 0 : topicsOf(session).subscriptions?.size ?? 0,
    consumers: slots.queues === null ? 0 : queuesOf(session).pulls?.size ?? 0,
  };
}
