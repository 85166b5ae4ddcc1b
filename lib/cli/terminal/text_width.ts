/**
 * How many columns of a terminal a text takes, and cutting it to so many.
 *
 * A terminal shows letters of East Asia and most emoji two columns wide, and marks that join the letter before
 * them in none. Counted is what a reader sees as one character (a grapheme). Terminals differ in the newest
 * emoji; whoever draws must not let a line that is too long by a column do harm. The text must be printable.
 */

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
/** What takes no column of its own: marks that combine, joiners, selectors of variants. */
const NOTHING = /^[\p{Mark}\p{Default_Ignorable_Code_Point}]/u;
/** Emoji that are shown as such unless something else is asked for. */
const EMOJI = /^\p{Emoji_Presentation}/u;
const SHOWN_AS_EMOJI = /\ufe0f/;

/** Blocks whose characters are wide, from the first to the last (Unicode's EastAsianWidth, W and F). */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18dff],
  [0x1b000, 0x1b2ff],
  [0x1f200, 0x1f265],
  [0x20000, 0x3fffd],
];

/** What readers see as single characters. */
export function graphemes(text: string): string[] {
  if (/^[\x20-\x7e]*$/.test(text)) return text.split("");
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** The columns of one grapheme: 0, 1 or 2. */
export function graphemeWidth(grapheme: string): number {
  const code = grapheme.codePointAt(0) ?? 0;
  if (code < 0x300) return 1;
  if (NOTHING.test(grapheme)) return 0;
  if (EMOJI.test(grapheme) || SHOWN_AS_EMOJI.test(grapheme)) return 2;
  return WIDE.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}

/** The columns of a text on one line. */
export function textWidth(text: string): number {
  let width = 0;
  for (const grapheme of graphemes(text)) width += graphemeWidth(grapheme);
  return width;
}

/** As much of `text` as fits into `columns`, with an ellipsis when that is not all. */
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
 * The lines that `text` takes when none may be wider than `columns`: broken between words where that is
 * possible. At least one line, the first of `first` columns.
 */
export function wrapText(text: string, columns: number, first = columns): string[] {
  const lines: string[] = [];
  let line = "";
  let room = Math.max(2, first);
  let used = 0;
  const end = () => {
    lines.push(line.trimEnd());
    line = "";
    used = 0;
    room = Math.max(2, columns);
  };
  for (const word of text.split(/(?<= )(?! )/u)) {
    const width = textWidth(word.trimEnd());
    if (used > 0 && used + width > room) end();
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
