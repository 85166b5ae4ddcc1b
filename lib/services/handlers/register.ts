/**
 * Takes Register and Unregister; both are acknowledged when they carry an id.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { RegisterSchema, UnregisterSchema } from "../../gen/parley/v1/service_pb.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import { checkMay, isConfiguredUser } from "../access/checks.ts";
import { OWN_METHODS } from "../calls/calls.ts";
import { callsOf } from "../calls/peer_calls.ts";
import { decodeBody } from "../connection/decode_body.ts";
import { acknowledge, acknowledgeInterest } from "./publish.ts";
import type { Features } from "../features.ts";
import type { Peer } from "../connection/peer.ts";

/** Lets the session answer the method that the message that `scan` found names. */
export function handleRegister(
  features: Features,
  session: Peer,
  bytes: Uint8Array,
  scan: MessageScan,
): void {
  const { method } = decodeBody((body) => fromBinary(RegisterSchema, body), bytes, scan);
  if (method.startsWith(OWN_METHODS)) {
    throw new ParleyError(
      ErrorCode.PERMISSION_DENIED,
      `cannot register "${method}": methods that begin with "${OWN_METHODS}" are the server's own`,
    );
  }
  checkMayServe(features, session, method);
  features.calls.methods.register(method, callsOf(session).endpoint);
  acknowledgeInterest(features, session, scan);
}

/** Raises PERMISSION_DENIED unless the session may answer a method. */
function checkMayServe({ access }: Features, session: Peer, method: string): void {
  checkMay(session, "serve", method);
  if (access === null || !access.isCallout(method)) return;
  if (!isConfiguredUser(session)) {
    throw new ParleyError(
      ErrorCode.PERMISSION_DENIED,
      `cannot register ${quote(method)}: the server asks by it who may come in`,
      { accepted: "the login of a user that is configured here" },
    );
  }
  checkMay(session, "authenticate", method);
}

/** Takes the offer back. Raises NOT_FOUND when there is none. */
export function handleUnregister(
  features: Features,
  session: Peer,
  bytes: Uint8Array,
  scan: MessageScan,
): void {
  const { method } = decodeBody((body) => fromBinary(UnregisterSchema, body), bytes, scan);
  if (!features.calls.methods.unregister(method, callsOf(session).endpoint)) {
    throw new ParleyError(
      ErrorCode.NOT_FOUND,
      `cannot unregister ${quote(method)}: this connection has not registered it`,
      { accepted: "a method that this connection has registered" },
    );
  }
  if (scan.idBytes > 0) acknowledge(session, scan, 0);
}
