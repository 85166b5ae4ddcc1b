/**
 * The load on the bus: its frames, its counter, and whole loads against real servers. No rate and no
 * duration is judged here.
 */
import assert from "node:assert/strict";
import { create, fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { eventFrame, FrameCounter, requestFrame } from "../../../lib/cli/bench/bus_frames.ts";
import { type BusLoad, runBusLoad } from "../../../lib/cli/bench/bus_load.ts";
import {
  ClientMessageSchema,
  ServerMessageSchema,
} from "../../../lib/gen/parley/v1/envelope_pb.ts";
import { PingSchema } from "../../../lib/gen/parley/v1/session_pb.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { run } from "../fake_io.ts";

const load = { publishers: 1, subscribers: 1, sizeBytes: 16, seconds: 0.05 };

function urlOf(server: TestServer): string {
  return `parley://127.0.0.1:${server.port("tcp")}`;
}

Deno.test("a prebuilt publish is the message that it should be", () => {
  for (const size of [0, 1, 127, 128, 5000]) {
    const { bytes, payloadAt } = eventFrame("a.b", size === 1 ? "" : "acme.T", size);
    const { message, id } = fromBinary(ClientMessageSchema, new BinaryReader(bytes).bytes());
    assert(message.case === "event");
    const { topic, type, payload } = message.value;
    assert.deepEqual([topic, type, id], ["a.b", size === 1 ? "" : "acme.T", 0n]);
    assert.equal(payload.length, size);
    assert.deepEqual(bytes.subarray(payloadAt), payload);
  }
  const ping = requestFrame({ case: "ping", value: create(PingSchema) }, 7n);
  assert.equal(fromBinary(ClientMessageSchema, new BinaryReader(ping).bytes()).id, 7n);
});

type Message = Parameters<typeof create<typeof ServerMessageSchema>>[1];

function frame(message: NonNullable<Message>["message"], id = 0n): Uint8Array {
  return sizeDelimitedEncode(ServerMessageSchema, create(ServerMessageSchema, { message, id }));
}

/** A delivery as the server makes it: the published body, stamps behind it. */
function delivery(topic: string, type: string, payload: Uint8Array, sender: string): Uint8Array {
  const value = { topic, payload, type, sender, timeUnixMicros: 1_700_000_000_000_000n };
  return frame({ case: "event", value });
}

/** Feeds `input` to a counter, cut into pieces of at most `piece` bytes. */
function feed(counter: FrameCounter, input: Uint8Array, piece: number): void {
  for (let at = 0; at < input.length;) {
    const space = counter.space;
    const part = input.subarray(at, at + Math.min(piece, space.length));
    assert(part.length > 0, "there is always space");
    space.set(part);
    counter.filled(part.length);
    at += part.length;
  }
}

Deno.test("the counter counts the same however the bytes are cut, and finds the stamps", () => {
  const part = fc.oneof(
    fc.integer({ min: 8, max: 300 }),
    fc.constantFrom(8, 20_000, 200_000),
    fc.constantFrom("ack" as const, "missed" as const),
  );
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 12 }),
      fc.oneof(fc.integer({ min: 1, max: 400 }), fc.constantFrom(1000, 65_536, 1 << 20)),
      fc.constantFrom("s", "a-longer-sender"),
      (parts, piece, sender) => {
        const frames = parts.map((each, index) => {
          if (each === "ack") return frame({ case: "ack", value: { receivers: 3 } }, 5n);
          if (each === "missed") return frame({ case: "missed", value: { topic: "t", count: 2n } });
          const payload = new Uint8Array(each);
          new DataView(payload.buffer).setFloat64(0, index + 0.5);
          return delivery("a.topic", "", payload, sender);
        });
        const stamps: number[] = [];
        const counter = new FrameCounter({
          onStamp: (view, at) => stamps.push(view.getFloat64(at)),
          payloadInBody: deliveredAt(300),
          bufferBytes: 0,
        });
        // The offset depends on how long the payload's length is written: one size a load, as it is there.
        const sizes = parts.filter((each) => typeof each === "number");
        feed(counter, new Uint8Array(frames.flatMap((each) => [...each])), piece);
        assert.equal(counter.events, sizes.length);
        assert.equal(counter.answers, parts.filter((each) => each === "ack").length);
        assert.equal(counter.missed, 2 * parts.filter((each) => each === "missed").length);
        assert.equal(stamps.length, sizes.length);
        const usual = parts.map((each, index) => [each, index + 0.5] as const)
          .filter(([each]) => typeof each === "number");
        for (const [place, [size, stamp]] of usual.entries()) {
          if (deliveredAt(size as number) === deliveredAt(300)) assert.equal(stamps[place], stamp);
        }
      },
    ),
    { numRuns: 60 },
  );
  function deliveredAt(size: number): number {
    return eventFrame("a.topic", "", size).payloadInBody;
  }
});

Deno.test("the counter raises what the server refuses, and what nobody asked for", () => {
  const counter = () => new FrameCounter({ onStamp: null, payloadInBody: 0, bufferBytes: 0 });
  const refusal = frame({ case: "error", value: { code: 6, message: "too slow" } });
  assert.throws(() => feed(counter(), refusal, 3), { name: "ParleyError", message: "too slow" });
  const odd = frame({ case: "echoMessage", value: { content: "x" } });
  assert.throws(() => feed(counter(), odd, 100), /the server sent echoMessage unasked/);
  const long = frame({ case: "echoMessage", value: { content: "x".repeat(100_000) } });
  assert.throws(() => feed(counter(), long, 5000), /what nobody asked for/);
});

Deno.test("every event reaches every subscriber, or one of a group", async () => {
  await using server = await startServer();
  const cases: BusLoad[] = [
    { ...load, server: urlOf(server) },
    { ...load, server: `unix://${server.path}`, publishers: 2, subscribers: 3 },
    { ...load, server: urlOf(server), subscribers: 4, group: "g", type: "acme.T" },
    { ...load, server: urlOf(server), sizeBytes: 300_000, subscribers: 2 },
    { ...load, server: urlOf(server), sizeBytes: 0 },
    { ...load, server: urlOf(server), subscribers: 0 },
    { ...load, server: urlOf(server), publishers: 3, rate: 1000, subscribers: 70 },
  ];
  for (const each of cases) {
    const { publishers, subscribers } = each;
    const result = await runBusLoad(each);
    const copies = each.group === undefined ? subscribers : 1;
    assert.equal(result.deliveries, result.events * copies);
    assert(result.events >= publishers);
    assert.equal(result.latencyMs !== null, each.rate !== undefined);
    const { latencyMs } = result;
    if (latencyMs !== null) assert(0 <= latencyMs.p50 && latencyMs.p50 <= latencyMs.max);
  }
});

Deno.test("a rate is held over the time that is given", async () => {
  await using server = await startServer();
  const args = { ...load, server: urlOf(server), publishers: 3, rate: 500, seconds: 0.199 };
  // However late a tick is, what was due is sent: the number of events is exact.
  assert.equal((await runBusLoad(args)).events, 100);
});

Deno.test("a load that cannot be made says why", async () => {
  await using server = await startServer({ limits: { max_frame_bytes: 1024 } });
  const url = urlOf(server);
  await assert.rejects(runBusLoad({ ...load, server: url, sizeBytes: 2000 }), {
    name: "ParleyError",
    message: /1024/,
  });
  await assert.rejects(runBusLoad({ ...load, server: url, type: "no type" }), {
    name: "ParleyError",
    message: /no type/,
  });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closing = (async () => {
    for (let count = 0; count < 2; count++) (await listener.accept()).close();
  })();
  const { port } = listener.addr as Deno.NetAddr;
  await assert.rejects(runBusLoad({ ...load, server: `parley://127.0.0.1:${port}` }), {
    message: /the load on parley:.* failed/,
  });
  await closing;
});

Deno.test("bench bus prints a summary or JSON", async () => {
  await using server = await startServer();
  const args = [
    "bench",
    "bus",
    "--server",
    urlOf(server),
    "--seconds",
    "0.05",
    "--subscribers",
    "2",
  ];
  const plain = await run([...args, "--rate", "1000"]);
  assert.equal(plain.code, 0, plain.stderr);
  assert.match(plain.stdout, /^load +1 publisher, 2 subscribers, 128 B$/m);
  assert.match(plain.stdout, /^delivered +[\d,]+\/s, [\d.]+ MB\/s$/m);
  assert.match(plain.stdout, /^latency +p50 .* p99 .* max /m);
  assert.equal(plain.stderr, "", "no progress in a pipe");
  const json = JSON.parse((await run([...args, "--json"])).stdout);
  assert.deepEqual([json.subscribers, json.size_bytes, json.latency_ms], [2, 128, null]);
  assert.equal(json.deliveries, 2 * json.events);
  const small = await run([...args, "--rate", "5", "--size", "7"]);
  assert.equal(small.code, 1);
  assert.match(small.stderr, /^parley: cannot measure latency .*; accepted: at least 8 bytes\n$/);
});
