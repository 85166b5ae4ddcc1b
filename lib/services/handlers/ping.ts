/**
 * Signs of life: a client's Ping is answered at once; its Pong needs no answer, because every byte that
 * arrives already counts as a sign of life.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { PingSchema, PongSchema } from "../../gen/parley/v1/session_pb.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import { decodeBody } from "../connection/decode_body.ts";
import type { Peer } from "../connection/peer.ts";

/** Answers a Ping with a Pong of the same nonce. */
export function handlePing(session: Peer, bytes: Uint8Array, scan: MessageScan): void {
  const ping = decodeBody((body) => fromBinary(PingSchema, body), bytes, scan);
  session.answer({ case: "pong", value: { nonce: ping.nonce } }, bytes, scan);
}

/** Takes a Pong. */
export function handlePong(_session: Peer, bytes: Uint8Array, scan: MessageScan): void {
  decodeBody((body) => fromBinary(PongSchema, body), bytes, scan);
}
