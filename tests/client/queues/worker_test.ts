/**
 * Workers: handlers side by side, what becomes of their jobs, and how a worker stops.
 */
import assert from "node:assert/strict";
import { connect, ErrorCode, type Job, ParleyError, Reject } from "../../../lib/client/mod.ts";
import { settles, until } from "../../support/until.ts";
import { ack, reconnect } from "../bus_support.ts";
import { FakeServer } from "../fake_server.ts";
import {
  aborted,
  acceptClose,
  acceptPull,
  acceptRest,
  acceptSettle,
  jobFor,
  jobsFor,
  refusal,
  settled,
  takeSettle,
  untilClosed,
  Verdict,
  withScript,
} from "./queue_support.ts";
import { rejection } from "../rejections.ts";

/** Handlers that wait until they are let go. */
class JobGate {
  readonly jobs: Job[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly handler = async (job: Job): Promise<void> => {
    this.jobs.push(job);
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  };

  open(count = Infinity): void {
    for (const resolve of this.#waiting.splice(0, count)) resolve();
  }

  async entered(count: number): Promise<void> {
    await until(() => this.jobs.length >= count, `${count} jobs, of ${this.jobs.length}`);
  }
}

Deno.test("what a handler does decides what becomes of its job", () => {
  const seen: Record<string, unknown> = {};
  return withScript(async (peer) => {
    await peer.send(...jobsFor(await acceptPull(peer), 8));
    for (let count = 0; count < 8;) {
      const { verdict, tokens, error } = await acceptSettle(peer);
      for (const token of tokens) seen[token] = [Verdict[verdict], error];
      count += tokens.length;
    }
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    const told: unknown[] = [];
    const worker = client.queue("work").work(async (job) => {
      const number = Number(job.id);
      if (number === 2) throw new Error("busy");
      if (number === 3) throw new Reject("never");
      if (number === 4) throw new ParleyError(ErrorCode.INVALID_ARGUMENT, "no such thing");
      if (number === 5) throw new ParleyError(ErrorCode.UNAVAILABLE, "later");
      if (number === 6) throw "text";
      if (number === 7) await job.release();
      if (number === 8) {
        await job.nack({ error: "own" });
        throw new Error("after that");
      }
    }, { prefetch: 8, onError: (error, job) => told.push([Number(job.id), String(error)]) });
    await until(() => Object.keys(seen).length === 8, "all verdicts");
    await worker.stop();
    await worker.done;
    assert.deepEqual(seen, {
      1: ["ACK", ""],
      2: ["NACK", "busy"],
      3: ["REJECT", "never"],
      4: ["REJECT", "no such thing"],
      5: ["NACK", "later"],
      6: ["NACK", "text"],
      7: ["RELEASE", ""],
      8: ["NACK", "own"],
    });
    const { stats } = worker;
    assert.deepEqual(stats, { running: 0, acked: 1, nacked: 3, rejected: 2, failed: 0 });
    assert.deepEqual(told.map((each) => (each as unknown[])[0]), [2, 3, 4, 5, 6, 8]);
  });
});

Deno.test("without an onError of its own, the client's is told of what was not on purpose", () => {
  const told: string[] = [];
  return withScript(async (peer) => {
    await peer.send(...jobsFor(await acceptPull(peer), 3));
    for (let count = 0; count < 2; count++) await acceptSettle(peer);
    // The ack of the third one is late.
    await acceptSettle(peer, 3n);
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    await using worker = client.queue("work").work((job) => {
      if (job.id === 1n) throw new Error("busy");
      if (job.id === 2n) throw new Reject("never");
    });
    await until(() => worker.stats.failed === 1, "the late ack");
    assert.equal(told.length, 2);
    assert.match(told[0], /the handler of job 1 of "work" failed: busy/);
    assert.match(told[1], /cannot settle .*job 3 of "work".*: cannot ack job 3/);
  }, { onError: (error) => told.push(error.message) });
});

Deno.test("handlers run side by side up to the concurrency; twice as many jobs are asked for", () =>
  withScript(async (peer) => {
    const { id, value } = await peer.expect("pull");
    assert.equal(value.prefetch, 4);
    await peer.send(ack(id), ...jobsFor(value.consumer, 4));
    for (let count = 0; count < 4;) count += (await acceptSettle(peer)).tokens.length;
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    const gate = new JobGate();
    await using worker = client.queue("work").work(gate.handler, { concurrency: 2 });
    await gate.entered(2);
    assert.equal(worker.stats.running, 2);
    gate.open(1);
    await gate.entered(3);
    assert.equal(worker.stats.running, 2);
    gate.open();
    await gate.entered(4);
    gate.open();
    await until(() => worker.stats.acked === 4, "all acks");
    assert.equal(worker.stats.running, 0);
  }));

Deno.test("stop() takes no more, gives back what was not begun, and waits for what runs", () => {
  const stopped = Promise.withResolvers<void>();
  const said = Promise.withResolvers<void>();
  return withScript(async (peer) => {
    const consumer = await acceptPull(peer);
    await peer.send(...jobsFor(consumer, 4));
    const { id, value } = await peer.expect("pull");
    assert.deepEqual([value.prefetch, value.close], [0, false]);
    await peer.send(ack(id), jobFor(consumer, 5));
    const released = await acceptSettle(peer);
    assert.deepEqual([released.verdict, released.tokens], [Verdict.RELEASE, [3, 4]]);
    // One that was on its way goes back too.
    const late = await acceptSettle(peer);
    assert.deepEqual([late.verdict, late.tokens], [Verdict.RELEASE, [5]]);
    stopped.resolve();
    const acked = await takeSettle(peer);
    assert.deepEqual([acked.verdict, acked.tokens], [Verdict.ACK, [1, 2]]);
    said.resolve();
    // Nothing is closed before the answer.
    await peer.answer((await peer.read())!);
    await peer.send(settled(acked.id));
    await acceptRest(peer);
    await untilClosed(peer);
  }, async (client) => {
    const gate = new JobGate();
    const worker = client.queue("work").work(gate.handler, { concurrency: 2 });
    await gate.entered(2);
    const stops = [worker.stop(), worker.stop(), worker[Symbol.asyncDispose]()];
    await stopped.promise;
    assert.equal(worker.stats.running, 2);
    gate.open();
    await said.promise;
    await client.ping();
    await Promise.all(stops);
    await worker.done;
    assert.deepEqual(worker.stats, { running: 0, acked: 2, nacked: 0, rejected: 0, failed: 0 });
    assert.equal(gate.jobs.length, 2);
    await worker.stop();
  });
});

Deno.test("an aborted signal stops a worker as stop() does", () =>
  withScript(async (peer) => {
    await peer.send(...jobsFor(await acceptPull(peer), 1));
    const { id } = await peer.expect("pull");
    await peer.send(ack(id));
    assert.equal((await acceptSettle(peer)).verdict, Verdict.ACK);
    await acceptRest(peer);
    await untilClosed(peer);
  }, async (client) => {
    const controller = new AbortController();
    const gate = new JobGate();
    const { signal } = controller;
    const worker = client.queue("work").work(gate.handler, { signal });
    await gate.entered(1);
    controller.abort();
    gate.open();
    await settles(worker.done, "the worker's end");
    await client.queue("work").work(gate.handler, { signal }).done;
  }));

Deno.test("closing the client stops its workers, and gives up those that take too long", () =>
  withScript(async (peer) => {
    await peer.send(...jobsFor(await acceptPull(peer), 1));
    await acceptClose(peer);
    await untilClosed(peer);
  }, async (client) => {
    const signals: AbortSignal[] = [];
    const worker = client.queue("work").work(async (_job, signal) => {
      signals.push(signal);
      await aborted(signal);
    });
    await until(() => signals.length === 1, "the handler");
    await client.close();
    assert.match(String(signals[0].reason), /its puller was closed/);
    await worker.done;
    assert.equal(worker.stats.failed, 1);
  }, { requestTimeoutMs: 50 }));

Deno.test("a worker outlives its connection; a handler whose job is lost is told by its signal", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    const consumer = await acceptPull(peer);
    await peer.send(jobFor(consumer, peer.number + 1));
    if (peer.number === 0) return void await entered.promise;
    assert.deepEqual((await acceptSettle(peer)).tokens, [2]);
    await acceptClose(peer);
    await untilClosed(peer);
  });
  const entered = Promise.withResolvers<void>();
  await using client = await connect(server.url, { reconnect });
  const worker = client.queue("work").work(async (job, signal) => {
    if (job.id > 1n) return;
    entered.resolve();
    await aborted(signal);
  });
  await until(() => worker.stats.acked === 1, "the job of the second connection");
  assert.equal(worker.stats.failed, 1);
  await worker.stop();
});

Deno.test("a worker that is refused says so, in done or to onError", async () => {
  const told: string[] = [];
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    for (let count = 0; count < 2; count++) {
      const { id } = await peer.expect("pull");
      await peer.send(refusal(id, ErrorCode.PERMISSION_DENIED, "not for you"));
    }
    await untilClosed(peer);
  });
  await using client = await connect(server.url, { onError: (error) => told.push(error.message) });
  const worker = client.queue("work").work(() => {});
  await rejection(worker.done, "PERMISSION_DENIED");
  await worker.stop();
  // Nobody looks at this one: onError is enough.
  client.queue("work").work(() => {});
  await until(() => told.length === 2, "both are told");
  assert.match(told[1], /the worker of "work" has ended: not for you/);
});
