/**
 * How wide texts are on a terminal, cutting and wrapping them, and tables made of them.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { columnLines } from "../../../lib/cli/terminal/columns.ts";
import { cutText, padText, textWidth, wrapText } from "../../../lib/cli/terminal/text_width.ts";

Deno.test("characters take the columns that a terminal gives them", () => {
  const widths: Record<string, number> = {
    "": 0,
    "abc": 3,
    "äöü": 3,
    "a\u0308": 1,
    "日本": 4,
    "한글": 4,
    "ﾊﾝ": 2,
    "（": 2,
    "😀": 2,
    "👩‍💻": 2,
    "🇩🇪": 2,
    "👍🏽": 2,
    "❤️": 2,
    "⌚": 2,
    "→": 1,
    "e\u0301e": 2,
    "\u200b": 0,
    // Planes that Unicode has not assigned: one of them is for wide characters to come.
    "\u{3fffd}": 2,
    "\u{40000}": 1,
    // A sign that stands before the letter it belongs to is no wider than that letter.
    "\u0600日": 2,
  };
  for (const [text, width] of Object.entries(widths)) {
    assert.equal(textWidth(text), width, JSON.stringify(text));
  }
});

Deno.test("what is cut fits, and says so", () => {
  assert.equal(cutText("abcdef", 6), "abcdef");
  assert.equal(cutText("abcdef", 5), "abcd…");
  assert.equal(cutText("日本語", 5), "日本…");
  assert.equal(cutText("日本語", 4), "日…");
  assert.equal(cutText("abc", 1), "…");
  assert.equal(cutText("abc", 0), "");
  assert.equal(padText("日", 4) + "|", "日  |");
  assert.equal(padText("1", 3, "right"), "  1");
});

Deno.test("lines break between words, and within those that are too long", () => {
  assert.deepEqual(wrapText("one two three", 7), ["one two", "three"]);
  assert.deepEqual(wrapText("one two three", 9, 3), ["one", "two three"]);
  assert.deepEqual(wrapText("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
  assert.deepEqual(wrapText("", 5), [""]);
  assert.deepEqual(wrapText("", 5, 0), [""]);
  assert.deepEqual(wrapText("ab", 5, 1), ["", "ab"]);
  assert.deepEqual(wrapText("abcdefg", 5, 1), ["a", "bcdef", "g"]);
  assert.deepEqual(wrapText("日本語", 5, 1), ["", "日本", "語"]);
  assert.deepEqual(wrapText("日本語", 5), ["日本", "語"]);
});

Deno.test("whatever is wrapped fits and is all there", () => {
  const word = fc.stringMatching(/^[a-z日😀]{1,9}$/u);
  fc.assert(
    fc.property(fc.array(word), fc.integer({ min: 2, max: 12 }), (words, columns) => {
      const text = words.join(" ");
      const lines = wrapText(text, columns);
      for (const line of lines) assert(textWidth(line) <= columns, `"${line}" in ${columns}`);
      assert.equal(lines.join("").replaceAll(" ", ""), text.replaceAll(" ", ""));
    }),
  );
});

Deno.test("columns are as wide as they must be, and the widest gives way", () => {
  const columns = [{ title: "name" }, { title: "n", side: "right" as const }];
  const rows = [["日本語の長い名前", "1"], ["a", "12"]];
  assert.deepEqual(columnLines(columns, rows, Infinity), [
    "name               n",
    "日本語の長い名前   1",
    "a                 12",
  ]);
  assert.deepEqual(columnLines(columns, rows, 12), [
    "name       n",
    "日本語…    1",
    "a         12",
  ]);
});
