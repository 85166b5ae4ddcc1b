/**
 * Jobs that are pushed twice: a message_id makes one job in its queue as long as the window is open.
 */
import assert from "node:assert/strict";
import { BusClient, busTest } from "../../support/bus_client.ts";
import { startServer } from "../../support/server.ts";
import { storeTest } from "../kept/kept_support.ts";
import { ack, infoOf, jobs, pull, push, texts, waiting } from "./queue_support.ts";

const payload = (text: string) => new TextEncoder().encode(text);

busTest("a second push is answered with the id of the first, and makes no job", async (kind) => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, kind);
  await using other = await BusClient.connect(server, kind);
  await push(client, { queue: "q" });
  const first = await push(client, { queue: "q", messageId: "m", payload: payload("1") });
  assert.deepEqual([first.seq, first.duplicate], [2n, false]);
  for (const from of [client, other]) {
    const again = await push(from, {
      queue: "q",
      messageId: "m",
      payload: payload("2"),
      priority: 9,
    });
    assert.deepEqual([again.seq, again.duplicate], [2n, true]);
  }
  assert.equal((await push(client, { queue: "q" })).seq, 3n, "ids have no gap");
  assert.equal((await infoOf(client, "q")).ready, 3n);
});

Deno.test("in one batch, too, the first one counts", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await pull(client, "q", 10);
  const ids = ["a", "b", "a", "c", "b", "a"].map((messageId, index) => {
    const id = client.nextId();
    const value = { queue: "q", messageId, payload: payload(`${index}`) };
    return { id, message: { case: "job" as const, value } };
  });
  await client.send(...ids);
  const acks = [];
  for (const { id } of ids) {
    const { message } = await client.answerTo(id);
    assert(message.case === "ack");
    acks.push([Number(message.value.seq), message.value.duplicate]);
  }
  assert.deepEqual(acks, [[1, false], [2, false], [1, true], [3, false], [2, true], [1, true]]);
  assert.deepEqual(texts(await jobs(client, 3)), ["0", "1", "3"]);
});

Deno.test("a message_id is one of its queue, and no event's", async () => {
  await using server = await startServer({ keep: [{ pattern: ">" }] });
  await using client = await BusClient.connect(server, "tcp");
  for (const queue of ["a", "b", "a.b"]) {
    assert.equal((await push(client, { queue, messageId: "m" })).duplicate, false);
  }
  const value = { topic: "a", messageId: "m" };
  await client.acknowledged({ message: { case: "event", value } });
  assert.equal((await push(client, { queue: "a", messageId: "m" })).duplicate, true);
  assert.equal((await push(client, { queue: "a", messageId: "M" })).duplicate, false);
});

Deno.test("a job that is done is still known", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await push(client, { queue: "q", messageId: "m" });
  await pull(client, "q", 1);
  await ack(client, ...await jobs(client, 1));
  assert.deepEqual((await push(client, { queue: "q", messageId: "m" })).seq, 1n);
  assert.equal((await infoOf(client, "q")).ready, 0n);
  assert.equal(waiting(client), 0);
});

Deno.test("a duplicate is taken by a queue that is full, since it takes no room", async () => {
  for (const when_full of ["refuse", "drop-oldest"] as const) {
    await using server = await startServer({ queue: [{ name: "q", max_jobs: 2, when_full }] });
    await using client = await BusClient.connect(server, "tcp");
    await push(client, { queue: "q", messageId: "1" });
    await push(client, { queue: "q", messageId: "2" });
    const again = await push(client, { queue: "q", messageId: "2" });
    assert.deepEqual([again.seq, again.duplicate], [2n, true]);
    assert.equal((await infoOf(client, "q")).ready, 2n);
  }
});

Deno.test("a message_id is forgotten once as many others came as are remembered", async () => {
  await using server = await startServer({ store: { max_dedup_entries: 3 } });
  await using client = await BusClient.connect(server, "tcp");
  const duplicate = async (messageId: string) =>
    (await push(client, { queue: "q", messageId })).duplicate;
  assert.equal(await duplicate("1"), false);
  assert.equal(await duplicate("2"), false);
  assert.equal(await duplicate("1"), true);
  for (const other of ["3", "4", "5"]) assert.equal(await duplicate(other), false);
  assert.equal(await duplicate("1"), false);
});

storeTest(
  "what was pushed before a restart is known after it, if it is kept at all",
  async (data) => {
    {
      await using server = await startServer({ data });
      await using client = await BusClient.connect(server, "tcp");
      await push(client, { queue: "q" });
      await push(client, { queue: "q", messageId: "m" });
      await push(client, { queue: "p", messageId: "n" });
      await pull(client, "q", 2);
      await ack(client, ...await jobs(client, 2));
    }
    await using server = await startServer({ data });
    await using client = await BusClient.connect(server, "tcp");
    const again = await push(client, { queue: "q", messageId: "m" });
    const isKept = data !== "";
    assert.deepEqual([again.seq, again.duplicate], [isKept ? 2n : 1n, isKept]);
    assert.equal((await push(client, { queue: "p", messageId: "m" })).duplicate, false);
    assert.equal((await push(client, { queue: "p", messageId: "n" })).duplicate, isKept);
  },
);
