/**
 * What is wrong with a queue, by its figures: one rule for what the server tells, the console shows and `parley check`
 * reports. Pure.
 */
import { count, countOf } from "./count_text.ts";

/** The figures of a queue that say whether something is wrong. */
export interface QueueCondition {
  /** Jobs that can be handed out now. */
  readonly ready: number;
  /** Its dead letters. */
  readonly dead: number;
  readonly consumers: number;
  readonly paused: boolean;
  /** When its oldest job was pushed, by the wall clock, in milliseconds; 0 when there is none. */
  readonly oldestMs: number;
  /** All jobs, without the dead ones, and the most that there may be; 0 for no limit. */
  readonly jobs: number;
  readonly maxJobs: number;
  /** The bytes of these, and the most that there may be; 0 for no limit. */
  readonly bytes: number;
  readonly maxBytes: number;
  /** Whether a push that does not fit drops the oldest job: then being full is no problem. */
  readonly dropsOldest: boolean;
}

/** What a queue may be like. */
export interface QueueBounds {
  /** The most jobs that may be ready. */
  readonly maxReady: number;
  /** The most dead letters. */
  readonly maxDead: number;
  /** The greatest age of its oldest job, in milliseconds. */
  readonly maxAgeMs: number;
  /** Whether jobs may be ready while nobody takes them. */
  readonly mayIdle: boolean;
}

/** What every queue may be like that nobody says more of. */
export const USUAL_QUEUE_BOUNDS: QueueBounds = Object.freeze({
  maxReady: Infinity,
  maxDead: 0,
  maxAgeMs: Infinity,
  mayIdle: false,
});

/** A queue that is filled to this part of its limit is nearly full: soon pushes are refused. */
export const NEARLY_FULL = 0.95;

/** One thing that is wrong with a queue. */
export interface QueueProblem {
  readonly kind: "queue_ready" | "dead_letters" | "queue_age" | "no_consumers" | "queue_full";
  /** In words, without the queue's name. */
  readonly text: string;
  /** How many, where it is a number of something. */
  readonly count: number;
}

/** What is wrong with a queue; `nowMs` is the wall clock. */
export function queueProblems(
  condition: QueueCondition,
  bounds: QueueBounds,
  nowMs: number,
): QueueProblem[] {
  const { ready, dead, consumers, paused, oldestMs } = condition;
  const { maxReady, maxDead, maxAgeMs, mayIdle } = bounds;
  const problems: QueueProblem[] = [];
  if (ready > maxReady) {
    const text = `${countOf(ready, "job")} ready (at most ${count(maxReady)})`;
    problems.push({ kind: "queue_ready", text, count: ready });
  }
  if (dead > maxDead) {
    const most = maxDead === 0 ? "" : ` (at most ${count(maxDead)})`;
    const text = `${countOf(dead, "dead letter")}${most}`;
    problems.push({ kind: "dead_letters", text, count: dead });
  }
  const ageMs = oldestMs === 0 ? 0 : nowMs - oldestMs;
  if (ageMs > maxAgeMs) {
    const seconds = count(ageMs / 1000);
    const text = `its oldest job is ${seconds} s old (at most ${count(maxAgeMs / 1000)} s)`;
    problems.push({ kind: "queue_age", text, count: 0 });
  }
  if (!mayIdle && ready > 0 && consumers === 0) {
    const why = paused ? ": it is paused" : "";
    const text = `${countOf(ready, "job")} ready, and nobody takes any${why}`;
    problems.push({ kind: "no_consumers", text, count: ready });
  }
  const full = fullness(condition);
  if (full !== null) problems.push(full);
  return problems;
}

/** Says how full a queue is that soon refuses pushes; null when there is room. */
function fullness(condition: QueueCondition): QueueProblem | null {
  const { jobs, maxJobs, bytes, maxBytes, dropsOldest } = condition;
  if (dropsOldest) return null;
  if (maxJobs > 0 && jobs >= NEARLY_FULL * maxJobs) {
    const text = `it holds ${count(jobs)} of at most ${countOf(maxJobs, "job")}`;
    return { kind: "queue_full", text, count: jobs };
  }
  if (maxBytes > 0 && bytes >= NEARLY_FULL * maxBytes) {
    const text = `it holds ${count(bytes)} of at most ${countOf(maxBytes, "byte")}`;
    return { kind: "queue_full", text, count: bytes };
  }
  return null;
}
