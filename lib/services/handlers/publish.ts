/**
 * Takes an Event and hands it to the bus; with an id it is acknowledged as ROUTED, with the number of
 * connections it was handed to.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { assert } from "../../base/errors.ts";
import { detached } from "../../base/detached.ts";
import { decodeText } from "../../base/utf8_text.ts";
import { AckLevel, type AckSchema } from "../../gen/parley/v1/session_pb.ts";
import { copyBytes } from "../../wire/frame_writer.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import { putVarint, varintSize } from "../../wire/varint.ts";
import { Entry } from "../../ports/entry.ts";
import type { StoreTopic } from "../../ports/store.ts";
import { answerLate } from "../connection/answer_late.ts";
import { ACK_TAG, acksOf, LEVEL_TAG } from "../connection/ack_line.ts";
import { BoundTicket } from "../queues/bindings.ts";
import { ELSEWHERE } from "../topics/hooks.ts";
import { publisherOf } from "../topics/peer_topics.ts";
import { tracedTicket } from "../tracing/traced_ticket.ts";
import type { RememberedMatch } from "../topics/publisher.ts";
import type { Reply } from "../connection/reply.ts";
import type { RequestId } from "../../base/request_id.ts";
import type { Features } from "../features.ts";
import type { Peer } from "../connection/peer.ts";
import { idOf } from "../../wire/request_id.ts";

/** Tag of Ack.receivers: field 2, varint. */
const RECEIVERS_TAG = 0x10;

/** The event on its way into the store. */
const entry = new Entry();

/** Publishes the event that `scan` found. Raises INVALID_ARGUMENT when it cannot be published. */
export function handlePublish(
  features: Features,
  session: Peer,
  scan: MessageScan,
): void {
  const { bus } = features;
  const remembered = bus.publish(session, scan);
  const { kept } = remembered;
  if (kept === ELSEWHERE) return features.elsewhere!.forward(session, scan.bytes, scan);
  if (kept !== null) return keep(features, session, kept, scan);
  if (remembered.bound !== null) return publishBound(features, session, remembered, scan);
  if (scan.idBytes === 0 && remembered.match.groups.length === 0 && !remembered.counted) return;
  const reached = bus.complete(session, remembered, scan);
  if (scan.idBytes > 0) acknowledge(session, scan, reached);
}

/**
 * Hands an event of a topic that is not kept to the queues that it is bound to, and then to its subscribers:
 * when a queue has no room, nobody gets it.
 */
function publishBound(
  { bus }: Features,
  session: Peer,
  remembered: RememberedMatch,
  scan: MessageScan,
): void {
  const { bytes, start, end } = scan;
  const publisher = publisherOf(session);
  const { stamps } = publisher;
  const id = idOf(bytes, scan);
  const topic = decodeText(remembered.name.subarray(0, remembered.topicBytes));
  entry.setBody(bytes, start, end).setStamps(stamps);
  publisher.keeps = true;
  const acked = id === 0 ? null : new BoundTicket(session, id);
  const ticket = tracedTicket(session.context, acked ?? acksOf(session).none, false);
  remembered.bound!.take({ topic, entry, ticket, by: session });
  const found = bus.handOut(publisher, remembered, scan);
  const reached = bus.complete(session, found, scan);
  if (acked === null) return;
  acked.receivers = reached;
  session.late.begin();
}

/** Hands an event to the store; the acknowledgement follows when it is safe. */
function keep(
  { kept }: Features,
  session: Peer,
  topic: StoreTopic,
  scan: MessageScan,
): void {
  const { bytes } = scan;
  assert(kept !== null, "a topic is kept in a store");
  const publisher = publisherOf(session);
  const { stamps } = publisher;
  publisher.keeps = true;
  const id = idOf(bytes, scan);
  const acks = acksOf(session);
  const { messageIdStart, messageIdEnd } = session.context.payload;
  entry.setBody(bytes, scan.start, scan.end).setStamps(stamps).setId(messageIdStart, messageIdEnd);
  const ticket = id === 0 ? acks.none : acks.line;
  kept.append(topic, entry, tracedTicket(session.context, ticket, true), session);
  // Only now: an append that is refused is answered at once, and nothing is awaited then.
  if (id !== 0) acks.line.expect(id);
}

/**
 * Acknowledges a subscription or an offer to answer calls, as soon as the other nodes of a cluster know of it; `told` is
 * what the acknowledgement says besides.
 */
export function acknowledgeInterest(
  { cluster }: Pick<Features, "cluster">,
  session: Peer,
  scan: MessageScan,
  told: MessageInitShape<typeof AckSchema> | null = null,
): void {
  const known = scan.idBytes === 0 || cluster === null ? null : cluster.whenKnown();
  if (known === null && told === null) {
    if (scan.idBytes > 0) acknowledge(session, scan, 0);
    return;
  }
  const reply: Reply = { case: "ack", value: { ...told, level: AckLevel.ROUTED } };
  if (known === null) return session.answer(reply, scan.bytes, scan);
  session.late.begin();
  detached(
    acknowledgeLater(session, reply, idOf(scan.bytes, scan), known),
    "acknowledge a subscription",
  );
}

async function acknowledgeLater(
  session: Peer,
  reply: Reply,
  id: RequestId,
  known: Promise<void>,
): Promise<void> {
  await known;
  answerLate(session, reply, id);
  session.outbox.flush();
}

/** Acknowledges the message that `scan` found as ROUTED, to so many receivers. */
export function acknowledge(session: Peer, scan: MessageScan, receivers: number): void {
  // A publisher that gets its own events and does not read them has just been ended.
  if (session.state === "closing") return;
  const body = 2 + (receivers === 0 ? 0 : 1 + varintSize(receivers));
  let at = session.begin(2 + body + scan.idBytes);
  const out = session.outbox.bytes;
  out[at++] = ACK_TAG;
  out[at++] = body;
  out[at++] = LEVEL_TAG;
  out[at++] = AckLevel.ROUTED;
  if (receivers !== 0) {
    out[at++] = RECEIVERS_TAG;
    at = putVarint(out, at, receivers);
  }
  copyBytes(out, at, scan.bytes, scan.idStart, scan.idEnd);
}
