/**
 * What the server counts, as rates of the last minutes: one look every two seconds, for as long as a page shows it.
 *
 * A server that was started anew counts from nothing again: that look has no rates. Bounded: `MAX_LOOKS`.
 */
import { signal } from "@preact/signals";
import { Admin } from "../../lib/gen/parley/v1/admin_pb.ts";
import { ask } from "./ask.ts";
import { type Polled, usePolled } from "./polled.ts";

/** One look at the server. */
export interface Look {
  /** In milliseconds since 1970, by the clock of the browser. */
  readonly timeMs: number;
  /** What the server counts, by name. */
  readonly values: Readonly<Record<string, bigint>>;
}

const MAX_LOOKS = 900;

/** The looks so far, the newest last. */
export const looks = signal<readonly Look[]>([]);

/** Looks at the server, again and again. */
export function useFigures(): Polled<Look> {
  return usePolled("figures", async (signal) => {
    const { values } = await ask(Admin.method.stats, {}, { signal });
    const look = { timeMs: Date.now(), values };
    looks.value = [...looks.value, look].slice(-MAX_LOOKS);
    return look;
  });
}

/** A counter's growth a second between each two looks; null where there is none to tell. */
export function ratesOf(name: string): (number | null)[] {
  return looks.value.map(({ timeMs, values }, index) => {
    const before = looks.value[index - 1];
    if (before === undefined) return null;
    const grown = (values[name] ?? 0n) - (before.values[name] ?? 0n);
    const seconds = (timeMs - before.timeMs) / 1000;
    return grown < 0n || seconds <= 0 || seconds > 30 ? null : Number(grown) / seconds;
  });
}

/** A value at each look. */
export function valuesOf(name: string): number[] {
  return looks.value.map(({ values }) => Number(values[name] ?? 0n));
}

/** The times of the looks, in seconds since 1970. */
export function lookTimes(): number[] {
  return looks.value.map(({ timeMs }) => timeMs / 1000);
}
