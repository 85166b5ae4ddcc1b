/**
 * The three languages in which queues are loaded: bytes as the protocols say, read in pieces of any size,
 * and a count that nothing escapes, be it confirmed twice, refused or late.
 */
import assert from "node:assert/strict";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import {
  amqpFrame,
  amqpFrameBytes,
  amqpMethod,
  longLong,
  longText,
  METHOD,
  octet,
  persistentMessage,
  readLong,
  readLongLong,
  short,
  shortText,
} from "../../bench/load/amqp_frames.ts";
import { frame } from "../../bench/load/dialect_parley.ts";
import { AmqpConsumer, AmqpProducer } from "../../bench/load/queue_amqp.ts";
import type { Incoming } from "../../bench/load/queue_wire.ts";
import { NatsConsumer, NatsProducer } from "../../bench/load/queue_nats.ts";
import { ParleyConsumer, ParleyProducer } from "../../bench/load/queue_parley.ts";
import { concat } from "../../bench/load/target.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NOTHING = new Uint8Array(0);

/** Gives a wire these bytes, in pieces of at most so many; what it counted. */
function feed(wire: Incoming, bytes: Uint8Array, piece = bytes.length): number {
  let jobs = 0;
  for (let at = 0; at < bytes.length;) {
    const space = wire.space();
    const part = bytes.subarray(at, at + Math.min(piece, space.length));
    space.set(part);
    jobs += wire.filled(part.length);
    at += part.length;
  }
  return jobs;
}

const amqpAck = (tag: number, multiple = 0) =>
  amqpMethod(1, METHOD.basicAck, longLong(tag), octet(multiple));

function amqpDelivery(tag: number): Uint8Array {
  const address = [shortText("c"), longLong(tag), octet(0), shortText(""), shortText("q")];
  const header = concat([short(60), short(0), longLong(2), short(0x1000), octet(2)]);
  return concat([
    amqpMethod(1, METHOD.basicDeliver, ...address),
    amqpFrame(2, 1, header),
    amqpFrame(3, 1, encoder.encode("xy")),
  ]);
}

const natsDelivery = (reply: string) => encoder.encode(`MSG queue.q 1 ${reply} 4\r\n\r\n\r\n\r\n`);
const natsAnswer = (text: string) =>
  encoder.encode(`MSG _INBOX.producer.0 1 ${text.length}\r\n${text}\r\n`);

function parleyDelivery(token: bigint, tokenFirst = false): Uint8Array {
  const body = new BinaryWriter();
  if (tokenFirst) body.tag(16, 1).fixed64(token);
  body.tag(1, 2).string("q").tag(2, 2).bytes(new Uint8Array(300)).tag(12, 0).uint64(1n << 40n);
  body.tag(14, 0).uint32(1).tag(30, 5).fixed32(7);
  if (!tokenFirst) body.tag(16, 1).fixed64(token);
  body.tag(17, 0).uint32(30_000);
  return frame(13, body.finish(), 0);
}

/** The tokens of a Settle, and its id. */
function readSettle(bytes: Uint8Array): { tokens: bigint[]; id: number } {
  const reader = new BinaryReader(new BinaryReader(bytes).bytes());
  assert.deepEqual(reader.tag(), [17, 2]);
  const body = new BinaryReader(reader.bytes());
  assert.deepEqual([body.tag(), body.uint32(), body.tag()], [[1, 0], 1, [2, 2]]);
  const packed = new BinaryReader(body.bytes());
  const tokens: bigint[] = [];
  while (packed.pos < packed.len) tokens.push(BigInt(packed.fixed64()));
  assert.deepEqual([body.tag(), body.uint32()], [[3, 0], 1]);
  assert.deepEqual(reader.tag(), [15, 0]);
  return { tokens, id: reader.uint32() };
}

Deno.test("frames of AMQP are what its specification says", () => {
  assert.deepEqual(
    amqpMethod(1, METHOD.basicAck, longLong(5), octet(1)),
    new Uint8Array([1, 0, 1, 0, 0, 0, 13, 0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 5, 1, 0xce]),
  );
  assert.deepEqual(
    persistentMessage(1, "q", encoder.encode("xy")),
    new Uint8Array([
      ...[1, 0, 1, 0, 0, 0, 10, 0, 60, 0, 40, 0, 0, 0, 1, 113, 0, 0xce],
      ...[2, 0, 1, 0, 0, 0, 15, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x10, 0, 2, 0xce],
      ...[3, 0, 1, 0, 0, 0, 2, 120, 121, 0xce],
    ]),
  );
  assert.deepEqual(longText("a"), new Uint8Array([0, 0, 0, 1, 97]));
});

Deno.test("numbers of AMQP are read as they were written", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (value) => {
    assert.equal(readLongLong(longLong(value), 0), value);
  }));
  assert.equal(readLong(new Uint8Array([0xff, 0xff, 0xff, 0xff]), 0), 0xffffffff);
});

Deno.test("a frame of AMQP is there when it is whole, and must end as one", () => {
  const bytes = amqpFrame(3, 1, encoder.encode("xy"));
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(amqpFrameBytes(bytes.subarray(0, length)), undefined);
  }
  assert.equal(amqpFrameBytes(concat([bytes, bytes])), bytes.length);
  const broken = bytes.slice();
  broken[broken.length - 1] = 0;
  assert.throws(() => amqpFrameBytes(broken), /does not end as one/);
});

Deno.test("RabbitMQ's confirms count each message once, in whichever order they come", () => {
  fc.assert(fc.property(
    fc.array(fc.record({ pick: fc.nat(), multiple: fc.boolean() }), { maxLength: 30 }),
    fc.integer({ min: 1, max: 50 }),
    (choices, piece) => {
      const left = new Set(Array.from({ length: 20 }, (_, index) => index + 1));
      const parts: Uint8Array[] = [];
      for (const { pick, multiple } of choices) {
        if (left.size === 0) break;
        const tag = [...left][pick % left.size];
        parts.push(amqpAck(tag, multiple ? 1 : 0));
        for (const each of left) if (each === tag || multiple && each < tag) left.delete(each);
      }
      assert.equal(feed(new AmqpProducer(NOTHING), concat(parts), piece), 20 - left.size);
    },
  ));
  const twice = concat([amqpAck(1), amqpAck(1)]);
  assert.throws(() => feed(new AmqpProducer(NOTHING), twice), /message 1 was confirmed twice/);
});

Deno.test("RabbitMQ's deliveries are acknowledged up to the last whole one", () => {
  const consumer = new AmqpConsumer();
  const bytes = concat([amqpDelivery(1), amqpDelivery(2), amqpDelivery(3)]);
  const cut = bytes.length - 1;
  assert.equal(feed(consumer, bytes.subarray(0, cut), 1), 2);
  assert.deepEqual(consumer.settle(), amqpAck(2, 1));
  assert.deepEqual([consumer.takeDone(), consumer.takeDone()], [2, 0]);
  assert.equal(feed(consumer, bytes.subarray(cut)), 1);
  assert.deepEqual(consumer.settle(), amqpAck(3, 1));
  assert.throws(() => feed(consumer, amqpDelivery(5)), /delivery 5 came after 3/);
});

Deno.test("what RabbitMQ refuses is said", () => {
  const close = amqpMethod(
    ...[1, METHOD.channelClose, short(404), shortText("NOT_FOUND - no queue")] as const,
    ...[short(50), short(10)],
  );
  for (const wire of [new AmqpProducer(NOTHING), new AmqpConsumer()]) {
    assert.throws(() => feed(wire, close), /the server refused: .*NOT_FOUND - no queue/);
  }
});

Deno.test("JetStream's deliveries are acknowledged each, and more are asked for in time", () => {
  const pull = encoder.encode("more\r\n");
  const consumer = new NatsConsumer(4, 2, pull);
  const bytes = concat([
    ...[natsDelivery("$JS.ACK.a.1"), encoder.encode("PING\r\n"), natsDelivery("$JS.ACK.a.2")],
    natsDelivery("$JS.ACK.a.3"),
  ]);
  assert.equal(feed(consumer, bytes, 1), 3);
  const acks = [1, 2, 3].map((each) => `PUB $JS.ACK.a.${each} 4\r\n+ACK\r\n`).join("");
  assert.equal(decoder.decode(consumer.settle()), `${acks}more\r\n`);
  assert.equal(consumer.takeDone(), 3);
  assert.equal(feed(consumer, natsDelivery("$JS.ACK.a.4")), 1);
  assert.equal(
    decoder.decode(consumer.settle()),
    "PUB $JS.ACK.a.4 4\r\n+ACK\r\nmore\r\n",
  );
});

Deno.test("JetStream's answers are counted, and its refusals raise", () => {
  const answer = natsAnswer('{"stream":"Q","seq":1}');
  assert.equal(feed(new NatsProducer(NOTHING), concat([answer, answer]), 3), 2);
  const refused = natsAnswer('{"error":{"code":503},"stream":"Q","seq":0}');
  assert.throws(() => feed(new NatsProducer(NOTHING), refused), /a job was refused: .*503/);
  const error = encoder.encode("-ERR 'Slow Consumer'\r\n");
  assert.throws(() => feed(new NatsProducer(NOTHING), error), /refused: -ERR 'Slow Consumer'/);
  const status = encoder.encode("MSG _INBOX.consumer.0 1 0\r\n\r\n");
  assert.throws(() => feed(new NatsConsumer(1, 1, NOTHING), status), /without a reply subject/);
});

Deno.test("ours are settled by their tokens, and done when that is answered", () => {
  const consumer = new ParleyConsumer(8);
  const ack = frame(5, NOTHING, 1);
  const bytes = concat([ack, parleyDelivery(7n), parleyDelivery(1n << 63n, true)]);
  assert.equal(feed(consumer, bytes, 1), 2);
  const first = readSettle(consumer.settle());
  assert.deepEqual(first.tokens, [7n, 1n << 63n]);
  assert.equal(feed(consumer, parleyDelivery(9n)), 1);
  const second = readSettle(consumer.settle());
  assert.deepEqual(second.tokens, [9n]);
  assert.equal(consumer.takeDone(), 0);
  const level = new Uint8Array([0x10, 2]);
  assert.equal(feed(consumer, frame(14, level, second.id), 1), 0);
  assert.equal(consumer.takeDone(), 1);
  feed(consumer, frame(14, level, first.id));
  assert.equal(consumer.takeDone(), 2);
  assert.throws(() => feed(consumer, frame(14, level, first.id)), /which was not asked/);
});

Deno.test("late tokens and refusals of ours raise", () => {
  const late = new BinaryWriter().tag(1, 2).bytes(new Uint8Array(8)).finish();
  const consumer = new ParleyConsumer(8);
  assert.throws(() => feed(consumer, frame(14, late, 2)), /a token was late/);
  const noToken = frame(13, new BinaryWriter().tag(1, 2).string("q").finish(), 0);
  assert.throws(() => feed(new ParleyConsumer(8), noToken), /without a token/);
  const error = frame(6, new BinaryWriter().tag(2, 2).string("the queue is full").finish(), 1);
  for (const wire of [new ParleyProducer(NOTHING), new ParleyConsumer(8)]) {
    assert.throws(() => feed(wire, error), /the server refused: .*the queue is full/);
  }
  assert.equal(feed(new ParleyProducer(NOTHING), concat([frame(5, NOTHING, 1)]), 1), 1);
});
