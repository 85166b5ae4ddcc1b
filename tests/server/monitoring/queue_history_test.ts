/**
 * The history of queues: a new one begins empty and misses none of its jobs, and one that was there before does not pretend to
 * have been.
 */
import assert from "node:assert/strict";
import { QueueHistory } from "../../../lib/server/monitoring/queue_history.ts";
import type { Queue } from "../../../lib/services/queues/queue.ts";
import type { Queues } from "../../../lib/services/queues/queues.ts";

/** A queue with so many jobs, of which as many were pushed since the start. */
function queue(name: string, jobs: number, pushed: number) {
  const machine = { jobs, ready: jobs, delayed: 0, leased: 0, blocked: 0 };
  return { name, machine, pushed, done: 0, redelivered: 0, consumers: new Set() };
}

function historyOf(queues: ReturnType<typeof queue>[]): QueueHistory {
  const all = {
    all: () => (queues as unknown as Queue[]).values(),
    find: (name: string) => queues.find((each) => each.name === name) ?? null,
  };
  return new QueueHistory(all as unknown as Queues);
}

function seriesOf(history: QueueHistory, name: string): Record<string, number[]> {
  const { series } = history.of(name)!.last(true, new Set(["ready", "pushed"]));
  return Object.fromEntries(series.map(({ name, values }) => [name, [...values]]));
}

Deno.test("a queue's first jobs are in its history, from when it was empty on", () => {
  const queues: ReturnType<typeof queue>[] = [];
  const history = historyOf(queues);
  history.tick(2000);
  queues.push(queue("emails", 6, 6));
  history.tick(4000);
  assert.deepEqual(seriesOf(history, "emails"), { ready: [0, 6], pushed: [0, 3] });
  queues[0].machine.ready = queues[0].machine.jobs = 8;
  queues[0].pushed = 8;
  history.tick(6000);
  assert.deepEqual(seriesOf(history, "emails"), { ready: [0, 6, 8], pushed: [0, 3, 1] });
});

Deno.test("of a queue that had jobs before, nothing is made up", () => {
  const history = historyOf([queue("emails", 100, 2)]);
  history.tick(2000);
  history.tick(4000);
  assert.deepEqual(seriesOf(history, "emails"), { ready: [100], pushed: [0] });
});
