/**
 * Runs of events: the bytes that each receiver gets, their order whatever comes between, and who is asked
 * when an outbox is full.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { ServerMessageSchema } from "../../lib/gen/parley/v1/envelope_pb.ts";
import { EventSchema } from "../../lib/gen/parley/v1/event_pb.ts";
import { SlabPool } from "../../lib/wire/slab_pool.ts";
import { Fanout, FLUSHED_AT_ONCE, FLUSHED_BYTES, type Receiver } from "../../lib/wire/fanout.ts";
import type { Outbox } from "../../lib/wire/outbox.ts";
import { OutboxBudget } from "../../lib/wire/outbox_budget.ts";
import { groupStamp, SenderStamps } from "../../lib/wire/stamp.ts";
import { bytesOf } from "../support/bus_messages.ts";
import { field, join, prefix } from "../support/frames.ts";
import { makeOutbox, ManualWriter, turn } from "../support/outbox.ts";

/** Room enough for everything in these tests. */
const ROOM = 64 * 1024 * 1024;
const GROUP = groupStamp("workers");
const PUBLISHER = { who: "publisher" };

interface TestReceiver extends Receiver {
  readonly outbox: Outbox;
  readonly writer: ManualWriter;
}

/** One for all: a pool takes memory in large pieces. */
const pool = new SlabPool();

function makeReceiver(owner: object = {}, echo = false, waitedFor = true): TestReceiver {
  const writer = new ManualWriter();
  const { outbox } = makeOutbox(writer.write, pool);
  return { owner, outbox, echo, overflow: 0, waitedFor, writer };
}

/** What the fan-outs of these tests have told of their work. */
let spent = 0;

function makeFanout(
  overflow: (receiver: TestReceiver, frames: Uint8Array, length: number) => boolean = () =>
    assert.fail("nothing is full"),
  maxOutboxBytes = ROOM,
  later: () => void = () => {},
): Fanout<TestReceiver> {
  const turns = { spend: (units: number) => void (spent += units) };
  const budget = new OutboxBudget(4 * ROOM);
  const context = { limits: { maxOutboxBytes }, budget, pool, turns };
  return new Fanout<TestReceiver>(context, overflow, later);
}

function makeStamps(): SenderStamps {
  const stamps = new SenderStamps("s-1");
  stamps.setTime(1_700_000_000_000);
  return stamps;
}

function eventBody(number: number, payloadBytes: number): Uint8Array {
  const payload = new Uint8Array(payloadBytes).fill(number);
  return toBinary(EventSchema, create(EventSchema, { topic: `t.${number}`, payload }));
}

/** The frame of an event as it must arrive. */
function expectedFrame(body: Uint8Array, stamps: SenderStamps, group?: Uint8Array): Uint8Array {
  const event = join(body, stamps.bytes.subarray(0, stamps.length), group ?? new Uint8Array(0));
  const message = field(3, event);
  return join(prefix(message.length, "delimited"), message);
}

function waiting(receiver: TestReceiver): Uint8Array {
  const { pieces, bytes, length } = receiver.outbox;
  return join(
    ...pieces.map((piece) => piece.bytes.subarray(piece.start, piece.end)),
    bytes.subarray(0, length),
  );
}

/** The stamps of an event, and who publishes it. */
type Stamped = Pick<SenderStamps, "bytes" | "length"> & { readonly publisher?: object };

/** Adds an event that lies somewhere in a larger buffer. */
function add(
  fanout: Fanout<TestReceiver>,
  to: readonly TestReceiver[],
  body: Uint8Array,
  { bytes, length, publisher = PUBLISHER }: Stamped,
): void {
  const buffer = join(bytesOf("before"), body, bytesOf("behind"));
  const taken: unknown = fanout.add(
    to,
    publisher,
    buffer,
    6,
    6 + body.length,
    bytes,
    length,
  );
  // False: handing out what was there before has left somebody to the overflow.
  if (taken === false) add(fanout, to, body, { bytes, length, publisher });
}

Deno.test("a delivery is the published bytes with the stamps behind them", () => {
  const [fanout, receiver, stamps] = [makeFanout(), makeReceiver(), makeStamps()];
  const body = eventBody(7, 1000);
  add(fanout, [receiver], body, stamps);
  assert.equal(receiver.outbox.length, 0, "the run is not handed out yet");
  fanout.endTurn();
  const [batch] = receiver.writer.batches;
  assert.deepEqual(batch, expectedFrame(body, stamps));
  const message = fromBinary(ServerMessageSchema, batch.subarray(2));
  assert(message.message.case === "event");
  assert.equal(message.message.value.sender, "s-1");
  assert.equal(message.message.value.timeUnixMicros, 1_700_000_000_000_000n);
  assert.equal(message.message.value.payload.length, 1000);
});

Deno.test("whatever alternates and comes between, each receiver gets its own in order", () => {
  const lists = [[0], [0, 1], [1], [2, 0, 1], [], [3], [3, 1]];
  const size = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 200 }) },
    { weight: 2, arbitrary: fc.integer({ min: 20_000, max: 80_000 }) },
    { weight: 1, arbitrary: fc.constantFrom(120, 127, 128, 16_383, 65_400, 200_000) },
  );
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant("event" as const),
        list: fc.nat({ max: lists.length - 1 }),
        size,
      }),
    },
    fc.record({ do: fc.constant("member" as const), list: fc.nat({ max: 3 }), size }),
    fc.record({ do: fc.constant("frame" as const), list: fc.nat({ max: 3 }), size }),
    fc.record({ do: fc.constantFrom("flush" as const), list: fc.nat({ max: 0 }), size }),
    fc.record({ do: fc.constantFrom("turn" as const), list: fc.nat({ max: 0 }), size }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const [fanout, stamps] = [makeFanout(), makeStamps()];
      // The third receiver is the publisher's own without echo, the fourth with it.
      const receivers = [{}, {}, PUBLISHER, PUBLISHER].map((owner, index) =>
        makeReceiver(owner, index === 3)
      );
      const to = lists.map((list) => list.map((index) => receivers[index]));
      const expected: Uint8Array[][] = receivers.map(() => []);
      let events = 0;
      for (const [number, { do: what, list, size }] of steps.entries()) {
        const body = eventBody(number, size);
        if (what === "event") {
          // The same list, or one that means the same.
          add(fanout, number % 2 === 0 ? to[list] : to[list].slice(), body, stamps);
          for (const index of lists[list]) {
            if (index === 2) continue;
            expected[index].push(expectedFrame(body, stamps));
            events++;
          }
        } else if (what === "member") {
          const { bytes, length } = stamps;
          fanout.addForMember(receivers[list], body, 0, body.length, bytes, length, GROUP);
          expected[list].push(expectedFrame(body, stamps, GROUP));
          events++;
        } else if (what === "frame") {
          fanout.addFrame(receivers[list], expectedFrame(body, stamps));
          expected[list].push(expectedFrame(body, stamps));
          events++;
        } else if (what === "flush") fanout.flushRun();
      }
      fanout.flushRun();
      let bytes = 0;
      for (const [index, receiver] of receivers.entries()) {
        const whole = join(...expected[index]);
        bytes += whole.length;
        assert.equal(Buffer.compare(waiting(receiver), whole), 0, `receiver ${index}`);
      }
      assert.equal(fanout.deliveredEvents, events);
      assert.equal(fanout.deliveredBytes, bytes);
    }),
    { numRuns: 300 },
  );
});

Deno.test("flushRun says how many connections the last events went to", () => {
  const [fanout, stamps] = [makeFanout(), makeStamps()];
  const own = makeReceiver(PUBLISHER);
  const three = [makeReceiver(), own, makeReceiver()];
  const small = eventBody(1, 10);
  assert.equal(fanout.flushRun(), 0);
  add(fanout, three, small, stamps);
  assert.equal(fanout.flushRun(), 2, "not the publisher itself");
  assert.equal(fanout.flushRun(), 0);
  for (const bytes of [63_000, 65_536, 70_000, 400_000]) {
    add(fanout, three, eventBody(1, bytes), stamps);
    assert.equal(fanout.flushRun(), 2, `an event of ${bytes} bytes`);
  }
  const { bytes, length } = stamps;
  add(fanout, [own], small, { bytes, length, publisher: { another: "publisher" } });
  assert.equal(fanout.flushRun(), 1, "of another publisher");
});

Deno.test("a run that is full is handed out, and does not grow with the turn", () => {
  const [fanout, receiver, stamps] = [makeFanout(), makeReceiver(), makeStamps()];
  const to = [receiver];
  let most = 0;
  let handedOut = 0;
  for (let number = 0; number < 1000; number++) {
    add(fanout, to, eventBody(number, 1000), stamps);
    most = Math.max(most, receiver.outbox.size - handedOut);
    handedOut = receiver.outbox.size;
  }
  assert(handedOut > 900_000, `${handedOut}`);
  assert(most >= 64 * 1024 && most < 68 * 1024, `${most}`);
});

Deno.test("one turn is one write a connection, and an outbox that got nothing is left alone", async () => {
  const [fanout, stamps] = [makeFanout(), makeStamps()];
  const [one, other, third] = [makeReceiver(), makeReceiver(), makeReceiver()];
  for (let number = 0; number < 300; number++) {
    add(fanout, number % 3 === 0 ? [one] : [one, other], eventBody(number, 5), stamps);
  }
  assert.equal(one.writer.batches.length, 0, "nothing leaves within the turn");
  fanout.endTurn();
  assert.deepEqual([one, other, third].map((each) => each.writer.batches.length), [1, 1, 0]);
  await one.writer.succeed();
  await other.writer.succeed();
  fanout.endTurn();
  assert.equal(one.writer.batches.length, 1, "nothing is left of the last turn");
  fanout.touch(third.outbox);
  fanout.touch(third.outbox);
  third.outbox.append(bytesOf("x"), 1);
  fanout.endTurn();
  assert.deepEqual(third.writer.texts, ["x"]);
  await turn();
});

Deno.test("what does not fit is left to the overflow, whole frames and all of them", () => {
  const asked: { receiver: TestReceiver; frames: Uint8Array }[] = [];
  const fanout = makeFanout((receiver, frames, length) => {
    asked.push({ receiver, frames: frames.slice(0, length) });
    return receiver === lenient;
  }, 1000);
  const stamps = makeStamps();
  const [full, lenient, empty] = [makeReceiver(), makeReceiver(), makeReceiver()];
  full.outbox.append(new Uint8Array(900), 900);
  lenient.outbox.append(new Uint8Array(900), 900);
  const bodies = [eventBody(1, 50), eventBody(2, 50)];
  const frames = join(...bodies.map((body) => expectedFrame(body, stamps)));
  const all = [full, empty, lenient];
  for (const body of bodies) add(fanout, all, body, stamps);
  assert.equal(fanout.flushRun(), 2, "those who took it, and the one whose policy did");
  assert.deepEqual(asked, [{ receiver: full, frames }, { receiver: lenient, frames }]);
  assert.deepEqual(waiting(empty), frames);
  assert.equal(full.outbox.length, 900);
  assert.equal(fanout.deliveredEvents, 2, "what an overflow kept, it counts itself");
  const exact = makeReceiver();
  exact.outbox.append(new Uint8Array(1000), 1000 - frames.length);
  assert(fanout.addFrame(exact, frames), "up to the last byte");
  exact.outbox.rewind(1000 - frames.length + 1);
  assert(!fanout.addFrame(exact, frames), "and not one more");
});

Deno.test("receivers of one connection whose policies differ share no run", () => {
  const asked: [unknown, Uint8Array][] = [];
  const fanout = makeFanout((receiver, frames, length) => {
    asked.push([receiver.overflow, frames.slice(0, length)]);
    return false;
  }, 100);
  const stamps = makeStamps();
  const one = makeReceiver();
  one.outbox.append(new Uint8Array(90), 90);
  const strict = { ...one, overflow: 1 };
  const bodies = [1, 2, 3].map((number) => eventBody(number, 30));
  const receivers = [one, strict, { ...strict }];
  for (const [index, body] of bodies.entries()) add(fanout, [receivers[index]], body, stamps);
  fanout.endTurn();
  const frames = bodies.map((body) => expectedFrame(body, stamps));
  assert.deepEqual(asked, [[0, frames[0]], [1, join(frames[1], frames[2])]]);
});

Deno.test("an outbox that has failed is left to the overflow", () => {
  const asked: TestReceiver[] = [];
  const fanout = makeFanout((receiver) => {
    asked.push(receiver);
    return false;
  });
  const receiver = makeReceiver();
  receiver.outbox.fail(new Error("gone"));
  add(fanout, [receiver], eventBody(1, 10), makeStamps());
  assert.equal(fanout.flushRun(), 0);
  assert.deepEqual(asked, [receiver]);
  assert.equal(receiver.outbox.length, 0);
});

Deno.test("endTurn names each receiver once that is behind and to be waited for", () => {
  const fanout = makeFanout(() => false, 1000);
  const stamps = makeStamps();
  const [slow, other, patient, quick] = [
    makeReceiver(),
    makeReceiver(),
    makeReceiver({}, false, false),
    makeReceiver(),
  ];
  for (const each of [slow, other, patient]) each.outbox.append(new Uint8Array(500), 500);
  const all = [slow, other, patient, quick];
  for (let number = 0; number < 3; number++) {
    add(fanout, all, eventBody(number, 20), stamps);
    fanout.flushRun();
  }
  assert.deepEqual(fanout.endTurn(), [slow, other]);
  assert.deepEqual(fanout.endTurn(), []);
  add(fanout, [slow], eventBody(9, 20), stamps);
  assert.deepEqual(fanout.endTurn(), [slow], "in the next turn again");
});

Deno.test("handing out counts as work, by receivers and bytes", () => {
  const fanout = makeFanout(undefined, ROOM);
  const stamps = makeStamps();
  const cost = (receivers: readonly TestReceiver[], bytes: number): number => {
    const before = spent;
    add(fanout, receivers, eventBody(1, bytes), stamps);
    fanout.flushRun();
    return spent - before;
  };
  const few = Array.from({ length: 4 }, () => makeReceiver());
  const many = Array.from({ length: 400 }, () => makeReceiver());
  assert(cost(few, 10) < 2, "next to nothing for a few");
  assert(cost(many, 10) >= 100, "some units for hundreds");
  assert(cost(few, 64 * 1024) >= 32, "as many again for large events");
});

Deno.test("a turn flushes so many outboxes, and the others in the order in which they came", () => {
  let later = 0;
  const fanout = makeFanout(undefined, ROOM, () => later++);
  const stamps = makeStamps();
  const written = (receivers: readonly TestReceiver[]) =>
    receivers.map(({ writer }) => writer.batches.length);
  const publish = (receivers: readonly TestReceiver[], number: number) => {
    const body = eventBody(number, 10);
    fanout.add(receivers, PUBLISHER, body, 0, body.length, stamps.bytes, stamps.length);
    fanout.endTurn();
  };
  const few = Array.from({ length: FLUSHED_AT_ONCE }, () => makeReceiver());
  publish(few, 1);
  assert.equal(later, 0);
  assert(written(few).every((count) => count === 1));
  const many = Array.from({ length: 2 * FLUSHED_AT_ONCE + 1 }, () => makeReceiver());
  publish(many, 2);
  assert.equal(later, 1);
  assert.deepEqual(written(many), many.map((_, index) => index < FLUSHED_AT_ONCE ? 1 : 0));
  // Whoever comes meanwhile stands behind them, and what they get gathers.
  publish([many[2 * FLUSHED_AT_ONCE], few[0]], 3);
  assert.equal(later, 2);
  assert.deepEqual(written(many), many.map((_, index) => index < 2 * FLUSHED_AT_ONCE ? 1 : 0));
  assert.equal(fanout.flushSome(), false);
  assert(written(many).every((count) => count === 1));
  assert.equal(many.at(-1)!.writer.batches[0].length > many[0].writer.batches[0].length, true);
});

Deno.test("a turn flushes so many bytes and one outbox more", () => {
  let later = 0;
  const fanout = makeFanout(undefined, ROOM, () => later++);
  const stamps = makeStamps();
  const receivers = Array.from({ length: 5 }, () => makeReceiver());
  const body = eventBody(1, FLUSHED_BYTES / 2);
  fanout.add(receivers, PUBLISHER, body, 0, body.length, stamps.bytes, stamps.length);
  fanout.endTurn();
  const written = () => receivers.map(({ writer }) => writer.batches.length);
  assert.deepEqual([written(), later], [[1, 1, 0, 0, 0], 1]);
  assert.equal(fanout.flushSome(), true);
  assert.deepEqual(written(), [1, 1, 1, 1, 0]);
  assert.equal(fanout.flushSome(), false);
  assert.deepEqual(written(), [1, 1, 1, 1, 1]);
});
