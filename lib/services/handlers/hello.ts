/**
 * Answers Hello with Welcome, notes what the client can do, and finds out who it is.
 *
 * A client is welcomed once, at any time; a second Hello with credentials of the same user renews its login, any other
 * is refused, because it could change what others were already told. One whose password or token is wrong may say Hello again. While a password is looked at,
 * nothing more of the connection is read, so what comes behind a Hello counts as that of its user.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { ErrorCode, invalidArgument, ParleyError } from "../../base/errors.ts";
import { MAX_HELLO_NAME_BYTES } from "../../base/limits.ts";
import { logger } from "../../base/log.ts";
import { MEMBER } from "../../logic/access/access.ts";
import { PROTOCOL_VERSION, VERSION } from "../../base/version.ts";
import { HelloSchema } from "../../gen/parley/v1/session_pb.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import type { RequestId } from "../../base/request_id.ts";
import { idOf } from "../../wire/request_id.ts";
import type { Access } from "../access/access.ts";
import type { Credentials } from "../access/logins.ts";
import { answerLate } from "../connection/answer_late.ts";
import { decodeBody } from "../connection/decode_body.ts";
import { refusalOf } from "../connection/log.ts";
import { countRefusal } from "../connection/counters.ts";
import { errorReply, type Reply } from "../connection/reply.ts";
import { detached } from "../../base/detached.ts";
import type { Features } from "../features.ts";
import type { ClientInfo, Peer } from "../connection/peer.ts";

const log = logger("connection");

const HELLO = MEMBER.hello;
/** A login costs as much as so many small messages, also one that is refused. */
const LOGIN_UNITS = 64;

/** Gets acquainted with the client. */
export function handleHello(
  features: Features,
  session: Peer,
  bytes: Uint8Array,
  scan: MessageScan,
): void {
  const hello = decodeBody(
    (body) => fromBinary(HelloSchema, body, { readUnknownFields: false }),
    bytes,
    scan,
  );
  checkName("client_name", hello.clientName);
  checkName("library", hello.library);
  const client: ClientInfo = {
    name: hello.clientName,
    library: hello.library,
    answersPings: hello.answersPings,
  };
  const { access } = features;
  const { user, password, token } = hello;
  const hasCredentials = user !== "" || password !== "" || token !== "";
  if (session.client !== null && !(access?.asksWho && hasCredentials)) {
    throw new ParleyError(ErrorCode.FAILED_PRECONDITION, "cannot say Hello twice on a connection", {
      accepted: "a password or a token of the same user, to renew its login, where there are users",
    });
  }
  const protocolVersion = Math.min(hello.protocolVersion || 1, PROTOCOL_VERSION);
  if (access !== null && access.asksWho && hasCredentials) {
    session.late.begin();
    session.late.beginLogin();
    const later = logIn(features, access, session, {
      client: session.client ?? client,
      protocolVersion,
      credentials: { user, password, token },
      id: idOf(bytes, scan),
    });
    return detached(later, "answer a Hello");
  }
  access?.checkKnown(session);
  session.answer(welcome(features, session, client, protocolVersion), bytes, scan);
}

/** A Hello whose credentials are being looked at. */
interface Greeting {
  readonly client: ClientInfo;
  readonly protocolVersion: number;
  readonly credentials: Credentials;
  readonly id: RequestId;
}

/** Answers a Hello with credentials, once it is known whose they are. */
async function logIn(
  features: Features,
  access: Access,
  session: Peer,
  { client, protocolVersion, credentials, id }: Greeting,
): Promise<void> {
  const { counters } = session.context;
  let reply: Reply | null = null;
  try {
    await access.logIn(session, credentials, client);
    counters.logins.accepted++;
    reply = welcome(features, session, client, protocolVersion);
  } catch (reason) {
    const error = refusalOf(session, HELLO, reason);
    countRefusal(session.context, error, session);
    counters.logins.refusedByCode[error.code]++;
    reply = errorReply(error);
  } finally {
    // Without this the time that logins one behind the other take would look like a pause of the runtime.
    session.context.turns.spend(LOGIN_UNITS);
    session.late.endLogin();
    answerLate(session, reply, id);
    features.bus.endTurn();
  }
}

/** Welcomes a client. */
function welcome(
  features: Features,
  session: Peer,
  client: ClientInfo,
  protocolVersion: number,
): Reply {
  session.client = client;
  session.context.notices?.identified(session);
  const { limits, serverId } = session.context;
  const { identity } = session;
  log.debug("Hello from {client} with {library}", {
    connection: session.number,
    client: client.name,
    library: client.library,
    ...identity === null ? {} : { user: identity.user },
  });
  return {
    case: "welcome",
    value: {
      protocolVersion,
      serverVersion: VERSION,
      sessionId: session.sessionId,
      serverId,
      historyEpoch: features.kept?.store.epoch ?? "",
      pingIntervalMs: limits.pingIntervalMs,
      limits: {
        maxFrameBytes: limits.maxFrameBytes,
        maxSubscriptions: limits.maxSubscriptions,
        maxTopicBytes: limits.maxTopicBytes,
        maxTopicLevels: limits.maxTopicLevels,
      },
      user: identity?.user ?? "",
      roles: [...identity?.roles ?? []],
      loginEndsInMs: leftMs(identity?.expiresMs ?? Infinity, session.context.clock.wallMs()),
    },
  };
}

/** The milliseconds until then, at least 1; 0 for never. */
function leftMs(expiresMs: number, wallMs: number): bigint {
  if (expiresMs === Infinity) return 0n;
  return BigInt(Math.min(Number.MAX_SAFE_INTEGER, Math.max(1, Math.floor(expiresMs - wallMs))));
}

function checkName(field: string, name: string): void {
  const bytes = new TextEncoder().encode(name).length;
  if (bytes <= MAX_HELLO_NAME_BYTES) return;
  throw invalidArgument(`cannot accept a ${field} of ${bytes} bytes`, {
    accepted: `at most ${MAX_HELLO_NAME_BYTES} bytes`,
  });
}
