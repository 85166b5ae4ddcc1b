/**
 * How a load or a run is summed up for people: rows of a label and a value, and numbers they can read.
 */
import type { CliIo } from "../io.ts";
import { styled } from "./terminal_text.ts";

/** Prints rows of a label and a value. The texts are our own. */
export function table(io: CliIo, rows: readonly (readonly string[])[]): void {
  for (const [label, value] of rows) {
    io.stdout.write(`${styled("dim", label.padEnd(10), io.stdout)}${value}\n`);
  }
}

/** A whole number with separators: `1,234,567`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** A number of things: `1 event`, `1,000 events`. */
export function countOf(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}

/** A duration: `0.123 ms`, `12.30 ms`. */
export function ms(value: number): string {
  return `${value.toFixed(value < 1 ? 3 : 2)} ms`;
}

/** A size of memory: `12.3 MiB`. */
export function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/** A number of bytes, or of bytes a second, in units of powers of 1,000: `999 B`, `1.23 MB`. */
export function byteSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  for (let next = bytes; next >= 999.5 && unit < units.length - 1; next /= 1000) unit++;
  const value = bytes / 1000 ** unit;
  return `${unit === 0 ? Math.round(value) : value.toFixed(2)} ${units[unit]}`;
}
