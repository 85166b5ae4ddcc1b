/**
 * FNV-1a gives what its authors publish: queues and colours of names rest on it.
 */
import assert from "node:assert/strict";
import { fnv1a, FNV1A_START } from "../../lib/base/fnv1a.ts";

Deno.test("FNV-1a hashes as published", () => {
  const published: [string, number][] = [
    ["", 0x811c9dc5],
    ["a", 0xe40c292c],
    ["foobar", 0xbf9cf968],
  ];
  for (const [text, expected] of published) {
    let hash = FNV1A_START;
    for (const byte of new TextEncoder().encode(text)) hash = fnv1a(hash, byte);
    assert.equal(hash >>> 0, expected, text);
  }
});
