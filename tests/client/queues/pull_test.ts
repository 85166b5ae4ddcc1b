/**
 * Pulling: what is asked of the server, what comes of it, and how a loop over jobs ends.
 */
import assert from "node:assert/strict";
import { connect, ErrorCode } from "../../../lib/client/mod.ts";
import { DeathReason } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { settles } from "../../support/until.ts";
import { ack } from "../bus_support.ts";
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
  refusal,
  takeJobs,
  untilClosed,
  Verdict,
  withScript,
} from "./queue_support.ts";
import { rejection } from "../rejections.ts";

Deno.test("nothing is pulled before a job is wanted; jobs may come before the Ack", () =>
  withScript(async (peer) => {
    await peer.answer((await peer.read())!);
    const { id, value } = await peer.expect("pull");
    const { consumer, queue, prefetch, close } = value;
    assert.deepEqual([consumer, queue, prefetch, close], [1n, "work", 8, false]);
    await peer.send(...jobsFor(consumer, 2), ack(id), jobFor(consumer, 3));
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    const jobs = jobsOf(client.queue("work").pull({ prefetch: 8 }));
    await client.ping();
    const texts = (await takeJobs(jobs, 3)).map((job) => job.text());
    assert.deepEqual(texts, ["job 1", "job 2", "job 3"]);
    await jobs.return!();
  }));

Deno.test("a job has what was pushed and what the server says of it", () =>
  withScript(async (peer) => {
    const consumer = await acceptPull(peer);
    const death = {
      reason: DeathReason.REJECTED,
      attempts: 3,
      lastError: "no",
      timeUnixMicros: 1_700_000_001_000_000n,
      queue: "work",
      id: 7n,
    };
    await peer.send(jobFor(consumer, 1, {
      payload: new TextEncoder().encode('{"a":1}'),
      type: "acme.v1.Work",
      headers: { trace: "1" },
      messageId: "m",
      priority: 9,
      key: "k",
      attempt: 4,
      redelivered: true,
      topic: "orders.created",
      leaseMs: 1000,
      death,
    }));
    await peer.send(jobFor(consumer, 2, { payload: new Uint8Array([0xff]), leaseMs: 0 }));
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    await using puller = client.queue("work").pull({ autoExtend: false });
    const [job, other] = await takeJobs(jobsOf(puller), 2);
    assert.deepEqual(job.json(), { a: 1 });
    const { queue, id, type, headers, messageId, priority, key, attempt, redelivered } = job;
    assert.deepEqual(
      { queue, id, type, headers, messageId, priority, key, attempt, redelivered },
      {
        queue: "work",
        id: 1n,
        type: "acme.v1.Work",
        headers: { trace: "1" },
        messageId: "m",
        priority: 9,
        key: "k",
        attempt: 4,
        redelivered: true,
      },
    );
    assert.deepEqual(
      [job.topic, job.sender, job.pushedAt.getTime(), job.leaseMs],
      ["orders.created", "other", 1_700_000_000_000, 1000],
    );
    assert.deepEqual(job.death, {
      reason: "rejected",
      attempts: 3,
      lastError: "no",
      time: new Date(1_700_000_001_000),
      queue: "work",
      id: 7n,
    });
    assert.ok(job.leaseEndsAt.getTime() > job.pushedAt.getTime());
    assert.equal(other.death, null);
    assert.throws(() => other.text(), { code: ErrorCode.INVALID_ARGUMENT });
    assert.throws(() => other.json(), { code: ErrorCode.INVALID_ARGUMENT });
    assert.equal(other.leaseMs, Infinity);
  }));

Deno.test("leaving the loop closes the consumer, behind the verdicts of before", () => {
  const seen: unknown[] = [];
  return withScript(async (peer) => {
    const consumer = await acceptPull(peer);
    await peer.send(...jobsFor(consumer, 3));
    const settle = await acceptSettle(peer);
    seen.push([settle.verdict, settle.tokens]);
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    const queue = client.queue("work");
    const held = [];
    let acked: Promise<void> | undefined;
    for await (const job of queue.pull()) {
      held.push(job);
      if (held.length === 1) acked = job.ack();
      if (held.length === 2) break;
    }
    await acked;
    assert.deepEqual(seen, [[Verdict.ACK, [1]]]);
    const [first, second] = held;
    assert.equal(first.signal.aborted, false);
    await aborted(second.signal);
    assert.match(String(second.signal.reason), /lost job 2 of "work": its puller was closed/);
    const late = await rejection(second.ack(), "FAILED_PRECONDITION");
    assert.match(late.message, /cannot ack job 2 of "work".*delivered again/);
    await rejection(second.extend(), "FAILED_PRECONDITION");
    await rejection(second.nack(), "FAILED_PRECONDITION");
  });
});

Deno.test("what is said of a job in the turn that leaves the loop is still sent", () =>
  withScript(async (peer) => {
    await peer.send(jobFor(await acceptPull(peer), 1));
    assert.equal((await acceptSettle(peer)).verdict, Verdict.ACK);
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    let acked: Promise<void> | undefined;
    for await (const job of client.queue("work").pull()) {
      acked = job.ack();
      break;
    }
    await acked;
  }));

Deno.test("an error in the loop closes the consumer, and is not lost", () =>
  withScript(async (peer) => {
    await peer.send(jobFor(await acceptPull(peer), 1));
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    const loop = async () => {
      for await (const job of client.queue("work").pull()) throw new Error(job.text());
    };
    await assert.rejects(loop(), /job 1/);
  }));

Deno.test("a refusal of the pull is raised by the loop, each time", () =>
  withScript(async (peer) => {
    const { id } = await peer.expect("pull");
    await peer.send(refusal(id, ErrorCode.PERMISSION_DENIED, "not for you"));
    // A consumer that never was is not closed.
    assert.equal(await peer.read(), null);
  }, async (client) => {
    const puller = client.queue("work").pull();
    const jobs = jobsOf(puller);
    await rejection(jobs.next(), "PERMISSION_DENIED");
    await rejection(jobs.next(), "PERMISSION_DENIED");
    assert.equal(puller.closed, true);
  }));

Deno.test("an aborted signal ends the loop without an error and gives the jobs back", () =>
  withScript(async (peer) => {
    await peer.send(...jobsFor(await acceptPull(peer), 2));
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    const controller = new AbortController();
    const { signal } = controller;
    const jobs = jobsOf(client.queue("work").pull({ signal }));
    const job = await nextJob(jobs);
    controller.abort(new Error("enough"));
    assert.equal((await jobs.next()).done, true);
    assert.equal(job.signal.aborted, true);
    const never = jobsOf(client.queue("work").pull({ signal }));
    assert.equal((await never.next()).done, true);
  }));

Deno.test("loops over one puller share its jobs; one that is closed ends all of them", () =>
  withScript(async (peer) => {
    await peer.send(...jobsFor(await acceptPull(peer), 2));
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    const puller = client.queue("work").pull();
    const [one, two] = [jobsOf(puller), jobsOf(puller)];
    const both = await Promise.all([nextJob(one), nextJob(two)]);
    assert.deepEqual(both.map((job) => job.text()), ["job 1", "job 2"]);
    const ends = [one.next(), two.next()];
    await puller.close();
    assert.deepEqual((await Promise.all(ends)).map(({ done }) => done), [true, true]);
  }));

Deno.test("two pullers of one client are two consumers", () =>
  withScript(async (peer) => {
    const [one, two] = [await acceptPull(peer), await acceptPull(peer)];
    assert.notEqual(one, two);
    await peer.send(jobFor(two, 2), jobFor(one, 1));
    assert.equal((await acceptSettle(peer)).consumer, one);
    assert.equal((await acceptSettle(peer)).consumer, two);
    await acceptClose(peer);
    // The other one goes on.
    await peer.send(jobFor(two, 4), jobFor(one, 3));
    await acceptSettle(peer);
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    const queue = client.queue("work");
    const [one, two] = [jobsOf(queue.pull()), jobsOf(queue.pull())];
    const [first, second] = await Promise.all([nextJob(one), nextJob(two)]);
    assert.deepEqual([first.text(), second.text()], ["job 1", "job 2"]);
    await first.ack();
    await second.ack();
    await one.return!();
    const fourth = await nextJob(two);
    assert.equal(fourth.text(), "job 4");
    await fourth.ack();
    await two.return!();
  }));

Deno.test("a server that gives more than was asked for gets the oldest back", () =>
  withScript(async (peer) => {
    const consumer = await acceptPull(peer);
    await peer.send(...jobsFor(consumer, 2 * 2 + 3));
    const { verdict, tokens } = await acceptSettle(peer);
    assert.deepEqual([verdict, tokens], [Verdict.RELEASE, [2, 3, 4]]);
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    const jobs = jobsOf(client.queue("work").pull({ prefetch: 2 }));
    const first = await nextJob(jobs);
    const others = await takeJobs(jobs, 3);
    assert.deepEqual([first, ...others].map(({ id }) => Number(id)), [1, 5, 6, 7]);
    await jobs.return!();
  }));

Deno.test("closing the client gives everything back and ends the loops", () =>
  withScript(async (peer) => {
    await peer.send(...jobsFor(await acceptPull(peer), 2));
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    const puller = client.queue("work").pull();
    const jobs = jobsOf(puller);
    const [job] = await takeJobs(jobs, 2);
    const end = jobs.next();
    await client.close();
    assert.equal((await end).done, true);
    assert.equal(job.signal.aborted, true);
    await rejection(job.ack(), "FAILED_PRECONDITION");
    await rejection(jobsOf(client.queue("work").pull()).next(), "FAILED_PRECONDITION");
    await rejection(client.queue("work").push("x"), "FAILED_PRECONDITION");
  }));

Deno.test("a client that gives up ends its loops with the reason", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    await peer.send(jobFor(await acceptPull(peer), 1));
    await peer.answer((await peer.read())!);
  });
  await using client = await connect(server.url, { reconnect: false });
  const jobs = jobsOf(client.queue("work").pull());
  const job = await nextJob(jobs);
  const end = jobs.next();
  await client.ping();
  await rejection(settles(end, "the end"), "UNAVAILABLE");
  assert.equal(job.signal.aborted, true);
  await rejection(job.ack(), "FAILED_PRECONDITION");
  await rejection(jobsOf(client.queue("work").pull()).next(), "UNAVAILABLE");
});

Deno.test("options that cannot be are refused at once", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    await untilClosed(peer);
  });
  await using client = await connect(server.url);
  const queue = client.queue("work");
  for (const prefetch of [0, -1, 1.5, 10_001, NaN]) {
    assert.throws(() => queue.pull({ prefetch }), { code: ErrorCode.INVALID_ARGUMENT });
    assert.throws(() => queue.work(() => {}, { prefetch }), { code: ErrorCode.INVALID_ARGUMENT });
  }
  for (const concurrency of [0, 1.5, 10_001]) {
    const work = () => queue.work(() => {}, { concurrency });
    assert.throws(work, { code: ErrorCode.INVALID_ARGUMENT });
  }
  for (const options of [{ priority: 10 }, { priority: -1 }, { delayMs: -1 }, { delayMs: NaN }]) {
    await rejection(queue.push("x", options), "INVALID_ARGUMENT");
  }
  await rejection(queue.push("x", { runAt: new Date(NaN) }), "INVALID_ARGUMENT");
  await rejection(queue.push("x", { runAt: new Date(), delayMs: 1 }), "INVALID_ARGUMENT");
  await rejection(queue.push("\ud800"), "INVALID_ARGUMENT");
  await rejection(queue.push("x", { key: "\ud800" }), "INVALID_ARGUMENT");
  await rejection(queue.peek({ limit: 0 }), "INVALID_ARGUMENT");
});
