/**
 * One pass over an envelope: which member, where its body lies, the id; and what is refused for which
 * reason. That it agrees with the generated classes is for tests/fuzz/scan_agreement_test.ts.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode, ParleyError } from "../../lib/base/errors.ts";
import { MessageScan } from "../../lib/wire/message_scan.ts";
import { addMessage, echoMessage, encode, field, hex, join, varint } from "../support/frames.ts";

function scanned(bytes: Uint8Array): MessageScan {
  const scan = new MessageScan();
  scan.scan(bytes, 0, bytes.length);
  return scan;
}

Deno.test("the member, its body and the id are found, in any order", () => {
  const body = hex("0a 01 41");
  const id = join(hex("78"), varint(300));
  for (const bytes of [join(field(1, body), id), join(id, field(1, body))]) {
    const scan = scanned(bytes);
    assert.equal(scan.member, 1);
    assert.deepEqual(bytes.slice(scan.start, scan.end), body);
    assert.deepEqual(bytes.slice(scan.idStart, scan.idEnd), id);
    assert.equal(scan.idBytes, id.length);
    assert.equal(scan.unknown, 0);
  }
});

Deno.test("every member is known by its number, with bodies of every length of length", () => {
  for (const member of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17]) {
    for (const length of [0, 1, 127, 128, 16_384]) {
      const bytes = field(member, new Uint8Array(length));
      const scan = scanned(bytes);
      assert.equal(scan.member, member);
      assert.equal(scan.end - scan.start, length);
      assert.equal(scan.end, bytes.length);
    }
  }
});

Deno.test("the range that was asked for is all that is looked at", () => {
  const message = encode(echoMessage("abc", 7n));
  const bytes = join(hex("ff ff"), message, hex("ff ff"));
  const scan = new MessageScan();
  scan.scan(bytes, 2, 2 + message.length);
  assert.equal(scan.member, 1);
  assert.deepEqual(bytes.slice(scan.idStart, scan.idEnd), hex("78 07"));
});

Deno.test("a scan leaves nothing for the next one", () => {
  const scan = new MessageScan();
  const first = join(encode(echoMessage("x", 9n)), hex("f0 01 05"));
  scan.scan(first, 0, first.length);
  assert.notEqual(scan.unknown, 0);
  scan.scan(hex(""), 0, 0);
  assert.deepEqual([scan.member, scan.start, scan.end, scan.idBytes, scan.unknown], [
    0,
    0,
    0,
    0,
    0,
  ]);
});

Deno.test("an id of zero is none, the last of several counts, and the largest passes", () => {
  assert.equal(scanned(hex("0a 00 78 00")).idBytes, 0);
  assert.equal(scanned(hex("0a 00 78 05 78 00")).idBytes, 0);
  const twice = scanned(hex("0a 00 78 05 78 06"));
  assert.deepEqual([twice.idStart, twice.idEnd], [4, 6]);
  const largest = join(hex("0a 00 78"), varint(2n ** 64n - 1n));
  assert.equal(scanned(largest).idBytes, 11);
});

Deno.test("fields that are not known are passed over and noted", () => {
  const unknown: [string, number][] = [
    ["a0 01 05", 20],
    ["92 01 01 41", 18],
    ["a2 01 00", 20],
    ["a1 01 00 00 00 00 00 00 00 00", 20],
    ["a5 01 00 00 00 00", 20],
    ["fa ff ff ff 0f 00", 536_870_911],
  ];
  for (const [digits, number] of unknown) {
    assert.equal(scanned(hex(digits)).unknown, number, digits);
    assert.equal(scanned(hex(digits)).member, 0, digits);
    const beside = scanned(join(hex(digits), encode(addMessage(1, 2)), hex(digits)));
    assert.equal(beside.member, 2, digits);
  }
});

const REFUSED: readonly [string, string, RegExp][] = [
  ["two members", "0a 00 12 00", /two members/],
  ["the same member twice", "0a 00 0a 00", /two members/],
  ["field 0", "02 00", /number 0/],
  ["field 0 as a varint", "00 01", /number 0/],
  ["a member as a varint", "08 01", /field 1 with wire type 0/],
  ["a member as fixed64", "11 00 00 00 00 00 00 00 00", /field 2 with wire type 1/],
  ["a member as fixed32", "15 00 00 00 00", /field 2 with wire type 5/],
  ["a member of two bytes' tag as a varint", "80 01 01", /field 16 with wire type 0/],
  ["the last member as fixed32", "8d 01 00 00 00 00", /field 17 with wire type 5/],
  ["two members around the id", "72 00 78 05 82 01 00", /two members/],
  ["a group as a member", "0b 0c", /field 1 with wire type 3/],
  ["a group that is not known", "a3 01 a4 01", /field 20 with wire type 3/],
  ["the end of a group", "a4 01", /field 20 with wire type 4/],
  ["wire type 6", "a6 01 00", /field 20 with wire type 6/],
  ["wire type 7", "a7 01 00", /field 20 with wire type 7/],
  ["the id as bytes", "7a 00", /field 15 with wire type 2/],
  ["the id as fixed32", "7d 00 00 00 00", /field 15 with wire type 5/],
  ["a tag without its value", "0a", /ends within/],
  ["a tag that is cut off", "a2", /ends within/],
  ["a length that is cut off", "0a 80", /ends within/],
  ["a body that is cut off", "0a 05 41", /ends within/],
  ["a body of 2^32 - 1 bytes", "0a ff ff ff ff 0f", /ends within/],
  ["an id that is cut off", "78 80", /ends within/],
  ["an id without its value", "0a 00 78", /ends within/],
  ["fixed64, cut off", "a1 01 00", /ends within/],
  ["fixed32, cut off", "a5 01 00", /ends within/],
  ["a tag that is not minimal", "8a 00 00", /not minimal/],
  ["a length that is not minimal", "0a 80 00", /not minimal/],
  ["a length beyond 32 bits", "0a ff ff ff ff 1f", /not minimal or too long/],
  ["a length of six bytes", "0a 80 80 80 80 80 01", /not minimal or too long/],
  ["a tag of six bytes", "82 80 80 80 80 01 00", /not minimal or too long/],
  ["an id that is not minimal", "78 81 00", /not minimal/],
  ["an id beyond 64 bits", "78 ff ff ff ff ff ff ff ff ff 02", /not minimal or too long/],
  ["an id of eleven bytes", "78 80 80 80 80 80 80 80 80 80 80 01", /not minimal or too long/],
];

Deno.test("what is no message of ours is refused, for its own reason", () => {
  for (const [name, digits, reason] of REFUSED) {
    assert.throws(() => scanned(hex(digits)), (error: unknown) => {
      assert(error instanceof ParleyError, name);
      assert.equal(error.code, ErrorCode.INVALID_ARGUMENT, name);
      assert.equal(error.closeReason, CloseReason.PROTOCOL_ERROR, name);
      assert.match(error.message, reason, name);
      return true;
    });
  }
});

Deno.test("every proper prefix of a message is refused or is a message itself, never read beyond", () => {
  const message = join(encode(echoMessage("x".repeat(200), 2n ** 40n)), hex("a2 01 01 41"));
  for (let length = 0; length < message.length; length++) {
    // The bytes behind the prefix would make it whole: reading them would be noticed.
    const scan = new MessageScan();
    try {
      scan.scan(message, 0, length);
      assert(scan.end <= length && scan.idEnd <= length, `${length}`);
    } catch (error) {
      assert(error instanceof ParleyError, `${length}`);
      assert.match(error.message, /ends within/);
    }
  }
});
