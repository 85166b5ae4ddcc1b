/**
 * How many columns of a terminal a text takes, and cutting it to so many.
 *
 * A terminal shows letters of East Asia and most emoji two columns wide, and marks that join the letter before
 * them in none. Counted is what a reader sees as one character (a grapheme); how wide a code point is comes
 * from the library's table of Unicode's EastAsianWidth. Terminals differ in the newest emoji; whoever draws
 * must not let a line that is too long by a column do harm. The text must be printable.
 */
import { eastAsianWidth } from "get-east-asian-width";

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
/** What takes no column of its own: marks that combine, joiners, selectors of variants. */
const NOTHING = /^[\p{Nonspacing_Mark}\p{Enclosing_Mark}\p{Format}]/u;
/** Emoji that are shown as such unless something else is asked for. */
const EMOJI = /^\p{Emoji_Presentation}/u;
const SHOWN_AS_EMOJI = /\ufe0f/;

/** What readers see as single characters. */
export function graphemes(text: string): string[] {
  if (/^[\x20-\x7e]*$/.test(text)) return text.split("");
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** The columns of one grapheme: 0, 1 or 2. */
export function graphemeWidth(grapheme: string): number {
  const code = grapheme.codePointAt(0) ?? 0;
  if (code < 0x300 && grapheme.length === 1) return 1;
  if (EMOJI.test(grapheme) || SHOWN_AS_EMOJI.test(grapheme)) return 2;
  let width = 0;
  for (const character of grapheme) {
    if (NOTHING.test(character)) continue;
    width = Math.max(width, eastAsianWidth(character.codePointAt(0)!));
  }
  return width;
}

/** The columns of a text on one line. */
export function textWidth(text: string): number {
  let width = 0;
  for (const grapheme of graphemes(text)) width += graphemeWidth(grapheme);
  return width;
}

/** The beginning of `text` that fits into `columns`, with an ellipsis when that is not all. */
export function cutText(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  let shown = "";
  let left = columns - 1;
  for (const grapheme of graphemes(text)) {
    left -= graphemeWidth(grapheme);
    if (left < 0) break;
    shown += grapheme;
  }
  return columns < 1 ? "" : `${shown}…`;
}

/** `text` with spaces behind it, or before it, up to `columns`. */
export function padText(text: string, columns: number, side: "left" | "right" = "left"): string {
  const space = " ".repeat(Math.max(0, columns - textWidth(text)));
  return side === "left" ? text + space : space + text;
}

/**
 * The lines that `text` takes when none may be wider than `columns`, at least 2: broken between words where
 * that is possible. The first has only `first` columns, and is empty when nothing fits into them.
 */
export function wrapText(text: string, columns: number, first = columns): string[] {
  const lines: string[] = [];
  let line = "";
  let room = first;
  let used = 0;
  const end = () => {
    lines.push(line.trimEnd());
    line = "";
    used = 0;
    room = Math.max(2, columns);
  };
  for (const word of text.split(/(?<= )(?! )/u)) {
    const width = textWidth(word.trimEnd());
    if (used + width > room && (used > 0 || width <= columns)) end();
    if (width <= room) {
      line += word;
      used += textWidth(word);
      continue;
    }
    for (const grapheme of graphemes(word)) {
      const each = graphemeWidth(grapheme);
      if (used + each > room) end();
      line += grapheme;
      used += each;
    }
  }
  if (line !== "" || lines.length === 0) lines.push(line.trimEnd());
  return lines;
}
