/**
 * Load for a server that will be killed: publishers on kept topics, a subscriber that is there meanwhile,
 * and somebody who talks in a room; each remembers what it sent, what was acknowledged and what it got.
 *
 * Everything goes on until the connections end. What is sent follows from the random numbers alone; how
 * much of it is under way when the server dies does not.
 */
import assert from "node:assert/strict";
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { CloseReason } from "../../lib/base/errors.ts";
import type { Event } from "../../lib/gen/parley/v1/event_pb.ts";
import {
  ClaimNameRequestSchema,
  JoinRequestSchema,
  SayRequestSchema,
  SayResponseSchema,
} from "../../lib/gen/parley/v1/room_pb.ts";
import { AckLevel } from "../../lib/gen/parley/v1/session_pb.ts";
import type { BusClient } from "../support/bus_client.ts";
import { bytesOf, call, publish, subscribe } from "../support/bus_messages.ts";
import { type ClientMessageInit, contentOf, type ServerMessage } from "../support/frames.ts";
import { Random } from "../support/random.ts";
import type { KeptServer } from "./kept_server.ts";

/** The topics that are published on. */
export const TOPICS: readonly string[] = ["sim.a", "sim.b.c", "sim.b.d", "sim.e"];
/** The room that is talked in. */
export const ROOM = "kill";

/** How much each publisher has under way at most: from one that waits for each Ack to one that floods. */
const WINDOWS: readonly number[] = [1, 16, 256, 1024];
const MAX_PADDING = 200;
/** So few that the history of the room, which has a bound, holds all of one round. */
const MAX_SAID = 500;
const SAID_IN_FLIGHT = 8;

/** An event as it was sent, and the seq it was acknowledged with; 0 without. */
export interface SentEvent {
  readonly topic: string;
  readonly payload: string;
  readonly messageId: string;
  seq: number;
}

/** How senders are. */
interface SenderOptions {
  /** The most that they send before the first of it is answered. */
  readonly window: number;
  /** Whether they send no more once the server says that it stops. */
  readonly polite: boolean;
  /** Called for each answer. */
  readonly answered: () => void;
}

/** Sends numbered messages, from 1, and takes the answers to them. */
abstract class Sender {
  readonly name: string;
  readonly #client: BusClient;
  readonly #options: SenderOptions;
  #inFlight = 0;
  #told = false;

  constructor(name: string, client: BusClient, options: SenderOptions) {
    this.name = name;
    this.#client = client;
    this.#options = options;
  }

  /** The next message, or null when there is no more to send. */
  protected abstract next(): ClientMessageInit | null;

  /** Takes the answer to what was sent as number `number`. */
  protected abstract take(number: number, answer: ServerMessage): void;

  /** Sends and takes answers until the connection ends. */
  async run(): Promise<void> {
    const client = this.#client;
    const { window, polite } = this.#options;
    while (client.ended === null) {
      const messages: ClientMessageInit[] = [];
      for (; this.#inFlight < window && !(polite && this.#told); this.#inFlight++) {
        const message = this.next();
        if (message === null) break;
        messages.push(message);
      }
      // The server may die while something is written; what was read until then still counts.
      if (messages.length > 0) await client.send(...messages).catch(() => {});
      await client.whenAny(() => client.messages.length > 0);
      this.#takeAll();
    }
    this.#takeAll();
  }

  #takeAll(): void {
    for (const message of this.#client.messages.splice(0)) {
      if (message.id === 0n) {
        // A server that stops in order says so; nothing else comes without having been asked.
        assert.equal(contentOf(message, "error").closeReason, CloseReason.SHUTDOWN);
        this.#told = true;
        continue;
      }
      this.#inFlight--;
      this.take(Number(message.id), message);
      this.#options.answered();
    }
  }
}

/** Publishes numbered events on random topics, every third with a message_id. */
export class Publisher extends Sender {
  /** In the order of their numbers, from 1. */
  readonly sent: SentEvent[] = [];
  readonly #random: Random;

  constructor(name: string, client: BusClient, options: SenderOptions, random: Random) {
    super(name, client, options);
    this.#random = random;
  }

  protected override next(): ClientMessageInit {
    const number = this.sent.length + 1;
    const topic = this.#random.pick(TOPICS);
    const payload = `${this.name} ${number} ${".".repeat(this.#random.below(MAX_PADDING))}`;
    const messageId = number % 3 === 0 ? `${this.name}-${number}` : "";
    this.sent.push({ topic, payload, messageId, seq: 0 });
    return publishing(this.sent[number - 1], BigInt(number));
  }

  protected override take(number: number, answer: ServerMessage): void {
    const { level, seq, duplicate } = contentOf(answer, "ack");
    assert.equal(level, AckLevel.FSYNCED);
    assert(!duplicate, `${this.name} ${number} was sent once`);
    assert(seq > 0n, "an event that is kept has a seq");
    this.sent[number - 1].seq = Number(seq);
  }
}

/** The message that publishes an event. */
export function publishing(
  { topic, payload, messageId }: SentEvent,
  id: bigint,
): ClientMessageInit {
  return publish({ topic, payload: bytesOf(payload), messageId }, id);
}

/** Says numbers in a room. */
export class Talker extends Sender {
  /** The seq by number, from index 0; 0 for what is not answered. */
  readonly said: number[] = [];

  /** The text of a number. */
  textOf(number: number): string {
    return `${this.name} says ${number}`;
  }

  protected override next(): ClientMessageInit | null {
    if (this.said.length === MAX_SAID) return null;
    const number = this.said.push(0);
    return room("Say", SayRequestSchema, { room: ROOM, text: this.textOf(number) }, BigInt(number));
  }

  protected override take(number: number, answer: ServerMessage): void {
    const { payload, error } = contentOf(answer, "answer");
    assert.equal(error, undefined);
    this.said[number - 1] = Number(fromBinary(SayResponseSchema, payload).seq);
  }
}

/** Calls a method of rooms. */
export function room<S extends DescMessage>(
  method: string,
  schema: S,
  request: MessageInitShape<S>,
  id = 0n,
): ClientMessageInit {
  const payload = toBinary(schema, create(schema, request));
  return call({ method: `parley.v1.Rooms/${method}`, payload }, id);
}

/** What one run of the server was put under. */
export interface Load {
  readonly publishers: readonly Publisher[];
  readonly talker: Talker;
  /** What somebody got who subscribed before the first event, in order. */
  readonly live: readonly Event[];
}

/** What load is put on a server. */
export interface LoadOptions {
  readonly random: Random;
  /** Begins the names of the publishers, and is that of the talker. */
  readonly name: string;
  /** After so many answers the server is ended. */
  readonly answers: number;
  /** Ends it. */
  readonly end: () => Promise<void>;
  /** Whether nothing more is sent once the server says that it stops. Default: false. */
  readonly polite?: boolean;
}

/** Puts load on a server until all connections have ended. */
export async function putUnderLoad(server: KeptServer, options: LoadOptions): Promise<Load> {
  const { random, name, polite = false } = options;
  const clients = await Promise.all(
    Array.from({ length: WINDOWS.length + 2 }, () => server.connect()),
  );
  const [subscriber, talking, ...publishing] = clients;
  try {
    await subscriber.acknowledged(subscribe("sim.>"));
    const claim = room("ClaimName", ClaimNameRequestSchema, { name });
    const join = room("Join", JoinRequestSchema, { room: ROOM });
    for (const message of [claim, join]) {
      assert.equal(contentOf(await talking.ask(message), "answer").error, undefined);
    }

    let left = options.answers;
    let ended: Promise<void> | undefined;
    const answered = () => {
      if (--left === 0) ended = options.end();
    };
    const publishers = publishing.map((client, index) => {
      const sending = { window: WINDOWS[index], polite, answered };
      return new Publisher(`${name}p${index}`, client, sending, new Random(random.uint32()));
    });
    const talker = new Talker(name, talking, { window: SAID_IN_FLIGHT, polite, answered });
    await Promise.all([...publishers, talker].map((sender) => sender.run()));
    await subscriber.whenAny(() => false);
    assert(ended !== undefined, "the connections ended before the server was to end");
    await ended;
    return { publishers, talker, live: subscriber.events };
  } finally {
    for (const client of clients) await client[Symbol.asyncDispose]();
  }
}
