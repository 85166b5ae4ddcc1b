/**
 * Random histories of queues: producers and consumers that come and go, every verdict, time that passes, batches
 * that are held up and that fail. Whatever happens, no acknowledged job is lost, none comes after it was done, and
 * none comes whose push failed.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { type Job, Verdict } from "../../../lib/gen/parley/v1/queue_pb.ts";
import type { QueuePolicy } from "../../../lib/logic/queues/policies.ts";
import { type ClientMessageInit, frame } from "../../support/frames.ts";
import { Random } from "../../support/random.ts";
import { QueueBus, QueuePeer } from "./queue_bus.ts";
import { careCall, METHODS, texts } from "./queue_support.ts";

const { ACK, NACK, REJECT, RELEASE, EXTEND } = Verdict;
const HISTORIES = 25;
const STEPS = 150;
const QUEUES = ["a", "b", "a.dead", "b.dead"];
const FAILURES = [
  new ParleyError(ErrorCode.RESOURCE_EXHAUSTED, "cannot keep it: full", { retryable: true }),
  new ParleyError(ErrorCode.INTERNAL, "cannot keep it: broken"),
];

const POLICIES: readonly QueuePolicy[] = [
  { name: "a", leaseMs: 5000, maxDeliveries: 4, backoffMinMs: 100, backoffMaxMs: 1000 },
  { name: "b", leaseMs: 5000, maxDeliveries: 0, ordered: true, backoffMinMs: 10 },
];

/** A consumer with what it holds as far as it knows. */
interface Worker {
  readonly peer: QueuePeer;
  readonly held: Job[];
}

class History {
  readonly bus = new QueueBus(POLICIES);
  readonly random: Random;
  /** Pushes by the ids of their requests, until they are answered. */
  readonly pushes = new Map<bigint, string>();
  /** Jobs that are acknowledged and not done, and those that are done. */
  readonly open = new Set<string>();
  readonly done = new Set<string>();
  /** Those whose consumer left before it was told. */
  readonly unsure = new Set<string>();
  /** Acknowledgements of jobs by the ids of their requests. */
  readonly acks = new Map<QueuePeer, Map<bigint, Job[]>>();
  readonly producer = this.bus.join();
  workers: Worker[] = [];
  #jobs = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  push(): void {
    const { random } = this;
    for (let count = 1 + random.below(6); count > 0; count--) {
      const name = `job ${++this.#jobs}`;
      const text = name.padEnd(random.below(8) === 0 ? 30_000 + random.below(60_000) : 40, ".");
      const id = this.producer.pushing(random.pick(["a", "b"]), text, {
        priority: random.below(10) === 0 ? random.below(10) : 0,
        key: random.pick(["", "", "k", "l"]),
        delayMs: random.below(8) === 0 ? BigInt(random.below(8000)) : 0n,
      });
      this.pushes.set(id, name);
    }
  }

  join(): void {
    if (this.workers.length >= 4) return;
    const worker = { peer: this.bus.join(), held: [] };
    this.workers.push(worker);
    for (const [index, queue] of QUEUES.entries()) {
      if (this.random.below(3) === 0) continue;
      const value = { consumer: BigInt(index + 1), queue, prefetch: 1 + this.random.below(5) };
      worker.peer.request({ case: "pull", value });
    }
  }

  leave(): void {
    if (this.workers.length === 0) return;
    const index = this.random.below(this.workers.length);
    const [worker] = this.workers.splice(index, 1);
    if (this.random.below(2) === 0) worker.peer.peer.link.end();
    else worker.peer.peer.link.reset();
    // What it had sent may be done or not: nobody is there to be told.
    for (const jobs of this.acks.get(worker.peer)?.values() ?? []) {
      for (const name of jobs.map(nameOf).filter((name) => this.open.delete(name))) {
        this.unsure.add(name);
      }
    }
    this.acks.delete(worker.peer);
  }

  settle(): void {
    const { random } = this;
    for (const { peer, held } of this.workers) {
      while (held.length > 0 && random.below(3) > 0) {
        const [job] = held.splice(random.below(held.length), 1);
        const isDead = job.death !== undefined;
        const verdict = random.pick([ACK, ACK, ACK, NACK, RELEASE, EXTEND, isDead ? ACK : REJECT]);
        const consumer = job.consumer;
        const id = peer.settling(verdict, [job], { consumer });
        if (verdict === EXTEND) held.push(job);
        if (verdict !== ACK) continue;
        if (!this.acks.has(peer)) this.acks.set(peer, new Map());
        this.acks.get(peer)!.set(id, [job]);
      }
    }
  }

  care(): void {
    const { random, producer } = this;
    const queue = random.pick(QUEUES);
    if (random.below(2) === 0) producer.request(careCall(METHODS.redrive, { queue }));
    else producer.request(careCall(METHODS.peek, { queue, limit: 5 }));
  }

  /** Takes what came, and holds it against what is known. */
  look(): void {
    for (const { message, id } of this.producer.messages.splice(0)) {
      const name = this.pushes.get(id);
      if (name === undefined) continue;
      this.pushes.delete(id);
      if (message.case === "ack") this.open.add(name);
    }
    for (const { peer, held } of this.workers) {
      for (const { message, id } of peer.messages.splice(0)) {
        if (message.case === "job") this.#delivered(held, message.value);
        const acked = this.acks.get(peer)?.get(id);
        if (acked === undefined) continue;
        this.acks.get(peer)!.delete(id);
        if (message.case !== "settled") continue;
        for (const job of acked) {
          this.open.delete(nameOf(job));
          this.unsure.delete(nameOf(job));
          this.done.add(nameOf(job));
        }
      }
    }
  }

  #delivered(held: Job[], job: Job): void {
    const name = nameOf(job);
    assert(!this.done.has(name), `${name} came after it was done`);
    if (this.unsure.delete(name)) this.open.add(name);
    assert(this.open.has(name), `${name} came, whose push failed or was not answered`);
    assert.match(texts([job])[0], /^job \d+ *\.*$/);
    assert(job.attempt >= 1 && (job.attempt === 1 || job.redelivered));
    held.push(job);
  }

  async step(): Promise<void> {
    const { random, bus } = this;
    const { backend } = bus;
    for (let count = 1 + random.below(4); count > 0; count--) {
      const what = random.below(20);
      if (what < 6) this.push();
      else if (what < 8) this.join();
      else if (what < 9) this.leave();
      else if (what < 15) this.settle();
      else if (what < 16) this.care();
      else if (what < 17) backend.hold();
      else if (what < 18) backend.failure = random.pick(FAILURES);
      else bus.clock.advance(random.below(3000));
    }
    if (random.below(3) === 0) await bus.settle();
    if (random.below(2) === 0) {
      await bus.rest();
      backend.release();
      await bus.rest();
      backend.failure = null;
      await bus.wait(random.below(600));
      // Acknowledgements come before any delivery of the same commit is looked at.
      this.look();
    }
  }

  /** Lets everything come to its end: who is there takes all that is left. */
  async finish(): Promise<void> {
    const { bus } = this;
    bus.backend.failure = null;
    bus.backend.release();
    await bus.rest();
    this.look();
    while (this.workers.length > 0) this.leave();
    await bus.wait(1000);
    this.look();
    const peer = bus.join();
    const worker = { peer, held: [] as Job[] };
    this.workers.push(worker);
    for (const [index, queue] of QUEUES.entries()) {
      const value = { consumer: BigInt(index + 1), queue, prefetch: 1000 };
      peer.request({ case: "pull", value });
    }
    // In an ordered queue a second brings one of each key.
    const isEmpty = () => [...bus.queues.all()].every(({ machine }) => machine.jobs === 0);
    for (let round = 0; round < 1000 && !isEmpty(); round++) {
      await bus.wait(1000);
      this.look();
      for (const job of worker.held.splice(0)) {
        const id = peer.settling(ACK, [job], { consumer: job.consumer });
        if (!this.acks.has(peer)) this.acks.set(peer, new Map());
        this.acks.get(peer)!.set(id, [job]);
      }
    }
    await bus.rest();
    this.look();
  }
}

function nameOf(job: Job): string {
  return /^job \d+/.exec(texts([job])[0])![0];
}

for (let seed = 1; seed <= HISTORIES; seed++) {
  Deno.test(`history ${seed}: nothing is lost, and nothing comes twice that was done`, async () => {
    const history = new History(seed);
    await using bus = history.bus;
    for (let step = 0; step < STEPS; step++) await history.step();
    await history.finish();
    assert.deepEqual([...history.open], [], "acknowledged, and never seen again");
    assert(history.done.size > 20, `${history.done.size} were done`);
    for (const queue of bus.queues.all()) {
      const { ready, delayed, leased, blocked, jobs, bytes } = queue.machine;
      assert.deepEqual(
        [ready, delayed, leased, blocked, jobs, bytes],
        [0, 0, 0, 0, 0, 0],
        queue.name,
      );
      assert.deepEqual([...queue.chunks.behind(0)], [], "no chunk is left");
    }
    assert.equal(bus.host.context.counters.internalErrors, 0);
  });
}

Deno.test("damaged jobs, pulls and settlements are survived by a server that has queues", async () => {
  const random = new Random(77);
  await using bus = new QueueBus(POLICIES);
  const valid: readonly ClientMessageInit["message"][] = [
    { case: "job", value: { queue: "a", payload: new Uint8Array(20), key: "k", priority: 2 } },
    { case: "job", value: { queue: "b.c", messageId: "m", headers: { a: "b" }, delayMs: 5n } },
    { case: "pull", value: { consumer: 1n, queue: "a", prefetch: 3 } },
    { case: "pull", value: { consumer: 1n, queue: "a", close: true } },
    { case: "settle", value: { consumer: 1n, tokens: [1n, 2n, 3n], verdict: ACK } },
    {
      case: "settle",
      value: { consumer: 1n, tokens: [1n], verdict: NACK, error: "x", delayMs: 1n },
    },
    careCall(METHODS.peek, { queue: "a", limit: 3 }),
    careCall(METHODS.redrive, { queue: "a", ids: [1n] }),
  ];
  for (let round = 0; round < 400; round++) {
    const peer = bus.connect();
    for (let count = 0; count < 12; count++) {
      const bytes = frame({ message: random.pick(valid), id: BigInt(1 + random.below(9)) });
      for (let flips = random.below(3); flips > 0; flips--) {
        bytes[1 + random.below(bytes.length - 1)] ^= 1 << random.below(8);
      }
      peer.link.feed(bytes);
    }
    await bus.settle();
    if (round % 20 === 0) await bus.wait(1000);
    peer.link.end();
    await bus.settle();
    peer.take();
    bus.peers.pop();
    await peer.ended;
  }
  await bus.rest();
  assert.equal(bus.host.context.counters.internalErrors, 0);
  const client = bus.join();
  await client.push("fine", "x");
  await client.pull("fine", 1);
  await client.ack(...await client.jobs(1));
});
