/**
 * The budget of all input that waits: what counts, who goes when it is used up, and that all of it comes back.
 */
import assert from "node:assert/strict";
import {
  INPUT_PROGRESS_BYTES,
  READ_BUFFER_BUSY_BYTES,
  READ_BUFFER_FIRST_BYTES,
} from "../../lib/base/limits.ts";
import { FrameReader } from "../../lib/wire/frame_reader.ts";
import { type InputAccount, InputBudget } from "../../lib/wire/input_budget.ts";
import { SlabPool } from "../../lib/wire/slab_pool.ts";
import { frame, join } from "../support/frames.ts";
import { field } from "../support/frames.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** A budget with a clock of its own, and peers that begin messages. */
class Ground {
  nowMs = 1000;
  readonly pool = new SlabPool();
  readonly budget: InputBudget;
  /** Who had to go, in order, and whether at once. */
  readonly gone: [peer: Peer, atOnce: boolean][] = [];

  constructor(limitBytes: number) {
    this.budget = new InputBudget(limitBytes, this.pool, () => this.nowMs);
  }

  /** A peer whose message of a MiB has begun with `bytes` bytes. */
  begin(bytes: number): Peer {
    const peer = new Peer(this);
    peer.send(message.subarray(0, bytes));
    return peer;
  }
}

class Peer {
  readonly account: InputAccount;
  readonly reader: FrameReader;
  messages = 0;

  constructor(ground: Ground) {
    this.account = ground.budget.open((atOnce) => {
      ground.gone.push([this, atOnce]);
      this.reader.finish();
    });
    this.reader = new FrameReader("delimited", 2 * MIB, this.account);
  }

  send(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const space = this.reader.space();
      const count = Math.min(space.length, bytes.length - at);
      space.set(bytes.subarray(at, at + count));
      this.reader.filled(count);
      at += count;
      while (this.reader.next()) this.messages++;
      this.reader.release();
    }
    this.reader.space();
  }
}

const message = frame(field(1, new Uint8Array(MIB).fill(7)));

Deno.test("a message that is not whole costs what has come of it, and nothing is left of a whole one", () => {
  const ground = new Ground(64 * MIB);
  const peer = ground.begin(1);
  assert.equal(ground.budget.bytes, 0, "the first small buffer is everybody's");
  for (let sent = 1; sent < message.length; sent += 10_000) {
    peer.send(message.subarray(sent, Math.min(sent + 10_000, message.length)));
    const arrived = Math.min(sent + 10_000, message.length);
    if (arrived === message.length) break;
    assert(ground.budget.bytes <= 4 * arrived, `${ground.budget.bytes} for ${arrived}`);
    assert(ground.budget.bytes <= arrived + 128 * KIB, `${ground.budget.bytes} for ${arrived}`);
    assert.equal(ground.pool.heldBytes, ground.budget.bytes);
  }
  assert.equal(peer.messages, 1);
  assert(ground.budget.bytes <= 64 * KIB, "the parts are given back");
  peer.reader.close();
  assert.deepEqual([ground.budget.bytes, ground.budget.leavingBytes, ground.pool.heldBytes], [
    0,
    0,
    0,
  ]);
});

Deno.test("long messages are the bytes that were sent, wherever they begin and are cut", () => {
  const bodies = [70_000, 65_536, 10, 200_000, 131_072, 1].map((bytes, index) =>
    field(1, new Uint8Array(bytes).fill(index + 1))
  );
  for (const chunk of [1000, 4096, 65_536, 100_000]) {
    const ground = new Ground(64 * MIB);
    const reader = new FrameReader("delimited", MIB, ground.budget.open(() => {}));
    const stream = join(...bodies.map((body) => frame(body)));
    const got: Uint8Array[] = [];
    for (let at = 0; at < stream.length;) {
      const space = reader.space();
      const count = Math.min(space.length, chunk, stream.length - at);
      space.set(stream.subarray(at, at + count));
      reader.filled(count);
      at += count;
      while (reader.next()) got.push(reader.buffer.slice(reader.messageStart, reader.messageEnd));
      reader.release();
    }
    assert.deepEqual(got.map((one) => one.length), bodies.map((one) => one.length));
    for (const [index, one] of got.entries()) assert.deepEqual(one, bodies[index]);
  }
});

Deno.test("when it is used up, who holds most without progress goes first, and others stay", () => {
  const ground = new Ground(8 * MIB);
  const small = ground.begin(100 * KIB);
  const large = ground.begin(MIB - 10);
  const others = Array.from({ length: 5 }, () => ground.begin(700 * KIB));
  ground.nowMs += 5000;
  // It holds as much as any, but has just got on.
  const busy = ground.begin(MIB - 10);
  for (let sent = 0; ground.gone.length === 0; sent += INPUT_PROGRESS_BYTES) {
    ground.begin(200 * KIB);
    assert(ground.budget.bytes <= 8 * MIB);
  }
  assert.equal(ground.gone[0][0], large);
  assert(ground.gone.slice(1).every(([peer]) => others.includes(peer)));
  assert(!ground.gone.some(([peer]) => peer === busy || peer === small));
  assert(ground.budget.bytes <= 7 * MIB, "several went, so that the next one does not look again");
});

Deno.test("at the limit nobody goes, one buffer above it somebody does", () => {
  const ground = new Ground(MIB);
  const [first, second] = [ground, ground].map(({ budget }) =>
    budget.open(() => ground.gone.push())
  );
  let gone = 0;
  const account = ground.budget.open(() => gone++);
  first.take(MIB / 2);
  second.take(MIB / 2);
  assert.equal(ground.budget.bytes, MIB);
  assert.equal(gone, 0);
  ground.budget.open(() => {});
  account.take(4 * KIB);
  assert.equal(gone, 1);
});

Deno.test("who had to go counts no more, and is cut off at once when many are leaving", () => {
  const ground = new Ground(4 * MIB);
  for (let index = 0; index < 40; index++) {
    ground.begin(600 * KIB);
    assert(ground.budget.bytes <= 4 * MIB, `${ground.budget.bytes}`);
    assert(ground.pool.heldBytes <= 4 * MIB + READ_BUFFER_BUSY_BYTES * ground.gone.length);
  }
  assert(ground.gone.length > 20);
  assert.equal(ground.gone[0][1], false, "the first may read why");
  assert(ground.gone.some(([, atOnce]) => atOnce));
  const held = ground.budget.bytes;
  for (const [peer] of ground.gone) peer.reader.close();
  assert.deepEqual([ground.budget.leavingBytes, ground.budget.bytes], [0, held]);
  assert.equal(ground.pool.heldBytes, held);
});

Deno.test("standing still is counted from the last progress, and forgiven", () => {
  const ground = new Ground(64 * MIB);
  const peer = ground.begin(0);
  assert.equal(peer.account.stillSinceMs, 0, "nothing was begun");
  peer.send(message.subarray(0, 10));
  assert.equal(peer.account.stillSinceMs, 1000);
  ground.nowMs = 2000;
  peer.send(message.subarray(10, INPUT_PROGRESS_BYTES));
  assert.equal(peer.account.stillSinceMs, 1000, "that was little");
  peer.send(message.subarray(INPUT_PROGRESS_BYTES, INPUT_PROGRESS_BYTES + 20));
  assert.equal(peer.account.stillSinceMs, 2000, "and that is enough");
  ground.nowMs = 3000;
  peer.account.forgive();
  assert.equal(peer.account.stillSinceMs, 3000);
  ground.nowMs = 4000;
  peer.send(join(message.subarray(INPUT_PROGRESS_BYTES + 20), message.subarray(0, 5)));
  assert.equal(peer.account.stillSinceMs, 4000, "another message has begun");
  peer.send(message.subarray(5));
  assert.equal(peer.account.stillSinceMs, 0);
  assert.equal(peer.messages, 2);
});

Deno.test("an empty buffer that was large is kept only while there is plenty of room", () => {
  const small = frame(field(1, new Uint8Array(20)));
  for (const [limit, kept] of [[256 * MIB, true], [16 * MIB, false]] as const) {
    const ground = new Ground(limit);
    const peer = ground.begin(0);
    for (let count = 0; count < 20; count++) peer.send(frame(field(1, new Uint8Array(50_000))));
    peer.send(small);
    assert.equal(peer.reader.space().length > READ_BUFFER_FIRST_BYTES, kept);
  }
});
