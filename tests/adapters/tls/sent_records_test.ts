/**
 * Which records of TLS were sent whole.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { SentRecords } from "../../../lib/adapters/tls/sent_records.ts";

/** Records with bodies of these lengths, one behind the other. */
function records(...lengths: number[]): Uint8Array {
  return Uint8Array.from(
    lengths.flatMap((
      length,
    ) => [23, 3, 3, length >> 8, length & 0xff, ...new Array(length).fill(1)]),
  );
}

Deno.test("a record counts with its last byte", () => {
  const sent = new SentRecords();
  sent.give(records(10, 300), 0);
  sent.give(records(1), 0);
  for (const [bytes, whole] of [[0, 0], [14, 0], [15, 1], [319, 1], [320, 2], [325, 2], [326, 3]]) {
    assert.equal(sent.count(bytes), whole, `${bytes} bytes`);
  }
});

Deno.test("whatever is sent in whole records is counted, in whatever chunks they leave", () => {
  const chunk = fc.array(fc.integer({ min: 0, max: 600 }), { minLength: 1, maxLength: 4 });
  fc.assert(fc.property(fc.array(chunk), fc.nat(5000), (chunks, bytes) => {
    const sent = new SentRecords();
    for (const lengths of chunks) sent.give(records(...lengths), 0);
    let end = 0;
    const whole = chunks.flat().filter((length) => (end += 5 + length) <= bytes).length;
    assert.equal(sent.count(bytes), whole);
  }));
});

Deno.test("what it cannot follow is not counted, and costs nothing", () => {
  const sent = new SentRecords();
  const bytes = records(10, 10, 10);
  // The second header lies in two chunks.
  sent.give(bytes.subarray(0, 17), 0);
  sent.give(bytes.subarray(17), 0);
  sent.give(records(10), 0);
  assert.equal(sent.count(1000), 1);
});
