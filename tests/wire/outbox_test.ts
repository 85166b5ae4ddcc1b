/**
 * Batches, their order, what is held and lent meanwhile, and what happens when a write fails.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { WriteAbandoned } from "../../lib/base/write_abandoned.ts";
import { SharedBytes } from "../../lib/wire/outbox_budget.ts";
import { makeOutbox, ManualWriter, putText, turn } from "../support/outbox.ts";
import { settles } from "../support/until.ts";

Deno.test("what is put in one turn leaves in one write", async () => {
  const writer = new ManualWriter();
  const { outbox, pool, budget } = makeOutbox(writer.write);
  for (const text of ["a", "b", "c"]) putText(outbox, text);
  assert.deepEqual(writer.texts, [], "nothing leaves before the flush");
  outbox.flush();
  assert.deepEqual(writer.texts, ["abc"]);
  assert.equal(outbox.size, 3);
  assert(outbox.writing);
  await writer.succeed();
  assert.equal(outbox.size, 0);
  assert(!outbox.writing);
  assert.equal(budget.bytes, 0);
  assert.equal(pool.heldBytes, 0, "the buffer went back to the pool");
  assert.equal(outbox.bytes.length, 0, "an idle outbox holds no buffer");
});

Deno.test("while a write is under way the next batch gathers, and follows by itself", async () => {
  const writer = new ManualWriter();
  const { outbox } = makeOutbox(writer.write);
  putText(outbox, "1");
  outbox.flush();
  putText(outbox, "2");
  outbox.flush();
  putText(outbox, "3");
  outbox.flush();
  assert.deepEqual(writer.texts, ["1"]);
  assert.equal(writer.pending, 1, "one write at a time");
  assert.equal(outbox.size, 3);
  await writer.succeed();
  assert.deepEqual(writer.texts, ["1", "23"]);
  await writer.succeed();
  assert.equal(outbox.size, 0);
});

Deno.test("a flush of nothing writes nothing", () => {
  const writer = new ManualWriter();
  makeOutbox(writer.write).outbox.flush();
  assert.equal(writer.batches.length, 0);
});

Deno.test("the bytes under way are not touched by what is put meanwhile", async () => {
  let underWay: Uint8Array = new Uint8Array(0);
  let finish = () => {};
  const { outbox } = makeOutbox((batch) => {
    underWay = batch;
    return new Promise((resolve) => finish = resolve);
  });
  putText(outbox, "first");
  outbox.flush();
  const first = underWay;
  putText(outbox, "x".repeat(10_000));
  assert.equal(new TextDecoder().decode(first), "first");
  finish();
  await turn();
  finish();
  await turn();
});

Deno.test("whenAtMost resolves at its mark, not before", async () => {
  const writer = new ManualWriter();
  const { outbox } = makeOutbox(writer.write);
  putText(outbox, "x".repeat(10));
  outbox.flush();
  putText(outbox, "y".repeat(5));
  const seen: number[] = [];
  const waits = [15, 14, 5, 4, 0].map((mark) =>
    outbox.whenAtMost(mark).then(() => void seen.push(mark))
  );
  await turn();
  assert.deepEqual(seen, [15]);
  await writer.succeed();
  assert.deepEqual(seen, [15, 14, 5]);
  await writer.succeed();
  assert.deepEqual(seen, [15, 14, 5, 4, 0]);
  await Promise.all(waits);
});

Deno.test("a write that fails releases all who wait, and nothing is written after it", async () => {
  const writer = new ManualWriter();
  const { outbox, budget } = makeOutbox(writer.write);
  putText(outbox, "lost");
  outbox.flush();
  putText(outbox, "also lost");
  const released = outbox.whenAtMost(0);
  await writer.fail(new Error("broken pipe"));
  await settles(released, "release");
  assert.equal(outbox.failure?.message, "broken pipe");
  assert.equal(outbox.size, 0);
  assert.equal(budget.bytes, 0);
  putText(outbox, "too late");
  outbox.flush();
  await turn();
  assert.deepEqual(writer.texts, ["lost"]);
  assert.equal(budget.bytes, 0);
  await settles(outbox.whenAtMost(0), "whenAtMost after the failure");
});

Deno.test("a writer that raises at once is a failed write like another", async () => {
  const { outbox } = makeOutbox(() => {
    throw new TypeError("closed");
  });
  putText(outbox, "x");
  outbox.flush();
  await settles(outbox.whenAtMost(0), "release");
  await turn();
  assert.equal(outbox.failure?.message, "closed");
  assert(!outbox.writing);
});

Deno.test("fail keeps its first reason, and stops a batch that gathers behind a pending write", async () => {
  const writer = new ManualWriter();
  const { outbox, budget } = makeOutbox(writer.write);
  putText(outbox, "1");
  outbox.flush();
  const released = outbox.whenAtMost(0);
  outbox.fail(new Error("first"));
  outbox.fail(new Error("second"));
  await settles(released, "release");
  assert.equal(outbox.failure?.message, "first");
  putText(outbox, "2");
  outbox.flush();
  await writer.succeed();
  assert.deepEqual(writer.texts, ["1"], "nothing follows");
  assert.equal(outbox.failure?.message, "first");
  assert.equal(budget.bytes, 0);
});

Deno.test("a batch that was cut off is lent to others only when nobody reads it any more", async () => {
  const writer = new ManualWriter();
  const { outbox, pool, budget } = makeOutbox(writer.write);
  putText(outbox, "x");
  outbox.flush();
  const released = Promise.withResolvers<void>();
  await writer.fail(new WriteAbandoned("closed", released.promise));
  assert.equal(outbox.size, 0);
  assert(pool.heldBytes > 0);
  assert.equal(budget.bytes, pool.heldBytes, "it still counts");
  released.resolve();
  await turn();
  assert.deepEqual([pool.heldBytes, budget.bytes], [0, 0]);
});

Deno.test("what was not sent waits to be taken, whoever flushes meanwhile", async () => {
  let refuse = (_: Error) => {};
  const { outbox } = makeOutbox(() => new Promise((_, reject) => refuse = reject));
  outbox.keepUnsent = true;
  outbox.append(new Uint8Array([1, 2, 3]), 3);
  outbox.flush();
  outbox.append(new Uint8Array([4, 5]), 2);
  refuse(new Error("reset"));
  await outbox.whenIdle();
  outbox.flush();
  const { underWay, waiting } = outbox.takeUnsent(0);
  assert.deepEqual([[...underWay], [...waiting]], [[1, 2, 3], [4, 5]]);
  assert.equal(outbox.size, 0);
});

Deno.test("what a failed write left goes back at once when nobody reads it", async () => {
  const writer = new ManualWriter();
  const { outbox, pool, budget } = makeOutbox(writer.write);
  putText(outbox, "x".repeat(1_000_000));
  outbox.flush();
  putText(outbox, "y".repeat(100_000));
  await writer.fail(new Error("gone"));
  assert.deepEqual([pool.heldBytes, budget.bytes], [0, 0]);
});

Deno.test("the budget counts buffers, however little of them is filled, and an empty one goes back", () => {
  const { outbox, pool, budget } = makeOutbox();
  putText(outbox, "x");
  assert(budget.bytes > 1);
  assert.equal(budget.bytes, pool.heldBytes);
  outbox.reserve(3_000_000);
  assert(budget.bytes >= 3_000_000 && budget.bytes < 4_000_000, `${budget.bytes}`);
  assert.equal(budget.bytes, pool.heldBytes, "what it outgrew is given back");
  outbox.rewind(0);
  outbox.flush();
  assert.deepEqual([pool.heldBytes, budget.bytes], [0, 0]);
});

Deno.test("rewind takes back what was filled, and only what still waits", () => {
  const { outbox } = makeOutbox();
  putText(outbox, "keep");
  const mark = outbox.length;
  putText(outbox, "x".repeat(100_000));
  outbox.rewind(mark);
  assert.equal(outbox.length, 4);
  assert.equal(new TextDecoder().decode(outbox.bytes.subarray(0, 4)), "keep");
  outbox.rewind(10);
  assert.equal(outbox.length, 4);
});

Deno.test("an outbox that is not read grows without a copy of what waits", () => {
  const { outbox, budget } = makeOutbox();
  const frame = new Uint8Array(1000);
  for (let put = 0; put < 4000; put++) outbox.append(frame, frame.length);
  assert.equal(outbox.size, 4_000_000);
  assert(outbox.pieces.length >= 14, `${outbox.pieces.length} pieces`);
  assert(outbox.pieces.every(({ bytes }) => bytes.length <= 512 * 1024));
  assert(budget.bytes < 4_600_000, `${budget.bytes} bytes are held`);
});

Deno.test("any history of puts, flushes and writes keeps the order and the sums", async () => {
  const step = fc.oneof(
    fc.integer({ min: 0, max: 70_000 }).map((bytes) => ({ kind: "put", bytes } as const)),
    fc.constant({ kind: "flush" } as const),
    fc.constant({ kind: "settle" } as const),
    fc.integer({ min: 1, max: 70_000 }).map((bytes) => ({ kind: "share", bytes } as const)),
    fc.integer({ min: 1, max: 700_000 }).map((bytes) => ({ kind: "large", bytes } as const)),
    fc.integer({ min: 1, max: 70_000 }).map((bytes) => ({ kind: "refused", bytes } as const)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const writer = new ManualWriter();
      const { outbox, budget, pool } = makeOutbox(writer.write);
      const expected: Uint8Array[] = [];
      let mark = 0;
      for (const each of steps) {
        if (each.kind === "put") {
          const bytes = new Uint8Array(each.bytes).fill(++mark);
          expected.push(bytes);
          outbox.append(bytes, bytes.length);
        } else if (each.kind === "large") {
          const bytes = new Uint8Array(each.bytes).fill(++mark);
          expected.push(bytes);
          outbox.reserve(bytes.length);
          outbox.bytes.set(bytes, outbox.length);
          outbox.advance(bytes.length);
        } else if (each.kind === "share") {
          const bytes = new Uint8Array(each.bytes).fill(++mark);
          expected.push(bytes);
          const shared = new SharedBytes(pool, budget, bytes, bytes.length);
          outbox.share(shared);
          shared.release();
        } else if (each.kind === "refused") {
          const { position } = outbox;
          outbox.reserve(each.bytes);
          outbox.advance(each.bytes);
          outbox.rewind(position);
        } else if (each.kind === "flush") outbox.flush();
        else if (writer.pending > 0) await writer.succeed();
        assert.equal(budget.bytes, pool.heldBytes);
        assert(budget.bytes >= outbox.size);
        assert(writer.pending <= 1);
      }
      outbox.flush();
      while (writer.pending > 0) await writer.succeed();
      assert.equal(budget.bytes, 0);
      const whole = await new Blob(expected as BlobPart[]).bytes();
      const written = await new Blob(writer.batches as BlobPart[]).bytes();
      assert.equal(written.length, whole.length);
      assert(written.every((byte, index) => byte === whole[index]));
    }),
    { numRuns: 60 },
  );
});
