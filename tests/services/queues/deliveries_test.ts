/**
 * The order in which jobs reach a consumer when their bodies come in another one, are lost again before their
 * turn, or do not come at all.
 */
import assert from "node:assert/strict";
import { DEFAULT_QUEUE_OPTIONS } from "../../../lib/logic/queues/policies.ts";
import { JobState, WorkQueue } from "../../../lib/logic/queues/work_queue.ts";
import type { JobBodies } from "../../../lib/services/queues/bodies.ts";
import { JobChunk } from "../../../lib/services/queues/chunks.ts";
import { SlotBlocks } from "../../../lib/services/queues/slot_blocks.ts";
import { JobDeliveries } from "../../../lib/services/queues/deliveries.ts";
import type { OutgoingJob, QueueConsumer } from "../../../lib/services/queues/consumer.ts";
import { LogRecords } from "../../support/log_records.ts";

/** Bodies that are at hand when the test says so. */
class Bodies {
  readonly ring = { bytes: new Uint8Array(0) };
  readonly atHand = new Set<number>();
  wanted: JobChunk[] = [];
  has = (slot: number) => this.atHand.has(slot);
  start = () => 0;
  length = () => 0;
  want = (chunk: JobChunk) => void this.wanted.push(chunk);
  wantSoon = () => {};
}

/** Deliveries of a queue of `count` jobs, each in a chunk of its own, to consumers of the test. */
class Rig {
  readonly bodies = new Bodies();
  readonly chunks: JobChunk[] = [];
  readonly blocks = new SlotBlocks();
  /** How often the queue was told that it can hand out more. */
  touched = 0;
  readonly machine: WorkQueue<QueueConsumer>;
  readonly deliveries: JobDeliveries;

  constructor(count: number) {
    const nothing = () => {};
    this.machine = new WorkQueue<QueueConsumer>({ ...DEFAULT_QUEUE_OPTIONS }, {
      changed: (slot) => {
        if (this.machine.views.state(slot) !== JobState.LEASING) return;
        this.deliveries.leasing(slot, this.chunks[slot]);
      },
      leaving: nothing,
      staying: nothing,
      dying: nothing,
      freed: nothing,
      deliver: (slot, to) => this.deliveries.deliver(slot, to, this.chunks[slot]),
    }, () => 0);
    const { machine } = this;
    const queue = {
      name: "q",
      machine,
      consumers: new Set<QueueConsumer>(),
      attempts: null,
      countRedelivery: nothing,
      touch: () => void this.touched++,
      resume: nothing,
    };
    this.deliveries = new JobDeliveries(queue, this.bodies as unknown as JobBodies);
    for (let id = 1; id <= count; id++) {
      const slot = machine.push({ id, bytes: 1, priority: 0, key: 0, dueMs: 0 }, 0);
      this.chunks[slot] = new JobChunk(this.blocks, id, 0, true);
    }
    this.commit();
  }

  /** Adds a consumer; gives the ids of the jobs that it was sent. */
  join(prefetch: number): { sent: number[]; consumer: QueueConsumer } {
    const sent: number[] = [];
    const send = ({ slot }: OutgoingJob) => void sent.push(this.machine.views.id(slot));
    const consumer = {
      takesDeliveries: true,
      waitingBytes: 0,
      line: new Set<number>(),
      isFull: false,
      send,
    } as unknown as QueueConsumer;
    consumer.handle = this.machine.addConsumer(prefetch, consumer);
    return { sent, consumer };
  }

  commit(nowMs = 0): void {
    this.machine.dispatch();
    this.machine.seal();
    this.machine.committed(nowMs);
  }

  /** The bodies of these jobs are read, in this order, as those of one read. */
  read(...ids: number[]): void {
    const slots = ids.map((id) => this.slotOf(id));
    for (const slot of slots) {
      if (!this.deliveries.bodyRead(slot, new Uint8Array(0), 0, 0)) this.bodies.atHand.add(slot);
    }
    for (const slot of slots) this.deliveries.bodyMissing(slot);
  }

  slotOf(id: number): number {
    return this.chunks.findIndex((chunk) => chunk.first === id);
  }

  /** The first ids of the chunks whose reading was asked for since the last look. */
  wanted(): number[] {
    return this.bodies.wanted.splice(0).map((chunk) => chunk.first);
  }
}

Deno.test("bodies that come in another order are sent in the order of the leases", () => {
  const rig = new Rig(4);
  const { sent } = rig.join(4);
  rig.bodies.atHand.add(rig.slotOf(3));
  rig.commit();
  assert.deepEqual(sent, [], "what is at hand waits for those before it");
  assert.deepEqual(rig.wanted(), [1, 2, 4]);
  rig.read(4);
  rig.read(2);
  assert.deepEqual(sent, []);
  rig.read(1);
  assert.deepEqual(sent, [1, 2, 3, 4]);
});

Deno.test("each consumer has its own line", () => {
  const rig = new Rig(4);
  const [one, two] = [rig.join(2), rig.join(2)];
  rig.commit();
  const first = one.consumer.line.has(rig.slotOf(1)) ? one : two;
  const other = first === one ? two : one;
  rig.read(2);
  assert.deepEqual([first.sent, other.sent], [[], [2]]);
  rig.read(3);
  rig.read(1);
  assert.deepEqual([first.sent, other.sent], [[1, 3], [2]]);
});

Deno.test("a body that was lost again before its turn is read again", () => {
  const rig = new Rig(3);
  const { sent } = rig.join(3);
  rig.commit();
  rig.read(2, 3);
  rig.bodies.atHand.delete(rig.slotOf(2));
  rig.wanted();
  rig.read(1);
  assert.deepEqual(sent, [1]);
  assert.deepEqual(rig.wanted(), [2]);
  rig.read(2);
  assert.deepEqual(sent, [1, 2, 3]);
});

Deno.test("a body that is lost within the read that gave it is read again, and once", () => {
  using log = new LogRecords();
  const rig = new Rig(2);
  const { sent } = rig.join(2);
  rig.commit();
  rig.wanted();
  const [one, two] = [rig.slotOf(1), rig.slotOf(2)];
  assert.equal(rig.deliveries.bodyRead(two, new Uint8Array(0), 0, 0), false);
  assert.equal(rig.deliveries.bodyRead(one, new Uint8Array(0), 0, 0), true);
  rig.deliveries.bodyMissing(one);
  rig.deliveries.bodyMissing(two);
  assert.deepEqual(sent, [1]);
  assert(rig.wanted().includes(2));
  rig.deliveries.bodyMissing(two);
  assert.deepEqual(log.templates("error").length, 1, "a second time it cannot be read at all");
  assert.deepEqual(rig.wanted(), []);
});

Deno.test("a job that cannot be read, and one whose lease ended, hold up nobody", () => {
  using log = new LogRecords();
  const rig = new Rig(4);
  const { sent, consumer } = rig.join(4);
  rig.commit();
  rig.read(3, 4);
  rig.deliveries.bodyMissing(rig.slotOf(1));
  assert.equal(log.templates("error").length, 1);
  assert.deepEqual(sent, []);
  rig.read(2);
  assert.deepEqual(sent, [2, 3, 4]);
  assert.equal(consumer.line.size, 0);
  // All leases end; the next consumer is sent nothing twice, and the first one nothing of it.
  rig.machine.setPrefetch(consumer.handle, 0);
  rig.bodies.atHand.clear();
  rig.machine.tick(60_000);
  const next = rig.join(4);
  rig.commit(60_000);
  rig.machine.tick(120_000);
  const last = rig.join(4);
  rig.machine.setPrefetch(next.consumer.handle, 0);
  rig.commit(120_000);
  rig.read(1, 2, 3, 4);
  assert.deepEqual([next.sent, last.sent], [[], [1, 2, 3, 4]]);
  assert.deepEqual([next.consumer.line.size, next.consumer.waitingBytes], [0, 0]);
});

Deno.test("a consumer that was held gets more once all that was on its way is sent", () => {
  const rig = new Rig(3);
  const { sent, consumer } = rig.join(3);
  Object.assign(consumer, { isFull: true });
  rig.machine.dispatch(1);
  assert.equal(consumer.handle.held, true);
  rig.commit();
  assert.deepEqual(sent, []);
  // Its client has read all of it before the body came.
  Object.assign(consumer, { isFull: false });
  rig.touched = 0;
  rig.read(1);
  assert.deepEqual([sent, consumer.handle.held, rig.touched], [[1], false, 1]);
});

Deno.test("a consumer that goes gives back what it was not sent, as if it was never leased", () => {
  const rig = new Rig(3);
  const { sent, consumer } = rig.join(3);
  rig.bodies.atHand.add(rig.slotOf(1));
  rig.commit();
  assert.deepEqual(sent, [1]);
  rig.deliveries.takeBack(consumer);
  rig.machine.removeConsumer(consumer.handle);
  rig.machine.seal();
  rig.machine.committed(0);
  const attempts = [1, 2, 3].map((id) => rig.machine.views.attempts(rig.slotOf(id)));
  assert.deepEqual(attempts, [1, 0, 0]);
  assert.equal(rig.machine.ready, 3);
});
