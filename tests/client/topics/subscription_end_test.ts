/**
 * How a subscription of the client ends: by its program, its callback, its signal, its client or its server.
 */
import assert from "node:assert/strict";
import { connect, ErrorCode, ParleyError } from "../../../lib/client/mod.ts";
import type { Subscription } from "../../../lib/client/mod.ts";
import { settles, until } from "../../support/until.ts";
import {
  ack,
  arrived,
  BusFixture,
  Collector,
  delivery,
  drain,
  numbers,
  receiversOf,
  textOf,
} from "../bus_support.ts";
import { FakeServer } from "../fake_server.ts";
import { rejection } from "../rejections.ts";

Deno.test("an error in the body of the loop ends the subscription, too", async () => {
  await using bus = await BusFixture.start();
  const client = await bus.client();
  const subscription = await client.subscribe("t", { echo: true });
  await client.publish("t", "x");
  await assert.rejects(async () => {
    for await (const _ of subscription) throw new Error("body");
  }, /body/);
  assert.equal(await receiversOf(client, "t"), 0);
});

Deno.test("return() of an iterator ends it while next() still waits", async () => {
  await using bus = await BusFixture.start();
  const client = await bus.client();
  const iterator = (await client.subscribe("t"))[Symbol.asyncIterator]();
  const waiting = iterator.next();
  await settles(iterator.return!(), "the end");
  assert.deepEqual(await settles(waiting, "the waiting"), { done: true, value: undefined });
  assert.equal((await iterator.next()).done, true);
});

Deno.test("events that wait when it ends can still be taken", async () => {
  await using bus = await BusFixture.start();
  const [publisher, subscriber] = [await bus.client(), await bus.client()];
  const subscription = await subscriber.subscribe("t");
  for (const text of numbers(5)) await publisher.publish("t", text);
  await arrived(publisher, subscriber);
  assert.equal(subscription.waiting, 5);
  await subscription.unsubscribe();
  await publisher.publish("t", "late");
  await subscriber.ping();
  assert.deepEqual(await drain(subscription), numbers(5));
});

Deno.test("await using and AbortSignal end a subscription", async () => {
  await using bus = await BusFixture.start();
  const [publisher, client] = [await bus.client(), await bus.client()];
  {
    await using _subscription = await client.subscribe("t");
    assert.equal(await receiversOf(publisher, "t"), 1);
  }
  assert.equal(await receiversOf(publisher, "t"), 0);

  const controller = new AbortController();
  const subscription = await client.subscribe("t", { signal: controller.signal });
  const loop = drain(subscription);
  await publisher.publish("t", "x");
  await arrived(publisher, client);
  controller.abort();
  assert.deepEqual(await settles(loop, "the loop"), ["x"]);
  // The client's next request is behind the unsubscribe.
  await client.ping();
  assert.equal(await receiversOf(publisher, "t"), 0);
  await assert.rejects(
    client.subscribe("t", { signal: AbortSignal.abort("never") }),
    (reason) => reason === "never",
  );
});

Deno.test("a subscription that is given up before its acknowledgement is taken back", async () => {
  const asked: string[] = [];
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    for (;;) {
      const message = await peer.read();
      if (message === null) return;
      asked.push(message.message.case ?? "nothing");
      if (message.message.case === "unsubscribe") await peer.send(ack(message.id));
    }
  });
  await using client = await connect(server.url);
  const controller = new AbortController();
  const aborted = client.subscribe("t", { signal: controller.signal });
  await until(() => asked.length === 1, "the Subscribe");
  controller.abort(new Error("enough"));
  await assert.rejects(aborted, /enough/);
  await until(() => asked.length === 2, "the Unsubscribe");
  await rejection(client.subscribe("t", { timeoutMs: 5 }), "DEADLINE_EXCEEDED");
  await until(() => asked.length === 4, "the second Unsubscribe");
  assert.deepEqual(asked, ["subscribe", "unsubscribe", "subscribe", "unsubscribe"]);
});

Deno.test("what a callback throws ends its subscription and is told; nothing else notices", async () => {
  await using bus = await BusFixture.start();
  const errors: ParleyError[] = [];
  const publisher = await bus.client();
  const client = await bus.client({ onError: (error) => errors.push(error) });
  const healthy = new Collector();
  await client.subscribe("t", {}, healthy.take);
  const failure = new Error("of the program");
  const throwing = await client.subscribe("t", {}, () => {
    throw failure;
  });
  const rejecting = await client.subscribe("t", {}, () => Promise.reject(failure));
  await publisher.publish("t", "0");
  await arrived(publisher, client);
  await publisher.publish("t", "1");
  await arrived(publisher, client);
  for (const each of [throwing, rejecting]) {
    await assert.rejects(settles(each.closed, "the end"), (reason) => reason === failure);
    assert(each.ended);
  }
  assert.deepEqual(healthy.texts, ["0", "1"]);
  assert.equal(client.status, "connected");
  assert.equal(errors.length, 2);
  assert(errors.every((error) => error.cause === failure && error.code === ErrorCode.INTERNAL));
  assert.match(errors[0].message, /callback.*"t".*of the program/);
});

Deno.test("without onError, what a callback throws is an unhandled rejection unless closed is looked at", async () => {
  await using bus = await BusFixture.start();
  const [publisher, client] = [await bus.client(), await bus.client()];
  const unhandled: unknown[] = [];
  const listener = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", listener);
  try {
    const looked = await client.subscribe("t", {}, () => {
      throw new Error("looked at");
    });
    const expected = assert.rejects(settles(looked.closed, "the end"), /looked at/);
    await publisher.publish("t", "x");
    await expected;
    await client.subscribe("t", {}, () => {
      throw new Error("not looked at");
    });
    await publisher.publish("t", "x");
    await until(() => unhandled.length > 0, "the rejection");
  } finally {
    globalThis.removeEventListener("unhandledrejection", listener);
  }
  assert.deepEqual(unhandled.map((each) => (each as Error).message), ["not looked at"]);
  assert.equal(await client.echo("still here"), "still here");
});

Deno.test("a callback may end, make and close whatever it likes", async () => {
  await using bus = await BusFixture.start();
  const [publisher, client] = [await bus.client(), await bus.client()];
  const later = new Collector();
  const after = new Collector();
  const done: Promise<unknown>[] = [];
  const subscription: Subscription = await client.subscribe("t", {}, () => {
    done.push(subscription.unsubscribe(), client.subscribe("t", {}, later.take));
  });
  await client.subscribe("t", {}, after.take);
  await publisher.publish("t", "0");
  await until(() => done.length === 2, "the callback");
  await Promise.all(done);
  await publisher.publish("t", "1");
  await arrived(publisher, client);
  assert.deepEqual(later.texts, ["1"]);
  assert.deepEqual(after.texts, ["0", "1"]);
  let closed: Promise<void> | undefined;
  await client.subscribe("end", {}, () => void (closed = client.close()));
  await publisher.publish("end", "x");
  await until(() => closed !== undefined, "the event");
  await closed;
});

Deno.test("closing the client ends its subscriptions without an error, also those that wait", async () => {
  await using bus = await BusFixture.start();
  const [publisher, client] = [await bus.client(), await bus.client()];
  const subscription = await client.subscribe("t");
  const callback = await client.subscribe("u", {}, () => {});
  const loop = drain(subscription);
  await publisher.publish("t", "x");
  await arrived(publisher, client);
  await client.close();
  assert.deepEqual(await settles(loop, "the loop"), ["x"]);
  await Promise.all([subscription.closed, callback.closed]);
  await subscription.unsubscribe();
  await rejection(client.subscribe("t"), "FAILED_PRECONDITION");
});

Deno.test("when the client fails for good, iterators raise why, behind what still waits", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    for (let asked = 0; asked < 2; asked++) {
      await peer.send(ack((await peer.expect("subscribe")).id));
    }
    await peer.send(delivery("t", "0"), delivery("t", "1"));
    await peer.expect("ping");
  });
  const client = await connect(server.url, { reconnect: false });
  const subscription = await client.subscribe("t");
  const callback = await client.subscribe("u", {}, () => {});
  await until(() => subscription.waiting === 2, "the events");
  void client.ping().catch(() => {});
  const error = await rejection(callback.closed.then(() => "no error"), "UNAVAILABLE");
  const texts: string[] = [];
  await assert.rejects(async () => {
    for await (const event of subscription) texts.push(textOf(event));
  }, (reason) => reason === error);
  assert.deepEqual(texts, ["0", "1"]);
  await client.close();
});

Deno.test("bytes that are no event end the connection, with a reason that says so", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    await peer.send(ack((await peer.expect("subscribe")).id));
    // An event whose topic is longer than the event.
    await peer.sendBytes(new Uint8Array([4, 0x1a, 2, 0x0a, 9]));
    await peer.read();
  });
  const client = await connect(server.url, { reconnect: false });
  const subscription = await client.subscribe("t");
  const error = await rejection(drain(subscription), "INTERNAL");
  assert(error instanceof ParleyError);
  assert.match(error.message, /cannot understand/);
  await client.close();
});
