/**
 * Takes an Event and hands it to the bus; with an id it is acknowledged as ROUTED, with the number of
 * connections it was handed to.
 */
import { assert } from "../../base/errors.ts";
import { decodeText } from "../../base/utf8_text.ts";
import { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import { copyBytes } from "../../wire/frame_writer.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import { putVarint, varintSize } from "../../wire/varint.ts";
import { Entry } from "../../ports/entry.ts";
import type { StoreTopic } from "../../ports/store.ts";
import { BoundTicket, pushEvent } from "../queues/bindings.ts";
import type { RememberedMatch } from "../topics/publisher.ts";
import type { Session } from "../connection/session.ts";
import { idOf } from "../../wire/request_id.ts";

/** Tag of ServerMessage.ack: field 5, length-delimited. */
const ACK_TAG = 0x2a;
/** Tag of Ack.level: field 1, varint. */
const LEVEL_TAG = 0x08;
/** Tag of Ack.receivers: field 2, varint. */
const RECEIVERS_TAG = 0x10;

/** The event on its way into the store. */
const entry = new Entry();

/** Publishes the event that `scan` found. Raises INVALID_ARGUMENT when it cannot be published. */
export function handlePublish(session: Session, bytes: Uint8Array, scan: MessageScan): void {
  const { bus } = session.host;
  const { start, end } = scan;
  const remembered = bus.publish(session, bytes, start, end);
  if (remembered.kept !== null) return keep(session, remembered.kept, bytes, scan);
  if (remembered.bound.length > 0) return publishBound(session, remembered, bytes, scan);
  if (scan.idBytes === 0 && remembered.match.groups.length === 0 && !remembered.counted) return;
  const reached = bus.complete(session, remembered, bytes, start, end);
  if (scan.idBytes > 0) acknowledge(session, bytes, scan, AckLevel.ROUTED, reached);
}

/**
 * Hands an event of a topic that is not kept to the queues that it is bound to, and then to its subscribers:
 * when a queue has no room, nobody gets it.
 */
function publishBound(
  session: Session,
  remembered: RememberedMatch,
  bytes: Uint8Array,
  scan: MessageScan,
): void {
  const { bus, kept } = session.host;
  const { start, end } = scan;
  const { stamps } = session.asPublisher();
  const id = idOf(bytes, scan);
  const topic = decodeText(remembered.name.subarray(0, remembered.topicBytes));
  entry.setBody(bytes, start, end).setStamps(stamps);
  session.asPublisher().keeps = true;
  const ticket = id === 0 ? null : new BoundTicket(session, id);
  pushEvent(kept!.store, remembered.bound, { topic, entry, completion: ticket ?? session });
  const found = bus.handOut(session, remembered, bytes, start, end);
  const reached = bus.complete(session, found, bytes, start, end);
  if (ticket === null) return;
  ticket.receivers = reached;
  session.late.awaited++;
}

/** Hands an event to the store; the acknowledgement follows when it is safe. */
function keep(session: Session, topic: StoreTopic, bytes: Uint8Array, scan: MessageScan): void {
  const { kept, bus } = session.host;
  assert(kept !== null, "a topic is kept in a store");
  const publisher = session.asPublisher();
  const { stamps } = publisher;
  publisher.keeps = true;
  const id = idOf(bytes, scan);
  const completion = id === 0 ? session : session.acks;
  const { messageIdStart, messageIdEnd } = bus.scan;
  entry.setBody(bytes, scan.start, scan.end).setStamps(stamps).setId(messageIdStart, messageIdEnd);
  kept.append(topic, entry, completion);
  // Only now: an append that is refused is answered at once, and nothing is awaited then.
  if (id !== 0) session.acks.expect(id);
}

/** Answers with an Ack of this level. */
export function acknowledge(
  session: Session,
  bytes: Uint8Array,
  scan: MessageScan,
  level: AckLevel,
  receivers: number,
): void {
  // A publisher that gets its own events and does not read them has just been ended.
  if (session.state === "closing") return;
  const body = (level === 0 ? 0 : 2) + (receivers === 0 ? 0 : 1 + varintSize(receivers));
  let at = session.begin(2 + body + scan.idBytes);
  const out = session.outbox.bytes;
  out[at++] = ACK_TAG;
  out[at++] = body;
  if (level !== 0) {
    out[at++] = LEVEL_TAG;
    out[at++] = level;
  }
  if (receivers !== 0) {
    out[at++] = RECEIVERS_TAG;
    at = putVarint(out, at, receivers);
  }
  copyBytes(out, at, bytes, scan.idStart, scan.idEnd);
}
