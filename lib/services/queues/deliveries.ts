/**
 * The way of one queue's jobs to its consumers: from the lease that was decided to the bytes that leave.
 *
 * A job whose body is not at hand when its lease is committed waits for it, and the jobs behind it wait, too: each
 * consumer gets its jobs in the order of their leases. The bytes on their way to a consumer are bounded: a
 * consumer that has too many is held until its client has read.
 */
import { detached } from "../../base/detached.ts";
import { logger } from "../../base/log.ts";
import type { Consumer, WorkQueue } from "../../logic/queues/work_queue.ts";
import type { JobAttempts } from "./attempts.ts";
import type { JobBodies } from "./bodies.ts";
import type { JobChunk } from "./chunks.ts";
import { OutgoingJob, type QueueConsumer } from "./consumer.ts";

const log = logger("server");
/** The job that is being sent. */
const outgoing = new OutgoingJob();

/** The queue whose jobs are delivered. */
export interface DeliveringQueue {
  readonly name: string;
  readonly machine: WorkQueue<QueueConsumer>;
  readonly consumers: ReadonlySet<QueueConsumer>;
  readonly attempts: JobAttempts | null;
  /** Counts a delivery that was not the job's first. */
  countRedelivery(): void;
  /** Notes that jobs may be handed out at the end of the turn. */
  touch(): void;
  /** Hands out jobs now, outside of any turn. */
  resume(): void;
}

/** A job that is leased and not sent. */
interface Awaited {
  readonly to: QueueConsumer;
  readonly generation: number;
  readonly chunk: JobChunk;
  /** Whether the body was read while jobs before it were still to be sent. */
  wasRead: boolean;
}

/** The deliveries of one queue. */
export class JobDeliveries {
  readonly #queue: DeliveringQueue;
  readonly #bodies: JobBodies;
  /** Jobs that wait for their bodies, or behind others that do. */
  readonly #awaited = new Map<number, Awaited>();

  constructor(queue: DeliveringQueue, bodies: JobBodies) {
    this.#queue = queue;
    this.#bodies = bodies;
  }

  /** Prepares a delivery whose lease was decided: holds a consumer that has too much, and asks for the body. */
  leasing(slot: number, chunk: JobChunk): void {
    const { machine } = this.#queue;
    const handle = machine.views.holder(slot);
    if (handle === null) return;
    handle.attached.waitingBytes += machine.views.sizeOf(slot);
    if (handle.attached.isFull) machine.hold(handle, true);
    this.#bodies.wantSoon(slot, chunk);
  }

  /** Sends a job whose lease is committed, now or once its body was read. */
  deliver(slot: number, { attached: to }: Consumer<QueueConsumer>, chunk: JobChunk): void {
    const bodies = this.#bodies;
    const isAtHand = bodies.has(slot);
    if (isAtHand && to.line.size === 0) return this.#sendAtHand(slot, to);
    // A former lease ended before the body was read: nothing is on its way to that consumer.
    const former = this.#takeOut(slot);
    const { machine } = this.#queue;
    const generation = machine.views.generation(slot);
    this.#awaited.set(slot, { to, generation, chunk, wasRead: isAtHand });
    to.line.add(slot);
    if (!isAtHand) bodies.want(chunk);
    if (former !== null) this.#passed(former, slot);
  }

  /** Sends the job whose body was read if its consumer waits for it next; gives whether it did. */
  bodyRead(slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    const awaited = this.#awaited.get(slot);
    if (awaited === undefined) return false;
    const { to, generation } = awaited;
    const [next] = to.line;
    awaited.wasRead = true;
    if (next !== slot) return false;
    const { machine } = this.#queue;
    this.#takeOut(slot);
    if (machine.views.isLeased(slot, generation)) {
      outgoing.setBody(bytes, start, end);
      this.#send(slot, to);
    } else this.#sent(to, machine.views.sizeOf(slot));
    this.#goOn(to);
    return true;
  }

  /** Passes a job over whose body could not be read; it comes back when its lease ends. */
  bodyMissing(slot: number): void {
    const awaited = this.#awaited.get(slot);
    if (awaited === undefined) return;
    if (awaited.wasRead) {
      awaited.wasRead = false;
      return this.#goOn(awaited.to);
    }
    const { machine, name } = this.#queue;
    this.#takeOut(slot);
    // A job whose lease has ended meanwhile may have been moved to the dead letters.
    if (machine.views.isLeased(slot, awaited.generation)) {
      log.error("cannot hand out job {id} of queue {queue}: it could not be read", {
        id: machine.views.id(slot),
        queue: name,
      });
    }
    this.#passed(awaited, slot);
  }

  /** Takes back the jobs that a consumer which is about to go was not sent; their leases do not count. */
  takeBack({ handle, line }: QueueConsumer): void {
    const { machine } = this.#queue;
    for (const slot of line) {
      machine.release({ consumer: handle, slot, generation: machine.views.generation(slot) });
    }
  }

  /** Takes back what was on its way to consumers: the leases that were not committed have failed. */
  failed(): void {
    for (const consumer of this.#queue.consumers) {
      consumer.waitingBytes = 0;
      this.#look(consumer);
    }
  }

  /** Takes a job out of those that wait; gives null when it did not wait. */
  #takeOut(slot: number): Awaited | null {
    const awaited = this.#awaited.get(slot);
    if (awaited === undefined) return null;
    this.#awaited.delete(slot);
    awaited.to.line.delete(slot);
    return awaited;
  }

  /** Passes over a job that will not be sent; the jobs behind it may be. */
  #passed({ to }: Awaited, slot: number): void {
    this.#sent(to, this.#queue.machine.views.sizeOf(slot));
    this.#goOn(to);
  }

  /** Sends the next jobs of a consumer as far as their bodies are at hand, and asks for the first that is not. */
  #goOn(to: QueueConsumer): void {
    const { machine } = this.#queue;
    for (const slot of to.line) {
      const { generation, chunk } = this.#awaited.get(slot)!;
      const isLeased = machine.views.isLeased(slot, generation);
      if (isLeased && !this.#bodies.has(slot)) return this.#bodies.want(chunk);
      this.#takeOut(slot);
      if (isLeased) this.#sendAtHand(slot, to);
      else this.#sent(to, machine.views.sizeOf(slot));
    }
  }

  #sendAtHand(slot: number, to: QueueConsumer): void {
    const start = this.#bodies.start(slot);
    outgoing.setBody(this.#bodies.ring.bytes, start, start + this.#bodies.length(slot));
    this.#send(slot, to);
  }

  /** Sends the job in `slot`, whose body `outgoing` has. */
  #send(slot: number, to: QueueConsumer): void {
    const { views, options } = this.#queue.machine;
    if (to.takesDeliveries) {
      outgoing.slot = slot;
      outgoing.attempt = views.attempts(slot);
      outgoing.generation = views.generation(slot);
      outgoing.leaseMs = options.leaseMs;
      outgoing.redelivered = views.redelivered(slot);
      if (outgoing.redelivered) this.#queue.countRedelivery();
      to.send(outgoing);
      this.#queue.attempts?.begin(outgoing);
    }
    this.#sent(to, views.sizeOf(slot));
  }

  #sent(to: QueueConsumer, bytes: number): void {
    to.waitingBytes = Math.max(0, to.waitingBytes - bytes);
    if (to.handle.held && to.waitingBytes === 0) this.#look(to);
  }

  /** Lets a held consumer go on, now or once its client has read. */
  #look(consumer: QueueConsumer): void {
    const { handle } = consumer;
    const { machine, consumers } = this.#queue;
    if (!handle.held) return;
    if (!consumer.isFull) {
      machine.hold(handle, false);
      return this.#queue.touch();
    }
    const read = consumer.whenRead().then(() => {
      if (!consumers.has(consumer) || !handle.held || consumer.waitingBytes > 0) return;
      machine.hold(handle, false);
      this.#queue.resume();
    });
    detached(read, "hand jobs to a consumer that has read");
  }
}
