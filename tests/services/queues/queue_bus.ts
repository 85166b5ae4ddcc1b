/**
 * Queues without sockets: sessions in memory on one host, over a store that a test can hold up or have fail,
 * and a clock that moves only when told to. What a step causes has happened when `rest` comes back.
 */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { ManualClock } from "../../support/manual_clock.ts";
import type { Limits } from "../../../lib/base/limits.ts";
import type { StoreLimits } from "../../../lib/base/store_limits.ts";
import { type Job, Verdict } from "../../../lib/gen/parley/v1/queue_pb.ts";
import type { Ack } from "../../../lib/gen/parley/v1/session_pb.ts";
import { KeepPolicies } from "../../../lib/logic/topics/keep_policies.ts";
import { QueuePolicies, type QueuePolicy } from "../../../lib/logic/queues/policies.ts";
import type { Queue } from "../../../lib/services/queues/queue.ts";
import type { Queues } from "../../../lib/services/queues/queues.ts";
import { scriptedStore } from "../kept/scripted_store.ts";
import { type ClientMessageInit, contentOf, type ServerMessage } from "../../support/frames.ts";
import { MemoryBus, type MemoryPeer } from "../../support/memory_bus.ts";
import { until } from "../../support/until.ts";
import { CONSUMER, type JobInit, type SettleInit } from "./queue_support.ts";

/** Beyond so many turns something runs for ever. */
const MAX_LOOKS = 100_000;
/** After so many turns nothing more happens that does not wait for a commit. */
const TURNS_OF_A_HOLD = 10;

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** A connection in memory that pushes, pulls and settles. */
export class QueuePeer {
  readonly peer: MemoryPeer;
  readonly #bus: QueueBus;
  readonly #messages: ServerMessage[] = [];
  #lastId = 0n;

  constructor(bus: QueueBus, peer: MemoryPeer) {
    this.#bus = bus;
    this.peer = peer;
  }

  /** Everything that came and was not taken. */
  get messages(): ServerMessage[] {
    this.#messages.push(...this.peer.take());
    return this.#messages;
  }

  /** The jobs among them. */
  get waiting(): Job[] {
    return this.messages.flatMap(({ message }) => message.case === "job" ? [message.value] : []);
  }

  /** Sends a message with an id; gives the id. */
  request(message: ClientMessageInit["message"]): bigint {
    const id = ++this.#lastId;
    this.peer.send({ message, id });
    return id;
  }

  /** Whether the request with this id was answered. */
  answered(id: bigint): boolean {
    return this.messages.some((message) => message.id === id);
  }

  /** Waits for the answer with this id. */
  async answerTo(id: bigint): Promise<ServerMessage> {
    await until(() => this.answered(id), `an answer with id ${id}`);
    const at = this.messages.findIndex((message) => message.id === id);
    return this.#messages.splice(at, 1)[0];
  }

  /** Sends a message and waits for its answer. */
  ask(message: ClientMessageInit["message"]): Promise<ServerMessage> {
    return this.answerTo(this.request(message));
  }

  /** Sends a push; gives its id. */
  pushing(queue: string, text: string, more: JobInit = {}): bigint {
    const value = { queue, payload: new TextEncoder().encode(text), ...more };
    return this.request({ case: "job", value });
  }

  /** Pushes a job; gives its acknowledgement. */
  async push(queue: string, text: string, more: JobInit = {}): Promise<Ack> {
    return contentOf(await this.answerTo(this.pushing(queue, text, more)), "ack");
  }

  /** Makes a consumer. */
  async pull(queue: string, prefetch: number, consumer = CONSUMER): Promise<void> {
    const value = { queue, consumer, prefetch };
    contentOf(await this.ask({ case: "pull", value }), "ack");
  }

  /** Waits for so many jobs and takes them; fails when there are more. */
  async jobs(count: number): Promise<Job[]> {
    await until(() => this.waiting.length >= count, `${count} jobs`);
    await this.#bus.rest();
    const taken = this.waiting;
    assert.equal(taken.length, count);
    const rest = this.messages.filter(({ message }) => message.case !== "job");
    this.#messages.splice(0, this.#messages.length, ...rest);
    return taken;
  }

  /** Sends a settlement; gives its id. */
  settling(verdict: Verdict, held: readonly Job[], more: SettleInit = {}): bigint {
    const tokens = held.map(({ token }) => token);
    const value = { consumer: CONSUMER, tokens, verdict, ...more };
    return this.request({ case: "settle", value });
  }

  /** Settles jobs; fails when the answer is an error, gives the tokens that are late. */
  async settle(
    verdict: Verdict,
    held: readonly Job[],
    more: SettleInit = {},
  ): Promise<readonly bigint[]> {
    const answer = await this.answerTo(this.settling(verdict, held, more));
    return contentOf(answer, "settled").lateTokens;
  }

  /** Acknowledges jobs, none of which is late. */
  async ack(...held: readonly Job[]): Promise<void> {
    assert.deepEqual(await this.settle(Verdict.ACK, held), []);
  }
}

/** Sessions in memory whose host has queues, and keeps `k.>`. */
export class QueueBus extends MemoryBus {
  readonly backend: ReturnType<typeof scriptedStore>["backend"];
  readonly store: ReturnType<typeof scriptedStore>["store"];

  constructor(
    policies: readonly QueuePolicy[] = [],
    limits: Partial<Limits> = {},
    storeLimits: Partial<StoreLimits> = {},
  ) {
    super(limits);
    const { backend, store } = scriptedStore(storeLimits);
    this.backend = backend;
    this.store = store;
    assert(this.clock instanceof ManualClock);
    // A server has mostly run for a while.
    this.clock.advance(1_000_000);
    this.host.keep(store, new KeepPolicies([{ pattern: "k.>" }]), new QueuePolicies(policies));
  }

  /** The queues of the host. */
  get queues(): Queues {
    return this.host.queues!;
  }

  /** A queue that is there. */
  queue(name: string): Queue {
    const queue = this.queues.find(name);
    assert(queue !== null, `${name} is a queue`);
    return queue;
  }

  /** A new connection. */
  join(): QueuePeer {
    return new QueuePeer(this, this.connect());
  }

  /** As ever; while a commit is held up, sessions may wait for that, too. */
  override async settle(): Promise<void> {
    for (let looks = 1; !this.peers.every((peer) => peer.quiet); looks++) {
      if (looks > MAX_LOOKS) throw new Error("the sessions do not come to rest");
      if (this.backend.held > 0 && looks > TURNS_OF_A_HOLD) return;
      await turn();
    }
  }

  /** Lets everything happen that does not wait for a test. */
  async rest(): Promise<void> {
    for (let calm = 0; calm < 3; calm++) {
      await turn();
      await this.settle();
      if (this.backend.held === 0 && this.store.stats().pendingEntries > 0) calm = 0;
    }
  }

  /** Lets time pass, with what it brings to queues. */
  async wait(ms: number): Promise<void> {
    this.clock.advance(ms);
    this.host.context.tick();
    this.queues.tick();
    await this.rest();
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.backend.failure = null;
    this.backend.release();
    await super[Symbol.asyncDispose]();
    this.queues.close();
    await this.store.close();
  }
}
