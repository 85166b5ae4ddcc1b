/**
 * A moment, told against the present, with the exact time in its title.
 */
import { now } from "../data/clock.ts";
import { exactTime, ofMicros, relative } from "../format/times.ts";

/** A moment in milliseconds since 1970, or in microseconds as the protocol has it; nothing for 0. */
export function Time({ ms, micros }: { ms?: number; micros?: bigint }) {
  const time = ms ?? ofMicros(micros ?? 0n);
  if (time === 0) return <span class="soft">–</span>;
  const exact = exactTime(time);
  return <time dateTime={exact} title={exact}>{relative(time, now.value)}</time>;
}
