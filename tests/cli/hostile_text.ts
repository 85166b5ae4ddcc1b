/**
 * What one could do to a terminal with text, and how to tell that nothing of it got there.
 */
import assert from "node:assert/strict";
import { hasScript } from "./processes.ts";

/** Clipboard, screen, title, device control, bell, direction, C1. */
export const ATTACKS: readonly string[] = [
  "\x1b]52;c;aGVsbG8=\x07",
  "\x1b[2J\x1b[H",
  "\x1b]0;title\x1b\\",
  "\x1bP+q544e\x1b\\",
  "\x07\x08\x0d",
  "\u202egnp.exe\u2066\u2069\u200f",
  "\x9b31m\x90\x9d",
];
/** All of them in one text. */
export const ALL = ATTACKS.join("|");

// deno-lint-ignore no-control-regex
const STYLES = /\x1b\[(?:0|1|2|31|32|36)m/g;

/** Fails when `screen` holds anything that a terminal obeys, besides line ends and what we send ourselves. */
export function assertHarmless(screen: string, own = STYLES): void {
  const foreign = screen.replace(own, "").replaceAll("\r\n", "\n");
  assert.doesNotMatch(
    foreign,
    // deno-lint-ignore no-control-regex
    /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/,
    JSON.stringify(foreign),
  );
}

/** A test that needs a terminal. */
export function terminalTest(name: string, fn: () => Promise<void>): void {
  const ignored = hasScript ? "" : " (needs script of util-linux)";
  Deno.test({ name: name + ignored, ignore: !hasScript, fn });
}
