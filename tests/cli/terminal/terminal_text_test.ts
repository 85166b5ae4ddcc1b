/**
 * Text for terminals: nothing of it is obeyed, and in a pipe nothing of it is changed.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { printable, printableJson } from "../../../lib/base/printable.ts";
import { styled, terminalText } from "../../../lib/cli/terminal/terminal_text.ts";

// deno-lint-ignore no-control-regex
const OBEYED = /[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

Deno.test("control characters and changes of direction are written out", () => {
  const cases: [text: string, shown: string][] = [
    ["plain äöü 世界 🦀 👩‍👩‍👧", "plain äöü 世界 🦀 👩‍👩‍👧"],
    ["\x1b[31m", "\\x1b[31m"],
    ["\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"],
    ["\x9b2J\x90q\x9c", "\\x9b2J\\x90q\\x9c"],
    ["a\rb\x08\x7f\0", "a\\rb\\x08\\x7f\\x00"],
    ["user\u202egnp.exe\u2066", "user\\u{202e}gnp.exe\\u{2066}"],
    ["a\u200bb\ufeff\u2028\u{e0041}", "a\\u{200b}b\\u{feff}\\u{2028}\\u{e0041}"],
    ["\ud800", "\\u{d800}"],
  ];
  for (const [text, shown] of cases) {
    assert.equal(printable(text), shown);
    assert.equal(terminalText(text, { isTerminal: true }), shown);
    assert.equal(terminalText(text, { isTerminal: false }), text);
  }
  assert.equal(printable("a\n\tb"), "a\\n\\tb");
  assert.equal(printable("a\n\tb\r", { lines: true }), "a\n\tb\\r");
});

Deno.test("JSON means the same afterwards, and a terminal obeys none of it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const json = printableJson(JSON.stringify({ text }));
      assert.equal(JSON.parse(json).text, text);
      for (const shown of [json, printable(text)]) assert.doesNotMatch(shown, OBEYED);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("styles are for outputs that take colours", () => {
  assert.equal(styled("bold", "x", { colors: true }), "\x1b[1mx\x1b[0m");
  assert.equal(styled("bold", "x", { colors: false }), "x");
});
