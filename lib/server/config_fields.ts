/**
 * Fields that more than one table of the configuration has: whole numbers with bounds, and durations.
 */
import { z } from "zod";

/** 1 KiB in bytes. */
export const KIB = 1024;

/** 1 MiB in bytes. */
export const MIB = 1024 * KIB;

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
