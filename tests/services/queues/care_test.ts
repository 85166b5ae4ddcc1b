/**
 * Looking after queues over the wire: List, Info, Peek, Pause and Resume.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { JobState, Verdict } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { BusClient, busTest } from "../../support/bus_client.ts";
import { contentOf } from "../../support/frames.ts";
import { startServer } from "../../support/server.ts";
import {
  ack,
  assertRefused,
  care,
  careCall,
  infoOf,
  jobs,
  METHODS,
  pull,
  push,
  pushAll,
  refusal,
  settle,
  texts,
  waiting,
} from "./queue_support.ts";

const { INVALID_ARGUMENT, NOT_FOUND } = ErrorCode;
const { READY, DELAYED, LEASED, BLOCKED } = JobState;

async function rejectAll(client: BusClient, count: number): Promise<void> {
  contentOf(await settle(client, Verdict.REJECT, await jobs(client, count)), "settled");
}

Deno.test("a list has every queue once, in pages, in the order of their names", async () => {
  await using server = await startServer({ queue: [{ name: "bound", bind: ["x.>"] }] });
  await using client = await BusClient.connect(server, "tcp");
  for (const queue of ["b", "a.x", "a.y", "Z", "é", "𝄞", "～"]) await push(client, { queue });
  await pull(client, "pulled", 1);
  await pull(client, "pulled.dead", 1, 2n);
  const names = ["Z", "a.x", "a.y", "b", "pulled", "é", "𝄞", "～"];
  const all = await care(client, METHODS.list, {});
  assert.deepEqual(all.queues.map(({ queue }) => queue), names);
  assert.equal(all.more, false);
  const paged: string[] = [];
  for (let after = "", more = true; more; after = paged.at(-1)!) {
    const page = await care(client, METHODS.list, { after, limit: 3 });
    assert(page.queues.length === 3 || !page.more);
    paged.push(...page.queues.map(({ queue }) => queue));
    more = page.more;
  }
  assert.deepEqual(paged, names);
  const matching = await care(client, METHODS.list, { pattern: "a.*" });
  assert.deepEqual(matching.queues.map(({ queue }) => queue), ["a.x", "a.y"]);
  const none = await care(client, METHODS.list, { pattern: "a.*.c", limit: 4_000_000_000 });
  assert.deepEqual([none.queues, none.more], [[], false]);
  const error = await refusal(client, careCall(METHODS.list, { pattern: "a..b" }));
  assertRefused(error, INVALID_ARGUMENT, /cannot list "a\.\.b"/);
  const behind = await care(client, METHODS.list, { after: "～" });
  assert.deepEqual(behind.queues, []);
});

Deno.test("dead letters are listed once there were some", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await pushAll(client, "q", ["1"]);
  await pull(client, "q", 1);
  await rejectAll(client, 1);
  const { queues } = await care(client, METHODS.list, {});
  assert.deepEqual(queues.map(({ queue, dead, ready }) => [queue, dead, ready]), [
    ["q", 1n, 0n],
    ["q.dead", 0n, 1n],
  ]);
});

Deno.test("a list stays a message of its own size, however long the names are", async () => {
  await using server = await startServer({
    limits: { max_frame_bytes: 16_384, max_topic_bytes: 1000, max_outbox_bytes: 1_000_000 },
  });
  await using client = await BusClient.connect(server, "tcp");
  const names = Array.from({ length: 40 }, (_, index) => `${index}`.padStart(900, "n"));
  for (const queue of names) await push(client, { queue });
  const seen: string[] = [];
  for (let after = "", more = true; more;) {
    const answer = await client.ask({ message: careCall(METHODS.list, { after }) });
    assert(contentOf(answer, "answer").payload.length <= 16_384 - 100);
    const page = await care(client, METHODS.list, { after });
    seen.push(...page.queues.map(({ queue }) => queue));
    more = page.more;
    after = seen.at(-1)!;
  }
  assert.deepEqual(seen, names.toSorted());
});

Deno.test("info counts jobs by where they stand, and tells how the queue is set up", async () => {
  const queue = [{
    name: "q",
    bind: ["a.>", "b"],
    ordered: true,
    max_jobs: 100,
    max_bytes: 100_000,
    max_deliveries: 4,
    lease_ms: 5000,
    backoff_min_ms: 10,
    backoff_max_ms: 20,
    when_full: "drop-oldest" as const,
  }];
  await using server = await startServer({ queue });
  await using client = await BusClient.connect(server, "tcp");
  const before = BigInt(Date.now() - 1) * 1000n;
  await pushAll(client, "q", ["k1", "k2", "k3"], { key: "k" });
  await pushAll(client, "q", ["later"], { delayMs: 3_600_000n });
  await pushAll(client, "q", ["1", "2", "3", "4"]);
  await pull(client, "q", 4);
  const held = await jobs(client, 4);
  assert.deepEqual(texts(held), ["k1", "1", "2", "3"]);
  contentOf(await settle(client, Verdict.REJECT, [held[1]]), "settled");
  await jobs(client, 1);
  contentOf(await settle(client, Verdict.NACK, [held[2]], { delayMs: 3_600_000n }), "settled");
  await ack(client, held[3]);
  const info = await infoOf(client, "q");
  const { ready, delayed, leased, blocked, dead, pushed, done, redelivered } = info;
  assert.deepEqual(
    [ready, delayed, leased, blocked, dead, pushed, done, redelivered].map(Number),
    [0, 2, 2, 2, 1, 8, 1, 0],
  );
  assert.equal(info.consumers, 1);
  assert.equal(info.paused, false);
  assert(info.bytes > 6n * 10n && info.bytes < 6n * 200n, `${info.bytes} bytes of six jobs`);
  assert(info.oldestTimeUnixMicros >= before, "of the oldest that is there");
  assert(info.oldestTimeUnixMicros <= BigInt(Date.now() + 1) * 1000n);
  const { $typeName: _, ...settings } = info.settings!;
  assert.deepEqual(settings, {
    leaseMs: 5000,
    maxDeliveries: 4,
    maxJobs: 100n,
    maxBytes: 100_000n,
    dropsOldest: true,
    ordered: true,
    bind: ["a.>", "b"],
    backoffMinMs: 10,
    backoffMaxMs: 20,
  });
  const { settings: deadSettings, ready: deadReady } = await infoOf(client, "q.dead");
  assert.equal(deadReady, 1n);
  const { maxDeliveries, maxJobs, maxBytes, ordered } = deadSettings!;
  assert.deepEqual([maxDeliveries, maxJobs, maxBytes, ordered], [0, 0n, 0n, false]);
});

Deno.test("an empty queue has no oldest job, and bytes come back to nothing", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await pushAll(client, "q", Array.from({ length: 300 }, (_, index) => "x".repeat(index)));
  await pull(client, "q", 300);
  await ack(client, ...await jobs(client, 300));
  const { bytes, oldestTimeUnixMicros, leased, ready } = await infoOf(client, "q");
  assert.deepEqual([bytes, oldestTimeUnixMicros, leased, ready], [0n, 0n, 0n, 0n]);
});

busTest("peek shows jobs in the order of their ids, and takes none", async (kind) => {
  await using server = await startServer({ queue: [{ name: "q", ordered: true }] });
  await using client = await BusClient.connect(server, kind);
  const [one] = await pushAll(client, "q", ["1"], { headers: { a: "b" }, type: "t.T" });
  await pushAll(client, "q", ["2"], { priority: 9, key: "k" });
  await pushAll(client, "q", ["3"], { key: "k" });
  await pull(client, "q", 1);
  const [held] = await jobs(client, 1);
  assert.deepEqual(texts([held]), ["2"]);
  await pushAll(client, "q", ["4"], { delayMs: 3_600_000n });
  const nowMicros = BigInt(Date.now()) * 1000n;
  for (let round = 0; round < 2; round++) {
    const { jobs: seen, more } = await care(client, METHODS.peek, { queue: "q" });
    assert.equal(more, false);
    assert.deepEqual(texts(seen.map(({ job }) => job!)), ["1", "2", "3", "4"]);
    assert.deepEqual(seen.map(({ state }) => state), [READY, LEASED, BLOCKED, DELAYED]);
    assert.deepEqual(seen.map(({ job }) => job!.attempt), [0, 1, 0, 0]);
    assert.deepEqual(seen.map(({ job }) => job!.redelivered), [false, false, false, false]);
    const [first] = seen.map(({ job }) => job!);
    assert.deepEqual([first.id, first.type, first.headers], [one, "t.T", { a: "b" }]);
    assert.notEqual(first.sender, "");
    assert.equal(first.token, 0n, "a peek gives nobody the right to settle");
    const until = seen.map(({ untilUnixMicros }) => untilUnixMicros);
    assert.deepEqual([until[0], until[2]], [0n, 0n]);
    const [lease, delay] = [until[1] - nowMicros, until[3] - nowMicros];
    assert(lease > 0n && lease < 35_000_000n, `the lease ends in ${lease}`);
    assert(delay > 3_590_000_000n && delay < 3_610_000_000n, `due in ${delay}`);
  }
  await ack(client, held);
  assert.deepEqual(texts(await jobs(client, 1)), ["1"]);
});

Deno.test("peek goes on behind an id, as far as its limit", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  const names = Array.from({ length: 1500 }, (_, index) => `${index + 1}`);
  await pushAll(client, "q", names);
  const ids = async (after: bigint, limit: number) => {
    const page = await care(client, METHODS.peek, { queue: "q", after, limit });
    return { ids: page.jobs.map(({ job }) => Number(job!.id)), more: page.more };
  };
  const firstTen = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  assert.deepEqual(await ids(0n, 0), { ids: firstTen, more: true });
  assert.deepEqual(await ids(5n, 3), { ids: [6, 7, 8], more: true });
  assert.deepEqual(await ids(1498n, 2), { ids: [1499, 1500], more: false });
  assert.deepEqual(await ids(1497n, 2), { ids: [1498, 1499], more: true });
  assert.deepEqual(await ids(1500n, 2), { ids: [], more: false });
  assert.deepEqual(await ids(2n ** 64n - 1n, 2), { ids: [], more: false });
  assert.equal((await ids(0n, 1000)).ids.length, 1000);
  const error = await refusal(client, careCall(METHODS.peek, { queue: "q", limit: 1001 }));
  assertRefused(error, INVALID_ARGUMENT, /peek at 1001 jobs .*at most 1000/);
  await pull(client, "q", 1490);
  const held = await jobs(client, 1490);
  await ack(client, ...held.slice(1));
  assert.deepEqual(await ids(0n, 5), { ids: [1, 1491, 1492, 1493, 1494], more: true });
});

Deno.test("a peek into large jobs gives fewer, and at least one", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  const sizes = [200_000, 200_000, 200_000, 900_000, 1000];
  for (const size of sizes) await push(client, { queue: "q", payload: new Uint8Array(size) });
  const seen: number[][] = [];
  for (let after = 0n, more = true; more;) {
    const page = await care(client, METHODS.peek, { queue: "q", after, limit: 100 });
    seen.push(page.jobs.map(({ job }) => job!.payload.length));
    more = page.more;
    after = page.jobs.at(-1)!.job!.id;
  }
  assert.deepEqual(seen, [[200_000, 200_000], [200_000], [900_000], [1000]]);
});

Deno.test("dead letters are peeked with their deaths, under either name as they are", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await pushAll(client, "q", ["1", "2"]);
  await pull(client, "q", 2);
  const held = await jobs(client, 2);
  contentOf(await settle(client, Verdict.REJECT, held, { error: "no good" }), "settled");
  const { jobs: seen } = await care(client, METHODS.peek, { queue: "q.dead" });
  assert.deepEqual(texts(seen.map(({ job }) => job!)), ["1", "2"]);
  const deaths = seen.map(({ job }) => job!.death!);
  assert.deepEqual(
    deaths.map(({ reason, attempts, lastError, queue, id }) => [
      reason,
      attempts,
      lastError,
      queue,
      Number(id),
    ]),
    [[2, 1, "no good", "q", 1], [2, 1, "no good", "q", 2]],
  );
  assert.deepEqual((await care(client, METHODS.peek, { queue: "q" })).jobs, []);
});

Deno.test("a paused queue takes jobs and settlements, and hands nothing out until it is resumed", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await pull(client, "q", 10);
  await pushAll(client, "q", ["1"]);
  const [held] = await jobs(client, 1);
  const paused = await care(client, METHODS.pause, { queue: "q" });
  assert.equal(paused.info!.paused, true);
  await care(client, METHODS.pause, { queue: "q" });
  await pushAll(client, "q", ["2", "3"]);
  contentOf(await settle(client, Verdict.RELEASE, [held]), "settled");
  assert.equal(waiting(client), 0);
  const { ready, leased } = await infoOf(client, "q");
  assert.deepEqual([ready, leased], [3n, 0n]);
  const resumed = await care(client, METHODS.resume, { queue: "q" });
  assert.equal(resumed.info!.paused, false);
  assert.deepEqual(texts(await jobs(client, 3)), ["1", "2", "3"]);
  await care(client, METHODS.resume, { queue: "q" });
  assert.equal((await infoOf(client, "q")).paused, false);
});

Deno.test("dead letters are paused on their own", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await pushAll(client, "q", ["1", "2"]);
  await pull(client, "q", 1);
  await care(client, METHODS.pause, { queue: "q.dead" });
  await pull(client, "q.dead", 5, 2n);
  await rejectAll(client, 1);
  await rejectAll(client, 1);
  assert.equal((await infoOf(client, "q.dead")).ready, 2n);
  assert.equal(waiting(client), 0);
  await care(client, METHODS.resume, { queue: "q.dead" });
  assert.deepEqual(texts(await jobs(client, 2)), ["1", "2"]);
});

Deno.test("of a queue that is not there every method says so, and List of nothing", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await push(client, { queue: "q" });
  const { info, peek, purge, redrive, pause, resume } = METHODS;
  for (
    const [queue, code] of [["no", NOT_FOUND], ["no.dead", NOT_FOUND], [
      "a..b",
      INVALID_ARGUMENT,
    ]] as const
  ) {
    const calls = [
      careCall(info, { queue }),
      careCall(peek, { queue }),
      careCall(purge, { queue }),
      careCall(redrive, { queue }),
      careCall(pause, { queue }),
      careCall(resume, { queue }),
    ];
    for (const call of calls) {
      const error = await refusal(client, call);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, /cannot (look at|peek into|purge|redrive|pause|resume)/);
    }
  }
  // Dead letters that never were are none, if the queue is there.
  assert.equal((await infoOf(client, "q.dead")).ready, 0n);
  assert.deepEqual((await care(client, peek, { queue: "q.dead" })).jobs, []);
  assert.equal((await care(client, purge, { queue: "q.dead" })).dropped, 0n);
  assert.equal((await care(client, redrive, { queue: "q.dead" })).redriven, 0n);
});
