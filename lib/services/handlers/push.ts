/**
 * Takes a Job and hands it to its queue; with an id it is acknowledged once it is as safe as the store keeps
 * it.
 */
import { invalidArgument } from "../../base/errors.ts";
import { isDeadName } from "../../logic/queues/policies.ts";
import { quote } from "../../base/quote.ts";
import { decodeText, decodeTextLeniently } from "../../base/utf8_text.ts";
import { checkMessageType, isTypeBytes } from "../../logic/topics/pattern.ts";
import { Entry } from "../../ports/entry.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import { isUtf8 } from "../../wire/utf8.ts";
import { checkMay } from "../access/checks.ts";
import { checkKeptBytes, isHeldToBytes } from "../access/kept_bytes.ts";
import { JobOptions } from "../queues/job_options.ts";
import type { Queue } from "../queues/queue.ts";
import { LastQueue, queuesOf } from "../queues/peer_queues.ts";
import type { Queues } from "../queues/queues.ts";
import { acksOf } from "../connection/ack_line.ts";
import { publisherOf } from "../topics/peer_topics.ts";
import { tracedTicket } from "../tracing/traced_ticket.ts";
import type { PayloadScan } from "../../wire/payload_scan.ts";
import type { Features } from "../features.ts";
import type { Peer } from "../connection/peer.ts";
import { idOf } from "../../wire/request_id.ts";

const options = new JobOptions();
/** The job on its way into the store. */
const entry = new Entry();

/** Pushes the job that `scan` found. Raises INVALID_ARGUMENT and RESOURCE_EXHAUSTED. */
export function handlePush(
  features: Features,
  session: Peer,
  bytes: Uint8Array,
  scan: MessageScan,
): void {
  const { context } = session;
  const queues = features.needQueues("push");
  const { start, end } = scan;
  const found = context.payload;
  found.scan(bytes, start, end, "job");
  const { typeStart, typeEnd } = found;
  if (typeEnd > typeStart && !isTypeBytes(bytes, typeStart, typeEnd)) {
    checkMessageType(decodeTextLeniently(bytes.subarray(typeStart, typeEnd)), "push type");
  }
  context.counters.traffic.jobsIn++;
  const queue = queueOf(queues, session, bytes, found);
  features.typeChecks.of("queue", queue.name)?.look(bytes, found);
  try {
    queues.checkRoom();
    push(features, session, queue, scan);
  } catch (error) {
    // A push that is refused makes no queue.
    queues.forget(queue);
    throw error;
  }
}

/** Pushes a job whose body was scanned. */
function push({ bus }: Features, session: Peer, queue: Queue, scan: MessageScan): void {
  const { context } = session;
  const { bytes } = scan;
  const { start, end } = scan;
  const found = context.payload;
  const publisher = publisherOf(session);
  if (found.hasOptions) options.read(bytes, start, end, context.clock.wallMs());
  bus.stamp(publisher);
  const { stamps } = publisher;
  publisher.keeps = true;
  const id = idOf(bytes, scan);
  const { messageIdStart: idStart, messageIdEnd: idEnd } = found;
  const seen = idEnd > idStart && queue.hasSeen(decodeText(bytes.subarray(idStart, idEnd)));
  if (!seen) {
    const bytes = end - start + stamps.length;
    if (queue.holder !== null && isHeldToBytes(session)) {
      checkKeptBytes(session, queue, queue.bytesOf(bytes), "push to");
    }
    queue.admit(bytes);
  }
  const acks = acksOf(session);
  entry.setBody(bytes, start, end).setStamps(stamps).setId(idStart, idEnd);
  const ticket = tracedTicket(context, id === 0 ? acks.none : acks.line, false);
  queue.push(entry, found.hasOptions ? options : null, ticket);
  // Only now: a push that is refused is answered at once, and nothing is awaited then.
  if (id !== 0) acks.line.expect(id);
}

/** The queue of the name from `start` to `end`; a text is made only when it differs from the last. */
function queueOf(
  queues: Queues,
  session: Peer,
  bytes: Uint8Array,
  { nameStart: start, nameEnd: end }: PayloadScan,
): Queue {
  const own = queuesOf(session);
  const { last } = own;
  if (last !== null && !last.queue.isForgotten && isSame(last.name, bytes, start, end)) {
    return last.queue;
  }
  if (!isUtf8(bytes, start, end)) throw invalidArgument("cannot push to a name that is not UTF-8");
  const name = decodeText(bytes.subarray(start, end));
  if (isDeadName(name)) {
    throw invalidArgument(`cannot push to ${quote(name)}: only dead letters go there`, {
      accepted: "a name that does not end in .dead",
    });
  }
  checkMay(session, "push", name);
  const queue = queues.get(name, "push to", session);
  own.last = new LastQueue(bytes.slice(start, end), queue);
  return queue;
}

function isSame(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== name.length) return false;
  for (let index = 0; index < name.length; index++) {
    if (name[index] !== bytes[start + index]) return false;
  }
  return true;
}
