/**
 * What is left on a server after its end, held against what its clients know.
 *
 * Each event that was acknowledged is there once, under the seq of its Ack; seq has no gaps; of each
 * publisher a beginning of what it sent is there, in its order; nobody has got an event that is gone.
 */
import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import type { Event } from "../../lib/gen/parley/v1/event_pb.ts";
import {
  HistoryRequestSchema,
  HistoryResponseSchema,
  RoomEventSchema,
} from "../../lib/gen/parley/v1/room_pb.ts";
import type { BusClient } from "../support/bus_client.ts";
import { textIn } from "../support/bus_messages.ts";
import { contentOf } from "../support/frames.ts";
import type { KeptServer } from "./kept_server.ts";
import { type Load, publishing, ROOM, room, type SentEvent, type Talker } from "./kept_load.ts";

/** As many events of a publisher are sent again, of those it had an Ack of and of those behind them. */
const MAX_SENT_AGAIN = 100;

/** The history of one data directory, as far as clients know it. */
export class KeptHistory {
  /** How many events were acknowledged. */
  acknowledged = 0;
  /** How many there were that nobody had an acknowledgement of. */
  unacknowledged = 0;
  /** How many were sent once more and recognised. */
  sentAgain = 0;
  /** The payloads by topic, that of seq 1 first. */
  readonly #topics = new Map<string, string[]>();

  /** Checks all that the server has after it went through `load`, and takes it over. */
  async check(server: KeptServer, load: Load): Promise<void> {
    const before = new Map([...this.#topics].map(([topic, { length }]) => [topic, length]));
    {
      await using reader = await server.connect();
      this.#takeOver(await readAll(reader));
    }
    this.#checkSent(load, before);
    this.#checkLive(load);
    await using client = await server.connect();
    await checkSaid(client, load.talker);
    await this.#sendAgain(client, load);
  }

  /** Nothing that was there has changed, and every event is there once. */
  #takeOver(events: readonly Event[]): void {
    const read = new Map<string, string[]>();
    const seen = new Set<string>();
    for (const { topic, seq, payload } of events) {
      const payloads = read.get(topic) ?? [];
      const text = textIn(payload);
      assert.equal(Number(seq), payloads.push(text), `a gap in ${topic} before ${text}`);
      assert(!seen.has(text), `${text} is there twice`);
      seen.add(text);
      read.set(topic, payloads);
    }
    for (const [topic, payloads] of this.#topics) {
      assert.deepEqual(read.get(topic)?.slice(0, payloads.length), payloads, topic);
    }
    for (const [topic, payloads] of read) this.#topics.set(topic, payloads);
  }

  /** What is new since `before` are beginnings of what was sent, with all that was acknowledged. */
  #checkSent({ publishers }: Load, before: ReadonlyMap<string, number>): void {
    const left = new Map<string, string[]>(publishers.map(({ name }) => [name, []]));
    for (const [topic, payloads] of this.#topics) {
      let last = new Map<string, number>();
      for (const payload of payloads.slice(before.get(topic) ?? 0)) {
        const [name, number] = payload.split(" ");
        assert(Number(number) > (last.get(name) ?? 0), `${topic}: ${payload} is out of order`);
        last = last.set(name, Number(number));
        left.get(name)![Number(number) - 1] = payload;
      }
    }
    for (const { name, sent } of publishers) {
      const expected = sent.slice(0, left.get(name)!.length).map(({ payload }) => payload);
      assert.deepEqual(left.get(name), expected, `${name}: a beginning of what it sent`);
      for (const event of sent) {
        if (event.seq === 0) continue;
        this.acknowledged++;
        assert.equal(this.#at(event.topic, event.seq), event.payload, "acknowledged, so there");
      }
      this.unacknowledged += expected.length - sent.filter(({ seq }) => seq !== 0).length;
    }
  }

  /** What somebody has got while it was new is there, and they got it without a gap. */
  #checkLive({ live }: Load): void {
    const last = new Map<string, number>();
    for (const { topic, seq, payload } of live) {
      assert.equal(this.#at(topic, Number(seq)), textIn(payload), "delivered, so there");
      assert.equal(Number(seq), (last.get(topic) ?? Number(seq) - 1) + 1, "delivered in order");
      last.set(topic, Number(seq));
    }
  }

  /** An event that is there is not kept again, whether its publisher knew or not; any other is. */
  async #sendAgain(client: BusClient, { publishers }: Load): Promise<void> {
    const events = publishers.flatMap(({ sent }) => {
      const named = sent.filter(({ messageId }) => messageId !== "");
      const known = named.findLastIndex(({ seq }) => seq !== 0) + 1;
      return named.slice(Math.max(0, known - MAX_SENT_AGAIN), known + MAX_SENT_AGAIN);
    });
    const places = new Map(
      [...this.#topics].map(([topic, all]) => [topic, new Map(all.map((text, at) => [text, at]))]),
    );
    const ids = events.map(() => client.nextId());
    await client.send(...events.map((event, index) => publishing(event, ids[index])));
    for (const [index, event] of events.entries()) {
      const place = places.get(event.topic)?.get(event.payload);
      const expected = place ?? this.#append(event);
      const { seq, duplicate } = contentOf(await client.answerTo(ids[index]), "ack");
      assert.deepEqual(
        [Number(seq), duplicate],
        [expected + 1, place !== undefined],
        event.payload,
      );
      if (duplicate) this.sentAgain++;
    }
  }

  #append({ topic, payload }: SentEvent): number {
    const payloads = this.#topics.get(topic) ?? [];
    this.#topics.set(topic, payloads);
    return payloads.push(payload) - 1;
  }

  #at(topic: string, seq: number): string | undefined {
    return this.#topics.get(topic)?.[seq - 1];
  }
}

/** Reads every event of every topic, and nothing twice. */
export async function readAll(reader: BusClient): Promise<Event[]> {
  const start = { since: { case: "all", value: true } } as const;
  const answer = await reader.ask({
    message: {
      case: "subscribe",
      value: { pattern: "sim.>", start, tellPositions: true },
    },
  });
  const { positions, positionsComplete } = contentOf(answer, "ack");
  assert(positionsComplete, "every topic is told");
  return await reader.whenEvents(positions.reduce((sum, { seq }) => sum + Number(seq), 0));
}

/** Checks that what was said and answered is in the history of the room, in order and without a gap. */
async function checkSaid(client: BusClient, talker: Talker): Promise<void> {
  const first = talker.said.find((seq) => seq !== 0);
  if (first === undefined) return;
  const texts = new Map<number, string>();
  let beforeSeq = 0n;
  for (let lowest = Infinity; lowest > first;) {
    const request = room("History", HistoryRequestSchema, { room: ROOM, beforeSeq, limit: 256 });
    const { payload, error } = contentOf(await client.ask(request), "answer");
    assert.equal(error, undefined);
    const { events } = fromBinary(HistoryResponseSchema, payload);
    assert(events.length > 0, `the history of the room ends at ${lowest}, above ${first}`);
    for (const event of events.reverse()) {
      const seq = Number(event.seq);
      if (lowest !== Infinity) assert.equal(seq, lowest - 1, "no gap in the room");
      lowest = seq;
      const happened = fromBinary(RoomEventSchema, event.payload).event;
      if (happened.case === "said" && happened.value.name === talker.name) {
        texts.set(seq, happened.value.text);
      }
    }
    beforeSeq = BigInt(lowest);
  }
  for (const [index, seq] of talker.said.entries()) {
    if (seq !== 0) assert.equal(texts.get(seq), talker.textOf(index + 1), "answered, so said");
  }
  const inOrder = [...texts].sort(([left], [right]) => left - right).map(([, text]) => text);
  assert.deepEqual(inOrder, inOrder.map((_, index) => talker.textOf(index + 1)), "said in order");
}
