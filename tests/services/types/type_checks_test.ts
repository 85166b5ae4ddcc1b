/**
 * Payloads that are held to the type of their topic, queue or method, on a whole server: refused, noted or let be; for topics that
 * are kept, bound to queues, or neither; by rules that change while it runs.
 */
import assert from "node:assert/strict";
import { type Client, connect, ErrorCode, ParleyError } from "../../../lib/client/mod.ts";
import { create, toBinary } from "@bufbuild/protobuf";
import { AddTypesRequestSchema } from "../../../lib/gen/parley/v1/type_pb.ts";
import { configFrom } from "../../../lib/server/config/config.ts";
import { filesOfSet } from "../../../lib/logic/types/type_file.ts";
import { descriptorSet, source } from "../../support/descriptors.ts";
import { LogRecords } from "../../support/log_records.ts";
import { startServer, type TestServer } from "../../support/server.ts";

const GOOD = new Uint8Array([0x0a, 0x01, 0x37]);
const BAD = new Uint8Array([0x0a, 0x05, 0x37]);
const ORDER = "acme.v1.Order";
const { INVALID_ARGUMENT, FAILED_PRECONDITION } = ErrorCode;

const RULES = [
  { type: ORDER, topics: ["free.>"], check: "off" as const },
  { type: ORDER, topics: ["noted.>"], check: "warn" as const },
  { type: ORDER, topics: ["*.orders.>"], queues: ["orders"], methods: ["acme.v1.Shop/Put"] },
  { type: "acme.v1.Unknown", topics: ["unknown"] },
];

const CONFIG = {
  types: RULES,
  keep: [{ pattern: "kept.>" }],
  queue: [{ name: "bound", bind: ["bound.orders.>"] }],
};

function start(): Promise<TestServer> {
  return startServer(CONFIG);
}

/** Lets the server know the type, as an administrator does. */
async function addTypes(client: Client): Promise<void> {
  const set = await descriptorSet({
    "acme/v1/order.proto": source("message Order { string id = 1; }"),
  });
  const request = create(AddTypesRequestSchema, { files: filesOfSet(set) });
  await client.call("parley.v1.Types/Add", toBinary(AddTypesRequestSchema, request));
}

function open(server: TestServer) {
  return connect(`parley://127.0.0.1:${server.port("tcp")}`);
}

async function refused(work: Promise<unknown>, code: ErrorCode, words: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert(error instanceof ParleyError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
    return true;
  });
}

Deno.test("events are held to the type of their topic, kept, bound to queues, or neither", async () => {
  await using server = await start();
  await using client = await open(server);
  await addTypes(client);
  await using reader = await open(server);
  const got: string[] = [];
  await reader.subscribe(">", {}, ({ topic }) => void got.push(topic));
  for (const topic of ["plain.orders.a", "kept.orders.a", "bound.orders.a"]) {
    await client.publish(topic, GOOD);
    await client.publish(topic, GOOD, { type: ORDER });
    await refused(
      client.publish(topic, BAD),
      INVALID_ARGUMENT,
      /the payload is no acme\.v1\.Order/,
    );
    const other = client.publish(topic, GOOD, { type: "acme.v1.Other" });
    await refused(other, INVALID_ARGUMENT, /takes acme\.v1\.Order, and this says to be "acme/);
  }
  await client.publish("free.orders.a", BAD, { type: "acme.v1.Other" });
  await client.publish("elsewhere", BAD);
  await refused(client.publish("unknown", GOOD), FAILED_PRECONDITION, /does not know/);
  await reader.echo("behind all of it");
  assert.deepEqual(got, [
    ...Array(2).fill("plain.orders.a"),
    ...Array(2).fill("kept.orders.a"),
    ...Array(2).fill("bound.orders.a"),
    "free.orders.a",
    "elsewhere",
  ]);
  assert.equal((await client.queue("bound").info()).ready, 2);
});

Deno.test("jobs and requests are held to the type of their queue and method", async () => {
  await using server = await start();
  await using client = await open(server);
  await addTypes(client);
  await using _service = await client.serve("acme.v1.Shop/Put", () => "done");
  await client.queue("orders").push(GOOD);
  await refused(client.queue("orders").push(BAD), INVALID_ARGUMENT, /^cannot push to "orders"/);
  await client.queue("other").push(BAD);
  await client.call("acme.v1.Shop/Put", GOOD);
  await refused(client.call("acme.v1.Shop/Put", BAD), INVALID_ARGUMENT, /^cannot call "acme/);
  assert.equal((await client.queue("orders").info()).ready, 1);
});

Deno.test("with warn they are taken, and the log says so once with their number to come", async () => {
  await using server = await start();
  await using client = await open(server);
  await addTypes(client);
  using logged = new LogRecords();
  for (let count = 0; count < 3; count++) await client.publish("noted.a", BAD);
  await client.publish("noted.a", GOOD);
  const warned = logged.records.filter(({ level }) => level === "warning");
  assert.equal(warned.length, 1);
  assert.equal(warned[0].properties.count, 1);
  assert.match(String(warned[0].properties.message), /^cannot publish to "noted\.a": the payload/);
});

Deno.test("other rules, and types that come, are in force for who has published before", async () => {
  let next = {};
  const test = { server: null as TestServer | null };
  const reread = () =>
    Promise.resolve().then(() => {
      const { data, listen, tls } = test.server!.config;
      return configFrom({ data, listen, tls, ...next });
    });
  await using server = await startServer(CONFIG, { reread });
  test.server = server;
  await using client = await open(server);
  const rejects = () => refused(client.publish("p.orders.a", BAD), INVALID_ARGUMENT, /is no acme/);
  await refused(client.publish("p.orders.a", GOOD), FAILED_PRECONDITION, /does not know/);
  await addTypes(client);
  await client.publish("p.orders.a", GOOD);
  await rejects();
  next = { ...CONFIG, types: [] };
  const { applied, waiting } = await server.server.reload();
  assert.deepEqual([applied, waiting], [["types"], []]);
  await client.publish("p.orders.a", BAD);
  next = CONFIG;
  await server.server.reload();
  await rejects();
});
