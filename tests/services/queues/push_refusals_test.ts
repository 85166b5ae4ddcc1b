/**
 * What is refused of pushed jobs, each field at, below and above its limit; a refusal leaves no trace, and the
 * connection goes on.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { BusClient } from "../../support/bus_client.ts";
import {
  type ClientMessageInit,
  contentOf,
  field,
  frame,
  join,
  textOf,
  varint,
} from "../../support/frames.ts";
import { SocketClient } from "../../support/socket_client.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import {
  assertRefused,
  care,
  infoOf,
  type JobInit,
  jobs,
  METHODS,
  pull,
  push,
  refusal,
} from "./queue_support.ts";

const { INVALID_ARGUMENT, RESOURCE_EXHAUSTED } = ErrorCode;
const DAY_MS = 24 * 3600 * 1000;
const MAX_DELAY_MS = 366n * BigInt(DAY_MS);

/** Runs `test` with a client of a fresh server. */
async function withClient(
  test: (client: BusClient, server: TestServer) => Promise<void>,
  input: Parameters<typeof startServer>[0] = {},
): Promise<void> {
  await using server = await startServer(input);
  await using client = await BusClient.connect(server, "tcp");
  await test(client, server);
}

/** Pushes what must be refused. */
async function refused(client: BusClient, job: JobInit, code: ErrorCode, text: RegExp) {
  const error = await refusal(client, { case: "job", value: { queue: "q", ...job } });
  assertRefused(error, code, text);
}

Deno.test("a priority is 0 to 9", () =>
  withClient(async (client) => {
    await push(client, { queue: "q", priority: 9 });
    for (const priority of [10, 2 ** 32 - 1]) {
      await refused(client, { priority }, INVALID_ARGUMENT, /priority \d+ .*0 to 9/);
    }
    assert.equal((await infoOf(client, "q")).ready, 1n);
  }));

Deno.test("a delay is at most 366 days, told either way, and only one way", () =>
  withClient(async (client) => {
    await push(client, { queue: "q", delayMs: MAX_DELAY_MS });
    const text = /a delay of \d+ ms .*at most 31622400000 ms, 366 days/;
    for (const delayMs of [MAX_DELAY_MS + 1n, 2n ** 64n - 1n]) {
      await refused(client, { delayMs }, INVALID_ARGUMENT, text);
    }
    const nowMicros = BigInt(Date.now()) * 1000n;
    // A minute on either side, since the server reads its own clock.
    const most = nowMicros + MAX_DELAY_MS * 1000n;
    await push(client, { queue: "q", runAtUnixMicros: most - 60_000_000n });
    for (const runAtUnixMicros of [most + 60_000_000n, 2n ** 64n - 1n]) {
      await refused(client, { runAtUnixMicros }, INVALID_ARGUMENT, text);
    }
    const both = { delayMs: 1n, runAtUnixMicros: nowMicros };
    await refused(client, both, INVALID_ARGUMENT, /both delay_ms and run_at.*one of the two/);
    assert.equal((await infoOf(client, "q")).delayed, 2n);
    await push(client, { queue: "q", runAtUnixMicros: nowMicros - 1000n });
    await push(client, { queue: "q", runAtUnixMicros: 1n });
    const { ready, delayed } = await infoOf(client, "q");
    assert.deepEqual([ready, delayed], [2n, 2n], "a time that has passed means at once");
  }));

Deno.test("a key is at most 256 bytes of UTF-8", () =>
  withClient(async (client) => {
    for (const bytes of [1, 255, 256]) await push(client, { queue: "q", key: textOf(bytes) });
    await refused(client, { key: textOf(257) }, INVALID_ARGUMENT, /key of 257 bytes .*256/);
    const body = join(field(1, new TextEncoder().encode("q")), field(7, Uint8Array.of(0xff)));
    const id = client.nextId();
    await client.sendBytes(frame(join(field(14, body), Uint8Array.of(0x78), varint(id))));
    const error = contentOf(await client.answerTo(id), "error");
    assert.match(error.message, /not UTF-8/);
  }));

Deno.test("a message_id, headers and a type have their limits", () =>
  withClient(async (client) => {
    for (const bytes of [255, 256]) await push(client, { queue: "q", messageId: textOf(bytes) });
    await refused(client, { messageId: textOf(257) }, INVALID_ARGUMENT, /message_id of 257 bytes/);
    const headers = (count: number, bytes = 1) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, index) => [`${index}`.padStart(3), "v".repeat(bytes)]),
      );
    for (const count of [63, 64]) await push(client, { queue: "q", headers: headers(count) });
    await refused(client, { headers: headers(65) }, RESOURCE_EXHAUSTED, /at most 64 headers/);
    // 8 KiB: sixteen entries of 512 bytes, of which 5 are the key's and 3 the rest of the value's.
    await push(client, { queue: "q", headers: headers(16, 512 - 8) });
    const large = headers(16, 512 - 7);
    await refused(client, { headers: large }, RESOURCE_EXHAUSTED, /at most 8192 bytes of headers/);
    await push(client, { queue: "q", type: "any.Name/of-it_1" });
    await refused(client, { type: "a b" }, INVALID_ARGUMENT, /type/);
    assert.equal((await infoOf(client, "q")).ready, 6n);
  }));

Deno.test("a queue has the name of a topic, and not that of dead letters", () =>
  withClient(async (client) => {
    // 5 bytes and one level are left for ".dead".
    for (
      const queue of ["q", "a.b.c", "größer.€", "x".repeat(251), Array(15).fill("l").join(".")]
    ) {
      await push(client, { queue });
    }
    for (
      const queue of ["", "a..b", ".a", "a.", "a.*", ">", "a b", "x".repeat(252)].concat(
        Array(16).fill("l").join("."),
      )
    ) {
      const error = await refusal(client, { case: "job", value: { queue } });
      assertRefused(error, INVALID_ARGUMENT, /cannot push to/);
    }
    for (const queue of ["q.dead", "q.dead.dead", "never.dead"]) {
      await refused(client, { queue }, INVALID_ARGUMENT, /only dead letters go there.*not end in/);
    }
    const listed = await care(client, METHODS.list, {});
    assert.equal(listed.queues.length, 5, "what is refused makes no queue");
  }));

Deno.test("what only the server sets is refused of a client, field by field", () =>
  withClient(async (client) => {
    const stamps: JobInit[] = [
      { sender: "me" },
      { id: 1n },
      { timeUnixMicros: 1n },
      { attempt: 1 },
      { token: 1n },
      { leaseMs: 1 },
      { redelivered: true },
      { consumer: 1n },
      { death: {} },
      { topic: "t" },
    ];
    for (const stamp of stamps) {
      await refused(client, stamp, INVALID_ARGUMENT, /field (1[1-9]|2[01]) set: only the server/);
    }
    const job = field(1, new TextEncoder().encode("q"));
    const stamped = [15, 22, 31].map((number) => join(job, field(number, new Uint8Array(1))));
    for (const body of stamped) {
      const id = client.nextId();
      await client.sendBytes(frame(join(field(14, body), Uint8Array.of(0x78), varint(id))));
      assertRefused(
        contentOf(await client.answerTo(id), "error"),
        INVALID_ARGUMENT,
        /only the server/,
      );
    }
    const { queues } = await care(client, METHODS.list, {});
    assert.deepEqual(queues, []);
  }));

Deno.test("a push that is refused makes no queue", () =>
  withClient(async (client) => {
    await refused(client, { queue: "new", priority: 10 }, INVALID_ARGUMENT, /priority/);
    await refused(
      client,
      { queue: "other", payload: new Uint8Array(2000) },
      RESOURCE_EXHAUSTED,
      /2\d\d\d bytes/,
    );
    await push(client, { queue: "third" });
    const { queues } = await care(client, METHODS.list, {});
    assert.deepEqual(queues.map(({ queue }) => queue), ["third"]);
  }, { queue: [{ name: ">", max_bytes: 1024 }], limits: { max_queues: 1 } }));

Deno.test("there are at most max_queues, those of dead letters aside", () =>
  withClient(async (client) => {
    await push(client, { queue: "a" });
    await pull(client, "b.dead", 1);
    await refused(client, { queue: "c" }, RESOURCE_EXHAUSTED, /there are 2 queues.*max_queues/);
    const value = { consumer: 2n, queue: "c" };
    const error = await refusal(client, { case: "pull", value });
    assertRefused(error, RESOURCE_EXHAUSTED, /max_queues/);
    await pull(client, "a.dead", 1, 3n);
    // Queues that were only pulled from are gone with their last consumer.
    contentOf(
      await client.ask({ message: { case: "pull", value: { consumer: 1n, close: true } } }),
      "ack",
    );
    await push(client, { queue: "c" });
  }, { limits: { max_queues: 2 } }));

Deno.test("without an id a refusal says no more, and the others are taken", () =>
  withClient(async (client) => {
    await client.send(
      { message: { case: "job", value: { queue: "q", payload: Uint8Array.of(1) } } },
      { message: { case: "job", value: { queue: "q", priority: 11 } } },
      { message: { case: "job", value: { queue: "q", payload: Uint8Array.of(2) } } },
    );
    await pull(client, "q", 5);
    const got = await jobs(client, 2);
    assert.deepEqual(got.map(({ payload }) => payload[0]), [1, 2]);
    assert.equal(client.messages.filter(({ message }) => message.case === "error").length, 1);
  }));

Deno.test("a raw listener takes no jobs", async () => {
  await using server = await startServer();
  using client = await SocketClient.connect(server, "raw", { framing: "prefixed32" });
  const messages: ClientMessageInit["message"][] = [
    { case: "job", value: { queue: "q" } },
    { case: "pull", value: { consumer: 1n, queue: "q" } },
    { case: "settle", value: { consumer: 1n, tokens: [1n], verdict: 1 } },
  ];
  for (const message of messages) {
    const answer = await client.request({ message });
    assert.equal(contentOf(answer, "error").code, ErrorCode.PERMISSION_DENIED);
  }
});
