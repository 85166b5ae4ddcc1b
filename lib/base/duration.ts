/**
 * Durations as people write them, alike on command lines and in configurations: `500ms`, `1.5s`, `2m`, `12h`, `7d`.
 *
 * Pure. A number without a unit is no duration, since nobody could say which it means; only 0 needs none.
 */

const UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** What is accepted, for messages. */
export const DURATION_FORM = "a duration with its unit, like 500ms, 5s, 2m, 12h or 7d";

/** Reads a duration, in whole milliseconds; null for what is none. */
export function durationMs(text: string): number | null {
  if (text === "0") return 0;
  const [, amount, unit] = DURATION.exec(text) ?? [];
  if (unit === undefined) return null;
  return Math.round(Number(amount) * UNITS_MS[unit as keyof typeof UNITS_MS]);
}

/** Writes milliseconds as a duration, in the largest unit that needs no fraction: `7d`, `1500ms`. */
export function durationText(ms: number): string {
  const units = Object.entries(UNITS_MS).reverse();
  const [unit, length] = units.find(([, length]) => ms % length === 0) ?? ["ms", 1];
  return ms === 0 ? "0" : `${ms / length}${unit}`;
}
