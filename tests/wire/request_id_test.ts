/**
 * Ids as numbers and bigints: every `uint64` that a scan accepts is read and written without loss, in one form.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { CloseReason, ParleyError } from "../../lib/base/errors.ts";
import { MessageScan } from "../../lib/wire/message_scan.ts";
import { idOf, MAX_ID_BYTES, putId } from "../../lib/wire/request_id.ts";
import { hex, join, varint } from "../support/frames.ts";

/** Both sides of each length of a varint, and of the largest number that is exact. */
const BOUNDARIES = Array.from({ length: 10 }, (_, index) => 2n ** BigInt(7 * (index + 1)))
  .concat([2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n]).flatMap((value) => [value - 1n, value])
  .concat(0n, 2n ** 64n - 1n).filter((value) => value < 2n ** 64n);

/** An empty Ping with these bytes as its id, read. */
function readId(idBytes: Uint8Array) {
  const bytes = join(hex("3a 00 78"), idBytes);
  const scan = new MessageScan();
  scan.scan(bytes, 0, bytes.length);
  return idOf(bytes, scan);
}

function check(value: bigint): void {
  const id = readId(varint(value));
  assert.equal(BigInt(id), value);
  assert.equal(typeof id, value < 2n ** 53n ? "number" : "bigint", `${value} has one form`);
  const written = new Uint8Array(MAX_ID_BYTES);
  assert.deepEqual(written.slice(1, putId(written, 1, id)), varint(value));
}

Deno.test("an id reads back, whatever it is", () => {
  for (const value of BOUNDARIES) check(value);
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), check));
});

Deno.test("a message without an id, or with a zero, has none", () => {
  const scan = new MessageScan();
  for (const bytes of [hex("3a 00"), hex("3a 00 78 00"), hex("78 05 3a 00 78 00")]) {
    scan.scan(bytes, 0, bytes.length);
    assert.equal(idOf(bytes, scan), 0);
  }
});

Deno.test("an id that is not minimal or past 2^64 - 1 is no message", () => {
  const wrong = [
    "80 00", // zero in two bytes
    "85 80 00", // five in three
    "ff ff ff ff ff ff ff 7f 78 80 80 80 80 80 80 80 80 80 00", // right first, then zero in ten
    "ff ff ff ff ff ff ff ff ff 02", // 2^64 and more
    "ff ff ff ff ff ff ff ff ff 7f", // ten whole bytes
    "ff ff ff ff ff ff ff ff ff ff 01", // eleven
    "ff ff ff", // cut off
  ];
  for (const digits of wrong) {
    assert.throws(
      () => readId(hex(digits)),
      (error) => error instanceof ParleyError && error.closeReason === CloseReason.PROTOCOL_ERROR,
      digits,
    );
  }
});
