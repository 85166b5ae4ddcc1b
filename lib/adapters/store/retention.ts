/**
 * The rule for what a topic still keeps; both adapters trim by it, oldest event first.
 *
 * Pure: time and figures are arguments. An absent bound is Infinity.
 */
import type { Retention } from "../../ports/store.ts";

/** A topic's retention with every bound set, and the seq up to which it was trimmed by hand. */
export interface RetentionBounds {
  maxEvents: number;
  maxAgeMs: number;
  maxBytes: number;
  /** Events before this seq go in any case. */
  beforeSeq: number;
}

/** The figures of a topic that the rule is applied to. */
export interface RetentionFigures {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly bytes: number;
  readonly firstTimeMs: number;
}

/** The bounds of a topic that keeps everything. */
export function keepAll(): RetentionBounds {
  return { maxEvents: Infinity, maxAgeMs: Infinity, maxBytes: Infinity, beforeSeq: 0 };
}

/** Enters a retention into the bounds. */
export function setBounds(bounds: RetentionBounds, retention: Retention): void {
  bounds.maxEvents = retention.maxEvents ?? Infinity;
  bounds.maxAgeMs = retention.maxAgeMs ?? Infinity;
  bounds.maxBytes = retention.maxBytes ?? Infinity;
}

/** Whether the oldest event of a topic with these figures must go. */
export function isDue(bounds: RetentionBounds, figures: RetentionFigures, nowMs: number): boolean {
  const { firstSeq, lastSeq } = figures;
  if (firstSeq > lastSeq) return false;
  return firstSeq < bounds.beforeSeq || lastSeq - firstSeq + 1 > bounds.maxEvents ||
    figures.bytes > bounds.maxBytes || figures.firstTimeMs < nowMs - bounds.maxAgeMs;
}
