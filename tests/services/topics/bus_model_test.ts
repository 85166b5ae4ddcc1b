/**
 * Random histories of several connections through the real sessions and the real bus, checked against a
 * naive model: who gets what, in which order, how often, with which stamps, and what is acknowledged.
 *
 * A history fails with its seed; `BUS_MODEL_SEED=<seed> deno task test tests/services/topics/bus_model_test.ts` runs
 * that one alone.
 */
import assert from "node:assert/strict";
import { AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { ErrorCode } from "../../../lib/base/errors.ts";
import type { ClientMessageInit, ServerMessage } from "../../support/frames.ts";
import { publish, subscribe, textIn, unsubscribe } from "../../support/bus_messages.ts";
import { bytesOf } from "../../support/bus_messages.ts";
import { MemoryBus, type MemoryPeer } from "../../support/memory_bus.ts";
import { Random } from "../../support/random.ts";
import { BusModel, type Step } from "./bus_model.ts";

const HISTORIES = 10_000;
const TURNS = 14;
const LEVELS = ["a", "b", "ü"];
const TYPES = ["", "", "T", "acme.v1.U"];

/** Connections, the model, and what they were told. */
class History {
  readonly #random: Random;
  readonly #bus = new MemoryBus();
  readonly #model = new BusModel();
  readonly #peers = new Map<number, MemoryPeer>();
  /** What each connection got of plain events and answers, in words. */
  readonly #got = new Map<number, string[]>();
  /** The last event of each publisher that a connection got: it may only grow. */
  readonly #lastSeen = new Map<string, number>();
  readonly #publisherOf = new Map<number, number>();
  #nextPeer = 0;
  #nextEvent = 1;
  #nextId = 1;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  async run(): Promise<void> {
    try {
      while (this.#peers.size < 3) this.#connect();
      for (let turn = 0; turn < TURNS; turn++) await this.#turn();
      for (const [owner, expected] of this.#model.sent) {
        assert.deepEqual(this.#got.get(owner) ?? [], expected, `connection ${owner}`);
      }
      for (const [owner, got] of this.#got) {
        assert.equal(got.length, this.#model.sent.get(owner)?.length ?? 0, `connection ${owner}`);
      }
    } finally {
      await this.#bus[Symbol.asyncDispose]();
    }
    assert.equal(this.#bus.host.bus.subscriptions, 0, "nothing is left behind");
    assert.equal(this.#bus.host.context.budget.bytes, 0);
    assert.equal(this.#bus.host.context.counters.internalErrors, 0);
  }

  #connect(): void {
    const owner = this.#nextPeer++;
    this.#peers.set(owner, this.#bus.connect());
    this.#got.set(owner, []);
  }

  async #turn(): Promise<void> {
    const random = this.#random;
    const owner = random.pick([...this.#peers.keys()]);
    const peer = this.#peers.get(owner)!;
    const chance = random.below(20);
    if (chance === 0 && this.#peers.size < 5) this.#connect();
    if (chance === 1 && this.#peers.size > 2) {
      if (random.below(2) === 0) peer.link.end();
      else peer.link.reset();
      await peer.ended;
      this.#peers.delete(owner);
      this.#model.disconnect(owner);
      return;
    }
    const steps = Array.from({ length: 1 + random.below(6) }, () => this.#step(owner));
    await this.#bus.turn(peer, ...steps.map(messageOf));
    const groupReceivers = this.#takeAll();
    const receiversOf = (number: number, group: string) =>
      groupReceivers.get(`${number} ${group}`) ?? [];
    for (const step of steps) this.#model.apply(owner, step, receiversOf);
    const expected = steps.reduce((sum, step) => {
      if (step.do !== "publish") return sum;
      return sum + [...groupReceivers.keys()].filter((key) => key.startsWith(`${step.number} `))
        .length;
    }, 0);
    assert.equal(expected, groupReceivers.size, "a group gets only what was published now");
  }

  /** Reads what every connection got; gives who got an event for a group. */
  #takeAll(): Map<string, number[]> {
    const groupReceivers = new Map<string, number[]>();
    for (const [owner, peer] of this.#peers) {
      for (const message of peer.take()) this.#note(owner, message, groupReceivers);
    }
    return groupReceivers;
  }

  #note(owner: number, message: ServerMessage, groupReceivers: Map<string, number[]>): void {
    const { message: { case: kind, value }, id } = message;
    const got = this.#got.get(owner)!;
    if (kind === "ack") {
      assert.equal(value.level, AckLevel.ROUTED);
      got.push(`ack ${value.receivers} id ${id}`);
    } else if (kind === "error") {
      got.push(`error ${ErrorCode[value.code]} id ${id}`);
    } else if (kind === "event") {
      const number = Number(textIn(value.payload));
      const publisher = this.#publisherOf.get(number)!;
      assert.equal(id, 0n);
      assert.equal(value.sender, `memory-${publisher + 1}`);
      assert.equal(value.timeUnixMicros, BigInt(this.#bus.clock.wallMs() * 1000));
      assert.equal(value.seq, 0n);
      const line = `${owner} of ${publisher}`;
      assert((this.#lastSeen.get(line) ?? 0) <= number, "order per publisher");
      this.#lastSeen.set(line, number);
      if (value.group === "") got.push(`event ${number}`);
      else {
        const key = `${number} ${value.group}`;
        groupReceivers.set(key, [...groupReceivers.get(key) ?? [], owner]);
      }
    } else assert.fail(`unexpected ${kind}`);
  }

  #step(owner: number): Step {
    const random = this.#random;
    const chance = random.below(10);
    if (chance < 5) {
      const number = this.#nextEvent++;
      this.#publisherOf.set(number, owner);
      const id = random.below(2) * this.#nextId++;
      return { do: "publish", topic: this.#topic(), type: random.pick(TYPES), number, id };
    }
    const id = random.below(2) * this.#nextId++;
    if (chance < 8) {
      const type = random.pick(TYPES);
      const pattern = this.#pattern(type);
      const echo = random.below(3) === 0;
      return { do: "subscribe", pattern, type, group: this.#group(pattern), echo, id };
    }
    const own = this.#model.pickOwn(owner, random.below(100));
    if (own !== undefined && random.below(5) > 0) {
      const { pattern, type, group } = own;
      const counts = group === "" || group === `only ${pattern}`.replaceAll(" ", "-");
      const afterEvents = counts ? random.below(4) : 0;
      return { do: "unsubscribe", pattern, type, group, afterEvents, id };
    }
    const pattern = this.#pattern("");
    const afterEvents = random.below(2);
    // A refusal is answered with or without an id.
    return { do: "unsubscribe", pattern, type: "nobody", group: "", afterEvents, id };
  }

  #topic(): string {
    const levels = 1 + this.#random.below(3);
    return Array.from({ length: levels }, () => this.#random.pick(LEVELS)).join(".");
  }

  #pattern(type: string): string {
    const random = this.#random;
    if (type !== "" && random.below(4) === 0) return "";
    const levels = this.#topic().split(".").map((level) => random.below(3) === 0 ? "*" : level);
    if (random.below(3) === 0) levels[levels.length - 1] = ">";
    return levels.join(".");
  }

  /** A group of many patterns, or one of this pattern alone, whose members can be counted. */
  #group(pattern: string): string {
    const chance = this.#random.below(6);
    if (chance < 4) return "";
    return chance === 4 ? "shared" : `only ${pattern || ">"}`.replaceAll(" ", "-");
  }
}

function messageOf(step: Step): ClientMessageInit {
  const id = BigInt(step.id);
  if (step.do === "publish") {
    const payload = bytesOf(`${step.number}`);
    return publish({ topic: step.topic, type: step.type, payload }, id);
  }
  if (step.do === "subscribe") return subscribe(step, id);
  const { pattern, type, group, afterEvents } = step;
  return unsubscribe({ pattern, type, group, afterEvents: BigInt(afterEvents) }, id);
}

Deno.test("10,000 random histories do what the naive model says", async () => {
  const only = Deno.env.get("BUS_MODEL_SEED");
  const base = only === undefined ? crypto.getRandomValues(new Uint32Array(1))[0] : Number(only);
  for (let index = 0; index < (only === undefined ? HISTORIES : 1); index++) {
    const seed = (base + index) >>> 0;
    try {
      await new History(seed).run();
    } catch (reason) {
      throw new Error(`the history with BUS_MODEL_SEED=${seed} differs from the model`, {
        cause: reason,
      });
    }
  }
});
