/**
 * Jobs that wait for their bodies when their leases end: whoever was to get them is not charged for them.
 */
import assert from "node:assert/strict";
import { DEFAULT_QUEUE_OPTIONS } from "../../lib/logic/queue_policies.ts";
import { type Consumer, WorkQueue } from "../../lib/logic/work_queue/work_queue.ts";
import type { JobBodies } from "../../lib/services/job_bodies.ts";
import type { JobChunk } from "../../lib/services/job_chunks.ts";
import { JobDeliveries } from "../../lib/services/job_deliveries.ts";
import type { QueueConsumer } from "../../lib/services/queue_consumer.ts";

const LEASE_MS = 10;
const LARGE = 2 * 1024 * 1024;
const CHUNK = {} as JobChunk;

/** A consumer whose client reads at once. */
class QuickConsumer {
  waitingBytes = 0;
  sent: number[] = [];
  handle!: Consumer<QueueConsumer>;
  readonly session = { takesDeliveries: true };

  get isFull(): boolean {
    return this.waitingBytes > LARGE / 2;
  }

  send(_bytes: Uint8Array, _start: number, _end: number, attempt: number): void {
    this.sent.push(attempt);
  }
}

/** A machine whose bodies are never at hand, and the deliveries of it. */
class Ground {
  readonly consumers = new Set<QueueConsumer>();
  readonly machine: WorkQueue<QueueConsumer>;
  readonly deliveries: JobDeliveries;
  redelivered = 0;

  constructor() {
    const nothing = () => {};
    this.machine = new WorkQueue(
      { ...DEFAULT_QUEUE_OPTIONS, leaseMs: LEASE_MS, maxDeliveries: 0 },
      {
        changed: (slot) => this.deliveries.leasing(slot, CHUNK),
        deliver: (slot, consumer) => this.deliveries.deliver(slot, consumer, CHUNK),
        ...{ leaving: nothing, staying: nothing, dying: nothing, freed: nothing },
      },
      () => 0,
    );
    const bodies = { has: () => false, want: nothing, wantSoon: nothing } as unknown as JobBodies;
    const { machine, consumers } = this;
    const countRedelivery = () => void this.redelivered++;
    const queue = { name: "q", machine, consumers, countRedelivery, resume: nothing };
    this.deliveries = new JobDeliveries(queue, bodies);
  }

  add(): QuickConsumer {
    const consumer = new QuickConsumer();
    const attached = consumer as unknown as QueueConsumer;
    consumer.handle = this.machine.addConsumer(1, attached);
    this.consumers.add(attached);
    return consumer;
  }

  /** Hands out what can be, and commits it. */
  handOut(nowMs: number): void {
    this.machine.dispatch();
    this.machine.seal();
    this.machine.committed(nowMs);
  }
}

Deno.test("a consumer can have more after the lease of a job ended that it never got", () => {
  const ground = new Ground();
  const { machine, deliveries } = ground;
  const first = ground.add();
  const slot = machine.push(1, LARGE, 0, 0, 0, 0);
  machine.seal();
  machine.committed(0);
  ground.handOut(0);
  assert.deepEqual([first.waitingBytes, first.handle.held], [LARGE, true]);
  const second = ground.add();
  machine.tick(LEASE_MS);
  ground.handOut(LEASE_MS);
  assert.deepEqual([first.waitingBytes, first.handle.held], [0, false]);
  assert.equal(second.waitingBytes, LARGE);
  assert(deliveries.bodyRead(slot, new Uint8Array(LARGE), 0, LARGE));
  assert.deepEqual([first.sent, second.sent], [[], [2]]);
  assert.equal(second.waitingBytes, 0);
  assert.equal(ground.redelivered, 1);
});
