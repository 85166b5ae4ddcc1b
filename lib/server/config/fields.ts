/**
 * Fields that more than one table of the configuration has: whole numbers with bounds, durations, lists.
 *
 * Every field has its bounds here or where it is used; what must hold between fields is in
 * config_relations.ts and, for one table of queues, in config_queue_schema.ts.
 */
import { z } from "zod";

/** 1 KiB in bytes. */
export const KIB = 1024;

/** 1 MiB in bytes. */
export const MIB = 1024 * KIB;

/** The bounds of limits.max_topic_bytes and limits.max_topic_levels: no topic anywhere is beyond. */
export const MAX_TOPIC_LIMITS = Object.freeze({ maxTopicBytes: 1 * KIB, maxTopicLevels: 128 });

// A timer of the runtime that is set for longer fires at once.
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A whole number from `least` to `most`. */
export function whole(initial: number, least: number, most: number, description: string) {
  return z.int().min(least).max(most).default(initial).describe(description);
}

/** A time in milliseconds that a timer can be set for. */
export function duration(initial: number, description: string, least = 1) {
  return whole(initial, least, MAX_TIMER_MS, `${description} In milliseconds.`);
}

/**
 * A string or a list of strings, in the end a list; empty strings fall away. `check` raises an error for
 * an item that cannot be, and its message is what people read.
 */
export function listOf(check: (item: string) => void) {
  return z.union([z.string(), z.array(z.string())]).transform((value, context) => {
    const items = (typeof value === "string" ? [value] : value).map((item) => item.trim())
      .filter((item) => item !== "");
    for (const item of items) {
      try {
        check(item);
      } catch (error) {
        context.addIssue({ code: "custom", message: (error as Error).message });
      }
    }
    return items;
  });
}
