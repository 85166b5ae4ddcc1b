/**
 * What the tests of kept topics share: each runs over both stores, with a server over sockets or with
 * sessions in memory, and events carry numbers so that gaps and repetitions show.
 */
import assert from "node:assert/strict";
import type { Clock } from "../../../lib/base/clock.ts";
import type { ManualClock } from "../../support/manual_clock.ts";
import type { Limits } from "../../../lib/base/limits.ts";
import { openMemoryStore } from "../../../lib/adapters/memory/store.ts";
import { openSqliteStore } from "../../../lib/adapters/sqlite/store.ts";
import type { Event } from "../../../lib/gen/parley/v1/event_pb.ts";
import { type Ack, AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { KeepPolicies } from "../../../lib/logic/topics/keep_policies.ts";
import { QueuePolicies } from "../../../lib/logic/queues/policies.ts";
import type { IoPoll } from "../../../lib/ports/io_poll.ts";
import type { Store } from "../../../lib/ports/store.ts";
import type { ConfigInput } from "../../../lib/server/config/config.ts";
import { BusClient } from "../../support/bus_client.ts";
import {
  bytesOf,
  publish,
  subscribe,
  type SubscribeInit,
  textIn,
} from "../../support/bus_messages.ts";
import { contentOf } from "../../support/frames.ts";
import { MemoryBus, type MemoryPeer } from "../../support/memory_bus.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { settles, until } from "../../support/until.ts";

/** Registers a test for each store: `data` is a directory of its own, or empty for memory. */
export function storeTest(name: string, run: (data: string) => Promise<void>): void {
  Deno.test(`${name} (memory)`, () => run(""));
  Deno.test(`${name} (sqlite)`, async () => {
    const data = await Deno.makeTempDir({ prefix: "parley-kept-" });
    try {
      await run(data);
    } finally {
      await Deno.remove(data, { recursive: true });
    }
  });
}

/** The level of what a store with this data directory has committed. */
export function levelOf(data: string): AckLevel {
  return data === "" ? AckLevel.ROUTED : AckLevel.FSYNCED;
}

/** A server that keeps `k.>`. */
export function startKept(
  data: string,
  input: ConfigInput = {},
  clock?: Clock,
): Promise<TestServer> {
  const keep = [{ pattern: "k.>" }];
  return startServer({ keep, ...input, data }, clock === undefined ? {} : { clock });
}

/** A client of a server, over tcp. */
export function connect(server: TestServer, reading = true): Promise<BusClient> {
  return BusClient.connect(server, "tcp", { reading });
}

/** Publishes numbers `from` to `to` on a topic, with a type if `on` says one; gives the acknowledgements. */
export async function publishAll(
  client: BusClient,
  on: string | { readonly topic: string; readonly type: string },
  from: number,
  to: number,
): Promise<Ack[]> {
  const { topic, type } = typeof on === "string" ? { topic: on, type: "" } : on;
  const ids: bigint[] = [];
  const messages = [];
  for (let number = from; number <= to; number++) {
    ids.push(client.nextId());
    messages.push(publish({ topic, type, payload: bytesOf(`${number}`) }, ids.at(-1)));
  }
  await client.send(...messages);
  const acks: Ack[] = [];
  for (const id of ids) acks.push(contentOf(await client.answerTo(id), "ack"));
  return acks;
}

/** Subscribes and gives the acknowledgement. */
export async function follow(client: BusClient, what: SubscribeInit): Promise<Ack> {
  return contentOf(await client.ask(subscribe(what)), "ack");
}

/** The epoch of a server's history. */
export async function epochOf(client: BusClient): Promise<string> {
  const hello = { case: "hello", value: { protocolVersion: 1 } } as const;
  return contentOf(await client.ask({ message: hello }), "welcome").historyEpoch;
}

/** The seqs of events. */
export function seqsOf(events: readonly Event[]): number[] {
  return events.map(({ seq }) => Number(seq));
}

/** The numbers from `first` to `last`. */
export function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

/** The payloads of events as text. */
export function textsOf(events: readonly Event[]): string[] {
  return events.map(({ payload }) => textIn(payload));
}

/** What came of Missed notices, by topic. */
export function missedBy(client: { messages: readonly BusClient["messages"][number][] }) {
  const missed: Record<string, number> = {};
  for (const { message } of client.messages) {
    if (message.case !== "missed") continue;
    const { topic, count } = message.value;
    missed[topic] = (missed[topic] ?? 0) + Number(count);
  }
  return missed;
}

/** Waits until nothing that was sent before can still come: an answer behind it has. */
export async function roundTrip(client: BusClient): Promise<void> {
  await client.ask({ message: { case: "ping", value: { nonce: 1n } } });
}

/** Sessions in memory that keep `k.>`. */
export class KeptBus extends MemoryBus {
  readonly store: Store;

  constructor(
    store: Store,
    limits: Partial<Limits> = {},
    clock?: ManualClock,
    poll?: IoPoll,
  ) {
    super(limits, clock, poll);
    this.store = store;
    this.host.keep(store, new KeepPolicies([{ pattern: "k.>" }]), new QueuePolicies([]));
  }

  /** Over the store that `data` names. */
  static async open(data: string, limits: Partial<Limits> = {}): Promise<KeptBus> {
    const store = data === "" ? openMemoryStore() : await openSqliteStore({ directory: data });
    return new KeptBus(store, limits);
  }

  /** How many feeds there are. */
  get feeds(): number {
    return this.host.kept!.feeds.count;
  }

  /** Publishes the numbers from one to another with some filling, and resolves when they are committed and handed out. */
  async keep(
    peer: MemoryPeer,
    topic: string,
    [from, to]: readonly [number, number],
    fill = 0,
  ): Promise<void> {
    for (let number = from; number <= to; number++) {
      const payload = bytesOf(`${number} `.padEnd(fill));
      await this.turn(peer, publish({ topic, payload }));
    }
    await settles(this.store.flush(), "the commit");
    await this.settle();
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    this.host.queues?.close();
    await this.store.close();
  }
}

/** Everything that a peer in memory has got so far. */
export class Inbox {
  readonly peer: MemoryPeer;
  readonly messages: ReturnType<MemoryPeer["take"]> = [];

  constructor(peer: MemoryPeer) {
    this.peer = peer;
  }

  /** The events that came. */
  get events(): Event[] {
    this.messages.push(...this.peer.take());
    return this.messages.flatMap(({ message }) => message.case === "event" ? [message.value] : []);
  }

  /** Waits for so many events, and gives them. */
  async whenEvents(count: number): Promise<Event[]> {
    await until(() => this.events.length >= count, `${count} events`);
    assert.equal(this.events.length, count);
    return this.events;
  }
}
