/**
 * A work queue with a host that writes down what the machine asks of it, for tests of single rules.
 *
 * Jobs are named by their ids, consumers by their letters. The clock stands still until a test moves it.
 * What was told is taken with `told`, so that each test sees what its own step caused.
 */
import {
  type Consumer,
  JobState,
  type LeaseToken,
  WorkQueue,
  type WorkQueueEffects,
  type WorkQueueOptions,
} from "../../../lib/logic/queues/work_queue.ts";

/** What a test hands over with a job, all of it optional. */
export interface Pushed {
  readonly bytes?: number;
  readonly priority?: number;
  readonly key?: number;
  readonly delayMs?: number;
}

/** A job that was handed over. */
export interface Delivery {
  readonly id: number;
  readonly slot: number;
  readonly generation: number;
  readonly to: Consumer<string>;
  readonly attempt: number;
  readonly redelivered: boolean;
}

const USUAL: WorkQueueOptions = {
  leaseMs: 1000,
  maxDeliveries: 3,
  backoffMinMs: 100,
  backoffMaxMs: 350,
  ordered: false,
  maxJobs: 1000,
  maxBytes: 1_000_000,
  whenFull: "refuse",
};

/** The names of the states, by their numbers. */
const STATE_NAMES = Object.fromEntries(
  Object.entries(JobState).map(([name, number]) => [number, name]),
);

/** What a consumer names a delivery by. */
function tokenOf({ to, slot, generation }: Delivery): LeaseToken<string> {
  return { consumer: to, slot, generation };
}

/** A machine, its clock and its host. */
export class Rig implements WorkQueueEffects<string> {
  nowMs = 5000;
  /** What the machine is given for chance. */
  chance = 0;
  nextId = 1;
  readonly queue: WorkQueue<string>;
  readonly slots = new Map<number, number>();
  readonly deliveries: Delivery[] = [];
  #told: string[] = [];

  constructor(options: Partial<WorkQueueOptions> = {}) {
    this.queue = new WorkQueue({ ...USUAL, ...options }, this, () => this.chance);
  }

  /** What the host was told since the last call, in order. */
  told(): string[] {
    const told = this.#told;
    this.#told = [];
    return told;
  }

  /** Pushes a job; gives its id. */
  push({ bytes = 1, priority = 0, key = 0, delayMs = 0 }: Pushed = {}): number {
    const id = this.nextId++;
    const dueMs = this.nowMs + delayMs;
    this.slots.set(id, this.queue.push({ id, bytes, priority, key, dueMs }, this.nowMs));
    return id;
  }

  /** Pushes as many usual jobs; gives their ids. */
  pushMany(count: number): number[] {
    return Array.from({ length: count }, () => this.push());
  }

  slot(id: number): number {
    return this.slots.get(id)!;
  }

  /** The name of the state of a job. */
  state(id: number): string {
    return STATE_NAMES[this.queue.views.state(this.slot(id))];
  }

  /** Makes durable all that was decided. */
  commit(): void {
    this.queue.seal();
    this.queue.committed(this.nowMs);
  }

  /** Hands out what can be, durably; gives the deliveries. */
  deal(): Delivery[] {
    const before = this.deliveries.length;
    this.queue.dispatch();
    this.commit();
    return this.deliveries.slice(before);
  }

  /** The same as `deal`, for tests that look at order only. */
  dealtIds(): number[] {
    return this.deal().map(({ id }) => id);
  }

  /** Lets time pass. */
  pass(ms: number): void {
    this.nowMs += ms;
    this.queue.tick(this.nowMs);
  }

  /** Adds a consumer. */
  consumer(prefetch = 1, name = "a"): Consumer<string> {
    return this.queue.addConsumer(prefetch, name);
  }

  ack(delivery: Delivery): boolean {
    return this.queue.ack(tokenOf(delivery));
  }

  nack(delivery: Delivery, delayMs = -1): boolean {
    return this.queue.nack(tokenOf(delivery), delayMs, this.nowMs);
  }

  reject(delivery: Delivery): boolean {
    return this.queue.reject(tokenOf(delivery));
  }

  release(delivery: Delivery): boolean {
    return this.queue.release(tokenOf(delivery));
  }

  extend(delivery: Delivery, leaseMs = 0): boolean {
    return this.queue.extend(tokenOf(delivery), leaseMs, this.nowMs);
  }

  /** The figures, as one line. */
  get figures(): string {
    const { ready, delayed, blocked, leased, jobs, bytes } = this.queue;
    return `ready ${ready} delayed ${delayed} blocked ${blocked} leased ${leased} jobs ${jobs} bytes ${bytes}`;
  }

  changed(slot: number): void {
    this.#told.push(`changed ${this.queue.views.id(slot)}`);
  }

  leaving(slot: number): void {
    this.#told.push(`leaving ${this.queue.views.id(slot)}`);
  }

  staying(slot: number): void {
    this.#told.push(`staying ${this.queue.views.id(slot)}`);
  }

  deliver(slot: number, to: Consumer<string>): void {
    const { queue } = this;
    const id = queue.views.id(slot);
    this.#told.push(`deliver ${id} to ${to.attached}`);
    this.deliveries.push({
      id,
      slot,
      generation: queue.views.generation(slot),
      to,
      attempt: queue.views.attempts(slot),
      redelivered: queue.views.redelivered(slot),
    });
  }

  dying(slot: number, reason: number): void {
    this.#told.push(`dying ${this.queue.views.id(slot)} of ${reason}`);
  }

  freed(slot: number): void {
    this.#told.push(`freed ${this.queue.views.id(slot)}`);
  }
}
