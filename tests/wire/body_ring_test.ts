/**
 * The ring of bodies: what it says it has are the bytes that were put there, whatever was put since; it is never
 * larger than it may be, and never gives up what would still fit.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { BodyRing } from "../../lib/wire/body_ring.ts";
import { Random } from "../support/random.ts";

const MAX_BYTES = 256 * 1024;

/** Bytes that tell which body they are of. */
function body(number: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (number * 131 + at * 7) & 0xff);
}

function put(ring: BodyRing, bytes: Uint8Array): number {
  return ring.put(bytes, 0, bytes.length);
}

function read(ring: BodyRing, position: number, length: number): Uint8Array {
  const start = ring.offset(position);
  assert(start + length <= ring.bytes.length, "it lies in one piece");
  return ring.bytes.slice(start, start + length);
}

Deno.test("a body is found as it was put, from within other bytes", () => {
  const ring = new BodyRing(MAX_BYTES);
  const bytes = body(1, 100);
  const position = ring.put(bytes, 10, 60);
  assert(position > 0 && ring.has(position));
  assert.deepEqual(read(ring, position, 50), bytes.slice(10, 60));
});

Deno.test("position 0 is no body, and neither is one that is too long", () => {
  const ring = new BodyRing(MAX_BYTES);
  assert.equal(ring.has(0), false);
  assert.equal(ring.longest, MAX_BYTES / 4);
  assert.equal(put(ring, new Uint8Array(ring.longest + 1)), 0);
  assert.equal(ring.bytes.length, 0, "it takes no room");
  const longest = body(3, ring.longest);
  assert.deepEqual(read(ring, put(ring, longest), longest.length), longest);
});

Deno.test("it is small at first, grows as it fills, and keeps everything until it is full", () => {
  const ring = new BodyRing(MAX_BYTES);
  const put100 = () => put(ring, body(1, 100));
  put100();
  assert(ring.bytes.length < MAX_BYTES);
  const positions = Array.from({ length: 2500 }, put100);
  assert.equal(ring.bytes.length, MAX_BYTES);
  assert(positions.every((position) => ring.has(position)));
});

Deno.test("the newest always stay, as many as fit beside one that was passed over", () => {
  const ring = new BodyRing(MAX_BYTES);
  const placed: number[] = [];
  for (let count = 0; count < 10_000; count++) {
    placed.push(put(ring, body(count, 1000)));
    const stay = Math.floor((MAX_BYTES - 2000) / 1000);
    for (const position of placed.slice(-stay)) assert(ring.has(position));
  }
  assert.equal(ring.has(placed[0]), false);
});

Deno.test("whatever is put, what is there is what was put", () => {
  const length = fc.oneof(
    fc.nat({ max: 300 }),
    fc.nat({ max: 40_000 }),
    fc.constantFrom(0, 1, MAX_BYTES / 4 - 1, MAX_BYTES / 4, MAX_BYTES / 4 + 1, 65_535, 65_536),
  );
  fc.assert(
    fc.property(fc.array(length, { minLength: 1, maxLength: 60 }), (lengths) => {
      const ring = new BodyRing(MAX_BYTES);
      const placed = lengths.map((length, number) => {
        const bytes = body(number, length);
        return { bytes, position: put(ring, bytes) };
      });
      assert(ring.bytes.length <= MAX_BYTES);
      for (const { bytes, position } of placed) {
        if (!ring.has(position)) continue;
        assert.deepEqual(read(ring, position, bytes.length), bytes);
      }
      const last = placed.at(-1)!;
      assert.equal(ring.has(last.position), last.bytes.length <= ring.longest);
    }),
    { numRuns: 300 },
  );
});

Deno.test("a long life does not wear it out", () => {
  const ring = new BodyRing(MAX_BYTES);
  const random = new Random(3);
  const recent: { bytes: Uint8Array; position: number }[] = [];
  let had = 0;
  for (let number = 0; number < 20_000; number++) {
    const bytes = body(number, random.below(random.below(50) === 0 ? 60_000 : 400));
    recent.push({ bytes, position: put(ring, bytes) });
    if (recent.length > 2000) recent.shift();
    const { bytes: old, position } = random.pick(recent);
    if (!ring.has(position)) continue;
    had++;
    assert.deepEqual(read(ring, position, old.length), old);
  }
  assert(had > 1000 && had < 20_000, `${had} were there`);
  assert.equal(ring.bytes.length, MAX_BYTES);
});
