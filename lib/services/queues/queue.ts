/**
 * One queue of a server: its machine decides, this carries out. Pushed bodies go to the store, decisions
 * into the batch that gathers, and jobs to their consumers once their leases are committed.
 *
 * Invariants: nobody gets a job whose lease a crash could take back; a push and a settlement are answered
 * when they are committed; when a batch fails, machine, chunks and consumers are as before it.
 * Non-goals: who may have which job when (lib/logic/work_queue), timers and batches (queues).
 */
import type { ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import {
  type Consumer,
  type DeathReason,
  DurableState,
  JobState,
  type NewJob,
  WorkQueue,
  type WorkQueueEffects,
  type WorkQueueOptions,
} from "../../logic/queues/work_queue.ts";
import { Entry } from "../../ports/entry.ts";
import type { StoreQueue } from "../../ports/job_log.ts";
import type { Store } from "../../ports/store.ts";
import type { BodyRing } from "../../wire/body_ring.ts";
import { varint53Size } from "../../wire/varint.ts";
import { DeadLetters } from "./dead_letters.ts";
import { UNTOLD } from "../connection/ticket.ts";
import { type BodyReader, JobBodies } from "./bodies.ts";
import { type JobChunk, JobChunks } from "./chunks.ts";
import type { JobOptions } from "./job_options.ts";
import { JobDeliveries } from "./deliveries.ts";
import type { KeptJob } from "./job_states.ts";
import { loadQueue } from "./load.ts";
import { QueueConsumer } from "./consumer.ts";
import type { Peer } from "../connection/peer.ts";
import type { ServerContext } from "../connection/server_context.ts";

const log = logger("server");
/** A job of another queue on its way. */
const moved = new Entry();
/** The job that is entered into the machine. */
const entered: NewJob = { id: 0, bytes: 0, priority: 0, key: 0, dueMs: 0 };
/** Places of jobs that were committed are taken out in pieces of at least this many. */
const COMPACT_AT = 4096;

/** What a queue needs of those that share its server. */
export interface QueueOwner {
  readonly context: ServerContext;
  readonly store: Store;
  readonly ring: BodyRing;
  /** The queue may have jobs to hand out, at the end of the turn. */
  touch(queue: Queue): void;
  /** The queue has something for the batch that gathers. */
  hasChanges(queue: Queue): void;
  /** Ends a turn that no session began. */
  endTurn(): void;
  /** Where the dead letters of `queue` go. */
  deadOf(queue: Queue): Queue;
  /** A queue may have no reason to be there any more. */
  forget(queue: Queue): void;
}

/** One queue. */
export class Queue implements WorkQueueEffects<QueueConsumer>, BodyReader {
  readonly name: string;
  readonly machine: WorkQueue<QueueConsumer>;
  readonly chunks: JobChunks;
  readonly consumers = new Set<QueueConsumer>();
  /** Since the server started. */
  pushed = 0;
  done = 0;
  redelivered = 0;
  /** For the owner: whether it stands among those that are touched, and among those that have changes. */
  isTouched = false;
  isChanged = false;
  /** Whether the owner knows it no more. */
  isForgotten = false;

  readonly #owner: QueueOwner;
  readonly context: ServerContext;
  readonly #bodies: JobBodies;
  readonly #deliveries: JobDeliveries;
  readonly #deadLetters: DeadLetters;
  /** The slots of jobs that are pushed and not committed, in that order. */
  #pushing: number[] = [];
  #pushingAt = 0;
  /** Its place in the store; null until its first job. */
  #log: StoreQueue | null;

  constructor(owner: QueueOwner, name: string, options: WorkQueueOptions) {
    this.name = name;
    this.#log = owner.store.jobs.queue(name);
    this.#owner = owner;
    this.context = owner.context;
    this.machine = new WorkQueue(options, this, Math.random);
    const { jobs } = owner.store;
    this.chunks = new JobChunks(jobs, this, (slot, job) => this.#describe(slot, job));
    this.#bodies = new JobBodies(owner.ring, jobs, this, this);
    this.#deliveries = new JobDeliveries(this, this.#bodies);
    const wallMs = () => owner.context.clock.wallMs();
    this.#deadLetters = new DeadLetters(this, this.#bodies, () => owner.deadOf(this), wallMs);
  }

  /** Its place in the store, made if need be. */
  get log(): StoreQueue {
    return this.#log ??= this.#owner.store.jobs.openQueue(this.name);
  }

  /** Whether it ever had a job. */
  get isStored(): boolean {
    return this.#log !== null;
  }

  /** Says that the store has forgotten it: it is as if it had never had a job. */
  leftStore(): void {
    this.#log = null;
  }

  /** Takes up what was there at start. */
  load(): void {
    if (!this.isStored) return;
    loadQueue(this, this.#owner.store.jobs.takeChunks(this.log));
    this.#deadLetters.because("the server stopped while it was out", () => this.machine.restored());
  }

  /** Raises RESOURCE_EXHAUSTED when a job of so many bytes has no room, or makes it. */
  admit(bytes: number): void {
    this.machine.admit(bytes);
  }

  /**
   * Hands a job to the store that was admitted; gives its id, or 0 when its message_id was seen before.
   * `completion` is told of it as with events.
   */
  push(entry: Entry, options: JobOptions | null, completion: unknown): number {
    const id = this.store(entry, completion);
    if (id > 0) this.enter(id, entry.length, options);
    return id;
  }

  /** The first half of `push`, for what is handed over with other things: the store's. */
  store(entry: Entry, completion: unknown): number {
    const { nextId } = this.log;
    entry.timeMs = this.context.clock.wallMs();
    const id = this.#owner.store.jobs.push(this.log, entry, this.chunks.needsNew, completion);
    return id < nextId ? 0 : id;
  }

  /** The second half: the machine's, once the store has taken all of it. */
  enter(id: number, bytes: number, options: JobOptions | null): void {
    const { clock } = this.context;
    const { machine } = this;
    const delayMs = options?.delayMs ?? 0;
    const nowMs = delayMs > 0 ? clock.monotonicMs() : 0;
    entered.id = id;
    entered.bytes = bytes + 1 + varint53Size(id);
    entered.priority = options?.priority ?? 0;
    entered.key = options === null || !machine.options.ordered ? 0 : options.key;
    entered.dueMs = nowMs + delayMs;
    const slot = machine.push(entered, nowMs);
    this.chunks.add(slot, id, entered.bytes, clock.wallMs());
    const plain = entered.priority === 0 && entered.key === 0 && delayMs === 0;
    if (!plain) this.chunks.changed(slot);
    this.#pushing.push(slot);
    this.#owner.hasChanges(this);
    this.#owner.touch(this);
  }

  /** A job of the batch that was just committed, or its duplicate, in the order they were pushed. */
  stored(bytes: Uint8Array, start: number, end: number, duplicate: boolean): void {
    if (duplicate) return;
    const slot = this.#pushing[this.#pushingAt++];
    if (this.#pushingAt >= COMPACT_AT && 2 * this.#pushingAt >= this.#pushing.length) {
      this.#pushing = this.#pushing.slice(this.#pushingAt);
      this.#pushingAt = 0;
    }
    this.pushed++;
    // What will be handed out soon stays at hand; the rest of a long queue is read when its turn comes.
    const { machine } = this;
    if (
      machine.views.state(slot) === JobState.LEASING || machine.bytes <= this.#bodies.ring.longest
    ) {
      this.#bodies.put(slot, bytes, start, end);
    }
  }

  /** Adds a consumer. */
  addConsumer(session: Peer, number: number, prefetch: number): QueueConsumer {
    const consumer = new QueueConsumer(session, number);
    consumer.handle = this.machine.addConsumer(prefetch, consumer);
    this.consumers.add(consumer);
    this.#owner.touch(this);
    return consumer;
  }

  /** Whether a job with this message_id was pushed within the window. */
  hasSeen(messageId: string): boolean {
    return this.#log !== null && this.#owner.store.jobs.duplicateOf(this.#log, messageId) > 0;
  }

  /** Changes how many jobs a consumer may hold; 0 stops deliveries. */
  setPrefetch({ handle }: QueueConsumer, prefetch: number): void {
    this.machine.setPrefetch(handle, prefetch);
    this.#owner.touch(this);
  }

  /** Ends a consumer; what it holds comes back. */
  removeConsumer(consumer: QueueConsumer): void {
    if (!this.consumers.delete(consumer)) return;
    this.#deliveries.takeBack(consumer);
    this.#deadLetters.because("its consumer went away", () => {
      this.machine.removeConsumer(consumer.handle);
    });
    this.#owner.touch(this);
    this.#owner.forget(this);
  }

  /** What a consumer said of a job when it gave it back. */
  noteError(slot: number, error: string): void {
    this.#deadLetters.noteError(slot, error);
  }

  /** The monotonic time, in milliseconds. */
  get nowMs(): number {
    return this.context.clock.monotonicMs();
  }

  /** Moves what is at its end to the dead letters, and hands out what can be. */
  dispatch(): void {
    this.#deadLetters.work();
    this.machine.dispatch();
  }

  /** Takes a job of another queue, without its id; drops none for it. Raises as `admit` and `push`. */
  takeOver(body: Uint8Array, options: JobOptions | null = null): void {
    this.machine.checkRoom(body.length);
    this.push(moved.setBody(body, 0, body.length), options, UNTOLD);
  }

  /** Lets time pass. */
  tick(nowMs: number): void {
    this.#deadLetters.because("its lease ended", () => this.machine.tick(nowMs));
    this.#owner.touch(this);
  }

  /** The batch that gathers is about to leave. */
  seal(wallMs: number): void {
    this.machine.seal();
    this.chunks.seal(wallMs);
  }

  /** The oldest batch that was sealed is committed, and `stored` was called for its jobs. */
  committed(): void {
    this.machine.committed(this.context.clock.monotonicMs());
    this.chunks.committed();
  }

  /** All that is not committed was taken back. */
  failed(): void {
    this.machine.failed();
    this.#deadLetters.failed();
    this.chunks.failed();
    this.#pushing.length = this.#pushingAt = 0;
    this.#deliveries.failed();
    this.#owner.touch(this);
  }

  // What the machine says.

  changed(slot: number): void {
    this.chunks.changed(slot);
    this.#owner.hasChanges(this);
    if (this.machine.views.state(slot) !== JobState.LEASING) return;
    this.#deliveries.leasing(slot, this.chunks.of(slot));
  }

  leaving(slot: number): void {
    this.chunks.leaving(slot);
    this.#owner.hasChanges(this);
  }

  staying(slot: number): void {
    this.chunks.staying(slot);
    this.#owner.hasChanges(this);
  }

  deliver(slot: number, consumer: Consumer<QueueConsumer>): void {
    this.#deliveries.deliver(slot, consumer, this.chunks.of(slot));
  }

  dying(slot: number, reason: DeathReason): void {
    this.#deadLetters.add(slot, reason);
  }

  freed(slot: number): void {
    const { machine } = this;
    if (machine.views.state(slot) === JobState.DONE) this.done++;
    this.#bodies.forget(slot);
    this.#deadLetters.forget(slot);
    this.chunks.freed(slot, machine.views.id(slot));
  }

  // What the store gives.

  bodyRead(slot: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#deadLetters.bodyRead(slot, bytes, start, end)) return;
    if (this.#deliveries.bodyRead(slot, bytes, start, end)) return;
    this.#bodies.put(slot, bytes, start, end);
  }

  chunkRead(chunk: JobChunk): void {
    for (const slot of chunk.slots) {
      if (slot < 0) continue;
      this.#deadLetters.bodyMissing(slot);
      this.#deliveries.bodyMissing(slot);
    }
  }

  readEnded(): void {
    this.#owner.endTurn();
  }

  #describe(slot: number, job: KeptJob): void {
    const { views } = this.machine;
    job.state = views.durableState(slot);
    job.attempts = views.durableAttempts(slot);
    job.priority = views.priority(slot);
    job.key = views.keyOf(slot);
    job.redelivered = views.redelivered(slot);
    job.bytes = views.sizeOf(slot);
    job.delayMs = job.state === DurableState.DELAYED
      ? Math.max(1, views.timeMs(slot) - this.context.clock.monotonicMs())
      : 0;
  }

  countRedelivery(): void {
    this.redelivered++;
  }

  touch(): void {
    this.#owner.touch(this);
  }

  resume(): void {
    this.touch();
    this.#owner.endTurn();
  }

  /** Tells of what went wrong with a dead letter. */
  complain(message: string, error: ParleyError): void {
    log.warning(message, { queue: this.name, error });
  }
}
