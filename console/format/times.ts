/**
 * Times as people read them: how long ago or how soon, how long, and exactly when. Pure: the present is an argument.
 */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A length of time in its two greatest units: `850 ms`, `12 s`, `3 min 20 s`, `2 d 4 h`. */
export function duration(milliseconds: number): string {
  const length = Math.max(0, milliseconds);
  if (length < 1) return "0 ms";
  if (length < SECOND) return `${Math.round(length)} ms`;
  if (length < 10 * SECOND) return `${(length / SECOND).toFixed(1).replace(/\.0$/, "")} s`;
  if (length < MINUTE) return `${Math.floor(length / SECOND)} s`;
  if (length < HOUR) return both(length, [MINUTE, "min"], [SECOND, "s"]);
  if (length < DAY) return both(length, [HOUR, "h"], [MINUTE, "min"]);
  return both(length, [DAY, "d"], [HOUR, "h"]);
}

/** A moment against another: `12 s ago`, `in 3 min`, `now`. One unit only, so that it is quiet. */
export function relative(timeMs: number, nowMs: number): string {
  const length = Math.abs(nowMs - timeMs);
  if (length < SECOND) return "now";
  const text = oneUnit(length);
  return timeMs < nowMs ? `${text} ago` : `in ${text}`;
}

/** A moment to the millisecond, as ISO 8601 in UTC. */
export function exactTime(timeMs: number): string {
  return Number.isFinite(timeMs) && Math.abs(timeMs) <= 8.64e15
    ? new Date(timeMs).toISOString()
    : "unknown";
}

/** The milliseconds of a number of microseconds since 1970. */
export function ofMicros(micros: bigint): number {
  return Number(micros / 1000n);
}

function oneUnit(length: number): string {
  if (length < MINUTE) return `${Math.floor(length / SECOND)} s`;
  if (length < HOUR) return `${Math.floor(length / MINUTE)} min`;
  if (length < DAY) return `${Math.floor(length / HOUR)} h`;
  return `${Math.floor(length / DAY)} d`;
}

type Unit = readonly [length: number, name: string];

function both(length: number, [large, largeName]: Unit, [small, smallName]: Unit): string {
  const rest = Math.floor(length % large / small);
  const first = `${Math.floor(length / large)} ${largeName}`;
  return rest === 0 ? first : `${first} ${rest} ${smallName}`;
}
