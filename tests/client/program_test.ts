/**
 * What a program sees of the library's manners: payloads in every form, errors that say what would be accepted and where
 * they were asked for, wrong arguments in the caller's words, and waiting for a server that is not there yet.
 */
import assert from "node:assert/strict";
import { type Client, connect, ErrorCode, ParleyError } from "../../lib/client/mod.ts";
import { ownPort } from "../support/own_port.ts";
import { startServer } from "../support/server.ts";
import { settles } from "../support/until.ts";

async function withClient(play: (client: Client) => Promise<void>): Promise<void> {
  await using server = await startServer();
  await using client = await connect(`parley://127.0.0.1:${server.port("tcp")}`);
  await play(client);
}

/** What a call that has to fail rejects with, or throws at once. */
async function failure(call: () => unknown): Promise<ParleyError> {
  try {
    await call();
  } catch (error) {
    assert(error instanceof ParleyError, String(error));
    return error;
  }
  throw new Error("nothing was refused");
}

Deno.test("events, calls, answers and jobs are read as text, JSON and bytes, and have a time", () =>
  withClient(async (client) => {
    const before = Date.now() - 60_000;
    const events = await client.subscribe("a.b", { echo: true });
    await client.publish("a.b", '{"id":7}');
    const { value: event } = await events[Symbol.asyncIterator]().next();
    const seen: [string, unknown, number, Date][] = [];
    const see = (one: {
      text(): string;
      json(): unknown;
      bytes(): Uint8Array;
      readonly time: Date;
    }) => seen.push([one.text(), one.json(), one.bytes().length, one.time]);
    see(event!);
    await client.serve("a/B", (call) => {
      see(call);
      return call.payload;
    });
    see(await client.call("a/B", '{"id":7}'));
    await client.queue("q").push('{"id":7}');
    for await (const job of client.queue("q").pull()) {
      see(job);
      await job.ack();
      break;
    }
    assert.equal(seen.length, 4);
    for (const [text, json, bytes, time] of seen) {
      assert.deepEqual([text, json, bytes], ['{"id":7}', { id: 7 }, 8]);
      assert(time instanceof Date && time.getTime() > before, String(time));
    }
    await client.publish("a.b", new Uint8Array([0xff]));
    const { value: broken } = await events[Symbol.asyncIterator]().next();
    const error = await failure(() => broken!.text());
    assert.equal(error.message, 'cannot read the event on "a.b" as text: it is no UTF-8');
    await client.serve("a/X", () => "x");
    assert.match(
      (await failure(async () => (await client.call("a/X")).json())).message,
      /^cannot read the answer of "a\/X" as JSON: /,
    );
  }));

Deno.test("an error's message ends with what would be accepted, and its stack has the caller", () =>
  withClient(async (client) => {
    async function myOwnFunction() {
      await client.add(2 ** 31 - 1, 1);
    }
    const error = await failure(myOwnFunction);
    assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
    assert(error.accepted.length > 0);
    assert.equal(error.message, `${error.reason}; accepted: ${error.accepted}`);
    assert.match(error.stack!, /myOwnFunction/);
    async function another() {
      await client.call("nobody/Here");
    }
    assert.match((await failure(another)).stack!, /another/);
    // What is refused here has it, too, wherever it is refused.
    // deno-lint-ignore no-explicit-any
    const js = client as any;
    const refused: (() => unknown)[] = [
      function myQueue() {
        return js.queue();
      },
      async function mySubscribe() {
        await js.subscribe();
      },
      async function myServe() {
        await js.serve("a/X");
      },
      function myWork() {
        return js.queue("q").work();
      },
      async function myRoom() {
        await js.room("tea");
      },
      async function myRoomElsewhere() {
        await client.room("no room", { nick: "Ada" });
      },
      async function myPush() {
        await js.queue("q").push({});
      },
      async function myConnect() {
        await connect(7 as unknown as string);
      },
    ];
    for (const asks of refused) {
      const { stack } = await failure(async () => await asks());
      assert.match(stack!, new RegExp(`\\b${asks.name}\\b`), stack ?? "no stack");
    }
    // Passed on by a service it is not doubled.
    await client.serve("a/Add", () => client.add(2 ** 31 - 1, 1).then(String));
    const passed = await failure(() => client.call("a/Add"));
    assert.equal(passed.message, error.message);
  }));

Deno.test("wrong arguments of JavaScript are told in the caller's words", () =>
  withClient(async (client) => {
    // deno-lint-ignore no-explicit-any
    const js = client as any;
    const told: [() => unknown, string][] = [
      [
        () => js.publish("a.b", { id: 7 }),
        "cannot publish an object as payload; accepted: a string",
      ],
      [() => js.publish("a.b", new Date(0)), "cannot publish an object of Date as payload"],
      [() => js.publish("a.b"), "cannot publish nothing (undefined) as payload"],
      [
        () => js.publish({ topic: "a" }),
        "cannot publish on the topic an object; accepted: a string",
      ],
      [() => js.publish("a.b", "x", { headers: { n: 5 } }), 'with the number 5 as header "n"'],
      [() => js.subscribe(), "cannot subscribe to nothing (undefined)"],
      [() => js.call("a/B", 5), "cannot call with the number 5 as payload"],
      [() => js.call(), "cannot call the method nothing (undefined)"],
      [() => js.serve("a/B"), 'cannot serve "a/B" with nothing (undefined) as handler'],
      [() => js.queue("q").push([1]), "cannot push an array as payload"],
      [
        () => js.queue("q").work("handler"),
        'cannot work on "q" with the string handler as handler',
      ],
      [() => js.queue(), "cannot take the queue nothing (undefined)"],
      [() => js.room("tea"), 'cannot come into the room "tea" under the nick nothing (undefined)'],
      [() => js.room("tea", { name: "Ada" }), "{ nick:"],
      // deno-lint-ignore no-explicit-any
      [() => (connect as any)(), "cannot connect to nothing (undefined); accepted: a string"],
    ];
    for (const [call, words] of told) {
      const error = await failure(call);
      assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
      assert(error.message.includes(words), `${error.message}: ${words}`);
    }
    assert.equal(await client.echo("still here"), "still here");
  }));

Deno.test("connect waits for a server that is not there yet, if it is asked to", async () => {
  using own = ownPort();
  const url = `parley://127.0.0.1:${own.port}`;
  assert.equal((await failure(() => connect(url))).code, ErrorCode.UNAVAILABLE);
  assert.equal((await failure(() => connect(url, { wait: 1 }))).code, ErrorCode.UNAVAILABLE);
  const wrong = await failure(() => connect(url, { wait: -1 }));
  assert.match(wrong.message, /^cannot connect with wait -1; accepted: true, false/);
  const stop = new AbortController();
  const given = connect(url, { wait: true, signal: stop.signal });
  stop.abort(new Error("enough"));
  await assert.rejects(given, /enough/);
  const reconnect = { minMs: 1, maxMs: 20 };
  const waiting = connect(url, { wait: true, reconnect });
  await using server = await startServer({ listen: { tcp: `127.0.0.1:${own.port}` } });
  await using client = await settles(waiting, "the client is connected");
  assert.equal(await client.echo("at last"), "at last");
  // A refusal that would come again is final.
  const refused = await failure(() => connect(`http://127.0.0.1:${own.port}`, { wait: true }));
  assert.equal(refused.code, ErrorCode.INVALID_ARGUMENT);
  assert.equal(server.stats().connectionsOpen, 1);
});

Deno.test("a service takes a signal and tells what its handler threw, as a worker does", () =>
  withClient(async (client) => {
    const stop = new AbortController();
    const { promise, resolve } = Promise.withResolvers<[unknown, string]>();
    const service = await client.serve("a/B", (_call, signal) => {
      assert.equal(signal.aborted, false);
      throw new TypeError("out of paper");
    }, { signal: stop.signal, onError: (error, call) => resolve([error, call.method]) });
    assert.equal((await failure(() => client.call("a/B"))).code, ErrorCode.INTERNAL);
    const [error, method] = await promise;
    assert(error instanceof TypeError);
    assert.equal(method, "a/B");
    stop.abort();
    await service.stop();
    assert.equal((await failure(() => client.call("a/B"))).code, ErrorCode.UNAVAILABLE);
  }));
