/**
 * Numbers of things as people read them, alike in what the server says and on terminals. Pure.
 */

/** A whole number with separators: `1,234,567`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** A number of things: `1 event`, `1,000 events`. */
export function countOf(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}

/** A number of bytes in units of powers of 1,000: `999 B`, `1.23 MB`. */
export function byteCount(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  for (let next = bytes; next >= 999.5 && unit < units.length - 1; next /= 1000) unit++;
  const value = bytes / 1000 ** unit;
  return `${unit === 0 ? Math.round(value) : value.toFixed(2)} ${units[unit]}`;
}
