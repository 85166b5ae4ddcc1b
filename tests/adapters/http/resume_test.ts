/**
 * The ids of streams of events: what is written is read again, an id has a greatest length, and what is none is refused.
 */
import assert from "node:assert/strict";
import {
  MAX_ID_CHARACTERS,
  readId,
  startOf,
  StreamPosition,
} from "../../../lib/adapters/http/api/resume.ts";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";

const EPOCH = "0c6e4b2a-0000-4000-8000-000000000000";

Deno.test("http: an id says where a stream began, and how far each topic has come", () => {
  const position = new StreamPosition(EPOCH, { case: "timeUnixMicros", value: 17_000_000n });
  assert.deepEqual(readId(position.first), {
    epoch: EPOCH,
    since: { case: "timeUnixMicros", value: 17_000_000n },
    seqs: new Map(),
  });
  position.passed("a.b", 1);
  position.passed("ü =%", 7);
  const id = position.passed("a.b", Number.MAX_SAFE_INTEGER);
  const read = readId(id!);
  assert.deepEqual([...read.seqs], [
    ["a.b", Number.MAX_SAFE_INTEGER],
    ["ü =%", 7],
  ]);
  const start = startOf(read);
  assert.equal(start.historyEpoch, EPOCH);
  assert.deepEqual(start.positions.map(({ topic, seq }) => [topic, seq]), [
    ["a.b", BigInt(Number.MAX_SAFE_INTEGER)],
    ["ü =%", 7n],
  ]);
  // What was read goes on as what was written.
  const further = new StreamPosition(read.epoch, read.since, read.seqs);
  assert.equal(further.first, id);
  for (
    const since of [
      { case: "all", value: true },
      { case: "seq", value: 3n },
      { case: "last", value: 4 },
    ] as const
  ) {
    assert.deepEqual(readId(new StreamPosition(EPOCH, since).first).since, since);
  }
});

Deno.test("http: past its greatest length an id is left out, and never comes again", () => {
  const position = new StreamPosition(EPOCH, { case: "all", value: true });
  let longest = "";
  let left = 0;
  for (let count = 0; count < 500; count++) {
    const id = position.passed(`topic.${count}`, count + 1);
    if (id === null) left++;
    else {
      assert.equal(left, 0, "none comes behind one that was left out");
      longest = id;
    }
  }
  assert(left > 0 && longest.length <= MAX_ID_CHARACTERS + 100);
  assert.equal(readId(longest).seqs.size, 500 - left);
});

Deno.test("http: what is no id is refused", () => {
  const wrong = [
    "",
    "x",
    "a b",
    `${EPOCH} q1`,
    `${EPOCH} t`,
    `${EPOCH} a k`,
    `${EPOCH} a k=`,
    `${EPOCH} a k=1=2`,
    `${EPOCH} a k=-1`,
    `${EPOCH} a k=9007199254740992`,
    `${EPOCH} a %ff=1`,
    `${EPOCH} l4294967296`,
    `ü a`,
    `${EPOCH} a ${"k=1 ".repeat(1001)}k=1`,
    `${EPOCH} a ${"k".repeat(2 * MAX_ID_CHARACTERS)}=1`,
  ];
  for (const id of wrong) {
    assert.throws(
      () => readId(id),
      (error) => error instanceof ParleyError && error.code === ErrorCode.INVALID_ARGUMENT,
      id.slice(0, 60),
    );
  }
});
