/**
 * Tests the calls under way: each way to end, the bounds, what an ending may do, and random histories
 * against a map.
 *
 * Time is a number that the tests choose; nothing waits.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import {
  CallEndpoint,
  type CallRecord,
  RequestTable,
} from "../../../lib/logic/calls/request_table.ts";
import { Random } from "../../support/random.ts";

type Table = RequestTable<string>;
type Call = CallRecord<string>;

function raises(code: ErrorCode) {
  return (error: unknown) => error instanceof ParleyError && error.code === code;
}

function nobody(): never {
  assert.fail("no call of this kind ends here");
}

function setUp(options?: ConstructorParameters<typeof RequestTable>[0]) {
  const table: Table = new RequestTable<string>(options);
  return { table, caller: new CallEndpoint("caller"), responder: new CallEndpoint("responder") };
}

Deno.test("a call is answered once, by its responder", () => {
  const { table, caller, responder } = setUp();
  const call = table.ask(caller, 7, responder, 100);
  assert.equal(table.get(call.id), call);
  assert.equal(responder.answeringCount, 1);
  assert.equal(table.take(call.id, caller), null, "another connection cannot answer");
  assert.equal(table.take(call.id, responder), call);
  assert.equal(table.take(call.id, responder), null, "a second answer finds nothing");
  assert.deepEqual([table.size, caller.askedCount, responder.answeringCount], [0, 0, 0]);
  assert.equal(table.expire(1e9, nobody), 0);
});

Deno.test("any number may be asked for", () => {
  const { table, caller, responder } = setUp();
  const { id } = table.ask(caller, 1, responder, 100);
  const strange = [0, -1, 0.5, id + 0.5, id + 1024, id + 2 ** 32, 2 ** 53, NaN, Infinity];
  for (const other of strange) assert.equal(table.get(other), null, `${other}`);
});

Deno.test("a caller gives up its own calls only", () => {
  const { table, caller, responder } = setUp();
  const call = table.ask(caller, 7, responder, 100);
  assert.equal(table.cancel(responder, 7), null);
  assert.equal(table.cancel(caller, call.id + 7), null);
  assert.equal(table.cancel(caller, 7), call);
  assert.equal(table.cancel(caller, 7), null);
  assert.equal(table.take(call.id, responder), null);
});

Deno.test("an id of the caller is free again once its call ended; 0 is no id", () => {
  const { table, caller, responder } = setUp();
  const first = table.ask(caller, 7, responder, 100);
  assert.throws(() => table.ask(caller, 7, responder, 100), raises(ErrorCode.ALREADY_EXISTS));
  assert.equal(table.size, 1);
  table.take(first.id, responder);
  assert.notEqual(table.ask(caller, 7, responder, 100).id, first.id);
  table.ask(caller, 0, responder, 100);
  table.ask(caller, 0, responder, 100);
  assert.equal(table.cancel(caller, 0), null);
  assert.equal(table.size, 3);
});

Deno.test("calls are bounded, in all and for each caller", () => {
  const { table, caller, responder } = setUp({ maxCalls: 3, maxCallsPerCaller: 2 });
  table.ask(caller, 1, responder, 100);
  const second = table.ask(caller, 2, responder, 100);
  assert.throws(() => table.ask(caller, 3, responder, 100), raises(ErrorCode.RESOURCE_EXHAUSTED));
  table.ask(responder, 1, caller, 100);
  assert.throws(() => table.ask(responder, 2, caller, 100), raises(ErrorCode.RESOURCE_EXHAUSTED));
  table.take(second.id, responder);
  table.ask(caller, 3, responder, 100);
});

Deno.test("deadlines end calls at their time, however far it lies ahead", () => {
  const { table, caller, responder } = setUp();
  const deadlines = [0, 1, 15, 16, 17, 16_383, 16_384, 16_385, 50_000, 4_294_967_295];
  for (const deadline of deadlines) table.ask(caller, 0, responder, deadline);
  for (const deadline of deadlines) {
    if (deadline > 0) assert.equal(table.expire(deadline - 0.5, nobody), 0);
    const ended: number[] = [];
    assert.equal(table.expire(deadline, (call) => ended.push(call.deadlineMs)), 1);
    assert.deepEqual(ended, [deadline]);
  }
  table.ask(caller, 0, responder, 5);
  assert.equal(
    table.expire(4_294_967_295, () => {}),
    1,
    "a deadline that has passed is due at once",
  );
});

Deno.test("no deadline is passed over when time jumps, wherever it lies", () => {
  for (let deadlineMs = 0; deadlineMs < 20_000; deadlineMs += 16) {
    const { table, caller, responder } = setUp();
    table.ask(caller, 1, responder, deadlineMs);
    assert.equal(table.expire(1_000_000, () => {}), 1, `a deadline at ${deadlineMs} ms`);
  }
});

Deno.test("an ending may ask and end other calls", () => {
  const { table, caller, responder } = setUp();
  for (let i = 1; i <= 5; i++) table.ask(caller, i, responder, 100);
  let ended = 0;
  table.expire(100, () => {
    ended++;
    for (let i = 1; i <= 5; i++) assert.equal(table.cancel(caller, i), null, "all have ended");
    table.ask(caller, 17, responder, 50);
    table.cancel(caller, 17);
  });
  assert.equal(ended, 5);
  assert.equal(table.size, 0);
});

Deno.test("who leaves takes only its own calls along", () => {
  const { table, caller, responder } = setUp();
  const other = new CallEndpoint("other");
  const asked = table.ask(caller, 1, responder, 100);
  const answering = table.ask(other, 1, caller, 100);
  const toItself = table.ask(caller, 2, caller, 100);
  const unrelated = table.ask(other, 2, responder, 100);
  const told: [string, Call][] = [];
  table.removeEndpoint(
    caller,
    (call) => told.push(["asked", call]),
    (call) => told.push(["left", call]),
  );
  assert.deepEqual(
    new Set(told),
    new Set([["asked", asked], ["left", answering], ["asked", toItself]]),
  );
  assert.equal(told.length, 3);
  assert.deepEqual([table.size, other.askedCount, responder.answeringCount], [1, 1, 1]);
  assert.equal(table.get(unrelated.id), unrelated);
  table.removeEndpoint(caller, nobody, nobody);
});

Deno.test("a long call is stepped over when ids come round to its place", () => {
  const { table, caller, responder } = setUp();
  const long = table.ask(caller, 1, responder, 100);
  for (let i = 0; i < 3000; i++) {
    const call = table.ask(caller, 2, responder, 100);
    assert.equal(table.get(long.id), long);
    table.take(call.id, responder);
  }
});

/** One random history; the model is a map by the server's id. */
function history(seed: number): void {
  const random = new Random(seed);
  const table: Table = new RequestTable<string>({ maxCalls: 5000 });
  const endpoints = ["a", "b", "c"].map((name) => new CallEndpoint(name));
  const model = new Map<number, Call>();
  let now = 0;
  const ends = (call: Call, expected: boolean) => {
    assert(expected);
    assert.equal(model.get(call.id), call, "a call ends once");
    model.delete(call.id);
  };
  const steps = seed % 50 === 0 ? 6000 : 100;
  for (let step = 0; step < steps; step++) {
    const party = random.pick(endpoints);
    const dice = random.below(20);
    const some = model.size > 0 && dice < 18 ? random.pick([...model.values()].slice(0, 20)) : null;
    if (dice < 12) {
      const call = table.ask(party, step + 1, random.pick(endpoints), now + random.below(60_000));
      assert(!model.has(call.id));
      model.set(call.id, call);
    } else if (dice < 15 && some !== null) {
      const taken = table.take(some.id, party);
      assert.equal(taken, some.responder === party ? some : null);
      if (taken !== null) model.delete(taken.id);
    } else if (dice < 17 && some !== null) {
      assert.equal(table.cancel(some.caller, some.callerId), some);
      model.delete(some.id);
    } else if (dice < 19) {
      now += random.below(steps > 100 ? 30 : 3000);
      table.expire(now, (call) => ends(call, call.deadlineMs <= now));
      for (const call of model.values()) assert(call.deadlineMs > now, "none is forgotten");
    } else if (random.below(steps > 100 ? 1000 : 4) === 0) {
      table.removeEndpoint(
        party,
        (call) => ends(call, call.caller === party),
        (call) => ends(call, call.responder === party && call.caller !== party),
      );
      for (const { caller, responder } of model.values()) {
        assert(caller !== party && responder !== party);
      }
    }
    assert.equal(table.size, model.size);
  }
  for (const call of model.values()) assert.equal(table.get(call.id), call);
  for (const party of endpoints) {
    const calls = [...model.values()];
    assert.equal(party.askedCount, calls.filter((call) => call.caller === party).length);
    assert.equal(party.answeringCount, calls.filter((call) => call.responder === party).length);
  }
  const left = model.size;
  assert.equal(table.expire(now + 60_000, (call) => ends(call, true)), left);
  assert.equal(table.size, 0);
}

Deno.test("random histories agree with a map", () => {
  for (let seed = 0; seed < 500; seed++) history(seed);
});
