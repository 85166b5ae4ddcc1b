/**
 * One queue of a server: carries out what its machine decides. Pushed bodies go to the store, decisions
 * into the batch that gathers, and jobs to their consumers once their leases are committed.
 *
 * Invariants: no consumer gets a job whose lease a crash could take back; a push and a settlement are answered
 * when they are committed; when a batch fails, machine, chunks and consumers are as before it.
 * Non-goals: which consumer gets which job (lib/logic/queues), timers and batches (queues).
 */
import type { ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { NumberRing } from "../../logic/number_ring.ts";
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
import type { Holder, StoreQueue } from "../../ports/job_log.ts";
import type { Store } from "../../ports/store.ts";
import type { BodyRing } from "../../wire/body_ring.ts";
import { varint53Size } from "../../wire/varint.ts";
import { DeadLetters } from "./dead_letters.ts";
import { UNTOLD } from "../connection/ticket.ts";
import { JobAttempts } from "./attempts.ts";
import { type BodyReader, JobBodies } from "./bodies.ts";
import { type JobChunk, JobChunks } from "./chunks.ts";
import type { JobOptions } from "./job_options.ts";
import { JobDeliveries } from "./deliveries.ts";
import type { KeptJob } from "./job_states.ts";
import { loadQueue } from "./load.ts";
import type { SlotBlocks } from "./slot_blocks.ts";
import type { QueueConsumer } from "./consumer.ts";
import type { TurnTaker } from "../connection/fair_turns.ts";
import type { ServerContext } from "../connection/server_context.ts";

const log = logger("server");
/** A job of another queue on its way into the store. */
const moved = new Entry();
/** The job that is entered into the machine. */
const entered: NewJob = { id: 0, bytes: 0, priority: 0, key: 0, dueMs: 0 };
/** The most jobs that one turn leases of a queue: each costs about a microsecond, and another when it is committed. */
export const LEASED_AT_ONCE = 1024;

/** The owner of queues: what a queue needs of its server. */
export interface QueueOwner {
  readonly context: ServerContext;
  readonly store: Store;
  readonly ring: BodyRing;
  readonly blocks: SlotBlocks;
  /** Notes that the queue may have jobs to hand out at the end of the turn. */
  touch(queue: Queue): void;
  /** Notes that the queue has something for the batch that gathers. */
  hasChanges(queue: Queue): void;
  /** Ends a turn that no session began. */
  endTurn(): void;
  /** The queue that takes the dead letters of `queue`. */
  deadOf(queue: Queue): Queue;
  /** Forgets a queue that is no longer used. */
  forget(queue: Queue): void;
}

/** A queue. */
export class Queue implements WorkQueueEffects<QueueConsumer>, BodyReader {
  readonly name: string;
  /** Who made it, for whom the bytes of its jobs count; null for nobody. */
  readonly holder: Holder | null;
  readonly machine: WorkQueue<QueueConsumer>;
  readonly chunks: JobChunks;
  readonly consumers = new Set<QueueConsumer>();
  readonly readTurn: TurnTaker;
  /** The spans of its deliveries; null when nothing is traced. */
  readonly attempts: JobAttempts | null;
  /** Jobs that were pushed, done and redelivered since the server started. */
  pushed = 0;
  done = 0;
  redelivered = 0;
  /** For the owner: whether the queue is in its list of touched queues, and in that of changed ones. */
  isTouched = false;
  isChanged = false;
  /** Whether the owner has forgotten the queue. */
  isForgotten = false;

  readonly #owner: QueueOwner;
  readonly context: ServerContext;
  readonly #bodies: JobBodies;
  readonly #deliveries: JobDeliveries;
  readonly #deadLetters: DeadLetters;
  /** The slots of jobs that are pushed and not committed, in that order. */
  readonly #pushing = new NumberRing();
  /** The queue's place in the store; null until its first job. */
  #log: StoreQueue | null;

  constructor(
    owner: QueueOwner,
    name: string,
    options: WorkQueueOptions,
    holder: Holder | null,
  ) {
    this.name = name;
    this.holder = holder;
    this.#log = owner.store.jobs.queue(name);
    this.#owner = owner;
    this.context = owner.context;
    this.machine = new WorkQueue(options, this, Math.random);
    this.machine.countFor(holder);
    const { jobs } = owner.store;
    this.chunks = new JobChunks(jobs, this, owner.blocks, (slot, job) => this.#describe(slot, job));
    this.readTurn = owner.context.turns.join();
    const { tracing } = owner.context;
    this.attempts = tracing === null ? null : new JobAttempts(tracing, name, this.machine);
    this.#bodies = new JobBodies(owner.ring, jobs, this, this);
    this.#deliveries = new JobDeliveries(this, this.#bodies);
    const wallMs = () => owner.context.clock.wallMs();
    this.#deadLetters = new DeadLetters(this, this.#bodies, () => owner.deadOf(this), wallMs);
  }

  /** The queue's place in the store, made if need be. */
  get log(): StoreQueue {
    return this.#log ??= this.#owner.store.jobs.openQueue(this.name, this.holder?.name);
  }

  /** Whether the store knows the queue: it had a job, and was not forgotten since. */
  get isStored(): boolean {
    return this.#log !== null;
  }

  /** Notes that the store has forgotten the queue, which is then as if it had never had a job. */
  leftStore(): void {
    this.#log = null;
  }

  /** Restores the jobs that were there at start. */
  load(): void {
    if (!this.isStored) return;
    loadQueue(this, this.#owner.store.jobs.takeChunks(this.log));
    this.#deadLetters.because("the server stopped while it was out", () => this.machine.restored());
  }

  /** Notes that the owner has forgotten the queue, whose jobs count for nobody from now on. */
  letGo(): void {
    this.isForgotten = true;
    if (this.holder !== null) this.holder.bytes -= this.machine.bytes;
    this.machine.countFor(null);
    this.#owner.store.holders.release(this.holder);
  }

  /** The bytes that a job counts for whose body, with stamps, has `length` bytes before it gets an id. */
  bytesOf(length: number): number {
    // A push that is refused makes no queue.
    const id = this.#log?.nextId ?? this.#owner.store.forgottenSeq + 1;
    return length + 1 + varint53Size(id);
  }

  /** Makes room for a job of `bytes` if the queue is set up so; otherwise raises RESOURCE_EXHAUSTED for want of it. */
  admit(bytes: number): void {
    this.machine.admit(bytes);
  }

  /**
   * Hands a job that was admitted to the store; gives its id, or 0 when its message_id was seen before. The store
   * gives `completion` back with the job's batch.
   */
  push(entry: Entry, options: JobOptions | null, completion: unknown): number {
    const id = this.store(entry, completion);
    if (id > 0) this.enter(id, entry.length, options);
    return id;
  }

  /** The first half of `push`: hands the job to the store. */
  store(entry: Entry, completion: unknown): number {
    const { nextId } = this.log;
    entry.timeMs = this.context.clock.wallMs();
    const id = this.#owner.store.jobs.push(this.log, entry, this.chunks.needsNew, completion);
    return id < nextId ? 0 : id;
  }

  /** The second half of `push`: enters a job that the store has taken into the machine. */
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

  /** Takes a job of the batch that was just committed, or a duplicate, in the order of pushes. */
  stored(bytes: Uint8Array, start: number, end: number, duplicate: boolean): void {
    if (duplicate) return;
    const slot = this.#pushing.shift();
    this.pushed++;
    // Bodies that will be handed out soon stay at hand; those of a long queue are read when their turn comes.
    const { machine } = this;
    if (
      machine.views.state(slot) === JobState.LEASING || machine.bytes <= this.#bodies.ring.longest
    ) {
      this.#bodies.put(slot, bytes, start, end);
    }
  }

  /** Adds a consumer. */
  addConsumer<C extends QueueConsumer>(consumer: C, prefetch: number): C {
    consumer.handle = this.machine.addConsumer(prefetch, consumer);
    this.consumers.add(consumer);
    this.#owner.touch(this);
    return consumer;
  }

  /** The number of consumers but for the server itself. */
  get pulling(): number {
    let count = 0;
    for (const { isOwn } of this.consumers) if (!isOwn) count++;
    return count;
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

  /** Removes a consumer; the jobs that it holds come back. */
  removeConsumer(consumer: QueueConsumer): void {
    if (!this.consumers.delete(consumer)) return;
    this.#deliveries.takeBack(consumer);
    this.#deadLetters.because("its consumer went away", () => {
      this.machine.removeConsumer(consumer.handle);
    });
    this.attempts?.endLost("its consumer went away");
    this.#owner.touch(this);
    this.#owner.forget(this);
  }

  /** Remembers the error that a consumer gave for a job. */
  noteError(slot: number, error: string): void {
    this.#deadLetters.noteError(slot, error);
  }

  /** The error that a consumer gave for a job last, as far as it is remembered; otherwise empty. */
  lastErrorOf(slot: number): string {
    return this.#deadLetters.errorOf(slot);
  }

  /** The monotonic time, in milliseconds. */
  get nowMs(): number {
    return this.context.clock.monotonicMs();
  }

  /** Moves jobs at their end to the dead letters, and leases ready jobs to consumers; gives whether some are left. */
  dispatch(): boolean {
    const movesMore = this.#deadLetters.work();
    return this.machine.dispatch(LEASED_AT_ONCE) === LEASED_AT_ONCE || movesMore;
  }

  /** Takes a job of another queue, without its id, and drops none for it. Raises as `checkRoom` and `push`. */
  takeOver(body: Uint8Array, options: JobOptions | null = null): void {
    this.machine.checkRoom(body.length);
    this.push(moved.setBody(body, 0, body.length), options, UNTOLD);
  }

  /** Lets the machine act on the time: ends leases, makes due jobs ready. */
  tick(nowMs: number): void {
    this.#deadLetters.because("its lease ended", () => this.machine.tick(nowMs));
    this.attempts?.endLost("its lease ended");
    this.#owner.touch(this);
  }

  /** Puts the decisions of the queue into the batch that gathers, which is about to leave. */
  seal(wallMs: number): void {
    this.machine.seal();
    this.chunks.seal(wallMs);
    this.attempts?.seal();
  }

  /** Carries out the oldest sealed batch, which is committed; `stored` was called for its jobs. */
  committed(): void {
    this.machine.committed(this.context.clock.monotonicMs());
    this.chunks.committed();
    this.attempts?.committed();
  }

  /** Takes back all that is not committed, since its batches have failed. */
  failed(): void {
    this.machine.failed();
    this.#deadLetters.failed();
    this.chunks.failed();
    this.attempts?.failed();
    this.#pushing.clear();
    this.#deliveries.failed();
    this.#owner.touch(this);
  }

  // The effects of the machine.

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

  // The reads of bodies.

  bodyRead(slot: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#deadLetters.bodyRead(slot, bytes, start, end)) return;
    if (this.#deliveries.bodyRead(slot, bytes, start, end)) return;
    this.#bodies.put(slot, bytes, start, end);
  }

  chunkRead(chunk: JobChunk): void {
    for (let index = 0; index < chunk.jobs; index++) {
      const slot = chunk.slotAt(index);
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

  /** Logs that a move to the dead letters went wrong. */
  complain(message: string, error: ParleyError): void {
    log.warning(message, { queue: this.name, error });
  }
}
