/**
 * The load on queues: its frames, and whole loads against real servers. No rate and no duration is judged here.
 */
import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { pullFrame, pushFrame, QueueArrivals } from "../../../lib/cli/bench/queue_frames.ts";
import { type QueueLoad, runQueueLoad } from "../../../lib/cli/bench/queue_load.ts";
import {
  ClientMessageSchema,
  ServerMessageSchema,
} from "../../../lib/gen/parley/v1/envelope_pb.ts";
import { Verdict } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { FrameReader } from "../../../lib/wire/frame_reader.ts";
import { startServer } from "../../support/server.ts";
import { run } from "../fake_io.ts";
import { clientOf, urlOf } from "../queues/queue_support.ts";

const load: Omit<QueueLoad, "server"> = {
  queue: "bench.queue",
  producers: 2,
  consumers: 2,
  prefetch: 8,
  inFlight: 16,
  sizeBytes: 32,
  seconds: 0.05,
  oneAtATime: false,
};

function messageOf(frame: Uint8Array) {
  return fromBinary(ClientMessageSchema, new BinaryReader(frame).bytes());
}

/** A reader that stands at the one message of `init`. */
function readerAt(init: Parameters<typeof create<typeof ServerMessageSchema>>[1]): FrameReader {
  const bytes = toBinary(ServerMessageSchema, create(ServerMessageSchema, init));
  const frame = new BinaryWriter().bytes(bytes).finish();
  const reader = new FrameReader("delimited", 1 << 20);
  for (let at = 0; at < frame.length;) {
    const space = reader.space();
    const part = frame.subarray(at, at + space.length);
    space.set(part);
    reader.filled(part.length);
    at += part.length;
  }
  assert(reader.next());
  return reader;
}

Deno.test("prebuilt pushes and pulls are the messages that they should be", () => {
  for (const size of [0, 1, 127, 128, 5000]) {
    const { bytes, payloadAt } = pushFrame("a.b", size);
    const { message, id } = messageOf(bytes);
    assert(message.case === "job");
    assert.deepEqual([message.value.queue, message.value.payload.length, id], ["a.b", size, 1n]);
    assert.deepEqual(bytes.subarray(payloadAt, payloadAt + size), message.value.payload);
  }
  const { message } = messageOf(pullFrame("a.b", 64));
  assert(message.case === "pull");
  assert.deepEqual([message.value.queue, message.value.prefetch], ["a.b", 64]);
});

Deno.test("of deliveries the tokens and the payloads are found, and settled once", () => {
  const job = fc.record({
    queue: fc.constant("q"),
    payload: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    sender: fc.string(),
    id: fc.bigInt(1n, 1n << 40n),
    token: fc.bigInt(1n, (1n << 64n) - 1n),
    attempt: fc.nat(),
    redelivered: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(job, { minLength: 1, maxLength: 8 }), (jobs) => {
    const arrivals = new QueueArrivals(8);
    for (const value of jobs) {
      const reader = readerAt({ message: { case: "job", value } });
      assert.equal(arrivals.take(reader), "job");
      const at = arrivals.payloadAt;
      assert.deepEqual(reader.buffer.slice(at, at + value.payload.length), value.payload);
    }
    assert.equal(arrivals.held, jobs.length);
    const { message, id } = messageOf(arrivals.settle(7));
    assert(message.case === "settle");
    assert.deepEqual([id, message.value.verdict, message.value.consumer], [7n, Verdict.ACK, 1n]);
    assert.deepEqual(message.value.tokens, jobs.map(({ token }) => token));
    assert.equal(arrivals.held, 0);
  }));
  const small = new QueueArrivals(1);
  const one = () => readerAt({ message: { case: "job", value: { token: 1n } } });
  small.take(one());
  assert.throws(() => small.take(one()), /more jobs than were asked for/);
  const without = readerAt({ message: { case: "job", value: { id: 1n } } });
  assert.throws(() => new QueueArrivals(1).take(without), /a job without a token/);
  const refusal = readerAt({ message: { case: "error", value: { code: 8, message: "full" } } });
  assert.throws(() => new QueueArrivals(1).take(refusal), { name: "ParleyError", message: "full" });
});

Deno.test("everything that is pushed is done, whatever the load", async () => {
  await using server = await startServer();
  const loads: QueueLoad[] = [
    { ...load, server: urlOf(server) },
    { ...load, server: `unix://${server.path}`, producers: 1, consumers: 5 },
    { ...load, server: urlOf(server), jobs: 1000, seconds: Infinity },
    { ...load, server: urlOf(server), jobs: 1, seconds: Infinity, producers: 3 },
    { ...load, server: urlOf(server), jobs: 20, seconds: Infinity, sizeBytes: 300_000 },
    { ...load, server: urlOf(server), jobs: 50, sizeBytes: 0, oneAtATime: true },
  ];
  await using client = await clientOf(server);
  for (const each of loads) {
    const result = await runQueueLoad(each);
    assert.equal(result.done, result.pushed);
    assert(result.pushed >= 1);
    if (each.seconds === Infinity) assert.equal(result.pushed, each.jobs);
    assert.equal(result.level, AckLevel.ROUTED);
    assert.equal(result.delayMs !== null, each.sizeBytes >= 8);
    const { ready, leased } = await client.queue(each.queue).info();
    assert.deepEqual([ready, leased], [0, 0]);
  }
  const pushes = { ...load, server: urlOf(server), consumers: 0, jobs: 100, seconds: Infinity };
  assert.deepEqual([
    (await runQueueLoad(pushes)).done,
    (await client.queue(load.queue).info()).ready,
  ], [
    0,
    100,
  ]);
});

Deno.test("a load that cannot be made says why", async () => {
  await using server = await startServer({ limits: { max_frame_bytes: 2000 } });
  const url = urlOf(server);
  await assert.rejects(runQueueLoad({ ...load, server: url, sizeBytes: 3000 }), {
    name: "ParleyError",
    message: /2000/,
  });
  await assert.rejects(runQueueLoad({ ...load, server: url, queue: "a..b" }), {
    name: "ParleyError",
    message: /a\.\.b/,
  });
});

Deno.test("bench queue prints a summary or JSON, and wants an empty queue", async () => {
  await using server = await startServer();
  const args = ["bench", "queue", "--server", urlOf(server), "--jobs", "100"];
  const plain = await run([...args, "--producers", "2", "--consumers", "1"]);
  assert.equal(plain.code, 0, plain.stderr);
  assert.match(plain.stdout, /^load +2 producers with 256 in flight, 1 consumer with 64, 128 B$/m);
  assert.match(plain.stdout, /^jobs +100 in [\d.]+ s\npushed +[\d,]+\/s\ndone +[\d,]+\/s\n/m);
  assert.match(plain.stdout, /^delay +p50 .* p99 .* max .*\nlevel +ROUTED\n$/m);
  assert.equal(plain.stderr, "", "no progress in a pipe");
  const json = JSON.parse((await run([...args, "--idle", "--json"])).stdout);
  assert.deepEqual([json.producers, json.in_flight, json.pushed, json.done], [1, 1, 100, 100]);
  await using client = await clientOf(server);
  await client.queue("bench.queue").push("x");
  const dirty = await run(args);
  assert.equal(dirty.code, 1);
  assert.match(
    dirty.stderr,
    /^parley: cannot measure .* it has 1 job; accepted: an empty queue.*\n$/,
  );
});
