/**
 * Makes text that somebody else chose safe to show on a terminal or in a log line.
 *
 * What could move the cursor, start an escape sequence, end a line or turn the direction of writing is
 * shown as `\n`, `\x1b` or `\u{202e}` instead of being obeyed. Everything else passes unchanged, also
 * emoji and the joiners inside of them. Not meant for HTML, and nothing to parse back: a backslash that
 * stood in the text stays as it is.
 */

// C0, DEL and C1; the controls of direction; separators of lines; characters nobody sees (soft hyphen,
// byte order mark, annotations, tags); halves of surrogate pairs; what Unicode calls no character, which
// terminals give different widths.
const UNSAFE =
  "\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e" +
  "\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}\\ud800-\\udfff\\p{Noncharacter_Code_Point}";
const UNSAFE_PATTERN = new RegExp(`[${UNSAFE}]`, "gu");
const UNSAFE_BUT_LINES_PATTERN = new RegExp(`(?![\\n\\t])[${UNSAFE}]`, "gu");

const SHORT_ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** How `printable` treats its text. */
interface PrintableOptions {
  /** Leaves line feeds and tabs as they are, for text that is shown on lines of its own. Default: false. */
  lines?: boolean;
}

/** Gives `text` with every character that a terminal could obey written out. */
export function printable(text: string, options: PrintableOptions = {}): string {
  return text.replace(
    options.lines ? UNSAFE_BUT_LINES_PATTERN : UNSAFE_PATTERN,
    (character) => SHORT_ESCAPES[character] ?? escapeCode(character.codePointAt(0)!),
  );
}

/** Gives serialized JSON, which stays the same JSON, with every such character as a `\u` escape. */
export function printableJson(json: string): string {
  // Raw control characters of C0 cannot occur inside of JSON's strings; outside they are white space.
  return json.replace(
    UNSAFE_BUT_LINES_PATTERN,
    (character) =>
      Array.from(
        { length: character.length },
        (_, index) => "\\u" + character.charCodeAt(index).toString(16).padStart(4, "0"),
      ).join(""),
  );
}

function escapeCode(code: number): string {
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

/** A URL as it may be shown: without its query, which may hold a secret, and without a user; it says when there is a query. */
export function shownUrl(url: string): string {
  const { origin, pathname, search } = new URL(url);
  return `${origin}${pathname}${search === "" ? "" : "?(not shown)"}`;
}
