/**
 * The way of one queue's jobs to its consumers: from the lease that was decided to the bytes that leave.
 *
 * A body that is not at hand when its lease is committed is waited for. What is on its way to a consumer is
 * bounded: one that has too much is held until its client has read.
 */
import { logger } from "../base/log.ts";
import type { Consumer, WorkQueue } from "../logic/work_queue/work_queue.ts";
import type { JobBodies } from "./job_bodies.ts";
import type { JobChunk } from "./job_chunks.ts";
import { HELD_BYTES, type QueueConsumer } from "./queue_consumer.ts";

const log = logger("server");

/** Whose jobs they are. */
export interface DeliveringQueue {
  readonly name: string;
  readonly machine: WorkQueue<QueueConsumer>;
  readonly consumers: ReadonlySet<QueueConsumer>;
  /** Counts a delivery that was not the job's first. */
  countRedelivery(): void;
  /** A consumer can have more: hands out what can be, outside of any turn. */
  resume(): void;
}

/** The deliveries of one queue. */
export class JobDeliveries {
  readonly #queue: DeliveringQueue;
  readonly #bodies: JobBodies;
  /** Jobs that are leased and wait for their bodies. */
  readonly #awaited = new Map<
    number,
    { readonly to: QueueConsumer; readonly generation: number }
  >();

  constructor(queue: DeliveringQueue, bodies: JobBodies) {
    this.#queue = queue;
    this.#bodies = bodies;
  }

  /** A lease was decided: the consumer may have too much with it, and the body should be at hand by then. */
  leasing(slot: number, chunk: JobChunk): void {
    const { machine } = this.#queue;
    const handle = machine.holder(slot);
    if (handle === null) return;
    handle.attached.waitingBytes += machine.sizeOf(slot);
    if (handle.attached.isFull) machine.hold(handle, true);
    this.#bodies.wantSoon(slot, chunk);
  }

  /** The lease is committed: sends the job now, or once its body was read. */
  deliver(slot: number, { attached: to }: Consumer<QueueConsumer>, chunk: JobChunk): void {
    const bodies = this.#bodies;
    if (bodies.has(slot)) {
      const start = bodies.start(slot);
      return this.#send(slot, to, bodies.ring.bytes, start, start + bodies.length(slot));
    }
    const { machine } = this.#queue;
    // Its lease ended before the body was read: nothing is on its way to whom that was.
    const former = this.#awaited.get(slot);
    this.#awaited.set(slot, { to, generation: machine.generation(slot) });
    if (former !== undefined) this.#sent(former.to, machine.sizeOf(slot));
    bodies.want(chunk);
  }

  /** Sends the job if it waits for its body; says whether it does. */
  bodyRead(slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    const awaited = this.#awaited.get(slot);
    if (awaited === undefined) return false;
    this.#awaited.delete(slot);
    const { machine } = this.#queue;
    if (machine.isLeased(slot, awaited.generation)) {
      this.#send(slot, awaited.to, bytes, start, end);
    } else this.#sent(awaited.to, machine.sizeOf(slot));
    return true;
  }

  /** The body could not be read: the job comes back when its lease ends. */
  bodyMissing(slot: number): void {
    const awaited = this.#awaited.get(slot);
    if (awaited === undefined) return;
    const { machine, name } = this.#queue;
    this.#awaited.delete(slot);
    this.#sent(awaited.to, machine.sizeOf(slot));
    // One whose lease has ended meanwhile may have been read for its burial.
    if (!machine.isLeased(slot, awaited.generation)) return;
    log.error("cannot hand out job {id} of queue {queue}: it could not be read", {
      id: machine.id(slot),
      queue: name,
    });
  }

  /** What was not committed was taken back: nothing of it is on its way any more. */
  failed(): void {
    for (const consumer of this.#queue.consumers) {
      consumer.waitingBytes = 0;
      this.#look(consumer);
    }
  }

  #send(slot: number, to: QueueConsumer, bytes: Uint8Array, start: number, end: number): void {
    const { machine } = this.#queue;
    if (to.session.takesDeliveries) {
      const redelivered = machine.redelivered(slot);
      if (redelivered) this.#queue.countRedelivery();
      to.send(
        bytes,
        start,
        end,
        machine.attempts(slot),
        slot,
        machine.generation(slot),
        machine.options.leaseMs,
        redelivered,
      );
    }
    this.#sent(to, machine.sizeOf(slot));
  }

  #sent(to: QueueConsumer, bytes: number): void {
    to.waitingBytes = Math.max(0, to.waitingBytes - bytes);
    if (to.handle.held && to.waitingBytes === 0) this.#look(to);
  }

  /** Lets a consumer that was held have more, now or once its client has read. */
  #look(consumer: QueueConsumer): void {
    const { handle, session } = consumer;
    const { machine, consumers } = this.#queue;
    if (!handle.held) return;
    if (!consumer.isFull) return machine.hold(handle, false);
    void session.outbox.whenAtMost(HELD_BYTES / 2).then(() => {
      if (!consumers.has(consumer) || !handle.held || consumer.waitingBytes > 0) return;
      machine.hold(handle, false);
      this.#queue.resume();
    });
  }
}
