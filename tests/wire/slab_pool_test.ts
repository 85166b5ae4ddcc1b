/**
 * The pool of a server lends buffers that never overlap, counts them as memory, and keeps no slab that is empty.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Buffer, SlabPool } from "../../lib/wire/slab_pool.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const SLAB = 32 * MIB;

Deno.test("a buffer has at least the size that was asked for, and little more", () => {
  const pool = new SlabPool();
  for (const bytes of [0, 1, 4096, 4097, 16_384, 16_385, 65_536, 65_537, 256 * KIB, 300_000, MIB]) {
    const { length } = pool.take(bytes);
    assert(length >= bytes && length <= Math.max(4 * bytes, 4 * KIB), `${bytes}: ${length}`);
  }
  assert.equal(pool.take(5 * MIB).length, 5 * MIB);
  assert.equal(pool.take(SLAB).length, SLAB);
  assert.equal(pool.take(SLAB + 1).length, SLAB + 64 * KIB, "larger than a slab");
});

Deno.test("whatever is taken and given back, buffers never overlap and sums are right", () => {
  const size = fc.oneof(
    fc.integer({ min: 0, max: 20_000 }),
    fc.integer({ min: 0, max: MIB }),
    fc.integer({ min: 0, max: 20 * MIB }),
  );
  const step = fc.record({ size, give: fc.integer({ min: 0, max: 40 }), trim: fc.nat(20) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const pool = new SlabPool();
      const lent: Buffer[] = [];
      for (const { size, give, trim } of steps) {
        const buffer = pool.take(size);
        assert(buffer.length >= size);
        const end = buffer.byteOffset + buffer.length;
        const over = lent.find((other) =>
          other.buffer === buffer.buffer && other.byteOffset < end &&
          buffer.byteOffset < other.byteOffset + other.length
        );
        assert.equal(over, undefined);
        lent.push(buffer);
        if (give < lent.length) pool.give(lent.splice(give, 1)[0]);
        if (trim === 0) pool.trim();
        assert.equal(pool.heldBytes, lent.reduce((sum, { length }) => sum + length, 0));
      }
      for (const buffer of lent) pool.give(buffer);
      pool.trim();
      pool.trim();
      assert.deepEqual([pool.heldBytes, pool.slabBytes], [0, 0]);
    }),
    { numRuns: 100 },
  );
});

Deno.test("memory goes back at once, all but a little that is kept at hand, and that with the next trim", () => {
  const pool = new SlabPool();
  const lent = Array.from({ length: 200 }, () => pool.take(MIB));
  assert.equal(pool.slabBytes, 7 * SLAB);
  const memory = lent.at(-1)!.buffer;
  for (const buffer of lent) pool.give(buffer);
  assert.equal(pool.slabBytes, SLAB, "one stays for what comes next");
  assert.equal(memory.byteLength, 0, "the others are freed, not left to the garbage");
  pool.trim();
  assert.equal(pool.slabBytes, SLAB, "it was used since the last trim");
  pool.trim();
  assert.equal(pool.slabBytes, 0);
});

Deno.test("small buffers that are kept at hand hold no slab after a trim", () => {
  const pool = new SlabPool();
  const lent = Array.from({ length: 40_000 }, () => pool.take(4 * KIB));
  assert.equal(pool.slabBytes, 5 * SLAB);
  const last = lent.pop()!;
  for (const buffer of lent) pool.give(buffer);
  pool.trim();
  assert.equal(pool.slabBytes, SLAB + (last.buffer === lent[0].buffer ? 0 : SLAB));
  assert.equal(pool.take(4 * KIB).byteOffset % (64 * KIB) === last.byteOffset % (64 * KIB), false);
  pool.give(last);
});

Deno.test("the first slab with room is taken, so that the others empty", () => {
  const pool = new SlabPool();
  const lent = Array.from({ length: 64 }, () => pool.take(MIB));
  pool.give(lent[3]);
  const again = pool.take(MIB);
  assert.equal(again.buffer, lent[0].buffer);
  assert.equal(again.byteOffset, 3 * MIB);
});

Deno.test("a buffer that is given back twice is a defect", () => {
  const pool = new SlabPool();
  const buffer = pool.take(MIB);
  pool.take(MIB);
  pool.give(buffer);
  assert.throws(() => pool.give(buffer), /broken invariant/);
});
