/**
 * Records come out as they went in, however the channel cut their bytes.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  HEAD_BYTES,
  MAX_BODY_BYTES,
  numberBody,
  numberIn,
  putHead,
  RECORD,
  type RecordKind,
  RecordReader,
} from "../../../lib/services/forwarding/records.ts";
import { join } from "../../support/frames.ts";

interface Record {
  readonly kind: RecordKind;
  readonly session: number;
  readonly body: Uint8Array;
}

function encode({ kind, session, body }: Record): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + body.length);
  const at = putHead(bytes, 0, { kind, session, length: body.length });
  bytes.set(body, at);
  return bytes;
}

const isData = (kind: number) => kind === RECORD.ask || kind === RECORD.answer;

/** What was read: pieces of data of one session in a row are one. */
function readAll(parts: Iterable<Uint8Array>): Record[] {
  const reader = new RecordReader();
  const read: { kind: RecordKind; session: number; body: Uint8Array }[] = [];
  for (const part of parts) {
    reader.open(part);
    while (reader.next()) {
      const { kind, session, bytes, start, end } = reader;
      const body = bytes.slice(start, end);
      const last = read.at(-1);
      if (last !== undefined && isData(kind) && last.kind === kind && last.session === session) {
        last.body = join(last.body, body);
      } else read.push({ kind: kind as RecordKind, session, body });
    }
  }
  return read;
}

const records = fc.array(
  fc.record({
    kind: fc.constantFrom(...Object.values(RECORD)),
    session: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    body: fc.uint8Array({ maxLength: 40 }),
  }, { noNullPrototype: true }),
  { maxLength: 12 },
);

Deno.test("records are read as they were written, wherever their bytes are cut", () => {
  fc.assert(fc.property(records, fc.array(fc.integer({ min: 1, max: 30 })), (written, cuts) => {
    const bytes = join(...written.map(encode));
    const parts: Uint8Array[] = [];
    for (let at = 0, index = 0; at < bytes.length; index++) {
      const count = cuts.length === 0 ? bytes.length : cuts[index % cuts.length];
      parts.push(bytes.subarray(at, at += count));
    }
    const whole = readAll([bytes]);
    assert.deepEqual(readAll(parts), whole);
    const expected = written.filter(({ kind, body }) => !isData(kind) || body.length > 0);
    const bodies = (list: readonly Record[]) => join(...list.map(({ body }) => body));
    assert.deepEqual(bodies(whole), bodies(expected));
    const control = (list: readonly Record[]) => list.filter(({ kind }) => !isData(kind));
    assert.deepEqual(control(whole), control(expected));
  }));
});

Deno.test("what is no record is refused, and so is a body that is too long", () => {
  const refused = (bytes: Uint8Array) => assert.throws(() => readAll([bytes]), /it sends/);
  refused(new Uint8Array(HEAD_BYTES));
  refused(new Uint8Array(HEAD_BYTES).fill(255));
  const head = new Uint8Array(HEAD_BYTES);
  putHead(head, 0, { kind: RECORD.open, session: 1, length: MAX_BODY_BYTES + 1 });
  refused(head);
  // Data may be as long as a message.
  putHead(head, 0, { kind: RECORD.ask, session: 1, length: MAX_BODY_BYTES + 1 });
  assert.deepEqual(readAll([head]), []);
});

Deno.test("numbers are bodies without loss", () => {
  for (const value of [0, 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    assert.equal(numberIn(join(Uint8Array.of(9), numberBody(value)), 1), value);
  }
});
