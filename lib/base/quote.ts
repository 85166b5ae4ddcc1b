/**
 * Shows a peer's text inside a message, safely: between quotation marks, escaped and shortened.
 *
 * Invariants: what comes out holds no control, bidirectional or otherwise invisible character, whatever
 * went in, and its length is bounded; a terminal, a log and a page can show it.
 * No goal: to be read back by a program.
 */

/** The most characters of a value that a message shows. */
const QUOTE_CHARACTERS = 64;

// Everything of Unicode's "other" and "separator" classes, but for the plain space, and our own marks.
const UNSHOWN = /[\p{C}\p{Z}"\\]/gu;

/** Gives `text` in quotation marks, at most `limit` of its characters, escaped. Never raises. */
export function quote(text: string, limit: number = QUOTE_CHARACTERS): string {
  // Cut by UTF-16 units first, so that a huge text costs no more than a short one.
  const characters = [...text.slice(0, 2 * limit)].slice(0, limit).join("");
  const ending = characters.length < text.length ? "…" : "";
  return `"${characters.replace(UNSHOWN, escape)}${ending}"`;
}

/** Names one character as the standards do: `U+202E`. */
export function characterName(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

function escape(character: string): string {
  if (character === " ") return character;
  if (character === '"' || character === "\\") return `\\${character}`;
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
