/**
 * What `parley pub` publishes: the events that arguments, lines or lines of JSON stand for.
 *
 * Pure. A line that is wrong raises with what would be accepted; the caller adds which line it was.
 */
import { nearest } from "../server/suggest.ts";
import { parseExactly } from "./json_text.ts";

/** An event to be published. */
export interface Publication {
  readonly topic: string;
  readonly payload: Uint8Array | string;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly messageId: string;
}

const PAYLOAD_KEYS = ["payload", "payload_json", "payload_base64"] as const;
const KEYS = ["topic", "type", "headers", "message_id", ...PAYLOAD_KEYS];
/** What `parley sub --json` adds and only the server may set: passed over, so that its lines can be published. */
const STAMPS = ["time", "sender", "seq", "group"];

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads a line of JSON; what it does not say comes from `defaults`, headers one by one. */
export function parsePublication(line: Uint8Array, defaults: Publication): Publication {
  const fields = objectOf(line);
  for (const key of Object.keys(fields)) {
    if (KEYS.includes(key) || STAMPS.includes(key)) continue;
    const meant = nearest(key, KEYS);
    const hint = meant === undefined ? `accepted: ${KEYS.join(", ")}` : `did you mean ${meant}?`;
    throw new Error(`unknown key ${JSON.stringify(key)}; ${hint}`);
  }
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

function objectOf(line: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseExactly(decoder.decode(line));
  } catch (cause) {
    const why = cause instanceof SyntaxError ? cause.message : "it is not valid UTF-8";
    throw new Error(`it is no JSON: ${why}`, { cause });
  }
  if (isObject(value)) return value;
  throw new Error('it is no JSON object; accepted: {"topic": "a.b", "payload": "text"}');
}

function payloadOf(fields: Record<string, unknown>): Uint8Array | string {
  const given = PAYLOAD_KEYS.filter((key) => fields[key] !== undefined);
  if (given.length > 1) {
    throw new Error(`it has both ${given.join(" and ")}; accepted: one of them`);
  }
  if (given[0] === undefined) return "";
  if (given[0] === "payload_json") return JSON.stringify(fields.payload_json);
  const text = textOf(fields, given[0]) ?? "";
  if (given[0] === "payload") return text;
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch (cause) {
    throw new Error('"payload_base64" is not Base64', { cause });
  }
}

function headersOf(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (isObject(value) && Object.values(value).every((each) => typeof each === "string")) {
    return value as Record<string, string>;
  }
  throw new Error('"headers" must be an object of texts, like {"name": "value"}');
}

function textOf(fields: Record<string, unknown>, key: string): string | undefined {
  const value = fields[key];
  if (value === undefined || typeof value === "string") return value;
  const hint = key === "payload" ? "; payload_json takes any JSON" : "";
  throw new Error(`"${key}" must be a text${hint}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(JSON as unknown as { isRawJSON(value: unknown): boolean }).isRawJSON(value);
}
