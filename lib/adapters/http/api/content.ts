/**
 * What is in a message, as HTTP and JSON tell it: a body with a content type, headers, and the attributes of
 * CloudEvents.
 *
 * On the way in, `Content-Type`, `Parley-Header-NAME`, `ce-NAME` (CloudEvents in binary mode), `traceparent` and
 * `tracestate` become headers of the message; on the way out they are those again. Bodies are bytes: in JSON they are
 * `data` (any JSON when the content type says JSON, otherwise a text) or `data_base64`. Pure.
 */
import { Buffer } from "node:buffer";
import { invalidArgument } from "../../../base/errors.ts";
import { quote } from "../../../base/quote.ts";

/** Headers of a message. */
type MessageHeaders = Readonly<Record<string, string>>;
/** Headers of a request, by names in lower case. */
export type RequestHeaders = Readonly<Record<string, string>>;

/** The header of a message that says what its payload is. */
const CONTENT_TYPE = "content-type";
const OWN_PREFIX = "parley-header-";
const CLOUD_PREFIX = "ce-";
const TRACE_HEADERS = ["traceparent", "tracestate"];
/** What says nothing of a body: bytes, and what curl says when it is told nothing. */
const NO_TYPES = ["application/octet-stream", "application/x-www-form-urlencoded"];
/** The only version of CloudEvents. */
const CLOUD_VERSION = "1.0";
const CLOUD_REQUIRED = ["ce-id", "ce-source", "ce-specversion", "ce-type"];

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The headers of the message that a request becomes. Raises INVALID_ARGUMENT for those that cannot be one. */
export function messageHeaders(headers: RequestHeaders): Record<string, string> {
  const own: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(OWN_PREFIX)) own[name.slice(OWN_PREFIX.length)] = textOf(name, value);
    else if (name.startsWith(CLOUD_PREFIX)) own[name] = cloudText(name, value);
    else if (TRACE_HEADERS.includes(name)) own[name] = value;
  }
  const type = headers[CONTENT_TYPE] ?? "";
  if (type !== "" && !NO_TYPES.includes(mediaType(type))) own[CONTENT_TYPE] = type;
  checkCloudEvent(own);
  return own;
}

/** The type of the message that a request becomes: `named` if it names one, else that of a cloud event. */
export function messageType(headers: MessageHeaders, named: string | null): string {
  return named ?? headers["ce-type"] ?? "";
}

/** The message_id that an Idempotency-Key gives, with or without the quotes that its draft has it in. */
export function messageId(headers: RequestHeaders): string {
  const key = headers["idempotency-key"] ?? "";
  if (key === "") return "";
  const quoted = /^"((?:[^"\\]|\\.)*)"$/.exec(key);
  return textOf("idempotency-key", quoted === null ? key : quoted[1].replace(/\\(.)/g, "$1"));
}

/** The headers of an answer that hands on a message. */
export function answerHeaders(headers: MessageHeaders, type: string): Record<string, string> {
  const own: Record<string, string> = {
    "Content-Type": isHeaderText(headers[CONTENT_TYPE])
      ? headers[CONTENT_TYPE]
      : "application/octet-stream",
  };
  if (type !== "") own["Parley-Type"] = type;
  for (const [name, value] of Object.entries(headers)) {
    if (name === CONTENT_TYPE || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) continue;
    if (name.startsWith(CLOUD_PREFIX)) own[name] = cloudEscaped(value);
    else if (TRACE_HEADERS.includes(name) && isHeaderText(value)) own[name] = value;
    else own[`Parley-Header-${name}`] = Buffer.from(withoutControls(value)).toString("latin1");
  }
  return own;
}

/** A payload in JSON: `data` or `data_base64`. */
export function jsonData(
  payload: Uint8Array,
  headers: MessageHeaders,
): { data?: unknown; data_base64?: string } {
  let text: string;
  try {
    text = decoder.decode(payload);
  } catch {
    return { data_base64: Buffer.from(payload).toString("base64") };
  }
  if (!isJson(headers[CONTENT_TYPE] ?? "")) return { data: text };
  try {
    return { data: JSON.parse(text) };
  } catch {
    return { data: text };
  }
}

/** Whether a content type says JSON. */
export function isJson(type: string): boolean {
  const media = mediaType(type);
  return media === "application/json" || media.endsWith("+json");
}

/** A content type without its parameters, in lower case. */
export function mediaType(type: string): string {
  return type.split(";", 1)[0].trim().toLowerCase();
}

function checkCloudEvent(headers: MessageHeaders): void {
  if (!Object.keys(headers).some((name) => name.startsWith(CLOUD_PREFIX))) return;
  const missing = CLOUD_REQUIRED.filter((name) => (headers[name] ?? "") === "");
  if (missing.length > 0) {
    throw invalidArgument(`cannot take a cloud event without ${missing.join(", ")}`, {
      accepted: `${CLOUD_REQUIRED.join(", ")}, or no header that begins with ce-`,
    });
  }
  const version = headers["ce-specversion"];
  if (version === CLOUD_VERSION) return;
  throw invalidArgument(`cannot take a cloud event of version ${quote(version)}`, {
    accepted: `ce-specversion: ${CLOUD_VERSION}`,
  });
}

/** The text of a header, whose bytes are UTF-8. */
function textOf(name: string, value: string): string {
  try {
    return decoder.decode(Buffer.from(value, "latin1"));
  } catch (cause) {
    throw invalidArgument(`cannot take the header ${name}: it is not UTF-8`, { cause });
  }
}

/** The value of an attribute of a cloud event, which is percent-encoded. */
function cloudText(name: string, value: string): string {
  const unquoted = /^".*"$/.test(value) ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value;
  try {
    return decodeURIComponent(textOf(name, unquoted));
  } catch (cause) {
    throw invalidArgument(`cannot take the header ${name}: it is not percent-encoded UTF-8`, {
      cause,
    });
  }
}

/** The same on the way out: space, double quotes, percent and what is not printable ASCII is encoded. */
function cloudEscaped(value: string): string {
  return value.replace(
    /[^\x21\x23\x24\x26-\x7e]/gu,
    (one) => encodeURIComponent(one.toWellFormed()),
  );
}

function isHeaderText(value: string | undefined): value is string {
  return value !== undefined && /^[\x20-\x7e]+$/.test(value);
}

function withoutControls(value: string): string {
  // deno-lint-ignore no-control-regex
  return value.replace(/[\x00-\x1f\x7f]/g, " ");
}
