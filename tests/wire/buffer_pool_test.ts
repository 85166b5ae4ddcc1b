/**
 * The pool lends what was given back, keeps a bounded number of bytes, and never lends too little.
 */
import assert from "node:assert/strict";
import { BufferPool } from "../../lib/wire/buffer_pool.ts";

Deno.test("a buffer is at least as large as asked for", () => {
  const pool = new BufferPool();
  for (const bytes of [0, 1, 4096, 4097, 65_536, 65_537, 1 << 20, (1 << 20) + 1, 5_000_000]) {
    assert(pool.take(bytes).length >= bytes, `${bytes}`);
  }
});

Deno.test("a buffer that was given back is lent again, and to one only", () => {
  const pool = new BufferPool();
  const buffer = pool.take(100);
  pool.give(buffer);
  assert.equal(pool.take(50), buffer);
  assert.notEqual(pool.take(50), buffer);
});

/** How many bytes of `given` the pool lends again. */
function keptOf(pool: BufferPool, given: readonly Uint8Array[]): number {
  const buffers = new Set<Uint8Array>(given);
  let bytes = 0;
  for (const { length } of given) {
    const lent = pool.take(length);
    if (buffers.delete(lent)) bytes += lent.length;
  }
  return bytes;
}

Deno.test("the pool keeps a bounded number of bytes, and no odd sizes", () => {
  const pool = new BufferPool();
  const most = 4 * 1024 * 1024;
  for (const bytes of [4096, 16_384, 65_536, 262_144, 1 << 20]) {
    const given = Array.from({ length: 20 }, () => new Uint8Array(bytes));
    for (const buffer of given) pool.give(buffer);
    assert.equal(keptOf(pool, given), Math.min(20 * bytes, most), `in buffers of ${bytes} bytes`);
  }
  for (const bytes of [0, 1, 5000, (1 << 20) + 1]) {
    const odd = new Uint8Array(bytes);
    pool.give(odd);
    assert.notEqual(pool.take(bytes), odd);
  }
  const many = Array.from({ length: 10_000 }, () => new Uint8Array(4096));
  for (const buffer of many) pool.give(buffer);
  assert.equal(keptOf(pool, many), most);
});
