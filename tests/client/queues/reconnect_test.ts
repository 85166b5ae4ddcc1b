/**
 * Consumers through the end of a connection: lost leases, pulling again, and a server that stops.
 */
import assert from "node:assert/strict";
import { CloseReason, connect } from "../../../lib/client/mod.ts";
import { settles, until } from "../../support/until.ts";
import { reconnect } from "../bus_support.ts";
import { FakeServer } from "../fake_server.ts";
import {
  aborted,
  acceptClose,
  acceptPull,
  acceptSettle,
  jobFor,
  jobsFor,
  jobsOf,
  nextJob,
  takeJobs,
  untilClosed,
  Verdict,
} from "./queue_support.ts";
import { rejection } from "../rejections.ts";

Deno.test("a puller pulls again; what was held is lost, what waited is dropped", async () => {
  const consumers: bigint[] = [];
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    const consumer = await acceptPull(peer);
    consumers.push(consumer);
    if (peer.number === 0) {
      await peer.send(...jobsFor(consumer, 3));
      await peer.answer((await peer.read())!);
      return;
    }
    await peer.send(jobFor(consumer, 4, { id: 1n, redelivered: true, attempt: 2 }));
    assert.deepEqual((await acceptSettle(peer)).tokens, [4]);
    await acceptClose(peer);
    await untilClosed(peer);
  });
  await using client = await connect(server.url, { reconnect });
  const jobs = jobsOf(client.queue("work").pull());
  const first = await nextJob(jobs);
  await client.ping();
  await aborted(first.signal);
  assert.match(String(first.signal.reason), /lost job 1 of "work": the connection was lost/);
  await rejection(first.ack(), "FAILED_PRECONDITION");
  const again = await nextJob(jobs);
  assert.deepEqual([again.id, again.attempt, again.redelivered], [1n, 2, true]);
  await again.ack();
  await jobs.return!();
  assert.equal(new Set(consumers).size, 2);
});

Deno.test("a puller that begins while there is no connection pulls on the next one", async () => {
  await using server = new FakeServer(async (peer) => {
    if (peer.number === 0) {
      await peer.welcome();
      await peer.answer((await peer.read())!);
      return;
    }
    await began.promise;
    await peer.welcome();
    await peer.send(jobFor(await acceptPull(peer), 1));
    await acceptClose(peer);
    await untilClosed(peer);
  });
  const began = Promise.withResolvers<void>();
  await using client = await connect(server.url, { reconnect });
  await client.ping();
  await until(() => client.status === "reconnecting", "the loss");
  const jobs = jobsOf(client.queue("work").pull());
  const next = nextJob(jobs);
  began.resolve();
  assert.equal((await next).text(), "job 1");
  await jobs.return!();
});

Deno.test("a pull whose connection is lost before the answer is asked again", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    if (peer.number === 0) return void await peer.expect("pull");
    await peer.send(jobFor(await acceptPull(peer), 1));
    await acceptClose(peer);
    await untilClosed(peer);
  });
  await using client = await connect(server.url, { reconnect });
  const jobs = jobsOf(client.queue("work").pull());
  assert.equal((await nextJob(jobs)).text(), "job 1");
  await jobs.return!();
});

Deno.test("a server that stops gets the ack of what was under way, and the rest back", async () => {
  const retired = Promise.withResolvers<void>();
  const first = Promise.withResolvers<void>();
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    const consumer = await acceptPull(peer);
    if (peer.number === 1) {
      await peer.send(jobFor(consumer, 9));
      await acceptClose(peer);
      return await untilClosed(peer);
    }
    await peer.send(...jobsFor(consumer, 3));
    await peer.answer((await peer.read())!);
    await peer.sayWhy(CloseReason.SHUTDOWN);
    const { id, value } = await peer.expect("pull");
    assert.deepEqual([value.consumer, value.prefetch, value.close], [consumer, 0, false]);
    await peer.send({ message: { case: "ack", value: {} }, id });
    const released = await acceptSettle(peer);
    assert.deepEqual([released.verdict, released.tokens], [Verdict.RELEASE, [2, 3]]);
    retired.resolve();
    const acked = await acceptSettle(peer);
    assert.deepEqual([acked.verdict, acked.tokens], [Verdict.ACK, [1]]);
    assert.equal(await peer.read(), null);
    first.resolve();
  });
  await using client = await connect(server.url, { reconnect });
  const jobs = jobsOf(client.queue("work").pull());
  const job = await nextJob(jobs);
  await client.ping();
  // The jobs of the next connection come meanwhile.
  assert.equal((await nextJob(jobs)).text(), "job 9");
  await settles(retired.promise, "what waited here given back");
  assert.equal(job.lost, false);
  await job.ack();
  await settles(first.promise, "the end of the first connection");
  await jobs.return!();
});

Deno.test("a connection that drains is not kept by jobs that are given back", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    await peer.send(...jobsFor(await acceptPull(peer), 2));
    await peer.answer((await peer.read())!);
    await peer.sayWhy(CloseReason.SHUTDOWN);
    const { id } = await peer.expect("pull");
    await peer.send({ message: { case: "ack", value: {} }, id });
    await acceptClose(peer);
    assert.equal(await peer.read(), null);
  });
  await using client = await connect(server.url, { reconnect: { minMs: 60_000, maxMs: 60_000 } });
  const jobs = jobsOf(client.queue("work").pull());
  const [job] = await takeJobs(jobs, 2);
  await client.ping();
  await until(() => client.status === "reconnecting", "the farewell");
  await jobs.return!();
  assert.equal(job.lost, true);
});
