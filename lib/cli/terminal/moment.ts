/**
 * Moments as people write them on a command line: `2026-01-20`, `2026-01-20T15:00`, `2026-01-20T15:00:00Z`.
 *
 * Who writes no zone means the clock on the wall, and a day begins when it begins there. A day or an hour that no
 * calendar has is refused instead of being taken for another one.
 */

const MOMENT =
  /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;

/** Reads a moment; null for what is none. */
export function momentOf(text: string): Date | null {
  const [, year, month, day, hour = "0", minute = "0", second = "0"] = MOMENT.exec(text) ?? [];
  if (year === undefined || !isInCalendar(Number(year), Number(month), Number(day))) return null;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null;
  // A day alone would be one of UTC.
  const value = new Date(text.includes("T") ? text : `${text}T00:00`);
  return Number.isNaN(value.getTime()) ? null : value;
}

function isInCalendar(year: number, month: number, day: number): boolean {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}
