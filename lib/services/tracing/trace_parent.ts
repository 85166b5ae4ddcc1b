/**
 * Finds the header by which the sender of an event, a call or a job says where in a trace it stands: `traceparent`, as
 * W3C Trace Context defines it.
 */
import { decodeTextLeniently } from "../../base/utf8_text.ts";
import type { TraceContext } from "../../ports/tracing.ts";
import { FieldCursor } from "../../wire/field_cursor.ts";

/** The number of the field `headers` of an Event, a Call and a Job. */
const HEADERS_FIELD = 4;
const KEY_FIELD = 1;
const VALUE_FIELD = 2;
const NAME = "traceparent";
/** The least that a value has: version, trace, span and flags. What later versions add follows behind. */
const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** The longest value that is looked at. */
const MAX_VALUE_BYTES = 256;
const SAMPLED = 1;

const fields = new FieldCursor();
const entry = new FieldCursor();

/** Where in a trace the sender of the body from `start` to `end` stands; null when it follows none, or only for itself. */
export function traceParentOf(bytes: Uint8Array, start: number, end: number): TraceContext | null {
  let found: TraceContext | null = null;
  fields.open(bytes, start, end);
  while (fields.next()) {
    if (fields.field !== HEADERS_FIELD || fields.wireType !== 2) continue;
    const value = valueOf(bytes, fields.start, fields.end);
    // Of equal keys the last counts, as everywhere in protobuf.
    if (value !== null) found = parseTraceParent(value);
  }
  return found;
}

/** The value of an entry of the headers that is the one looked for; null for another. */
function valueOf(bytes: Uint8Array, start: number, end: number): string | null {
  let isIt = false;
  let value = "";
  entry.open(bytes, start, end);
  while (entry.next()) {
    if (entry.field === KEY_FIELD) isIt = isName(bytes, entry.start, entry.end);
    else if (entry.field === VALUE_FIELD && entry.end - entry.start <= MAX_VALUE_BYTES) {
      value = decodeTextLeniently(bytes.subarray(entry.start, entry.end));
    }
  }
  return isIt ? value : null;
}

function isName(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== NAME.length) return false;
  for (let index = 0; index < NAME.length; index++) {
    // Bit 5 tells small letters from capitals, and the name is one of letters alone.
    if ((bytes[start + index] | 0x20) !== NAME.charCodeAt(index)) return false;
  }
  return true;
}

/** Reads the value of the header; null when it is none, or says that nobody records the trace. */
export function parseTraceParent(value: string): TraceContext | null {
  const found = FORM.exec(value);
  if (found === null) return null;
  const [, version, traceId, spanId, flags, more] = found;
  if (version === "ff" || version === "00" && more !== undefined) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  return (parseInt(flags, 16) & SAMPLED) === 0 ? null : { traceId, spanId };
}
