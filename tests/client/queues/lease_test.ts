/**
 * Leases: extended while a job is held, lost when they are over.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../../lib/client/mod.ts";
import {
  aborted,
  acceptClose,
  acceptPull,
  acceptSettle,
  jobFor,
  jobsFor,
  jobsOf,
  nextJob,
  refusal,
  takeJobs,
  takeSettle,
  untilClosed,
  Verdict,
  withScript,
} from "./queue_support.ts";
import { rejection } from "../rejections.ts";

Deno.test("leases of what is held are extended together, again and again, until it is settled", () => {
  const thrice = Promise.withResolvers<void>();
  const others = Promise.withResolvers<void>();
  return withScript(async (peer) => {
    await peer.send(...jobsFor(await acceptPull(peer), 3, { leaseMs: 900 }));
    const seen: unknown[] = [];
    for (;;) {
      const { verdict, tokens, delayMs } = await acceptSettle(peer);
      if (verdict === Verdict.ACK) break;
      seen.push([verdict, tokens, delayMs]);
      if (seen.length === 3) thrice.resolve();
    }
    for (const each of seen) assert.deepEqual(each, [Verdict.EXTEND, [1, 2, 3], undefined]);
    // One that is settled is not extended; one that waits here is.
    const { verdict, tokens } = await acceptSettle(peer);
    assert.deepEqual([verdict, tokens], [Verdict.EXTEND, [2, 3]]);
    others.resolve();
    await untilClosed(peer);
  }, async (client) => {
    const jobs = jobsOf(client.queue("work").pull({ prefetch: 3 }));
    const job = await nextJob(jobs);
    await thrice.promise;
    assert.equal(job.lost, false);
    await job.ack();
    await others.promise;
    assert.equal((await nextJob(jobs)).lost, false);
  }, { requestTimeoutMs: 500 });
});

Deno.test("a job whose ack failed is held on", () => {
  const held = Promise.withResolvers<void>();
  return withScript(async (peer) => {
    await peer.send(...jobsFor(await acceptPull(peer), 2, { leaseMs: 300 }));
    const { id, verdict } = await takeSettle(peer);
    assert.equal(verdict, Verdict.ACK);
    // The other one is due meanwhile, and lost.
    assert.deepEqual((await acceptSettle(peer, 2n)).tokens, [2]);
    await peer.send(refusal(id, ErrorCode.UNAVAILABLE));
    while (!(await acceptSettle(peer)).tokens.includes(1));
    held.resolve();
    await untilClosed(peer);
  }, async (client) => {
    const jobs = jobsOf(client.queue("work").pull());
    const [job] = await takeJobs(jobs, 2);
    await rejection(job.ack(), "UNAVAILABLE");
    await held.promise;
    assert.equal(job.lost, false);
  }, { requestTimeoutMs: 500 });
});

Deno.test("a job whose extension comes too late is lost", () =>
  withScript(async (peer) => {
    await peer.send(...jobsFor(await acceptPull(peer), 2, { leaseMs: 60 }));
    const { verdict } = await acceptSettle(peer, 1n);
    assert.equal(verdict, Verdict.EXTEND);
    await untilClosed(peer);
  }, async (client) => {
    const jobs = jobsOf(client.queue("work").pull());
    const [first, second] = await takeJobs(jobs, 2);
    await aborted(first.signal);
    assert.match(String(first.signal.reason), /lost job 1 of "work": its lease is over/);
    await rejection(first.ack(), "FAILED_PRECONDITION");
    assert.equal(second.lost, false);
  }, { requestTimeoutMs: 100 }));

Deno.test("without extending, the signal tells the end; what is said then, the server judges", () =>
  withScript(async (peer) => {
    const consumer = await acceptPull(peer);
    await peer.send(...jobsFor(consumer, 3, { leaseMs: 30 }));
    assert.deepEqual((await acceptSettle(peer)).tokens, [1]);
    assert.deepEqual((await acceptSettle(peer, 2n)).tokens, [2]);
    await peer.send(jobFor(consumer, 4));
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    const jobs = jobsOf(client.queue("work").pull({ autoExtend: false }));
    const [first, second] = await takeJobs(jobs, 2);
    await aborted(first.signal);
    await aborted(second.signal);
    await first.ack();
    await rejection(second.ack(), "FAILED_PRECONDITION");
    // The third waited too long: it is not worth beginning.
    assert.equal((await nextJob(jobs)).id, 4n);
    await jobs.return!();
  }));

Deno.test("a longer lease that the program asked for is not cut short", () => {
  const twice = Promise.withResolvers<void>();
  return withScript(async (peer) => {
    await peer.send(...jobsFor(await acceptPull(peer), 2, { leaseMs: 60 }));
    const asked = await acceptSettle(peer);
    assert.deepEqual([asked.tokens, asked.delayMs], [[1], 3_600_000n]);
    for (let count = 0; count < 2; count++) {
      const { tokens, verdict } = await acceptSettle(peer);
      assert.deepEqual([tokens, verdict], [[2], Verdict.EXTEND]);
    }
    twice.resolve();
    await untilClosed(peer);
  }, async (client) => {
    const jobs = jobsOf(client.queue("work").pull());
    const [first, second] = await takeJobs(jobs, 2);
    await first.extend(3_600_000);
    assert.ok(first.leaseEndsAt.getTime() > second.leaseEndsAt.getTime());
    await twice.promise;
    assert.equal(first.lost, false);
  }, { requestTimeoutMs: 500 });
});

Deno.test("a job that comes round again is lost to the one who had it before", () =>
  withScript(async (peer) => {
    const consumer = await acceptPull(peer);
    await peer.send(jobFor(consumer, 1));
    await peer.answer((await peer.read())!);
    await peer.send(jobFor(consumer, 2, { id: 1n, redelivered: true, attempt: 2 }));
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    const jobs = jobsOf(client.queue("work").pull());
    const first = await nextJob(jobs);
    await client.ping();
    const again = await nextJob(jobs);
    assert.deepEqual([again.id, again.attempt, again.redelivered], [1n, 2, true]);
    assert.deepEqual([first.lost, again.lost], [true, false]);
    await jobs.return!();
  }));
