/**
 * Server-sent events: what a stream says of an event, where it begins, and that it goes on behind the last event that
 * came, without a gap or a duplicate, also on another server with the same data.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import type { ConfigInput } from "../../../lib/server/config/config.ts";
import { ask, EventReader, refused } from "../../support/http_api.ts";
import { Random } from "../../support/random.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { settles, until } from "../../support/until.ts";

const KEPT: ConfigInput = { keep: [{ pattern: "k.>" }] };
const publish = (server: TestServer, topic: string, body = "", headers = {}) =>
  ask(server, `/v1/publish/${topic}`, { body, headers });

Deno.test("http: a stream tells each event in one line of JSON, with its id where it is kept", async () => {
  await using server = await startServer(KEPT);
  await using reader = await EventReader.open(server, "pattern=k.%3E");
  await publish(server, "k.a", '{"n":1}', { "content-type": "application/json" });
  const event = await reader.next();
  const { time, sender, ...rest } = event!.data;
  assert(typeof sender === "string" && Number.isFinite(Date.parse(time)));
  assert.deepEqual(rest, {
    topic: "k.a",
    seq: 1,
    headers: { "content-type": "application/json" },
    data: { n: 1 },
  });
  assert.match(event!.id ?? "", /^[\w-]+ t\d+ k\.a=1$/);
  await publish(server, "k.b?type=acme.Made", new TextDecoder().decode(Uint8Array.of(65, 10, 66)));
  const [text] = await reader.take(1);
  assert.deepEqual([text.type, text.data], ["acme.Made", "A\nB"]);
  await using client = await connect(`parley://127.0.0.1:${server.port("tcp")}`);
  await client.publish("k.c", Uint8Array.of(0xff, 0x00));
  const [binary] = await reader.take(1);
  assert.equal(binary.data_base64, "/wA=");
});

Deno.test("http: events of topics that are not kept have no id", async () => {
  await using server = await startServer(KEPT);
  await using reader = await EventReader.open(server, "pattern=plain");
  await publish(server, "plain", "x");
  const event = await reader.next();
  assert.deepEqual([event?.id, event?.data.data, reader.lastId], [null, "x", ""]);
});

Deno.test("http: a stream begins where it is told to", async () => {
  await using server = await startServer(KEPT);
  for (const body of ["1", "2", "3"]) await publish(server, "k.a", body);
  const from = async (query: string, count: number) => {
    await using reader = await EventReader.open(server, `pattern=k.a&${query}`);
    return (await reader.take(count)).map(({ data }) => data);
  };
  assert.deepEqual(await from("since=all", 3), ["1", "2", "3"]);
  assert.deepEqual(await from("since=2", 2), ["2", "3"]);
  assert.deepEqual(await from("since=last:2", 2), ["2", "3"]);
  assert.deepEqual(await from("since=last", 1), ["3"]);
  assert.deepEqual(await from("since=1h", 3), ["1", "2", "3"]);
  assert.deepEqual(await from("since=2020-01-01T00:00:00Z", 3), ["1", "2", "3"]);
});

Deno.test("http: streams that cannot be are refused", async () => {
  await using server = await startServer(KEPT);
  const invalid = [400, "INVALID_ARGUMENT"] as const;
  const get = { method: "GET" };
  const queries = [
    "",
    "pattern=",
    "pattern=a..b",
    "pattern=k.%3E&since=1",
    "pattern=k.a&since=never",
    "pattern=k.a&since=last:0",
    "pattern=k.a&since=last:4294967296",
    "pattern=k.a&overflow=panic",
    "pattern=k.a&patern=x",
  ];
  for (const query of queries) await refused(server, `/v1/events?${query}`, get, invalid);
  await refused(server, "/v1/events?pattern=plain&since=all", get, [409, "FAILED_PRECONDITION"]);
  for (const id of ["x", "e t1 k.a", "e q1 k.a=1", "e t1 k.a=x", "e t1 %ff=1", "e\u00ff t1"]) {
    const asked = { ...get, headers: { "last-event-id": id } };
    await refused(server, "/v1/events?pattern=k.a", asked, invalid);
  }
});

Deno.test("http: a stream that breaks at any event goes on without a gap or a duplicate", async () => {
  const random = new Random(7);
  const data = await Deno.makeTempDir({ prefix: "parley-http-events-" });
  const got: string[] = [];
  const published: string[] = [];
  let server = await startServer({ ...KEPT, data });
  let lastId = "";
  const read = async (count: number) => {
    const headers: Record<string, string> = lastId === "" ? {} : { "Last-Event-ID": lastId };
    await using reader = await EventReader.open(server, "pattern=k.%3E", headers);
    lastId = reader.lastId;
    const reading = reader.take(count);
    const events = await reading;
    lastId = reader.lastId;
    got.push(...events.map(({ topic, data }) => `${topic} ${data}`));
  };
  const write = async (count: number) => {
    for (let index = 0; index < count; index++) {
      const topic = `k.${random.below(4)}`;
      published.push(`${topic} ${published.length}`);
      await publish(server, topic, `${published.length - 1}`);
    }
  };
  try {
    // A stream of which no event has come, too, goes on where it began.
    {
      await using reader = await EventReader.open(server, "pattern=k.%3E");
      const first = reader.next();
      await until(() => reader.lastId !== "", "the first id");
      lastId = reader.lastId;
      reader.close();
      await first;
    }
    for (let round = 0; round < 8; round++) {
      await write(5);
      if (round % 3 === 2) {
        await server[Symbol.asyncDispose]();
        server = await startServer({ ...KEPT, data });
      }
      const left = published.length - got.length;
      await read(round === 7 ? left : random.below(left) + 1);
    }
    assert.deepEqual([...got].sort(), [...published].sort(), "each exactly once");
    for (const topic of new Set(got.map((one) => one.split(" ")[0]))) {
      const numbers = got.filter((one) => one.startsWith(`${topic} `)).map((one) =>
        Number(one.split(" ")[1])
      );
      assert.deepEqual(numbers, [...numbers].sort((one, other) => one - other), topic);
    }
  } finally {
    await server[Symbol.asyncDispose]();
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("http: a stream of a history that is lost says so, and goes on with what is there", async () => {
  await using server = await startServer(KEPT);
  await publish(server, "k.a", "one");
  const headers = { "Last-Event-ID": "another-history a k.a=7" };
  await using reader = await EventReader.open(server, "pattern=k.a", headers);
  assert.equal((await reader.next())?.event, "history-lost");
  await publish(server, "k.a", "two");
  const events = await reader.take(1);
  assert.equal(events[0].topic, "k.a");
});

Deno.test("http: a stream ends with the reason when the server stops", async () => {
  const server = await startServer(KEPT);
  await using reader = await EventReader.open(server, "pattern=k.a");
  const next = reader.next();
  const stopped = server.server.stop();
  const end = await settles(next, "the end");
  assert.deepEqual([end?.event, end?.data.close_reason], ["end", "SHUTDOWN"]);
  assert.equal(await reader.next(), null);
  await settles(stopped, "the stop");
  await server[Symbol.asyncDispose]();
});

Deno.test("http: a reader that is gone is forgotten, and one that does not read is parted with", async () => {
  await using server = await startServer({
    limits: {
      max_frame_bytes: 65_536,
      max_outbox_bytes: 131_072,
      outbox_high_water_bytes: 65_536,
      write_timeout_ms: 300,
    },
  });
  const gone = await EventReader.open(server, "pattern=x");
  await until(() => server.stats().subscriptions === 1, "the subscription");
  gone.close();
  await until(() => server.stats().subscriptions === 0, "it is gone");
  const slow = await EventReader.open(server, "pattern=x");
  await using client = await connect(`parley://127.0.0.1:${server.port("tcp")}`);
  let isOver = false;
  const over = until(() => server.stats().subscriptions === 0, "it is parted with")
    .then(() => isOver = true);
  while (!isOver) {
    await client.publish("x", new Uint8Array(60_000));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await over;
  slow.close();
});
