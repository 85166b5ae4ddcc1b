/**
 * What is wrong with a queue, each at its bound and past it.
 */
import assert from "node:assert/strict";
import {
  type QueueBounds,
  type QueueCondition,
  queueProblems,
  USUAL_QUEUE_BOUNDS,
} from "../../lib/logic/queue_problems.ts";

const FINE: QueueCondition = {
  ready: 0,
  dead: 0,
  consumers: 0,
  paused: false,
  oldestMs: 0,
  jobs: 0,
  maxJobs: 0,
  bytes: 0,
  maxBytes: 0,
  dropsOldest: false,
};

function said(condition: Partial<QueueCondition>, bounds: Partial<QueueBounds> = {}): string[] {
  return queueProblems({ ...FINE, ...condition }, { ...USUAL_QUEUE_BOUNDS, ...bounds }, 10_000)
    .map(({ kind, text }) => `${kind}: ${text}`);
}

Deno.test("a queue without anything wrong", () => {
  assert.deepEqual(said({}), []);
  assert.deepEqual(said({ ready: 5, consumers: 1, jobs: 5, oldestMs: 1 }), []);
});

Deno.test("dead letters, and jobs that nobody takes", () => {
  assert.deepEqual(said({ dead: 1 }), ["dead_letters: 1 dead letter"]);
  assert.deepEqual(said({ dead: 42 }, { maxDead: 41 }), [
    "dead_letters: 42 dead letters (at most 41)",
  ]);
  assert.deepEqual(said({ dead: 42 }, { maxDead: 42 }), []);
  assert.deepEqual(said({ ready: 1200 }), [
    "no_consumers: 1,200 jobs ready, and nobody takes any",
  ]);
  assert.deepEqual(said({ ready: 1, paused: true }), [
    "no_consumers: 1 job ready, and nobody takes any: it is paused",
  ]);
  assert.deepEqual(said({ ready: 1 }, { mayIdle: true }), []);
});

Deno.test("too many jobs, and jobs that are too old", () => {
  const bounds = { maxReady: 3, maxAgeMs: 4000, mayIdle: true };
  assert.deepEqual(said({ ready: 3, oldestMs: 6000 }, bounds), []);
  assert.deepEqual(said({ ready: 4, oldestMs: 5000 }, bounds), [
    "queue_ready: 4 jobs ready (at most 3)",
    "queue_age: its oldest job is 5 s old (at most 4 s)",
  ]);
});

Deno.test("a queue that is nearly full, unless that is how it is meant to be", () => {
  assert.deepEqual(said({ jobs: 94, maxJobs: 100, bytes: 949, maxBytes: 1000 }), []);
  assert.deepEqual(said({ jobs: 95, maxJobs: 100 }), [
    "queue_full: it holds 95 of at most 100 jobs",
  ]);
  assert.deepEqual(said({ bytes: 950, maxBytes: 1000 }), [
    "queue_full: it holds 950 of at most 1,000 bytes",
  ]);
  assert.deepEqual(said({ jobs: 100, maxJobs: 100, dropsOldest: true }), []);
});
