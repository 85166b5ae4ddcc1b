/**
 * Producers and consumers of numbered jobs, whose connections are reset at random and whose server is killed
 * under them: they come back by themselves, push again what was not acknowledged, and go on until every
 * job is done.
 *
 * All that they learn goes into the ledger, which judges it. What of a former run of the server is still in
 * a socket when the next one begins is left unread: nobody knows when it was sent.
 */
import assert from "node:assert/strict";
import { CloseReason } from "../../lib/base/errors.ts";
import type { ServerMessage } from "../../lib/gen/parley/v1/envelope_pb.ts";
import { Verdict } from "../../lib/gen/parley/v1/queue_pb.ts";
import { contentOf } from "../support/frames.ts";
import type { Random } from "../support/random.ts";
import type { KeptServer } from "./kept_server.ts";
import { type Delivery, type QueueAnswers, QueueFrames, QueueReader } from "./queue_frames.ts";
import type { QueueLedger } from "./queue_ledger.ts";

/** The queue of the load. */
export const QUEUE = "sim.jobs";
const CONSUMER = 1;
const READ_BYTES = 256 * 1024;
/** How much a producer has under way, and a consumer holds, at most. */
const WINDOWS: readonly number[] = [1, 64, 1024, 4096];
const PREFETCHES: readonly number[] = [1, 16, 256, 1024];
/** One delivery in so many is given back, to be tried again at once. */
const GIVEN_BACK = 500;

/** The server as it is at the moment. */
export interface Ground {
  readonly ledger: QueueLedger;
  readonly random: Random;
  /** How many messages a connection lasts: a producer's pushes, a consumer's deliveries, up to this many. */
  readonly life: number;
  /** One delivery in so many is held until the connection ends, as long as the server is yet to end; 0 for none. */
  readonly hoarded: number;
  /** Whether clients begin nothing more once the server says that it stops. */
  readonly polite: boolean;
  /** Whether the server will be ended once more. */
  readonly willEnd: boolean;
  /** Counts the runs of the server. */
  readonly run: number;
  /** Whether all is done. */
  readonly over: boolean;
  /** The server that lives, or the next one. */
  server(): Promise<KeptServer>;
  /** Something was learnt. */
  learnt(): void;
  /** Has `end` called when all is over, unless the function that it gives is called before; that says so. */
  whenOver(end: () => void): () => boolean;
}

/** One connection of a client that may end at any moment. */
abstract class LoadClient implements QueueAnswers {
  protected readonly ground: Ground;
  protected readonly frames = new QueueFrames(QUEUE);
  /** Whether the server has said that it stops: nothing new is begun, what is held is settled. */
  protected told = false;
  readonly #buffer = new Uint8Array(READ_BYTES);

  constructor(ground: Ground) {
    this.ground = ground;
  }

  /** Whether it has nothing more to do. */
  protected abstract get isThrough(): boolean;

  /** Whether this connection is to be reset now. */
  protected abstract get isDoomed(): boolean;

  /** A connection begins: gathers what is sent first. */
  protected abstract begin(): void;

  /** A piece was read: gathers what is sent now. */
  protected abstract goOn(): void;

  /** A connection has ended. */
  protected abstract end(): void;

  /** Connects again and again until there is nothing to do. */
  async run(): Promise<void> {
    const { ground } = this;
    while (!ground.over && !this.isThrough) {
      const { port } = await ground.server();
      const { run } = ground;
      const stream = await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => null);
      // It was killed a moment ago; the next one is on its way.
      if (stream === null) continue;
      const leave = ground.whenOver(() => stream.close());
      try {
        await this.#talk(stream, run);
      } finally {
        if (leave()) stream.close();
      }
      this.end();
    }
  }

  pushed(_number: number, _id: number, _duplicate: boolean): void {
    assert.fail("a consumer pushes nothing");
  }

  delivered(_delivery: Delivery): void {
    assert.fail("a producer gets no job");
  }

  settled(_requestId: number, _late: number): void {
    assert.fail("a producer settles nothing");
  }

  other(message: ServerMessage): void {
    assert.equal(contentOf(message, "error").closeReason, CloseReason.SHUTDOWN);
    this.told = this.ground.polite;
  }

  async #talk(stream: Deno.TcpConn, run: number): Promise<void> {
    const { ground } = this;
    const reader = new QueueReader(this);
    this.told = false;
    this.begin();
    while (!this.isThrough && !ground.over) {
      // Some die before what they have to say, some right after it.
      if (this.isDoomed && ground.random.below(2) === 0) return void this.frames.take();
      if (!await writeAll(stream, this.frames.take()) || this.isDoomed) return;
      const count = await stream.read(this.#buffer).catch(() => null);
      if (count === null || ground.run !== run || ground.over) return;
      reader.take(this.#buffer.subarray(0, count));
      this.goOn();
      ground.learnt();
    }
  }
}

/** Pushes the jobs that nobody has pushed yet. */
export class LoadProducer extends LoadClient {
  readonly #window: number;
  readonly #unanswered = new Set<number>();
  #left = 0;

  constructor(ground: Ground, index: number) {
    super(ground);
    this.#window = WINDOWS[index % WINDOWS.length];
  }

  protected override get isThrough(): boolean {
    return this.ground.ledger.begun === this.ground.ledger.jobs && this.#unanswered.size === 0;
  }

  protected override get isDoomed(): boolean {
    return this.#left <= 0;
  }

  protected override begin(): void {
    this.#left = lifeOf(this.ground);
    for (const number of this.#unanswered) this.frames.push(number);
    this.goOn();
  }

  protected override goOn(): void {
    const { ledger } = this.ground;
    if (this.told) return;
    while (this.#unanswered.size < this.#window && ledger.begun < ledger.jobs) {
      const number = ledger.begun++;
      this.#unanswered.add(number);
      this.frames.push(number);
    }
  }

  protected override end(): void {}

  override pushed(number: number, id: number, duplicate: boolean): void {
    assert(this.#unanswered.delete(number), `the push of ${number} is answered once`);
    this.#left--;
    this.ground.ledger.takePush(number, id, duplicate);
  }
}

/** A delivery that is held, or whose settlement is not answered. */
interface Held {
  readonly number: number;
  readonly attempt: number;
}

/** Pulls jobs and settles what each read brings. */
export class LoadConsumer extends LoadClient {
  #left = 0;
  #requests = 1;
  #tokens: number[] = [];
  #held: Held[] = [];
  readonly #unanswered = new Map<number, readonly Held[]>();

  protected override get isThrough(): boolean {
    return this.ground.over;
  }

  protected override get isDoomed(): boolean {
    return this.#left <= 0;
  }

  protected override begin(): void {
    this.#left = lifeOf(this.ground);
    this.frames.pull(CONSUMER, this.ground.random.pick(PREFETCHES));
  }

  protected override goOn(): void {
    if (this.#held.length === 0) return;
    const requestId = ++this.#requests;
    this.#unanswered.set(requestId, this.#held);
    this.frames.settle(requestId, CONSUMER, this.#tokens, { verdict: Verdict.ACK });
    this.#tokens = [];
    this.#held = [];
  }

  protected override end(): void {
    for (const held of this.#unanswered.values()) {
      for (const { number, attempt } of held) this.ground.ledger.takeUnknown(number, attempt);
    }
    this.#unanswered.clear();
    this.#tokens = [];
    this.#held = [];
    this.ground.learnt();
  }

  override delivered(delivery: Delivery): void {
    const { ledger, random, hoarded, willEnd } = this.ground;
    const { number, attempt, low, high } = delivery;
    ledger.takeDelivery(delivery);
    this.#left--;
    if (willEnd && hoarded > 0 && random.below(hoarded) === 0) return;
    if (random.below(GIVEN_BACK) === 0) {
      const requestId = ++this.#requests;
      this.#unanswered.set(requestId, []);
      this.frames.settle(requestId, CONSUMER, [low, high], { verdict: Verdict.NACK, delayMs: 0 });
      return;
    }
    this.#tokens.push(low, high);
    this.#held.push({ number, attempt });
  }

  override settled(requestId: number, late: number): void {
    assert.equal(late, 0, "no lease was over");
    const held = this.#unanswered.get(requestId);
    assert(held !== undefined, "a settlement is answered once");
    this.#unanswered.delete(requestId);
    for (const { number } of held) this.ground.ledger.takeDone(number);
  }
}

/** After how many messages the next connection is reset. */
function lifeOf({ life, random }: Ground): number {
  return life === Infinity ? Infinity : 1 + random.below(life);
}

/** Writes all of it; false when the connection has ended. */
async function writeAll(stream: Deno.TcpConn, bytes: Uint8Array): Promise<boolean> {
  try {
    for (let sent = 0; sent < bytes.length;) sent += await stream.write(bytes.subarray(sent));
    return true;
  } catch {
    return false;
  }
}
