/**
 * Reading a kept topic in pages: on and back, from a seq or a time, and what of it has a text or a type.
 */
import assert from "node:assert/strict";
import {
  callMethod,
  type Client,
  connect,
  ErrorCode,
  ParleyError,
} from "../../../lib/client/mod.ts";
import { Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { MAX_LOOKED_EVENTS } from "../../../lib/services/handlers/own/topic_reading.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { user } from "../../support/users.ts";

const urlOf = (server: TestServer) => `parley://127.0.0.1:${server.port("tcp")}`;
const keep = [{ pattern: "orders.>" }];
const isCode = (code: ErrorCode) => (error: unknown) =>
  error instanceof ParleyError && error.code === code;

type Request = Parameters<
  typeof callMethod<typeof Topics.method.read.input, typeof Topics.method.read.output>
>[2];

async function read(client: Client, request: Request) {
  const { events, next, more, looked } = await callMethod(client, Topics.method.read, {
    topic: "orders.eu",
    ...request,
  });
  return {
    seqs: events.map(({ seq }) => Number(seq)),
    next: Number(next),
    more,
    looked: Number(looked),
  };
}

Deno.test("a topic is read on and back, page by page", async () => {
  await using server = await startServer({ keep });
  await using client = await connect(urlOf(server));
  for (let number = 1; number <= 7; number++) await client.publish("orders.eu", `order ${number}`);
  assert.deepEqual(await read(client, { limit: 3 }), {
    seqs: [1, 2, 3],
    next: 4,
    more: true,
    looked: 3,
  });
  assert.deepEqual(await read(client, { seq: 4n }), {
    seqs: [4, 5, 6, 7],
    next: 8,
    more: false,
    looked: 4,
  });
  const back = await read(client, { limit: 3, backward: true });
  assert.deepEqual(back, { seqs: [5, 6, 7], next: 4, more: true, looked: 3 });
  const rest = await read(client, { seq: BigInt(back.next), backward: true });
  assert.deepEqual(rest, { seqs: [1, 2, 3, 4], next: 0, more: false, looked: 4 });
  const late = BigInt(Date.now() + 60_000) * 1000n;
  assert.deepEqual((await read(client, { timeUnixMicros: late })).seqs, []);
  assert.deepEqual((await read(client, { timeUnixMicros: late, backward: true })).seqs.length, 7);
  assert.deepEqual((await read(client, { timeUnixMicros: 1n })).seqs.length, 7);
});

Deno.test("events are found by a text and a type, in bounded pieces", async () => {
  await using server = await startServer({ keep });
  await using client = await connect(urlOf(server));
  const events = MAX_LOOKED_EVENTS + 3000;
  for (let from = 0; from < events; from += 1000) {
    await Promise.all(Array.from({ length: 1000 }, (_, index) => {
      const isLast = from + index === events - 1;
      return client.publish("orders.eu", isLast ? "the needle" : "hay", {
        type: isLast ? "acme.v1.Needle" : "acme.v1.Hay",
      });
    }));
  }
  assert.deepEqual((await read(client, { contains: "needle", backward: true })).seqs, [events]);
  const first = await read(client, { contains: "needle" });
  assert.equal(first.seqs.length, 0);
  assert(first.more && first.looked >= MAX_LOOKED_EVENTS && first.looked < events);
  assert.deepEqual((await read(client, { contains: "needle", seq: BigInt(first.next) })).seqs, [
    events,
  ]);
  assert.deepEqual((await read(client, { type: "acme.v1.Needle", seq: 22_000n })).seqs, [events]);
  await assert.rejects(
    read(client, { contains: "x".repeat(257) }),
    isCode(ErrorCode.INVALID_ARGUMENT),
  );
  await assert.rejects(read(client, { topic: "orders.none" }), isCode(ErrorCode.NOT_FOUND));
});

Deno.test("who may read some types of a topic gets these, and who may not read it nothing", async () => {
  await using server = await startServer({
    keep,
    users: [await user("ada", "some"), await user("bob", "none"), await user("eve", "all")],
    roles: {
      some: { allow: { subscribe: "orders.> acme.v1.Public" } },
      none: { allow: { subscribe: "news.>" } },
      all: { allow: { publish: ">" } },
    },
  });
  const as = (name: string) => connect(urlOf(server), { user: name, password: `${name}'s secret` });
  await using ada = await as("ada");
  await using bob = await as("bob");
  await using eve = await as("eve");
  await eve.publish("orders.eu", "one", { type: "acme.v1.Public" });
  await eve.publish("orders.eu", "two", { type: "acme.v1.Secret" });
  assert.deepEqual((await read(ada, {})).seqs, [1]);
  await assert.rejects(read(bob, {}), isCode(ErrorCode.PERMISSION_DENIED));
  await assert.rejects(read(eve, {}), isCode(ErrorCode.PERMISSION_DENIED));
});
