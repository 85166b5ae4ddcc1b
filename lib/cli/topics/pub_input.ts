/**
 * What `parley pub` publishes: the events that lines of JSON stand for.
 *
 * Pure. A line that is wrong raises with what would be accepted; the caller adds which line it was.
 */
import {
  checkKeys,
  fieldsOf,
  headersOf,
  PAYLOAD_KEYS,
  payloadOf,
  textOf,
} from "../terminal/json_fields.ts";

/** An event to be published. */
export interface Publication {
  readonly topic: string;
  readonly payload: Uint8Array | string;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly messageId: string;
}

const KEYS = ["topic", "type", "headers", "message_id", ...PAYLOAD_KEYS];
/** What `parley sub --json` adds and only the server may set: passed over, so that its lines can be published. */
const STAMPS = ["time", "sender", "seq", "group", "decoded", "decode_error"];
const EXAMPLE = '{"topic": "a.b", "payload": "text"}';

/** Reads a line of JSON; what it does not say comes from `defaults`, headers one by one. */
export function parsePublication(line: Uint8Array, defaults: Publication): Publication {
  const fields = fieldsOf(line, EXAMPLE);
  checkKeys(fields, KEYS, STAMPS);
  const topic = textOf(fields, "topic") ?? defaults.topic;
  if (topic === "") throw new Error('it has no "topic", and none was given as an argument');
  return {
    topic,
    type: textOf(fields, "type") ?? defaults.type,
    payload: payloadOf(fields),
    headers: { ...defaults.headers, ...headersOf(fields.headers) },
    messageId: textOf(fields, "message_id") ?? defaults.messageId,
  };
}
