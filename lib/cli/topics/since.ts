/**
 * Reads where in the history to begin, as it is written on a command line: `all`, `new`, `last`, `last:10`, a
 * seq (`1234`), an age (`90s`, `2h`, `7d`) or a moment (`2026-01-20`, `2026-01-20T15:48:41Z`), which without a zone is
 * one of the clock here.
 */
import { InvalidArgumentError } from "commander";
import { durationMs } from "../../base/duration.ts";
import type { Since } from "../../client/mod.ts";
import { momentOf } from "../terminal/moment.ts";

const LAST = /^last(?::(\d+))?$/;
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
  const age = durationMs(text);
  if (age !== null) return { time: age };
  const moment = momentOf(text);
  if (moment !== null) return { time: moment };
  throw new InvalidArgumentError(
    "It must be a seq, an age like 90s, 2h or 7d, a day or moment of the calendar like 2026-01-20T15:00 (local time; Z for UTC), all, new, last or last:N.",
  );
}
