/**
 * One random history of a work queue: steps as hosts, consumers, clocks and disks do them, in any order.
 *
 * All chance comes from the seed, so a history can be had again; `trace` gets a line a step.
 */
import assert from "node:assert/strict";
import type { ParleyError } from "../../../lib/base/errors.ts";
import type { WorkQueueOptions } from "../../../lib/logic/queues/work_queue.ts";
import { Random } from "../../support/random.ts";
import { Ledger } from "./ledger.ts";
import type { NaiveJob } from "./naive_job.ts";
import { type Pair, type Token, WatchedQueue } from "./watched_queue.ts";

/** How often a step of a kind is done, against the others. */
const WEIGHTS = {
  push: 14,
  burst: 1,
  join: 3,
  leave: 1,
  credit: 2,
  hold: 1,
  pause: 1,
  dispatch: 6,
  ack: 8,
  nack: 7,
  reject: 5,
  release: 4,
  extend: 2,
  pass: 4,
  lag: 2,
  seal: 5,
  commit: 7,
  turn: 10,
  fail: 2,
  drop: 2,
  purge: 1,
  moveOut: 3,
  putOff: 3,
  crash: 1,
};
type Step = keyof typeof WEIGHTS;
const STEPS = (Object.keys(WEIGHTS) as Step[]).flatMap((step) => Array(WEIGHTS[step]).fill(step));

/** The most jobs of a burst: more than picks may pass lower priorities over. */
const BURST = 24;
/** Transactions that may be on their way at once. */
const MAX_SEALED = 2;

/** One history. */
export class History {
  readonly #random: Random;
  readonly #queue: WatchedQueue;
  readonly #trace: string[] | null;
  readonly #priorities: readonly number[];
  /** Goes up, so that no two times are the same by accident. */
  #instant = 0;

  /** A `roomy` one is about many jobs: its limits are wide, and bursts come often. */
  constructor(seed: number, roomy: boolean, trace: string[] | null = null) {
    const random = this.#random = new Random(seed);
    this.#trace = trace;
    const options: WorkQueueOptions = {
      leaseMs: random.pick([20, 50, 1000]),
      maxDeliveries: random.pick([0, 1, 2, 3, 3]),
      backoffMinMs: 16,
      backoffMaxMs: random.pick([16, 100]),
      ordered: random.below(2) === 0,
      maxJobs: roomy ? 300 : random.pick([3, 8, 1000]),
      maxBytes: roomy ? 1500 : random.pick([20, 60, 10_000]),
      whenFull: random.pick(["refuse", "drop-oldest"]),
    };
    this.#priorities = random.pick([[0], [0, 0, 5], [0, 1, 5, 9]]);
    const ledger = new Ledger(options.ordered, options.maxDeliveries);
    this.#queue = new WatchedQueue(options, ledger, this.#chance());
    this.#note(JSON.stringify(options));
  }

  /** Does so many steps, looking after each, and then sees to it that nothing is left. */
  run(steps: number): void {
    const random = this.#random;
    for (let count = random.below(8); count > 0; count--) this.#push();
    for (let count = random.below(3); count > 0; count--) this.#queue.addConsumer(4);
    this.#queue.compare();
    for (let step = 0; step < steps; step++) this.#step(random.pick(STEPS));
    this.#checkSound();
    if (random.below(4) === 0) this.#finish();
  }

  /** As many numbers as are wanted, all different, from 0 to below 1. */
  #chance(): number {
    return (this.#random.below(1024) + this.#instant++ % 1024 / 1024) / 1024;
  }

  /** A time that no other has. */
  #delayMs(most: number): number {
    return 1 + this.#random.below(most) + this.#instant++ % 8192 / 8192;
  }

  #note(line: string): void {
    this.#trace?.push(line);
  }

  #checkSound(): void {
    this.#queue.machine.assertSound(this.#queue.pairs.map(({ machine }) => machine));
  }

  #step(step: Step): void {
    const queue = this.#queue;
    const random = this.#random;
    queue.naive.movesAtOnce = random.below(4) === 0;
    this.#note(`${step} at ${queue.nowMs}${queue.naive.movesAtOnce ? ", moving at once" : ""}`);
    this.#do(step);
    queue.compare();
    if (random.below(8) === 0) this.#checkSound();
  }

  #do(step: Step): void {
    const queue = this.#queue;
    switch (step) {
      case "push":
        return this.#push();
      case "burst":
        for (let count = 0; count < BURST; count++) this.#push();
        return;
      case "join":
        if (queue.pairs.length < 4) queue.addConsumer(this.#random.pick([1, 2, 4, 30]));
        return;
      case "leave":
        return this.#withPair((pair) => queue.removeConsumer(pair));
      case "credit":
      case "hold":
        return this.#withPair((pair) => this.#give(pair, step));
      case "pause":
        if (queue.naive.paused || this.#random.below(3) === 0) this.#pause();
        return;
      case "dispatch":
        return this.#dispatch(this.#random.pick([1, 2, 3, 100, 100]));
      case "ack":
      case "nack":
      case "reject":
      case "release":
      case "extend":
        return this.#settle(step);
      case "pass":
        queue.nowMs += this.#random.pick([0, 5, 20, 60, 400]);
        return queue.tick();
      case "lag":
        queue.nowMs += this.#random.pick([1, 20, 60]);
        return;
      case "drop":
      case "purge":
        return this.#drop(step === "purge" && this.#random.below(3) === 0);
      case "moveOut":
      case "putOff":
        return this.#moveOut(step === "moveOut");
      default:
        return this.#transact(step);
    }
  }

  #transact(step: Step): void {
    const queue = this.#queue;
    if (step === "turn" && this.#random.below(4) > 0) this.#dispatch(100);
    if (step === "seal" || step === "turn") {
      if (queue.sealed === MAX_SEALED) queue.committed();
      queue.seal(queue.naive.jobs.filter(() => this.#random.below(3) === 0));
    }
    if (step === "turn") { while (queue.sealed > 0) queue.committed(); }
    else if (step === "commit" && queue.sealed > 0) queue.committed();
    else if (step === "fail") queue.failed();
    else if (step === "crash" && this.#random.below(2) === 0) {
      queue.chance = this.#chance();
      queue.crash();
    }
  }

  #push(): void {
    const queue = this.#queue;
    const random = this.#random;
    const bytes = random.below(random.below(10) === 0 ? 70 : 12);
    const priority = random.pick(this.#priorities);
    const key = random.pick([0, 0, 1, 2]);
    const delayMs = random.below(4) === 0 ? this.#delayMs(100) : 0;
    let refusal: unknown = null;
    try {
      queue.machine.admit(bytes);
    } catch (error) {
      refusal = error;
    }
    const admitted = queue.naive.admit(bytes);
    assert.equal(refusal === null, admitted, "a job is admitted or refused by both");
    if (!admitted) {
      assert.equal((refusal as ParleyError).retryable, bytes <= queue.options.maxBytes);
      return;
    }
    queue.push(bytes, priority, key, delayMs);
    this.#note(`  job ${queue.nextId - 1}, ${bytes} bytes, ${priority}, key ${key}, ${delayMs} ms`);
  }

  #withPair(then: (pair: Pair) => void): void {
    const { pairs } = this.#queue;
    if (pairs.length === 0) return;
    const pair = this.#random.pick(pairs);
    this.#note(`  consumer ${pair.naive.name}`);
    then(pair);
  }

  #give({ machine, naive }: Pair, step: "credit" | "hold"): void {
    if (step === "hold") {
      naive.held = !naive.held && this.#random.below(2) === 0;
      this.#queue.machine.hold(machine, naive.held);
    } else {
      naive.prefetch = this.#random.pick([0, 1, 2, 4, 30]);
      this.#queue.machine.setPrefetch(machine, naive.prefetch);
    }
  }

  #pause(): void {
    const { machine, naive } = this.#queue;
    naive.paused = !naive.paused;
    if (naive.paused) machine.pause();
    else machine.resume();
  }

  #dispatch(most: number): void {
    const { machine, naive } = this.#queue;
    const leased = naive.dispatch(most);
    this.#note(`  ${leased} leased`);
    assert.equal(machine.dispatch(most), leased, "as many are leased");
  }

  /** A token, mostly one that counts, and who sends it. */
  #token(): { token: Token; pair: Pair } | null {
    const queue = this.#queue;
    const random = this.#random;
    const { tokens } = queue;
    if (tokens.length === 0) return null;
    const dice = random.below(10);
    const present = tokens.filter((token) => queue.isPresent(token, token.pair.naive));
    const known = random.pick(dice < 8 && present.length > 0 ? present : tokens);
    const token = dice !== 8 ? known : {
      ...known,
      slot: random.pick([known.slot, -1, 64, 2 ** 32 - 1]),
      generation: known.generation + 1000,
      delivery: -1,
    };
    // Who has another's token, has it from this server.
    const foreign = dice === 9 && queue.pairs.includes(known.pair);
    return { token, pair: foreign ? random.pick(queue.pairs) : known.pair };
  }

  #settle(verb: "ack" | "nack" | "reject" | "release" | "extend"): void {
    const chosen = this.#token();
    if (chosen === null) return;
    const { machine, naive, nowMs, ledger, options } = this.#queue;
    const { token, pair } = chosen;
    const { slot, generation, job } = token;
    const taken = this.#queue.isPresent(token, pair.naive);
    this.#note(`  job ${job.id} by consumer ${pair.naive.name}${taken ? "" : ", late"}`);
    const delayMs = this.#random.pick([-1, -1, 0, this.#delayMs(50)]);
    const chance = this.#queue.chance = this.#chance();
    const leaseMs = this.#random.pick([0, this.#delayMs(100)]);
    // Before the machine: a move at once may be part of it.
    if (taken && verb !== "extend") ledger.settled(job.id, pair.naive.name, verb);
    const lease = { consumer: pair.machine, slot, generation };
    const answers = {
      ack: () => machine.ack(lease),
      nack: () => machine.nack(lease, delayMs, nowMs),
      reject: () => machine.reject(lease),
      release: () => machine.release(lease),
      extend: () => machine.extend(lease, leaseMs, nowMs),
    };
    assert.equal(answers[verb](), taken, `${verb} of job ${job.id}`);
    if (!taken) return;
    if (verb === "nack") naive.nack(job, delayMs, chance, nowMs);
    else if (verb !== "extend") naive[verb](job);
    else {
      naive.extend(job, leaseMs, nowMs);
      ledger.extended(job.id, pair.naive.name, nowMs + (leaseMs || options.leaseMs));
    }
  }

  #drop(all: boolean): void {
    const { machine, naive, slots } = this.#queue;
    if (naive.jobs.length === 0) return;
    for (const job of all ? naive.jobs : [this.#random.pick(naive.jobs)]) {
      this.#note(`  job ${job.id}`);
      assert.equal(machine.drop(slots.get(job.id)!), naive.drop(job), `drop of job ${job.id}`);
    }
  }

  #moveOut(moves: boolean): void {
    const { machine, naive, slots, nowMs } = this.#queue;
    const dying = naive.jobs.filter(({ standing }) => standing === "dying");
    if (dying.length === 0) return;
    const job: NaiveJob = this.#random.pick(dying);
    this.#note(`  job ${job.id}`);
    const slot = slots.get(job.id)!;
    if (moves) {
      machine.moveOut(slot);
      return naive.moveOut(job);
    }
    const delayMs = this.#delayMs(50);
    machine.putOff(slot, delayMs, nowMs);
    naive.putOff(job, delayMs, nowMs);
  }

  /** Everything that is there gets done or dies, and then there is nothing. */
  #finish(): void {
    const queue = this.#queue;
    this.#note("finish");
    if (queue.naive.paused) this.#pause();
    for (const pair of [...queue.pairs]) queue.removeConsumer(pair);
    queue.addConsumer(100);
    queue.naive.movesAtOnce = true;
    const rounds = 3 * queue.naive.jobs.length + 8;
    for (let round = 0; round < rounds; round++) {
      queue.nowMs += 1000;
      queue.tick();
      this.#dispatch(100);
      for (const job of [...queue.naive.jobs]) {
        if (job.standing === "dying") this.#moveOut(true);
      }
      this.#transact("turn");
      for (const job of queue.naive.jobs) {
        const token = queue.tokens.findLast((each) => each.job === job);
        if (token === undefined || !queue.isPresent(token, token.pair.naive)) continue;
        queue.ledger.settled(job.id, token.pair.naive.name, "ack");
        assert(queue.machine.ack({ ...token, consumer: token.pair.machine }));
        queue.naive.ack(job);
      }
      this.#transact("turn");
      queue.compare();
    }
    assert.equal(queue.naive.jobs.length, 0, "everything had its end");
    queue.ledger.checkPresent([]);
    this.#checkSound();
  }
}
