/**
 * Events that become jobs: each queue that is bound to a topic gets a copy of its events, in the batch that
 * keeps them, or in one of its own when the topic is not kept.
 *
 * Either all copies are handed over or none: the queues are asked for room first, and when one refuses, the event
 * is refused. A job is known by its queue alone, so an event's message_id is not used again.
 */
import type { ParleyError } from "../../base/errors.ts";
import type { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import { Entry } from "../../ports/entry.ts";
import type { Holder } from "../../ports/job_log.ts";
import type { Store } from "../../ports/store.ts";
import { copyBytes } from "../../wire/frame_writer.ts";
import { copyFields } from "../../wire/field_copy.ts";
import { putVarint } from "../../wire/varint.ts";
import { checkKeptBytes, isHeldToBytes } from "../access/kept_bytes.ts";
import { answerLate } from "../connection/answer_late.ts";
import { type Ticket, UNTOLD } from "../connection/ticket.ts";
import type { EventTaker, TakenEvent } from "../topics/hooks.ts";
import type { Queue } from "./queue.ts";
import { countRefusal } from "../connection/counters.ts";
import { errorReply } from "../connection/reply.ts";
import type { Peer } from "../connection/peer.ts";
import type { RequestId } from "../../base/request_id.ts";

/** Field 1 of an Event is its topic, of a Job its queue. */
const NAME_FIELD = 1;
const NAME_TAG = 0x0a;
/** Tag of Job.topic: field 21, length-delimited, in two bytes. */
const TOPIC_TAG = 0xaa;
const MESSAGE_ID_FIELD = 5;
const encoder = new TextEncoder();

/** A job on its way into the store that an event became. */
const job = new Entry();

/** The queues that are bound to one topic. */
export class BoundQueues implements EventTaker {
  readonly #store: Store;
  readonly #queues: readonly Queue[];

  constructor(store: Store, queues: readonly Queue[]) {
    this.#store = store;
    this.#queues = queues;
  }

  /**
   * Hands an event to all queues, and to the log if the event has an `append`, all in one batch. Raises
   * RESOURCE_EXHAUSTED when a queue has no room; then nothing was handed over.
   */
  take(event: TakenEvent): void {
    const { append, by, ticket = UNTOLD } = event;
    const queues = this.#queues;
    const bodies = queues.map((queue) => jobOf(queue.name, event));
    if (by !== null && isHeldToBytes(by)) checkBytes(by, queues, bodies, event);
    queues.forEach((queue, index) => queue.admit(bodies[index].length));
    const pushes = this.#store.group(() => {
      append?.();
      return queues.map((queue, index) => {
        const told = append === undefined && index === 0 ? ticket : UNTOLD;
        return queue.store(job.setBody(bodies[index], 0, bodies[index].length), told);
      });
    });
    queues.forEach((queue, index) => queue.enter(pushes[index], bodies[index].length, null));
  }
}

/**
 * Raises RESOURCE_EXHAUSTED when all copies together are more than may be kept of who made the topic, or one of the queues.
 */
function checkBytes(
  by: Peer,
  queues: readonly Queue[],
  bodies: readonly Uint8Array[],
  { topic, kept }: TakenEvent,
): void {
  const sums = new Map<Holder, number>();
  if (kept !== undefined && kept.holder !== null) sums.set(kept.holder, kept.bytes);
  queues.forEach((queue, index) => {
    const { holder } = queue;
    if (holder === null) return;
    sums.set(holder, (sums.get(holder) ?? 0) + queue.bytesOf(bodies[index].length));
  });
  for (const [holder, bytes] of sums) {
    checkKeptBytes(by, { name: topic, holder }, bytes, "publish on");
  }
}

/** The job that an event becomes in `queue`. */
function jobOf(queue: string, event: TakenEvent): Uint8Array {
  const { bytes, start, end, stamps, stampsLength } = event.entry;
  const name = encoder.encode(queue);
  const topic = encoder.encode(event.topic);
  const more = new Uint8Array(stampsLength + name.length + topic.length + 12);
  let at = copyBytes(more, 0, stamps, 0, stampsLength);
  more[at++] = NAME_TAG;
  at = putVarint(more, at, name.length);
  at = copyBytes(more, at, name, 0, name.length);
  more[at++] = TOPIC_TAG;
  more[at++] = 1;
  at = putVarint(more, at, topic.length);
  at = copyBytes(more, at, topic, 0, topic.length);
  // Fields of an Event beyond these mean something else in a Job.
  const left = (field: number) => field === NAME_FIELD || field > MESSAGE_ID_FIELD;
  return copyFields(bytes, start, end, left, more.subarray(0, at));
}

/** Acknowledges an event of a topic that is not kept, once its jobs are committed. */
export class BoundTicket implements Ticket {
  readonly session: Peer;
  /** The number of connections that the event was handed to. */
  receivers = 0;
  readonly #id: RequestId;

  constructor(session: Peer, id: RequestId) {
    this.session = session;
    this.#id = id;
  }

  committed(_id: number, level: AckLevel): void {
    const reply = { case: "ack", value: { level, receivers: this.receivers } } as const;
    answerLate(this.session, reply, this.#id);
  }

  failed(error: ParleyError): void {
    countRefusal(this.session.context, error, this.session);
    answerLate(this.session, errorReply(error), this.#id);
  }
}
