/**
 * A fault in any part that serves a connection ends that request or that connection at most: everybody else is served on,
 * and so is whoever comes next.
 */
import assert from "node:assert/strict";
import { HttpConnection } from "../../lib/adapters/http/connection.ts";
import { TextDialogue } from "../../lib/adapters/text/dialogue.ts";
import { Handshakes } from "../../lib/adapters/tls/handshakes.ts";
import { ErrorCode } from "../../lib/base/errors.ts";
import { Access } from "../../lib/services/access/access.ts";
import { Calls } from "../../lib/services/calls/calls.ts";
import { KeptTopics } from "../../lib/services/kept/kept_topics.ts";
import { Queue } from "../../lib/services/queues/queue.ts";
import { Rooms } from "../../lib/services/rooms/rooms.ts";
import { Bus } from "../../lib/services/topics/bus.ts";
import { FrameReader } from "../../lib/wire/frame_reader.ts";
import { MessageScan } from "../../lib/wire/message_scan.ts";
import { PayloadScan } from "../../lib/wire/payload_scan.ts";
import { BusClient } from "../support/bus_client.ts";
import { call, publish, subscribe } from "../support/bus_messages.ts";
import { type ClientMessageInit, contentOf, echoMessage } from "../support/frames.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { settles, until } from "../support/until.ts";

// deno-lint-ignore no-explicit-any
type Methods = Record<string, (...given: any[]) => any>;

/** Makes a method of a class fail the next time that it is called. */
function failOnce(prototype: object, name: string): void {
  const methods = prototype as Methods;
  const real = methods[name];
  assert.equal(typeof real, "function", name);
  methods[name] = function () {
    methods[name] = real;
    throw new TypeError(`a fault in ${name}`);
  };
}

async function isServed(client: BusClient): Promise<void> {
  contentOf(await client.ask(echoMessage("here")), "echoMessage");
}

const REQUESTS: [what: string, prototype: object, name: string, request: ClientMessageInit][] = [
  ["a publish", Bus.prototype, "publish", publish({ topic: "a" })],
  ["a scan of its payload", PayloadScan.prototype, "scan", publish({ topic: "a" })],
  ["a kept publish", KeptTopics.prototype, "append", publish({ topic: "k.a" })],
  ["a subscription", Bus.prototype, "subscribe", subscribe("a")],
  ["a call", Calls.prototype, "ask", call({ method: "a.B" })],
  ["a push", Queue.prototype, "push", { message: { case: "job", value: { queue: "q" } } }],
  ["an own method", Rooms.prototype, "room", call({ method: "parley.v1.Rooms/Members" })],
];

async function withClients(
  run: (server: TestServer, one: BusClient, other: BusClient) => Promise<void>,
): Promise<void> {
  await using server = await startServer({ keep: [{ pattern: "k.>" }] });
  await using one = await BusClient.connect(server, "tcp");
  await using other = await BusClient.connect(server, "ws");
  await isServed(one);
  await isServed(other);
  await run(server, one, other);
  await isServed(other);
  await using newcomer = await BusClient.connect(server, "unix");
  await isServed(newcomer);
}

for (const [what, prototype, name, request] of REQUESTS) {
  Deno.test(`a fault in ${what} refuses that request, and the same one is carried out next`, () =>
    withClients(async (server, one) => {
      failOnce(prototype, name);
      const error = contentOf(await one.ask(request), "error");
      assert.equal(error.code, ErrorCode.INTERNAL, error.message);
      assert(!error.message.includes("a fault in"), "nothing of the inside is told");
      await isServed(one);
      const { message } = await one.ask(request);
      assert(message.case !== "error" || message.value.code !== ErrorCode.INTERNAL);
      assert.equal(server.stats().internalErrors, 1);
    }));
}

for (
  const [prototype, name] of [[FrameReader.prototype, "next"], [MessageScan.prototype, "scan"]]
) {
  Deno.test(`a fault in the codec's ${name} ends that connection`, () =>
    withClients(async (server, one) => {
      failOnce(prototype as object, name as string);
      await one.send(echoMessage("x"));
      await one.whenEnded();
      await until(() => server.stats().internalErrors === 1, "it is counted");
    }));
}

Deno.test("a fault in the conversation with a person ends that connection", () =>
  withClients(async (server) => {
    for (const name of ["take", "receive"]) {
      using person = await Deno.connect({ hostname: "127.0.0.1", port: server.port("text") });
      failOnce(TextDialogue.prototype, name);
      await person.write(new TextEncoder().encode("ada\n"));
      const read = async () => {
        const chunk = new Uint8Array(4096);
        while (await person.read(chunk).catch(() => null) !== null);
      };
      await settles(read(), "the end");
    }
  }));

const ENTRIES: [kind: "tcp" | "tls" | "ws", prototype: object, name: string][] = [
  ["tcp", Access.prototype, "enter"],
  ["tls", Handshakes.prototype, "identityOf"],
  ["tls", Access.prototype, "enter"],
  ["ws", HttpConnection.prototype, "waits"],
  ["ws", Access.prototype, "enter"],
];

for (const [kind, prototype, name] of ENTRIES) {
  Deno.test(`a fault in ${name} while a connection comes ends it, and its place is free again: ${kind}`, async () => {
    await using server = await startServer({ limits: { max_connections: 1 } });
    for (let round = 0; round < 3; round++) {
      failOnce(prototype, name);
      // A WebSocket may not even come about.
      const refused = await server.connect(kind).catch(() => null);
      if (refused !== null) {
        const ended = async () => {
          await refused.write(new Uint8Array([0x3a, 0x00])).catch(() => 0);
          const chunk = new Uint8Array(1024);
          while (await refused.read(chunk).catch(() => null) !== null);
        };
        await settles(ended(), "the end");
        refused.close();
      }
      await until(() => server.stats().internalErrors === round + 1, "it is counted");
      await using client = await BusClient.connect(server, kind);
      await isServed(client);
      client.close();
      await until(() => server.stats().connectionsOpen === 0, "it is gone");
    }
    await settles(server.server.stop(), "stop");
  });
}
