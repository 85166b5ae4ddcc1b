/**
 * The load generator must not be fooled: a bus that delivers too much, or ends a subscriber, must fail the
 * load, or the figures would be worth nothing. And the three dialects say what they should.
 */
import assert from "node:assert/strict";
import { runBusLoad } from "../../bench/load/bus_load.ts";
import { busDialect } from "../../bench/load/dialect.ts";
import { frame } from "../../bench/load/dialect_parley.ts";
import { natsCalls, parleyCalls } from "../../bench/load/call_dialect.ts";
import { concat } from "../../bench/load/target.ts";
import { type Delivery, FakeBus } from "./fake_bus.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

async function loadOn(delivery: Delivery) {
  await using bus = new FakeBus(delivery);
  return await runBusLoad({
    kind: "bus",
    target: { dialect: "parley", port: bus.port, pid: Deno.pid },
    publishers: 1,
    subscribers: 1,
    payloadBytes: 16,
    seconds: 0.05,
    topics: 1,
  });
}

const onLinux = { ignore: Deno.build.os !== "linux" };

Deno.test({
  name: "the load counts what a bus delivers",
  ...onLinux,
  fn: async () => {
    const result = await loadOn((event) => event);
    assert(result.deliveries > 0 && result.seconds > 0);
  },
});

Deno.test({
  name: "the load fails on a bus that doubles an event",
  ...onLinux,
  fn: async () => {
    const doubled: Delivery = (event, count) => count === 100 ? concat([event, event]) : event;
    await assert.rejects(loadOn(doubled), /a subscriber got \d+ bytes instead of \d+/);
  },
});

Deno.test({
  name: "the load fails on a bus that ends a subscriber",
  ...onLinux,
  fn: async () => {
    await assert.rejects(
      loadOn((event, count) => count === 100 ? "end" : event),
      /a subscriber got \d+ bytes, then (the server ended|Connection reset)/,
    );
  },
});

Deno.test("deliveries are measured only when they have come whole", () => {
  const deliveries: [Parameters<typeof busDialect>[0], Uint8Array][] = [
    ["parley", frame(3, new Uint8Array(300), 0)],
    ["nats", encoder.encode("MSG bench.t0000 1 4\r\nx\r\nx\r\n")],
    ["redis", encoder.encode("*3\r\n$7\r\nmessage\r\n$5\r\nbench\r\n$4\r\nx\r\nx\r\n")],
  ];
  for (const [name, bytes] of deliveries) {
    const dialect = busDialect(name);
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(
        dialect.deliveryBytes(bytes.subarray(0, length)),
        undefined,
        `${name} ${length}`,
      );
    }
    assert.equal(dialect.deliveryBytes(bytes), bytes.length, name);
    assert.equal(dialect.deliveryBytes(concat([bytes, bytes])), bytes.length, name);
  }
  assert.throws(() => busDialect("bytes"));
});

Deno.test("what is published is what the protocols say", () => {
  const publish = (name: Parameters<typeof busDialect>[0]) =>
    decoder.decode(busDialect(name).publish("a.b", encoder.encode("xy")));
  assert.equal(publish("nats"), "PUB a.b 2\r\nxy\r\n");
  assert.equal(publish("redis"), "*3\r\n$7\r\nPUBLISH\r\n$3\r\na.b\r\n$2\r\nxy\r\n");
  assert.equal(publish("parley"), "\x0b\x1a\x09\x0a\x03a.b\x12\x02xy");
});

Deno.test("a responder answers whole calls, each to its caller", () => {
  const payload = encoder.encode("xy");
  const cases = [
    {
      dialect: parleyCalls,
      call: (id: number) => frame(9, new Uint8Array(200), id),
      answer: (id: number) => frame(10, new Uint8Array([10, 2, ...payload]), id),
    },
    {
      dialect: natsCalls,
      call: (id: number) => encoder.encode(`MSG bench.call 1 _INBOX.${id} 5\r\n12345\r\n`),
      answer: (id: number) => encoder.encode(`PUB _INBOX.${id} 2\r\nxy\r\n`),
    },
  ];
  for (const { dialect, call, answer } of cases) {
    const answerer = dialect.answerer(payload);
    const whole = concat([call(7), call(300)]);
    const output = new Uint8Array(1000);
    const { taken, written } = answerer(concat([whole, call(8).subarray(0, -1)]), output);
    assert.equal(taken, whole.length);
    assert.deepEqual(output.slice(0, written), concat([answer(7), answer(300)]));
  }
});
