/**
 * Numbers as people read them: exact ones with their digits in groups, rates and sizes in three digits. Pure.
 *
 * A number of 64 bits is a bigint and stays exact: no digit of it is rounded away.
 */

/** A narrow space that no line is broken at, between groups of digits. */
const GAP = "\u202f";

/** A whole number, exact, its digits in groups of three. */
export function exact(value: bigint | number): string {
  const text = typeof value === "number" ? String(Math.round(value)) : value.toString();
  return text.replace(/\B(?=(\d{3})+(?!\d))/g, GAP);
}

const UNITS = ["", "k", "M", "G", "T", "P", "E"];

/** A number in about three digits: `0`, `7.25`, `128`, `12.8 k`. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size < 1000) return trimmed(value, size);
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(size) / 3));
  const scaled = value / 1000 ** power;
  // 999.96 would be 1000 of this unit.
  if (Math.abs(scaled) >= 999.5 && power + 1 < UNITS.length) {
    return `${trimmed(scaled / 1000, 1)}${GAP}${UNITS[power + 1]}`;
  }
  return `${trimmed(scaled, Math.abs(scaled))}${GAP}${UNITS[power]}`;
}

/** Something a second. */
export function rate(value: number): string {
  return `${short(value)}/s`;
}

const SIZES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/** A number of bytes: `0 B`, `1.5 KiB`. */
export function size(value: bigint | number): string {
  let rest = Number(value);
  let power = 0;
  while (Math.abs(rest) >= 1023.5 && power < SIZES.length - 1) {
    rest /= 1024;
    power++;
  }
  const text = power === 0 ? String(Math.round(rest)) : trimmed(rest, Math.abs(rest));
  return `${text}${GAP}${SIZES[power]}`;
}

/** A part of a whole in percent, never 0 % for something and never 100 % for less than all. */
export function percent(part: number, whole: number): string {
  if (whole <= 0 || part <= 0) return `0${GAP}%`;
  if (part >= whole) return `100${GAP}%`;
  return `${Math.min(99, Math.max(1, Math.round(part / whole * 100)))}${GAP}%`;
}

/** `1 job`, `2 jobs`. */
export function counted(value: bigint | number, one: string, many = `${one}s`): string {
  return `${exact(value)} ${BigInt(Math.round(Number(value))) === 1n ? one : many}`;
}

function trimmed(value: number, size: number): string {
  if (size >= 99.95) return value.toFixed(0);
  if (size >= 9.995) return value.toFixed(1).replace(/\.0$/, "");
  return value.toFixed(2).replace(/\.?0+$/, "");
}
