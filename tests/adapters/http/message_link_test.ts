/**
 * What a session says to a client of HTTP is handed on in turns with others, in order, and decoded once for many.
 */
import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import { MessageClient, type Said } from "../../../lib/adapters/http/api/message_client.ts";
import { DEFAULT_LIMITS } from "../../../lib/base/limits.ts";
import { ServerMessageSchema } from "../../../lib/gen/parley/v1/envelope_pb.ts";
import type { WorkTurn } from "../../../lib/ports/work_turn.ts";
import { ALONE } from "../../support/alone.ts";
import { join } from "../../support/frames.ts";
import { settles, until } from "../../support/until.ts";

const EVENTS = 50;
const EVENT_BYTES = 16 * 1024;

/** Turns that others have until the test lets the next piece of work on. */
class HeldTurn implements WorkTurn {
  /** Pieces of work that were begun or done, and their units. */
  pieces = 0;
  units = 0;
  letOn: (() => void) | null = null;

  admit(): Promise<void> {
    return this.#wait();
  }

  did(units: number): Promise<void> {
    this.units += units;
    return this.#wait();
  }

  #wait(): Promise<void> {
    this.pieces++;
    return new Promise((resolve) => this.letOn = resolve);
  }
}

function clientOf(turn: WorkTurn): MessageClient {
  const { maxFrameBytes } = DEFAULT_LIMITS;
  const origin = { peer: "127.0.0.1:1", address: "127.0.0.1", isRelayed: false };
  return new MessageClient({ ...origin, maxFrameBytes, turn });
}

/** A batch of events, numbered from 1 on. */
function batchOf(events: number): Uint8Array {
  return join(
    ...Array.from({ length: events }, (_, index) => {
      const payload = new Uint8Array(EVENT_BYTES);
      const value = { topic: "t", seq: BigInt(index + 1), payload };
      return sizeDelimitedEncode(
        ServerMessageSchema,
        create(ServerMessageSchema, { message: { case: "event", value } }),
      );
    }),
  );
}

function seqOf(said: Said): number {
  assert(said.case === "event");
  return Number(said.value.seq);
}

Deno.test("http: a batch is handed on piece by piece, and others have their turn in between", async () => {
  const turn = new HeldTurn();
  const client = clientOf(turn);
  const seqs: number[] = [];
  client.deliver = (said) => void seqs.push(seqOf(said));
  const written = client.link.write(batchOf(EVENTS));
  let most = 0;
  let isOver = false;
  const over = written.then(() => isOver = true);
  for (let before = 0; !isOver; before = seqs.length) {
    await until(() => turn.letOn !== null || isOver, "the next piece of work");
    if (isOver) break;
    most = Math.max(most, seqs.length - before);
    assert.equal(client.link.isPreparing, true, "it waits for the server, not for its peer");
    const letOn = turn.letOn!;
    turn.letOn = null;
    letOn();
  }
  await settles(over, "the end of the batch");
  assert.equal(client.link.isPreparing, false);
  assert.deepEqual(seqs, Array.from({ length: EVENTS }, (_, index) => index + 1));
  assert.equal(most, 1, "events of 16 KiB that are handed on at once");
  assert.equal(turn.pieces, EVENTS + 1);
  assert(turn.units >= EVENTS * EVENT_BYTES / 256, `${turn.units} units for all of their bytes`);
});

Deno.test("http: a link that is closed while others have their turn hands on nothing more", async () => {
  const turn = new HeldTurn();
  const client = clientOf(turn);
  const seqs: number[] = [];
  client.deliver = (said) => void seqs.push(seqOf(said));
  const written = client.link.write(batchOf(2));
  for (const count of [0, 1]) {
    await until(() => turn.letOn !== null, "the next piece of work");
    assert.equal(seqs.length, count);
    if (count === 1) client.link.close();
    const letOn = turn.letOn!;
    turn.letOn = null;
    letOn();
  }
  await assert.rejects(settles(written, "the batch"), /closed/);
  assert.deepEqual(seqs, [1]);
});

Deno.test("http: a client that takes nothing holds up its batch, and that is its own doing", async () => {
  const client = clientOf(ALONE);
  const { promise: taken, resolve: take } = Promise.withResolvers<void>();
  const seqs: number[] = [];
  client.deliver = (said) => {
    seqs.push(seqOf(said));
    return taken;
  };
  const written = client.link.write(batchOf(3));
  await until(() => seqs.length > 0, "the first event");
  assert.deepEqual(seqs, [1]);
  assert.equal(client.link.isPreparing, false);
  take();
  await settles(written, "the batch");
  assert.deepEqual(seqs, [1, 2, 3]);
});

Deno.test("http: an event for many streams is decoded once", async () => {
  const batch = batchOf(20);
  const told = await Promise.all([1, 2].map(async () => {
    const client = clientOf(ALONE);
    const all: Said[] = [];
    client.deliver = (said) => void all.push(said);
    await client.link.write(batch);
    return all.map(({ value }) => value);
  }));
  assert.equal(told[0].length, 20);
  for (const [index, value] of told[0].entries()) assert.equal(value, told[1][index]);
});
