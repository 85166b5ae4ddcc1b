/**
 * Local time as text, for people: days as `2026-01-20`, times of day as `15:48:41`.
 */

function padded(value: number, digits = 2): string {
  return String(value).padStart(digits, "0");
}

/** The local day: `2026-01-20`. */
export function localDay(time: Date): string {
  return `${time.getFullYear()}-${padded(time.getMonth() + 1)}-${padded(time.getDate())}`;
}

/** The local time of day, to the second: `15:48:41`. */
export function localClock(time: Date): string {
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((each) => padded(each))
    .join(":");
}

/** The local time of day, to the millisecond: `15:48:41.007`. */
export function preciseClock(time: Date): string {
  return `${localClock(time)}.${padded(time.getMilliseconds(), 3)}`;
}
