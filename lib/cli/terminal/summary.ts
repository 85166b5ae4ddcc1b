/**
 * How a load or a run is summed up for people: rows of a label and a value, and numbers they can read.
 */
import type { CliIo } from "../io.ts";
import { styled } from "./terminal_text.ts";

export { byteCount as byteSize, count, countOf } from "../../logic/count_text.ts";

/** Prints rows of a label and a value. The texts are our own. */
export function table(io: CliIo, rows: readonly (readonly string[])[]): void {
  for (const [label, value] of rows) {
    io.stdout.write(`${styled("dim", label.padEnd(10), io.stdout)}${value}\n`);
  }
}

/** A duration: `0.123 ms`, `12.30 ms`. */
export function ms(value: number): string {
  return `${value.toFixed(value < 1 ? 3 : 2)} ms`;
}

/** A size of memory: `12.3 MiB`. */
export function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
