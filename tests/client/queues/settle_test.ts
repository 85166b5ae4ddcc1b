/**
 * The verbs of jobs: how they travel, and what their promises say.
 */
import assert from "node:assert/strict";
import { connect, ErrorCode } from "../../../lib/client/mod.ts";
import { reconnect } from "../bus_support.ts";
import { FakeServer } from "../fake_server.ts";
import {
  acceptClose,
  acceptPull,
  acceptSettle,
  jobFor,
  jobsFor,
  jobsOf,
  nextJob,
  refusal,
  settled,
  takeJobs,
  takeSettle,
  untilClosed,
  Verdict,
  withScript,
} from "./queue_support.ts";
import { rejection } from "../rejections.ts";

Deno.test("acks of one turn leave as one Settle; each promise has its own outcome", () =>
  withScript(async (peer) => {
    const consumer = await acceptPull(peer);
    await peer.send(...jobsFor(consumer, 4));
    const settle = await acceptSettle(peer, 2n, 3n);
    assert.deepEqual(settle.tokens, [1, 2, 3, 4]);
    assert.deepEqual([settle.consumer, settle.verdict], [consumer, Verdict.ACK]);
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    const iterator = jobsOf(client.queue("work").pull());
    const jobs = await takeJobs(iterator, 4);
    const outcomes = await Promise.allSettled(jobs.map((job) => job.ack()));
    assert.deepEqual(outcomes.map(({ status }) => status), [
      "fulfilled",
      "rejected",
      "rejected",
      "fulfilled",
    ]);
    const late = await rejection(jobs[1].ack(), "FAILED_PRECONDITION");
    assert.match(late.message, /cannot ack job 2 of "work": its lease is over/);
    assert.deepEqual(jobs.map((job) => job.lost), [false, true, true, false]);
    assert.deepEqual(jobs.map((job) => job.signal.aborted), [false, true, true, false]);
    await iterator.return!();
  }));

Deno.test("each kind of verdict is a Settle of its own, with what goes with it", () => {
  const seen: unknown[] = [];
  return withScript(async (peer) => {
    await peer.send(...jobsFor(await acceptPull(peer), 9));
    for (let count = 0; count < 8; count++) {
      const { verdict, tokens, delayMs, error } = await acceptSettle(peer);
      seen.push([Verdict[verdict], tokens, delayMs, error]);
    }
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    const iterator = jobsOf(client.queue("work").pull());
    const jobs = await takeJobs(iterator, 9);
    await Promise.all([
      jobs[0].nack(),
      jobs[1].nack({ delayMs: 0 }),
      jobs[2].nack({ delayMs: 99.5, error: "busy" }),
      jobs[3].nack({ delayMs: 99.5, error: "busy" }),
      jobs[4].reject({ error: "é".repeat(1000) }),
      jobs[5].release(),
      jobs[6].extend(),
      jobs[7].extend(60_000),
      jobs[8].reject(),
    ]);
    assert.deepEqual(seen, [
      ["NACK", [1], undefined, ""],
      ["NACK", [2], 0n, ""],
      ["NACK", [3, 4], 100n, "busy"],
      ["REJECT", [5], undefined, "é".repeat(512)],
      ["RELEASE", [6], undefined, ""],
      ["EXTEND", [7], undefined, ""],
      ["EXTEND", [8], 60_000n, ""],
      ["REJECT", [9], undefined, ""],
    ]);
    await iterator.return!();
  });
});

Deno.test("when all are late the Error refuses each of them", () =>
  withScript(async (peer) => {
    await peer.send(...jobsFor(await acceptPull(peer), 2));
    const { id } = await takeSettle(peer);
    await peer.send(refusal(id, ErrorCode.FAILED_PRECONDITION));
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    const iterator = jobsOf(client.queue("work").pull());
    const jobs = await takeJobs(iterator, 2);
    const acks = jobs.map((job) => job.ack());
    for (const [index, ack] of acks.entries()) {
      const { message } = await rejection(ack, "FAILED_PRECONDITION");
      assert.match(message, new RegExp(`cannot ack job ${index + 1} of "work"`));
    }
    await iterator.return!();
  }));

Deno.test("a verb that fails otherwise changed nothing and can be tried again", () =>
  withScript(async (peer) => {
    await peer.send(...jobsFor(await acceptPull(peer), 1));
    const { id } = await takeSettle(peer);
    await peer.send(refusal(id, ErrorCode.UNAVAILABLE, "the disk is full"));
    assert.equal((await acceptSettle(peer)).verdict, Verdict.NACK);
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    const iterator = jobsOf(client.queue("work").pull());
    const job = await nextJob(iterator);
    const ack = job.ack();
    assert.equal(job.settled, true);
    await rejection(ack, "UNAVAILABLE");
    assert.deepEqual([job.settled, job.lost], [false, false]);
    await job.nack();
    assert.equal(job.settled, true);
    await iterator.return!();
  }));

Deno.test("a job is settled once: the same verb again is the same promise, another is refused", () =>
  withScript(async (peer) => {
    await peer.send(...jobsFor(await acceptPull(peer), 1));
    assert.deepEqual((await acceptSettle(peer)).tokens, [1]);
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    const iterator = jobsOf(client.queue("work").pull());
    const job = await nextJob(iterator);
    const ack = job.ack();
    assert.equal(job.ack(), ack);
    const { message } = await rejection(job.nack(), "FAILED_PRECONDITION");
    assert.equal(message, 'cannot nack job 1 of "work": it was acked already');
    await ack;
    await job.ack();
    await rejection(job.extend(), "FAILED_PRECONDITION");
    await rejection(job.nack({ delayMs: -1 }), "INVALID_ARGUMENT");
    await rejection(job.extend(0), "INVALID_ARGUMENT");
    await iterator.return!();
  }));

Deno.test("a Settle holds no more tokens than the server's largest message", async () => {
  const sizes: number[] = [];
  await using server = new FakeServer(async (peer) => {
    await peer.welcome({ maxFrameBytes: 8192 });
    await peer.send(...jobsFor(await acceptPull(peer), 2000));
    for (let count = 0; count < 2000;) {
      const { tokens } = await acceptSettle(peer);
      sizes.push(tokens.length);
      count += tokens.length;
    }
    await acceptClose(peer);
    await untilClosed(peer);
  });
  await using client = await connect(server.url);
  const iterator = jobsOf(client.queue("work").pull({ prefetch: 2000 }));
  const jobs = await takeJobs(iterator, 2000);
  await Promise.all(jobs.map((job) => job.ack()));
  assert.deepEqual(sizes, [768, 768, 464]);
  await iterator.return!();
});

Deno.test("with the connection lost nobody knows what became of an ack, and others are refused", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    const consumer = await acceptPull(peer);
    if (peer.number > 0) return await untilClosed(peer);
    await peer.send(...jobsFor(consumer, 2));
    await takeSettle(peer);
  });
  await using client = await connect(server.url, { reconnect });
  const iterator = jobsOf(client.queue("work").pull());
  const [first, second] = await takeJobs(iterator, 2);
  await rejection(first.ack(), "UNAVAILABLE");
  const { message } = await rejection(second.ack(), "FAILED_PRECONDITION");
  assert.match(message, /cannot ack job 2 of "work": the connection was lost/);
  assert.match((await rejection(first.ack(), "FAILED_PRECONDITION")).message, /lost/);
  assert.equal(first.signal.aborted, true);
});

Deno.test("an ack without an answer rejects in time; one that comes too late changes nothing", () =>
  withScript(async (peer) => {
    await peer.send(jobFor(await acceptPull(peer), 1));
    const { id } = await takeSettle(peer);
    const again = await takeSettle(peer);
    await peer.send(settled(id), settled(again.id, 1n));
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    const iterator = jobsOf(client.queue("work").pull());
    const job = await nextJob(iterator);
    await rejection(job.ack(), "DEADLINE_EXCEEDED");
    await rejection(job.ack(), "FAILED_PRECONDITION");
    await iterator.return!();
  }, { requestTimeoutMs: 250 }));
