/**
 * The way of a message through dispatch where tracing is on: an event, a call or a job whose sender follows it gets a
 * span, which ends with the dispatch unless a handler takes it to end it later.
 */
import { decodeTextLeniently } from "../../base/utf8_text.ts";
import { ParleyError } from "../../base/errors.ts";
import { MEMBER } from "../../logic/access/access.ts";
import type { Span, Tracing } from "../../ports/tracing.ts";
import { FieldCursor } from "../../wire/field_cursor.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import type { Peer } from "../connection/peer.ts";
import type { Features } from "../features.ts";
import { traceParentOf } from "../tracing/trace_parent.ts";
import { dispatch } from "./dispatch.ts";

/** The spans by the members that have them. */
const NAMES: Readonly<Record<number, string>> = {
  [MEMBER.event]: "publish",
  [MEMBER.call]: "call",
  [MEMBER.job]: "push",
};
/** The field with the topic, the method or the queue. */
const NAME_FIELD = 1;
/** The longest name that a span carries. */
const MAX_NAME = 256;

const fields = new FieldCursor();

/** Answers the message that `scan` found in `bytes`, as `dispatch` does, and traces it if its sender does. */
export function dispatchTraced(
  features: Features,
  session: Peer,
  bytes: Uint8Array,
  scan: MessageScan,
): void {
  const { context } = session;
  const span = NAMES[scan.member] === undefined || context.tracing === null
    ? null
    : begin(context.tracing, session, scan);
  if (span === null) return dispatch(features, session, bytes, scan);
  context.span = span;
  try {
    dispatch(features, session, bytes, scan);
    if (context.span !== null) span.end();
  } catch (reason) {
    span.end(ParleyError.from(reason).message);
    throw reason;
  } finally {
    context.span = null;
  }
}

/** Begins the span of a message; null when its sender does not follow it, or it cannot be read. */
function begin(tracing: Tracing, session: Peer, scan: MessageScan): Span | null {
  const { bytes, start, end, member } = scan;
  try {
    const behind = traceParentOf(bytes, start, end);
    if (behind === null) return null;
    return tracing.begin(behind, NAMES[member], {
      "messaging.system": "parley",
      "messaging.destination.name": nameOf(bytes, start, end),
      "messaging.message.body.size": end - start,
      "parley.session": session.sessionId,
    });
  } catch (reason) {
    // What cannot be read is refused by its handler.
    if (reason instanceof ParleyError) return null;
    throw reason;
  }
}

function nameOf(bytes: Uint8Array, start: number, end: number): string {
  let name = "";
  fields.open(bytes, start, end);
  while (fields.next()) {
    if (fields.field !== NAME_FIELD || fields.wireType !== 2) continue;
    name = decodeTextLeniently(bytes.subarray(fields.start, fields.end));
  }
  return name.slice(0, MAX_NAME);
}
