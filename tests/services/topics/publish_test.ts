/**
 * Publishing and subscribing over real sockets: order, stamps, acknowledgements, and the rules of names
 * with what is said to those who break them.
 */
import assert from "node:assert/strict";
import { ManualClock } from "../../support/manual_clock.ts";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { busTest, Clients } from "../../support/bus_client.ts";
import {
  bytesOf,
  type OverflowPolicy,
  publish,
  publishNumber,
  subscribe,
  textIn,
  unsubscribe,
} from "../../support/bus_messages.ts";
import { type ClientMessageInit, contentOf, encode, frame, join } from "../../support/frames.ts";
import { startServer } from "../../support/server.ts";
import { settles } from "../../support/until.ts";

busTest(
  "eight publishers, four subscribers: nothing is missing, each publisher in order",
  async (kind) => {
    const EVENTS = 2000;
    await using server = await startServer();
    await using clients = new Clients(server, kind);
    const subscribers = await clients.several(4);
    for (const [index, subscriber] of subscribers.entries()) {
      await subscriber.acknowledged(subscribe(["news.*", "news.>", ">", "*.from"][index]));
    }
    const publishers = await clients.several(8);
    await Promise.all(publishers.map(async (publisher, index) => {
      for (let first = 0; first < EVENTS; first += 100) {
        const batch = Array.from(
          { length: 100 },
          (_, place) =>
            publish({
              topic: "news.from",
              type: `p${index}`,
              payload: bytesOf(`${first + place}`),
            }),
        );
        await publisher.send(...batch);
      }
    }));
    for (const subscriber of subscribers) {
      const next = new Map<string, number>();
      for (const event of await subscriber.whenEvents(8 * EVENTS)) {
        const expected = next.get(event.type) ?? 0;
        assert.equal(Number(textIn(event.payload)), expected, event.type);
        next.set(event.type, expected + 1);
      }
      assert.deepEqual([...next.values()], Array(8).fill(EVENTS));
    }
  },
);

busTest("an event arrives as it was published, with the server's stamps", async (kind) => {
  const clock = new ManualClock();
  await using server = await startServer({}, { clock });
  await using clients = new Clients(server, kind);
  const [subscriber, publisher] = await clients.several(2);
  const sender = await publisher.sessionId();
  await subscriber.acknowledged(subscribe("a.*"));
  await subscriber.acknowledged(subscribe({ pattern: "a.>", group: "größer" }));
  clock.stepWall(86_400_000);
  const event = {
    topic: "a.b",
    type: "acme.v1.Order",
    payload: new Uint8Array([0, 255, 10, 13]),
    headers: { "x-ü": "é", empty: "" },
    messageId: "m-1",
  };
  assert.equal(await publisher.acknowledged(publish(event)), 2);
  const [plain, shared] = await subscriber.whenEvents(2);
  for (const [one, group] of [[plain, ""], [shared, "größer"]] as const) {
    const { topic, type, headers, messageId } = one;
    assert.deepEqual({ topic, type, headers, messageId }, {
      topic: event.topic,
      type: event.type,
      headers: event.headers,
      messageId: event.messageId,
    });
    assert.deepEqual(new Uint8Array(one.payload), event.payload);
    assert.equal(one.sender, sender);
    assert.equal(one.timeUnixMicros, BigInt(clock.wallMs()) * 1000n);
    assert.equal(one.seq, 0n);
    assert.equal(one.group, group);
  }
});

busTest("fields of a newer client pass through", async (kind) => {
  await using server = await startServer();
  await using clients = new Clients(server, kind);
  const [subscriber, publisher] = await clients.several(2);
  await subscriber.acknowledged(subscribe("t"));
  // An event with field 9, a text, in front of its topic.
  const body = join(new Uint8Array([0x4a, 1, 0x78]), new Uint8Array([0x0a, 1, 0x74]));
  await publisher.sendBytes(frame(join(new Uint8Array([0x1a, body.length]), body)));
  const [event] = await subscriber.whenEvents(1);
  assert.equal(event.topic, "t");
  assert.deepEqual(event.$unknown?.map((field) => field.no), [9]);
});

busTest("stamps of a client's own are refused, and the connection lives", async (kind) => {
  await using server = await startServer();
  await using clients = new Clients(server, kind);
  const [subscriber, publisher] = await clients.several(2);
  await subscriber.acknowledged(subscribe("t"));
  const forged = [{ sender: "root" }, { seq: 7n }, { timeUnixMicros: 1n }, { group: "g" }];
  for (const stamp of forged) {
    const error = contentOf(await publisher.ask(publish({ topic: "t", ...stamp })), "error");
    assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
    assert.match(error.message, /only the server sets it/);
  }
  // Without an id the refusal comes all the same.
  await publisher.send(publish({ topic: "t", sender: "root" }));
  await publisher.when(() => publisher.messages.length === 1, "the refusal");
  contentOf(publisher.messages[0], "error");
  assert.equal(await publisher.acknowledged(publish({ topic: "t" })), 1);
  assert.equal((await subscriber.whenEvents(1)).length, 1);
});

busTest("an acknowledgement says ROUTED and how many connections got it", async (kind) => {
  await using server = await startServer();
  await using clients = new Clients(server, kind);
  const publisher = await clients.connect();
  const ack = contentOf(await publisher.ask(publish({ topic: "t" })), "ack");
  assert.equal(ack.level, AckLevel.ROUTED);
  assert.equal(ack.receivers, 0);
  const others = await clients.several(5);
  await others[0].acknowledged(subscribe("t"));
  assert.equal(await publisher.acknowledged(publish({ topic: "t" })), 1);
  for (const other of others) {
    await other.acknowledged(subscribe("t"));
    await other.acknowledged(subscribe("*"));
    await other.acknowledged(subscribe({ type: "T" }));
  }
  assert.equal(await publisher.acknowledged(publish({ topic: "t", type: "T" })), 5, "once each");
  await publisher.acknowledged(subscribe("t"));
  assert.equal(await publisher.acknowledged(publish({ topic: "t" })), 5, "not to itself");
  await publisher.acknowledged(subscribe({ pattern: "t", echo: true }));
  assert.equal(await publisher.acknowledged(publish({ topic: "t" })), 6, "but by echo");
  for (const other of others) await other.acknowledged(subscribe({ pattern: "t", group: "g" }));
  assert.equal(await publisher.acknowledged(publish({ topic: "t" })), 7, "a group counts 1");
  const large = publish({ topic: "t", payload: new Uint8Array(200_000) });
  assert.equal(await publisher.acknowledged(large), 7, "however large it is");
  // What went before in the same write is another event's.
  const id = publisher.nextId();
  await publisher.send(publish({ topic: "t" }), { ...publish({ topic: "nobody.here" }), id });
  assert.equal(contentOf(await publisher.answerTo(id), "ack").receivers, 0);
});

busTest(
  "an event comes once, however many subscriptions match, and not after their end",
  async (kind) => {
    await using server = await startServer();
    await using clients = new Clients(server, kind);
    const [subscriber, publisher] = await clients.several(2);
    const patterns = ["a.b", "a.*", "*.b", ">", "a.>"];
    for (const pattern of patterns) await subscriber.acknowledged(subscribe(pattern));
    await publisher.acknowledged(publishNumber("a.b", 1));
    for (const [index, pattern] of patterns.entries()) {
      await subscriber.acknowledged(unsubscribe(pattern));
      const expected = index === patterns.length - 1 ? 0 : 1;
      assert.equal(await publisher.acknowledged(publishNumber("a.b", index + 2)), expected);
    }
    await subscriber.acknowledged(subscribe("end"));
    await publisher.acknowledged(publishNumber("end", 0));
    const numbers = (await subscriber.whenEvents(6)).map((event) => Number(textIn(event.payload)));
    assert.deepEqual(numbers, [1, 2, 3, 4, 5, 0]);
  },
);

busTest("a subscription ends after as many events as it was told", async (kind) => {
  await using server = await startServer();
  await using clients = new Clients(server, kind);
  const [subscriber, publisher] = await clients.several(2);
  await subscriber.acknowledged(subscribe("t"));
  await publisher.acknowledged(publishNumber("t", 1));
  await subscriber.acknowledged(unsubscribe({ pattern: "t", afterEvents: 3n }));
  await publisher.send(...[2, 3, 4, 5, 6].map((number) => publishNumber("t", number)));
  assert.equal(await publisher.acknowledged(publishNumber("t", 7)), 0);
  assert.equal(server.stats().subscriptions, 0);
  const numbers = (await subscriber.whenEvents(4)).map((event) => Number(textIn(event.payload)));
  assert.deepEqual(numbers, [1, 2, 3, 4]);
  const error = contentOf(await subscriber.ask(unsubscribe("t")), "error");
  assert.equal(error.code, ErrorCode.NOT_FOUND);
});

/** Names that are refused, and what the refusal must say. */
const TOPIC_RULES: readonly (readonly [string, RegExp])[] = [
  ["", /not empty/],
  ["a..b", /no empty level/],
  [".a", /no empty level/],
  ["a.", /no empty level/],
  ["a.*", /no wildcards/],
  ["a.>", /no wildcards/],
  ["a b", /no white space/],
  ["a\nb", /no white space, control/],
  ["a\u202eb", /bidirectional/],
  ["x".repeat(257), /at most 256 bytes/],
  ["ü".repeat(129), /at most 256 bytes/],
  [Array(17).fill("a").join("."), /at most 16 levels, this one has 17/],
];
const PATTERN_RULES: readonly (readonly [string, RegExp])[] = [
  ...TOPIC_RULES.filter(([name]) => name !== "" && !/[*>]/.test(name)),
  ["", /at least one level/],
  ["a.b*", /"\*" is a whole level/],
  ["a.>.b", /">" is the whole last level/],
  ["a.b>", /">" is the whole last level/],
];

busTest(
  "a name that breaks a rule is refused with that rule; at the limit it is taken",
  async (kind) => {
    await using server = await startServer();
    await using clients = new Clients(server, kind);
    const client = await clients.connect();
    const refused = async (message: ClientMessageInit, rule: RegExp) => {
      const error = contentOf(await client.ask(message), "error");
      assert.equal(error.code, ErrorCode.INVALID_ARGUMENT, error.message);
      assert.match(error.message, rule);
      assert.match(error.message, /^cannot /);
    };
    for (const [topic, rule] of TOPIC_RULES) await refused(publish({ topic }), rule);
    for (const [pattern, rule] of PATTERN_RULES) await refused(subscribe(pattern), rule);
    for (const type of ["a b", "ü", "x".repeat(257)]) {
      await refused(publish({ topic: "t", type }), /message type/);
      await refused(subscribe({ type }), /message type/);
    }
    await refused(subscribe({ pattern: "t", group: "a b" }), /group name/);
    await refused(subscribe({ pattern: "t", group: "g".repeat(257) }), /group name/);
    await refused(subscribe({ pattern: "t", overflow: 9 as OverflowPolicy }), /overflow policy 9/);
    for (const bytes of [255, 256]) {
      for (const name of ["x".repeat(bytes), `${"é".repeat(100)}.${"x".repeat(bytes - 201)}`]) {
        await client.acknowledged(subscribe(name));
        await client.acknowledged(publish({ topic: name }));
      }
    }
    for (const levels of [15, 16]) {
      await client.acknowledged(publish({ topic: Array(levels).fill("a").join(".") }));
      await client.acknowledged(subscribe(Array(levels).fill("*").join(".")));
    }
    await client.acknowledged(publish({ topic: "t", type: "x".repeat(256) }));
    await client.acknowledged(subscribe({ pattern: "t", group: "g".repeat(256) }));
  },
);

busTest(
  "a topic that is not UTF-8 is refused, a header that is not ends the connection",
  async (kind) => {
    await using server = await startServer();
    await using clients = new Clients(server, kind);
    const client = await clients.connect();
    await client.sendBytes(frame(new Uint8Array([0x1a, 3, 0x0a, 1, 0xff])));
    await client.when(() => client.messages.length === 1, "the refusal");
    assert.match(contentOf(client.messages[0], "error").message, /UTF-8/);
    const good = encode(publish({ topic: "t", headers: { a: "b" } }));
    await client.sendBytes(frame(good.map((byte) => byte === 0x62 ? 0xff : byte)));
    assert.equal(await client.whenEnded(), "end");
    assert.match(contentOf(client.messages[1], "error").message, /header that is not UTF-8/);
    assert.equal(client.messages.length, 2);
  },
);

busTest("a connection has as many subscriptions as it may, and not one more", async (kind) => {
  await using server = await startServer({ limits: { max_subscriptions: 3 } });
  await using clients = new Clients(server, kind);
  const [client, other] = await clients.several(2);
  for (const topic of ["a", "b", "c"]) await client.acknowledged(subscribe(topic));
  const error = contentOf(await client.ask(subscribe("d")), "error");
  assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
  assert.equal(error.accepted, "at most 3 subscriptions a connection");
  await client.acknowledged(subscribe({ pattern: "c", echo: true }));
  await other.acknowledged(subscribe("d"));
  await client.acknowledged(unsubscribe("a"));
  await client.acknowledged(subscribe("d"));
  assert.equal(server.stats().subscriptions, 4);
});

busTest("a connection that is gone is forgotten", async (kind) => {
  await using server = await startServer();
  await using clients = new Clients(server, kind);
  const [gone, halfGone, publisher] = await clients.several(3);
  for (const client of [gone, halfGone]) await client.acknowledged(subscribe("t"));
  assert.equal(await publisher.acknowledged(publish({ topic: "t" })), 2);
  await halfGone.closeWrite();
  assert.equal(await halfGone.whenEnded(), "end");
  assert.equal(await publisher.acknowledged(publish({ topic: "t" })), 1);
  gone.close();
  await settles(
    (async () => {
      while (await publisher.acknowledged(publish({ topic: "t" })) > 0);
    })(),
    "the server to notice",
  );
  assert.equal(server.stats().subscriptions, 0);
});
