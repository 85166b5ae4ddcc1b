/**
 * What may be handed on without decoding: the scan of events and calls agrees with the generated classes
 * on what it accepts, holds its limits, and lets nothing through that would break a receiver's parser.
 */
import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { CloseReason, ErrorCode, ParleyError } from "../../lib/base/errors.ts";
import { DEFAULT_LIMITS, type Limits } from "../../lib/base/limits.ts";
import { EventSchema } from "../../lib/gen/parley/v1/event_pb.ts";
import { CallSchema } from "../../lib/gen/parley/v1/service_pb.ts";
import { PayloadScan } from "../../lib/wire/payload_scan.ts";
import { isUtf8 } from "../../lib/wire/utf8.ts";
import { bytesOf, textIn } from "../support/bus_messages.ts";
import { field, hex, join, textOf, varint } from "../support/frames.ts";
import { INVALID_UTF8 } from "../support/invalid_utf8.ts";
import { Random } from "../support/random.ts";

const NAME = 1;
const PAYLOAD = 2;
const TYPE = 3;
const HEADERS = 4;
const MESSAGE_ID = 5;

function scanned(
  body: Uint8Array,
  extra: "event" | "call" = "event",
  limits: Partial<Limits> = {},
): PayloadScan {
  const scan = new PayloadScan({ ...DEFAULT_LIMITS, ...limits });
  // Not at the beginning of its buffer, and not alone in it.
  scan.scan(join(hex("ff ff"), body, hex("ff")), 2, 2 + body.length, extra);
  return scan;
}

function refusal(
  body: Uint8Array,
  extra: "event" | "call" = "event",
  limits: Partial<Limits> = {},
): ParleyError {
  try {
    scanned(body, extra, limits);
  } catch (error) {
    assert(error instanceof ParleyError, `${error}`);
    return error;
  }
  assert.fail("it was accepted");
}

function accepts(body: Uint8Array, limits: Partial<Limits> = {}): void {
  scanned(body, "event", limits);
}

function header(key: Uint8Array, value: Uint8Array): Uint8Array {
  return field(HEADERS, join(field(1, key), field(2, value)));
}

const wellFormed = fc.string({ unit: "binary", maxLength: 300 })
  .map((text) => text.toWellFormed());
const headers = fc.dictionary(wellFormed, wellFormed, { maxKeys: 4 });
const payload = fc.uint8Array({ maxLength: 400 });

Deno.test("what the generated class of an event writes is found where it lies", () => {
  const wide = { maxMessageIdBytes: 2000 };
  fc.assert(
    fc.property(wellFormed, payload, wellFormed, headers, wellFormed, (...values) => {
      const [topic, payload, type, headers, messageId] = values;
      const body = toBinary(
        EventSchema,
        create(EventSchema, { topic, payload, type, headers, messageId }),
      );
      const buffer = join(hex("ff ff"), body);
      const scan = scanned(body, "event", wide);
      assert.equal(textIn(buffer.subarray(scan.nameStart, scan.nameEnd)), topic);
      assert.equal(textIn(buffer.subarray(scan.typeStart, scan.typeEnd)), type);
      assert.deepEqual(
        buffer.slice(scan.payloadStart, scan.payloadEnd),
        new Uint8Array(payload),
      );
    }),
  );
});

Deno.test("what the generated class of a call writes is found, with its time-out", () => {
  const timeout = fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ max: 300 }));
  fc.assert(
    fc.property(wellFormed, payload, headers, timeout, (method, payload, headers, number) => {
      const timeoutMs = number >>> 0;
      const body = toBinary(
        CallSchema,
        create(CallSchema, { method, payload, headers, timeoutMs }),
      );
      const buffer = join(hex("ff ff"), body);
      const scan = scanned(body, "call");
      assert.equal(textIn(buffer.subarray(scan.nameStart, scan.nameEnd)), method);
      assert.equal(scan.timeoutMs, timeoutMs);
      assert.deepEqual(
        buffer.slice(scan.payloadStart, scan.payloadEnd),
        new Uint8Array(payload),
      );
    }),
  );
});

Deno.test("of repeated fields the last one counts, as for the generated class", () => {
  const piece = fc.oneof(
    fc.tuple(fc.constantFrom(NAME, TYPE, MESSAGE_ID), wellFormed.map(bytesOf)),
    fc.tuple(fc.constantFrom(PAYLOAD, 6, 10, 15, 16, 3000), fc.uint8Array({ maxLength: 200 })),
  ).map(([number, body]) => field(number, body));
  const number = fc.tuple(fc.constantFrom(7, 9, 17), fc.integer({ min: 0, max: 2 ** 31 }))
    .map(([field, value]) => join(varint(field * 8), varint(value)));
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, number), { maxLength: 12 }), (pieces) => {
      const body = join(...pieces);
      const event = fromBinary(EventSchema, body);
      const scan = scanned(body, "event", { maxMessageIdBytes: 2000 });
      const buffer = join(hex("ff ff"), body);
      assert.equal(textIn(buffer.subarray(scan.nameStart, scan.nameEnd)), event.topic);
      assert.equal(textIn(buffer.subarray(scan.typeStart, scan.typeEnd)), event.type);
      assert.deepEqual(
        buffer.slice(scan.payloadStart, scan.payloadEnd),
        new Uint8Array(event.payload),
      );
    }),
  );
});

Deno.test("fields that only the server sets are refused, and the connection lives", () => {
  const stamps = [
    field(11, bytesOf("me")),
    join(varint(12 * 8), varint(1)),
    join(varint(13 * 8), varint(1)),
    field(14, bytesOf("g")),
    // Whatever their wire type, since a later version of the server may look at them.
    field(13, bytesOf("x")),
    join(varint(11 * 8), varint(0)),
  ];
  for (const extra of ["event", "call"] as const) {
    for (const stamp of stamps) {
      for (const body of [stamp, join(field(NAME, bytesOf("a")), stamp, field(PAYLOAD, stamp))]) {
        const error = refusal(body, extra);
        assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
        assert.equal(error.closeReason, CloseReason.UNSPECIFIED);
        assert.match(error.message, /field 1[1-4] set: only the server sets it/);
      }
    }
  }
  for (const neighbour of [10, 15]) accepts(field(neighbour, bytesOf("x")));
});

Deno.test("what is no protobuf message ends the connection", () => {
  const malformed = [
    ["a length behind the end", "0a 05 61"],
    ["a payload behind the end", "12 ff 01 00"],
    ["a tag without a length", "0a"],
    ["a length that is cut off", "12 80"],
    ["a length that is not minimal", "0a 81 00 61"],
    ["a long length that is not minimal", "12 80 80 00"],
    ["a length of five bytes", "12 81 80 80 80 01"],
    ["a tag that is not minimal", "8a 00 01 61"],
    ["field 0", "02 00"],
    ["a topic that is a number", "08 01"],
    ["a payload of 32 bits", "15 00 00 00 00"],
    ["a type of 64 bits", "19 00 00 00 00 00 00 00 00"],
    ["a group", "33 34"],
    ["the end of a group", "34"],
    ["wire type 6", "36"],
    ["a header that is a number", "20 01"],
    ["a header whose key is a number", "22 02 08 01"],
    ["a header that ends within its value", "22 03 12 05 61"],
    ["a message_id that is a number", "28 01"],
    ["an unknown number that is not minimal", "38 80 00"],
    ["an unknown 32 bits that are cut off", "3d 00 00"],
  ] as const;
  for (const [what, digits] of malformed) {
    for (const before of ["", "0a 01 61"]) {
      const error = refusal(hex(before + digits));
      assert.equal(error.closeReason, CloseReason.PROTOCOL_ERROR, what);
      assert.equal(error.code, ErrorCode.INVALID_ARGUMENT, what);
    }
  }
  assert.equal(
    refusal(hex("2a 01 61"), "call").closeReason,
    CloseReason.PROTOCOL_ERROR,
    "a time-out that is a text",
  );
});

Deno.test("text that is not UTF-8 ends the connection, wherever it hides", () => {
  for (const [why, digits] of INVALID_UTF8) {
    const bad = hex(digits);
    const good = bytesOf("good");
    const places = [
      ["a header's key", header(bad, good)],
      ["a header's value", header(good, bad)],
      ["the key of a second header", join(header(good, good), header(bad, good))],
      ["a message_id", field(MESSAGE_ID, bad)],
      ["a message_id that another follows", join(field(MESSAGE_ID, bad), field(MESSAGE_ID, good))],
      ["a topic that another follows", join(field(NAME, bad), field(NAME, good))],
      ["the first of three topics", join(field(NAME, bad), field(NAME, good), field(NAME, good))],
      ["a type that another follows", join(field(TYPE, bad), field(TYPE, good))],
      ["a topic that an empty one follows", join(field(NAME, bad), field(NAME, hex("")))],
    ] as const;
    for (const [where, body] of places) {
      const error = refusal(body);
      assert.equal(error.closeReason, CloseReason.PROTOCOL_ERROR, `${why} in ${where}`);
    }
    accepts(field(PAYLOAD, bad));
  }
});

Deno.test("headers and ids are taken up to their limits, and not beyond", () => {
  const limits = { maxHeaders: 3, maxHeadersBytes: 40, maxMessageIdBytes: 10 };
  const one = header(bytesOf("k"), bytesOf("v"));
  accepts(join(one, one), limits);
  accepts(join(one, one, one), limits);
  const many = refusal(join(one, one, one, one), "event", limits);
  assert.equal(many.code, ErrorCode.RESOURCE_EXHAUSTED);
  assert.equal(many.accepted, "at most 3 headers");
  assert.equal(many.closeReason, CloseReason.UNSPECIFIED);
  // An entry is its two fields: 2 + 1 bytes for the key, 2 + n for the value.
  const ofBytes = (bytes: number) => header(bytesOf("k"), bytesOf("v".repeat(bytes - 5)));
  accepts(ofBytes(39), limits);
  accepts(ofBytes(40), limits);
  accepts(join(ofBytes(20), ofBytes(20)), limits);
  for (const large of [ofBytes(41), join(ofBytes(20), ofBytes(21))]) {
    const error = refusal(large, "event", limits);
    assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
    assert.equal(error.accepted, "at most 40 bytes of headers");
    assert.equal(error.closeReason, CloseReason.UNSPECIFIED);
  }
  accepts(field(MESSAGE_ID, bytesOf(textOf(9))), limits);
  accepts(field(MESSAGE_ID, bytesOf(textOf(10))), limits);
  const long = refusal(field(MESSAGE_ID, bytesOf(textOf(11))), "event", limits);
  assert.equal(long.code, ErrorCode.INVALID_ARGUMENT);
  assert.match(long.message, /message_id of 11 bytes/);
  assert.equal(long.closeReason, CloseReason.UNSPECIFIED);
});

Deno.test("one scan serves many messages and remembers nothing of the last", () => {
  const scan = new PayloadScan({ ...DEFAULT_LIMITS, maxHeaders: 2 });
  const full = join(
    field(NAME, bytesOf("a")),
    field(TYPE, bytesOf("T")),
    field(PAYLOAD, bytesOf("p")),
    header(bytesOf("k"), bytesOf("v")),
    header(bytesOf("l"), bytesOf("v")),
  );
  for (let round = 0; round < 3; round++) {
    scan.scan(full, 0, full.length, "event");
    assert.throws(() => scan.scan(hex("0a 05"), 0, 2, "event"), ParleyError);
    scan.scan(full, 0, 0, "call");
    assert.equal(scan.nameEnd - scan.nameStart, 0);
    assert.equal(scan.typeEnd - scan.typeStart, 0);
    assert.equal(scan.payloadEnd - scan.payloadStart, 0);
    assert.equal(scan.timeoutMs, 0);
  }
});

Deno.test("of random bytes nothing is accepted that a receiver's class refuses", () => {
  const random = new Random(7);
  const seeds = [
    toBinary(EventSchema, create(EventSchema, { topic: "a.ü", type: "T", messageId: "é" })),
    toBinary(EventSchema, create(EventSchema, { topic: "€", headers: { "ü": "€", b: "" } })),
    join(field(NAME, bytesOf("é")), field(NAME, bytesOf("a")), field(TYPE, bytesOf("ü"))),
    join(field(900, bytesOf("x")), hex("3d 01 02 03 04"), field(TYPE, bytesOf("T"))),
  ];
  const scan = new PayloadScan(DEFAULT_LIMITS);
  let accepted = 0;
  for (let round = 0; round < 200_000; round++) {
    const bytes = random.mutantOf(seeds);
    try {
      scan.scan(bytes, 0, bytes.length, "event");
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
      continue;
    }
    // The name and the type are checked by those who look them up.
    if (!isUtf8(bytes, scan.nameStart, scan.nameEnd)) continue;
    if (!isUtf8(bytes, scan.typeStart, scan.typeEnd)) continue;
    accepted++;
    const event = fromBinary(EventSchema, bytes);
    assert.equal(event.sender + event.group, "");
    for (const text of [event.topic, event.type, event.messageId]) assert(!text.includes("\ufffd"));
  }
  assert(accepted > 10_000, `${accepted} were accepted`);
});
