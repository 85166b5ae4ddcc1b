/**
 * Answers Hello with Welcome, and notes what the client can do.
 *
 * A client says Hello once, at any time; a second one is refused, because it could change what others
 * were already told.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { ErrorCode, invalidArgument, ParleyError } from "../../base/errors.ts";
import { MAX_HELLO_NAME_BYTES } from "../../base/limits.ts";
import { logger } from "../../base/log.ts";
import { PROTOCOL_VERSION, VERSION } from "../../base/version.ts";
import { HelloSchema } from "../../gen/parley/v1/session_pb.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import { decodeBody } from "../connection/decode_body.ts";
import type { Features } from "../features.ts";
import type { Peer } from "../connection/peer.ts";

const log = logger("connection");

/** Gets acquainted with the client. */
export function handleHello(
  features: Features,
  session: Peer,
  bytes: Uint8Array,
  scan: MessageScan,
): void {
  if (session.client !== null) {
    throw new ParleyError(ErrorCode.FAILED_PRECONDITION, "cannot say Hello twice on a connection");
  }
  const hello = decodeBody(
    (body) => fromBinary(HelloSchema, body, { readUnknownFields: false }),
    bytes,
    scan,
  );
  checkName("client_name", hello.clientName);
  checkName("library", hello.library);
  session.client = {
    name: hello.clientName,
    library: hello.library,
    answersPings: hello.answersPings,
  };
  log.debug("Hello from {client} with {library}", {
    connection: session.number,
    client: hello.clientName,
    library: hello.library,
  });
  const { limits, serverId } = session.context;
  session.answer(
    {
      case: "welcome",
      value: {
        protocolVersion: Math.min(hello.protocolVersion || 1, PROTOCOL_VERSION),
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
      },
    },
    bytes,
    scan,
  );
}

function checkName(field: string, name: string): void {
  const bytes = new TextEncoder().encode(name).length;
  if (bytes <= MAX_HELLO_NAME_BYTES) return;
  throw invalidArgument(`cannot accept a ${field} of ${bytes} bytes`, {
    accepted: `at most ${MAX_HELLO_NAME_BYTES} bytes`,
  });
}
