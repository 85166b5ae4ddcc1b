/**
 * Requests that are larger, or of more fields, than any that makes sense are refused before they are decoded, and
 * those just below are not.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { MAX_REDRIVEN_IDS } from "../../../lib/base/limits.ts";
import { MAX_CONTROL_BYTES, MAX_FIELDS } from "../../../lib/services/connection/decode_body.ts";
import { bytesOf, call, subscribe } from "../../support/bus_messages.ts";
import { contentOf, join, type ServerMessage, varint } from "../../support/frames.ts";
import type { MemoryPeer } from "../../support/memory_bus.ts";
import { lengthDelimited, MEMBERS } from "../../support/own_requests.ts";
import { until } from "../../support/until.ts";
import { KeptBus } from "../kept/kept_support.ts";

const EVENTS = [
  "event",
  "echo_message",
  "add_request",
  "call",
  "answer",
  "cancel",
  "job",
  "settle",
];
const ID = join(varint(15 * 8), varint(7));
/** A field that no message has, in three bytes. */
const UNKNOWN = join(varint(1000 * 8), varint(1));
const START_FIELD = 6;

/** What is said to a message of these bytes; a session for each. */
async function answerTo(bus: KeptBus, body: Uint8Array): Promise<ServerMessage | undefined> {
  const peer = bus.connect();
  const message = join(body, ID);
  peer.link.feed(join(varint(message.length), message));
  await bus.settle();
  return peer.take()[0];
}

const repeated = (bytes: Uint8Array, times: number) => join(...Array(times).fill(bytes));

for (const { name, embed } of MEMBERS.filter(({ name }) => !EVENTS.includes(name))) {
  Deno.test(`${name} of too many fields, or too large, is refused before it is decoded`, async () => {
    await using bus = await KeptBus.open("");
    const refused = async (body: Uint8Array): Promise<string> => {
      const message = (await answerTo(bus, embed(body)))?.message;
      return message?.case === "error" &&
          /of more than|cannot take \d+ bytes/.test(message.value.message)
        ? message.value.message
        : "";
    };
    assert.equal(await refused(repeated(UNKNOWN, MAX_FIELDS)), "");
    assert.match(await refused(repeated(UNKNOWN, MAX_FIELDS + 1)), /more than 1100 fields/);
    if (name === "subscribe") return;
    // One field that fills the message, whatever it is.
    const sized = (size: number) => lengthDelimited(1000, new Uint8Array(size - 4));
    assert.equal(sized(MAX_CONTROL_BYTES).length, MAX_CONTROL_BYTES);
    assert.equal(await refused(sized(MAX_CONTROL_BYTES)), "");
    assert.match(await refused(sized(MAX_CONTROL_BYTES + 1)), /cannot take 8193 bytes/);
  });
}

Deno.test("a Subscribe takes as many positions as there may be, and is refused far beyond", async () => {
  await using bus = await KeptBus.open("");
  const peer = bus.connect();
  const positions = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ topic: `k.${n}`.padEnd(256, "x"), seq: 2n ** 63n }));
  const ask = async (count: number) => {
    await bus.turn(peer, subscribe({ pattern: "k.>", start: { positions: positions(count) } }, 1n));
    return peer.take().at(-1)!;
  };
  contentOf(await ask(1000), "ack");
  assert.match(contentOf(await ask(1001), "error").message, /cannot take 1001 positions/);
  assert.match(contentOf(await ask(1500), "error").message, /cannot take 4\d{5} bytes/);
  const start = (fields: Uint8Array) => embedSubscribe(lengthDelimited(START_FIELD, fields));
  const empty = lengthDelimited(5, new Uint8Array(0));
  const few = await answerTo(bus, start(repeated(empty, 4000)));
  assert.match(contentOf(few!, "error").message, /cannot take 4000 positions/);
  const many = await answerTo(bus, start(repeated(empty, 4001)));
  assert.match(contentOf(many!, "error").message, /more than 4000 fields/);
  const nested = await answerTo(bus, start(lengthDelimited(5, repeated(UNKNOWN, 4000))));
  assert.match(contentOf(nested!, "error").message, /more than 4000 fields/);
});

function embedSubscribe(rest: Uint8Array): Uint8Array {
  const { embed } = MEMBERS.find(({ name }) => name === "subscribe")!;
  return embed(join(lengthDelimited(1, bytesOf("k.>")), rest));
}

/** What a method of the server's own answers to a payload. */
async function called(bus: KeptBus, peer: MemoryPeer, method: string, payload: Uint8Array) {
  await bus.turn(peer, call({ method, payload }, 1n));
  await until(() => peer.session.late.awaited === 0, "the answer");
  return peer.take().at(-1)!;
}

Deno.test("a request of the server's own methods is refused when it is too large or of too many fields", async () => {
  await using bus = await KeptBus.open("");
  const peer = bus.connect();
  const info = (payload: Uint8Array) => called(bus, peer, "parley.v1.Topics/Info", payload);
  const topic = lengthDelimited(1, bytesOf("k.a"));
  const filled = (size: number) => {
    const rest = size - topic.length - 4;
    return join(topic, varint(1000 * 8 + 2), varint(rest), new Uint8Array(rest));
  };
  assert.equal(filled(16384).length, 16384);
  contentOf(await info(filled(16384)), "answer");
  const large = contentOf(await info(filled(16385)), "error");
  assert.match(large.message, /has 16385 bytes/);
  assert.equal(large.code, ErrorCode.INVALID_ARGUMENT);
  contentOf(await info(join(topic, repeated(UNKNOWN, MAX_FIELDS - 1))), "answer");
  const many = await info(join(topic, repeated(UNKNOWN, MAX_FIELDS)));
  assert.match(contentOf(many, "error").message, /more than 1100 fields/);
  // An echo is as large as a message may be.
  const content = lengthDelimited(1, new Uint8Array(500_000));
  const echoed = contentOf(await called(bus, peer, "parley.v1.Demo/Echo", content), "answer");
  assert.equal(echoed.payload.length, content.length);
});

Deno.test("a Redrive names so many dead letters, and no more", async () => {
  await using bus = await KeptBus.open("");
  const peer = bus.connect();
  await bus.turn(peer, { message: { case: "job", value: { queue: "q" } }, id: 1n });
  await bus.store.flush();
  await bus.settle();
  peer.take();
  const redrive = (count: number) => {
    const ids = join(
      ...Array.from({ length: count }, (_, n) => varint(2n ** 53n - 1n - BigInt(n))),
    );
    const payload = join(lengthDelimited(1, bytesOf("q")), lengthDelimited(2, ids));
    return called(bus, peer, "parley.v1.Queues/Redrive", payload);
  };
  contentOf(await redrive(MAX_REDRIVEN_IDS), "answer");
  assert.match(
    contentOf(await redrive(MAX_REDRIVEN_IDS + 1), "error").message,
    /1001 jobs by their/,
  );
});
