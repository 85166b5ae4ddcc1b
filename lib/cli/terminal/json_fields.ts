/**
 * Reads the objects that stand one a line in the input of `pub` and `queue push`.
 *
 * Pure. What is wrong raises with what would be accepted; the caller adds which line it was.
 */
import { nearest } from "../../server/config/suggest.ts";
import { parseExactly } from "./json_text.ts";
import { decodeText } from "../../base/utf8_text.ts";

/** The members of a line. */
export type Fields = Readonly<Record<string, unknown>>;

/** The members that say a payload: text, any JSON, or Base64. */
export const PAYLOAD_KEYS = ["payload", "payload_json", "payload_base64"] as const;

/** The members of the object that `line` is. `example` is one that would be accepted. */
export function fieldsOf(line: Uint8Array, example: string): Fields {
  let value: unknown;
  try {
    // Files that come from elsewhere begin with a U+FEFF, which is no part of their JSON.
    value = parseExactly(decodeText(line).replace(/^\ufeff/, ""));
  } catch (cause) {
    const why = cause instanceof SyntaxError ? cause.message : "it is not valid UTF-8";
    throw new Error(`it is no JSON: ${why}`, { cause });
  }
  if (isObject(value)) return value;
  throw new Error(`it is no JSON object; accepted: ${example}`);
}

/** Raises for a member that is neither among `keys` nor among those that are passed over. */
export function checkKeys(
  fields: Fields,
  keys: readonly string[],
  passedOver: readonly string[],
): void {
  for (const key of Object.keys(fields)) {
    if (keys.includes(key) || passedOver.includes(key)) continue;
    const meant = nearest(key, keys);
    const hint = meant === undefined ? `accepted: ${keys.join(", ")}` : `did you mean ${meant}?`;
    throw new Error(`unknown key ${JSON.stringify(key)}; ${hint}`);
  }
}

/** The payload, in whichever of its forms; empty when there is none. */
export function payloadOf(fields: Fields): Uint8Array | string {
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

/** The headers; none when they are not said. */
export function headersOf(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (isObject(value) && Object.values(value).every((each) => typeof each === "string")) {
    return value as Record<string, string>;
  }
  throw new Error('"headers" must be an object of texts, like {"name": "value"}');
}

/** A text; undefined when it is not said. */
export function textOf(fields: Fields, key: string): string | undefined {
  const value = fields[key];
  if (value === undefined || typeof value === "string") return value;
  const hint = key === "payload" ? "; payload_json takes any JSON" : "";
  throw new Error(`"${key}" must be a text${hint}`);
}

/** A whole number within bounds; undefined when it is not said. */
export function wholeNumberOf(
  fields: Fields,
  key: string,
  least: number,
  most: number,
): number | undefined {
  const value = fields[key];
  if (value === undefined) return undefined;
  // Numbers come as they were written.
  const number = isRaw(value) ? Number(JSON.stringify(value)) : NaN;
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw new Error(`"${key}" must be a whole number from ${least} to ${most}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isRaw(value);
}

function isRaw(value: unknown): boolean {
  return (JSON as unknown as { isRawJSON(value: unknown): boolean }).isRawJSON(value);
}
