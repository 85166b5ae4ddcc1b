/**
 * Lines out of bytes, however these are cut: the longest line is taken with either end, one byte more is refused, and the
 * lines behind it are whole.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { LineReader } from "../../../lib/adapters/text/lines.ts";

const MAX_BYTES = 100;

/** The lines that a reader gives of `bytes`, which come in pieces of these sizes. */
function linesOf(bytes: Uint8Array, sizes: readonly number[]): string[] {
  const reader = new LineReader(MAX_BYTES);
  const lines: string[] = [];
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const space = reader.space();
    const count = Math.min(space.length, sizes[turn % sizes.length], bytes.length - at);
    space.set(bytes.subarray(at, at + count));
    at += count;
    reader.filled(count);
    for (let line = reader.next(); line !== null; line = reader.next()) {
      lines.push("text" in line ? line.text : `refused: ${line.refused}`);
    }
  }
  return lines;
}

Deno.test("the longest line is taken with either end and one byte more is refused, however the bytes are cut", () => {
  const line = fc.tuple(
    fc.constantFrom(0, 1, MAX_BYTES - 1, MAX_BYTES, MAX_BYTES + 1, 3 * MAX_BYTES),
    fc.constantFrom("\n", "\r\n"),
  );
  const lines = fc.array(line, { minLength: 1, maxLength: 8 });
  const sizes = fc.array(fc.integer({ min: 1, max: 2 * MAX_BYTES }), {
    minLength: 1,
    maxLength: 5,
  });
  fc.assert(fc.property(lines, sizes, (lines, sizes) => {
    const bytes = new TextEncoder().encode(
      lines.map(([length, end]) => "x".repeat(length) + end).join(""),
    );
    const wanted = lines.map(([length]) =>
      length > MAX_BYTES ? "refused: long" : "x".repeat(length)
    );
    assert.deepEqual(linesOf(bytes, sizes), wanted);
  }));
});

Deno.test("the longest line is taken wherever it is cut in two", () => {
  for (const end of ["\n", "\r\n"]) {
    const bytes = new TextEncoder().encode("x".repeat(MAX_BYTES) + end);
    for (let first = 1; first < bytes.length; first++) {
      assert.deepEqual(linesOf(bytes, [first, MAX_BYTES]), ["x".repeat(MAX_BYTES)], `${first}`);
    }
  }
});
