/**
 * Reads where in the history to begin, as it is written on a command line: `all`, `new`, `last`, `last:10`, a
 * seq (`1234`), an age (`90s`, `2h`, `7d`) or a moment (`2026-01-20`, `2026-01-20T15:48:41Z`).
 */
import { InvalidArgumentError } from "commander";
import type { Since } from "../../client/mod.ts";

const UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const AGE = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const LAST = /^last(?::(\d+))?$/;
const MOMENT = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:?\d{2})?)?$/;
const MAX_LAST = 0xffffffff;

/** What `--since` takes. Raises InvalidArgumentError for what is none of it. */
export function since(text: string): Since {
  if (text === "all" || text === "new") return text;
  if (/^\d+$/.test(text)) {
    const seq = Number(text);
    if (Number.isSafeInteger(seq)) return { seq };
  }
  const [, last = "1"] = LAST.exec(text) ?? [];
  if (LAST.test(text) && Number(last) >= 1 && Number(last) <= MAX_LAST) {
    return { last: Number(last) };
  }
  const [, amount, unit] = AGE.exec(text) ?? [];
  if (unit !== undefined) return { time: Number(amount) * UNITS_MS[unit as keyof typeof UNITS_MS] };
  const moment = new Date(MOMENT.test(text) ? text : NaN);
  if (!Number.isNaN(moment.getTime())) return { time: moment };
  throw new InvalidArgumentError(
    "It must be a seq, an age like 90s, 2h or 7d, a moment like 2026-01-20T15:00, all, new, last or last:N.",
  );
}
