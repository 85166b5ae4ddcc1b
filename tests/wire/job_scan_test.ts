/**
 * What is read of a pushed job by hand: the scan and the options find what the generated class finds, and accept
 * nothing that would break a consumer's parser.
 */
import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { ErrorCode, ParleyError } from "../../lib/base/errors.ts";
import { DEFAULT_LIMITS } from "../../lib/base/limits.ts";
import { JobSchema } from "../../lib/gen/parley/v1/queue_pb.ts";
import { JobOptions, MAX_JOB_DELAY_MS } from "../../lib/services/queues/job_options.ts";
import { PayloadScan } from "../../lib/wire/payload_scan.ts";
import { isUtf8 } from "../../lib/wire/utf8.ts";
import { bytesOf, textIn } from "../support/bus_messages.ts";
import { field, hex, join, varint } from "../support/frames.ts";
import { INVALID_UTF8 } from "../support/invalid_utf8.ts";
import { Random } from "../support/random.ts";

const WALL_MS = 1_700_000_000_000;

function scanned(body: Uint8Array): PayloadScan {
  const scan = new PayloadScan(DEFAULT_LIMITS);
  scan.scan(join(hex("ff ff"), body, hex("ff")), 2, 2 + body.length, "job");
  return scan;
}

function optionsOf(body: Uint8Array): JobOptions {
  const options = new JobOptions();
  options.read(join(hex("ff"), body, hex("ff")), 1, 1 + body.length, WALL_MS);
  return options;
}

function refusal(run: () => unknown): ParleyError {
  try {
    run();
  } catch (error) {
    assert(error instanceof ParleyError, `${error}`);
    return error;
  }
  assert.fail("it was accepted");
}

const text = fc.string({ unit: "binary", maxLength: 60 }).map((each) => each.toWellFormed());
const job = fc.record({
  queue: text,
  payload: fc.uint8Array({ maxLength: 300 }),
  type: text,
  headers: fc.dictionary(text, text, { maxKeys: 3 }),
  messageId: text,
  priority: fc.nat({ max: 9 }),
  key: text,
  delayMs: fc.nat({ max: MAX_JOB_DELAY_MS }).map(BigInt),
});

Deno.test("what the generated class of a job writes is found where it lies", () => {
  fc.assert(
    fc.property(job, (init) => {
      const body = toBinary(JobSchema, create(JobSchema, init));
      const buffer = join(hex("ff ff"), body);
      const scan = scanned(body);
      assert.equal(textIn(buffer.subarray(scan.nameStart, scan.nameEnd)), init.queue);
      assert.equal(textIn(buffer.subarray(scan.typeStart, scan.typeEnd)), init.type);
      const { messageIdStart, messageIdEnd } = scan;
      assert.equal(textIn(buffer.subarray(messageIdStart, messageIdEnd)), init.messageId);
      const { priority, key, delayMs } = init;
      const isPlain = priority === 0 && key === "" && delayMs === 0n;
      assert.equal(scan.hasOptions, !isPlain);
      const options = optionsOf(body);
      assert.equal(options.priority === 0 && options.key === 0 && options.delayMs === 0, isPlain);
      assert.deepEqual([options.priority, options.delayMs], [priority, Number(delayMs)]);
      assert.equal(options.key === 0, key === "");
    }),
    { numRuns: 2000 },
  );
});

Deno.test("every field from 11 to 31 is refused, whatever it holds, and its neighbours are not", () => {
  const queue = field(1, bytesOf("q"));
  for (let number = 11; number <= 31; number++) {
    const stamps = [field(number, bytesOf("x")), join(varint(number * 8), varint(0))];
    for (const stamp of stamps) {
      for (const body of [join(queue, stamp), join(stamp, queue)]) {
        const error = refusal(() => scanned(body));
        assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
        assert.match(error.message, new RegExp(`field ${number} set`));
      }
    }
  }
  for (const number of [10, 32, 1000]) scanned(join(queue, field(number, bytesOf("x"))));
});

Deno.test("a time to run at becomes a delay by the clock, and none when it has passed", () => {
  const delayOf = (runAtUnixMicros: bigint) =>
    optionsOf(toBinary(JobSchema, create(JobSchema, { runAtUnixMicros }))).delayMs;
  const wallMicros = BigInt(WALL_MS) * 1000n;
  assert.equal(delayOf(wallMicros + 1_500n), 1.5);
  assert.equal(delayOf(wallMicros), 0);
  assert.equal(delayOf(wallMicros - 1n), 0);
  assert.equal(delayOf(1n), 0);
  const most = BigInt(MAX_JOB_DELAY_MS) * 1000n;
  assert.equal(delayOf(wallMicros + most), MAX_JOB_DELAY_MS);
  assert.throws(() => delayOf(wallMicros + most + 1000n), ParleyError);
});

Deno.test("of repeated options the last one counts, as for the generated class", () => {
  const number = fc.tuple(fc.constantFrom(6, 8), fc.nat({ max: 9 }))
    .map(([field, value]) => join(varint(field * 8), varint(value)));
  const key = fc.string({ maxLength: 3 }).map((each) => field(7, bytesOf(each)));
  fc.assert(
    fc.property(fc.array(fc.oneof(number, key), { maxLength: 8 }), (pieces) => {
      const body = join(...pieces);
      const decoded = fromBinary(JobSchema, body);
      const options = optionsOf(body);
      assert.equal(options.priority, decoded.priority);
      assert.equal(options.delayMs, Number(decoded.delayMs));
      assert.equal(options.key, optionsOf(field(7, bytesOf(decoded.key))).key);
    }),
  );
});

Deno.test("keys have numbers of their own, the same each time", () => {
  const numberOf = (key: string) => optionsOf(field(7, bytesOf(key))).key;
  const numbers = new Set<number>();
  for (let index = 0; index < 200_000; index++) numbers.add(numberOf(`customer-${index}`));
  assert.equal(numbers.size, 200_000);
  for (const number of numbers) assert(Number.isSafeInteger(number) && number > 0);
  assert.equal(numberOf("customer-7"), numberOf("customer-7"));
  assert.equal(numberOf(""), 0);
});

Deno.test("keys that are not UTF-8, and options of the wrong wire type, are refused", () => {
  for (const [why, digits] of INVALID_UTF8) {
    refusal(() => optionsOf(field(7, hex(digits))));
    assert.equal(scanned(field(7, hex(digits))).hasOptions, true, why);
  }
  for (const digits of ["32 01 41", "38 01", "42 00", "4a 00", "35 00 00 00 00", "0d 00"]) {
    refusal(() => optionsOf(hex(digits)));
  }
});

Deno.test("of random bytes nothing is accepted that a consumer's class refuses", () => {
  const random = new Random(17);
  const of = (init: Parameters<typeof create<typeof JobSchema>>[1]) =>
    toBinary(JobSchema, create(JobSchema, init));
  const seeds = [
    of({ queue: "a.ü", type: "T", messageId: "é", key: "€", priority: 4 }),
    of({ queue: "€", headers: { "ü": "€", b: "" }, delayMs: 5000n }),
    of({ queue: "q", payload: new Uint8Array(9), runAtUnixMicros: 1n, key: "kkk" }),
    join(field(1, bytesOf("é")), field(1, bytesOf("a")), field(7, bytesOf("ü"))),
  ];
  const scan = new PayloadScan(DEFAULT_LIMITS);
  const options = new JobOptions();
  let accepted = 0;
  for (let round = 0; round < 200_000; round++) {
    const bytes = random.mutantOf(seeds);
    try {
      scan.scan(bytes, 0, bytes.length, "job");
      if (scan.hasOptions) options.read(bytes, 0, bytes.length, WALL_MS);
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
      continue;
    }
    // The name and the type are checked by those who look them up.
    if (!isUtf8(bytes, scan.nameStart, scan.nameEnd)) continue;
    if (!isUtf8(bytes, scan.typeStart, scan.typeEnd)) continue;
    accepted++;
    const job = fromBinary(JobSchema, bytes);
    assert.equal(job.sender + job.topic, "");
    assert.deepEqual([job.id, job.token, job.attempt, job.death], [0n, 0n, 0, undefined]);
    for (const text of [job.queue, job.type, job.messageId, job.key]) {
      assert(!text.includes("\ufffd"));
    }
  }
  assert(accepted > 10_000, `${accepted} were accepted`);
});
