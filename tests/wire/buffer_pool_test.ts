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
  assert.equal(pool.keptBytes, buffer.length);
  assert.equal(pool.take(50), buffer);
  assert.equal(pool.keptBytes, 0);
  assert.notEqual(pool.take(50), buffer);
});

Deno.test("the pool keeps a bounded number of bytes, and no odd sizes", () => {
  const pool = new BufferPool();
  for (const bytes of [4096, 16_384, 65_536, 262_144, 1 << 20]) {
    for (let count = 0; count < 20; count++) pool.give(new Uint8Array(bytes));
    assert(pool.keptBytes <= 5 * 4 * 1024 * 1024, `${pool.keptBytes}`);
  }
  const before = pool.keptBytes;
  for (const bytes of [0, 1, 5000, (1 << 20) + 1]) pool.give(new Uint8Array(bytes));
  assert.equal(pool.keptBytes, before);
  for (let count = 0; count < 10_000; count++) pool.give(new Uint8Array(4096));
  assert(pool.keptBytes <= 5 * 4 * 1024 * 1024, `${pool.keptBytes}`);
});
