/**
 * The messages that nodes send each other over NATS, as bytes and back.
 *
 * A message to one node has a head of 20 bytes: its kind, the channel, two bytes of zero, the number that the sender has given this link,
 * the number that the receiver has given it, both as 32 bits, and an offset as a 64 bit float; all big-endian. Heartbeats are
 * JSON. Whatever cannot be read is null, for nobody can be told: other programs may use the same NATS servers.
 */
import { decodeTextLeniently } from "../../base/utf8_text.ts";
import type { NodeInfo } from "../../ports/engine.ts";

/** The kinds of messages to one node. */
export const KIND = {
  /** Bytes of a channel; the offset is that of the first. */
  data: 0,
  /** The bytes of a channel before the offset have been dealt with. */
  read: 1,
  /** Wants a link, or confirms it; the body is a NodeInfo. */
  hello: 2,
  /** The link has ended; the body says why. */
  end: 3,
} as const;

/** The bytes in front of the body of each message to one node. */
export const HEAD_BYTES = 20;
/** The longest NodeInfo, and the longest reason. */
const MAX_INFO_BYTES = 16 * 1024;
const MAX_REASON_BYTES = 256;
const MAX_DETAILS = 16;
const MAX_TEXT = 256;
const MAX_NAME = 64;

const encoder = new TextEncoder();

/** The head of a message to one node. */
export interface Head {
  readonly kind: number;
  readonly channel: number;
  /** The number that the sender of the message has given the link. */
  readonly senders: number;
  /** The number that its receiver has given it; 0 when the sender knows none. */
  readonly receivers: number;
  readonly offset: number;
}

/** Puts a head in front of `body`. */
export function encodeMessage(head: Head, body: Uint8Array): Uint8Array {
  const message = new Uint8Array(HEAD_BYTES + body.length);
  const view = new DataView(message.buffer);
  message[0] = head.kind;
  message[1] = head.channel;
  view.setUint32(4, head.senders);
  view.setUint32(8, head.receivers);
  view.setFloat64(12, head.offset);
  message.set(body, HEAD_BYTES);
  return message;
}

/** The head of a message; null when it is none. */
export function decodeHead(message: Uint8Array): Head | null {
  if (message.length < HEAD_BYTES) return null;
  const view = new DataView(message.buffer, message.byteOffset, HEAD_BYTES);
  const [kind, channel] = message;
  if (kind > KIND.end || channel > 1) return null;
  return {
    kind,
    channel,
    senders: view.getUint32(4),
    receivers: view.getUint32(8),
    offset: view.getFloat64(12),
  };
}

/** A reason as a body. */
export function encodeReason(why: string): Uint8Array {
  return encoder.encode(why).subarray(0, MAX_REASON_BYTES);
}

/** The reason in the body of a message. */
export function decodeReason(body: Uint8Array): string {
  return decodeTextLeniently(body.subarray(0, MAX_REASON_BYTES));
}

/** A NodeInfo as a body; `leaves` says that the node goes. */
export function encodeInfo(info: NodeInfo, leaves = false): Uint8Array {
  return encoder.encode(JSON.stringify(leaves ? { ...info, leaves } : info));
}

/** The NodeInfo in a body, and whether the node goes; null when it is none. */
export function decodeInfo(body: Uint8Array): { info: NodeInfo; leaves: boolean } | null {
  if (body.length > MAX_INFO_BYTES) return null;
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(decodeTextLeniently(body));
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { id, name, version, address, sinceMs, details, leaves } = value;
  if (typeof id !== "string" || !isNodeId(id) || typeof sinceMs !== "number") return null;
  if (!isText(name, MAX_NAME) || !isText(version, MAX_NAME) || !isText(address)) return null;
  if (typeof details !== "object" || details === null || !areDetails(details)) return null;
  return { info: { id, name, version, address, sinceMs, details }, leaves: leaves === true };
}

/** Whether a text is the id of a node, which is part of a subject. */
export function isNodeId(id: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(id);
}

/** Whether details are within the bounds of NodeInfo. */
export function areDetails(details: object): details is Record<string, string> {
  const entries = Object.entries(details);
  return entries.length <= MAX_DETAILS &&
    entries.every(([key, value]) => isText(key, MAX_NAME) && isText(value));
}

function isText(value: unknown, most = MAX_TEXT): value is string {
  return typeof value === "string" && value.length <= most;
}
