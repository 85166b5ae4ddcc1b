/**
 * The scan for lines: on every kind of TOML by hand, and on generated documents, where the line that is
 * told must be the one that the key stands on.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parse } from "smol-toml";
import { tomlLines } from "../../../lib/server/config/lines.ts";

Deno.test("every way to write a key is found on its line", () => {
  const text = [
    "# comment with a = 1 and [table]", // 1
    "plain = 1 # behind", // 2
    "dotted.inner . deep = 2", // 3
    "\"quoted key\".'literal' = 3", // 4
    'text = "a \\" = # [x]"', // 5
    "literal = 'C:\\'", // 6
    'long = """', // 7
    "fake = 1", // 8
    '[fake]\\"""', // 9
    'still """""', // 10
    "other = '''", // 11
    "fake = 2'''", // 12
    "list = [ 1, # [", // 13
    '  "]", [2,', // 14
    "  3], { in_list = 4 }", // 15
    "]", // 16
    "inline = { a = 1, b.c = [1, 2], d = { e = 'x' } }", // 17
    "[table]\r", // 18
    "key = 1979-05-27T07:32:00Z\r", // 19
    '[table."sub table"]', // 20
    "", // 21
    "\tkey=true", // 22
    "[[array]]", // 23
    "name = 1", // 24
    "[[array]]", // 25
    "name = 2", // 26
    "[array.below]", // 27
    "name = 3", // 28
    "[[array.within]]", // 29
    "[[array.within]]", // 30
    "name = 4", // 31
    "[[array]]", // 32
    "[[array.within]]", // 33
    "[last]", // 34
    "key = 1", // 35
  ].join("\n");
  parse(text);
  assert.deepEqual(Object.fromEntries(tomlLines(text)), {
    "plain": 2,
    "dotted.inner.deep": 3,
    "quoted key.literal": 4,
    "text": 5,
    "literal": 6,
    "long": 7,
    "other": 11,
    "list": 13,
    "list.0": 13,
    "list.1": 14,
    "list.2": 14,
    "list.2.0": 14,
    "list.2.1": 15,
    "list.3": 15,
    "list.3.in_list": 15,
    "inline": 17,
    "inline.a": 17,
    "inline.b.c": 17,
    "inline.b.c.0": 17,
    "inline.b.c.1": 17,
    "inline.d": 17,
    "inline.d.e": 17,
    "table": 18,
    "table.key": 19,
    "table.sub table": 20,
    "table.sub table.key": 22,
    "array": 23,
    "array.0": 23,
    "array.0.name": 24,
    "array.1": 25,
    "array.1.name": 26,
    "array.1.below": 27,
    "array.1.below.name": 28,
    "array.1.within": 29,
    "array.1.within.0": 29,
    "array.1.within.1": 30,
    "array.1.within.1.name": 31,
    "array.2": 32,
    "array.2.within": 33,
    "array.2.within.0": 33,
    "last": 34,
    "last.key": 35,
  });
});

const value = fc.constantFrom(
  "1",
  "-2.5",
  "true",
  '"a # b = [c"',
  "'x = 1'",
  '"""\nfake = 1\n"""',
  "'''\n[fake]\n'''",
  "[1, 2]",
  "[\n  1, # ]\n  [2],\n]",
  "{ x = 1, y = [1, { z = '}' }] }",
  "1979-05-27",
);
const statement = fc.record({
  before: fc.constantFrom("", "\n", "# note = 1\n", "  \n\t\n"),
  table: fc.boolean(),
  value,
  after: fc.constantFrom("", " ", " # [end]"),
  lineEnd: fc.constantFrom("\n", "\r\n"),
});

Deno.test("in generated documents every key is told on the line it stands on", () => {
  fc.assert(
    fc.property(fc.array(statement, { maxLength: 12 }), (statements) => {
      let text = "";
      let prefix = "";
      const expected: Record<string, number> = {};
      statements.forEach((each, index) => {
        text += each.before;
        const line = text.split("\n").length;
        if (each.table) {
          prefix = `t${index}.`;
          expected[`t${index}`] = line;
          text += `[t${index}]${each.after}${each.lineEnd}`;
        } else {
          expected[`${prefix}k${index}`] = line;
          text += `k${index} = ${each.value}${each.after}${each.lineEnd}`;
        }
      });
      parse(text);
      const lines = tomlLines(text);
      for (const [path, line] of Object.entries(expected)) {
        assert.equal(lines.get(path), line, `${path} in ${JSON.stringify(text)}`);
      }
      assert(!lines.has("fake"), "nothing inside of a string counts");
    }),
    { numRuns: 1000 },
  );
});

Deno.test("it ends on any text, also on what is no TOML", () => {
  const piece = fc.constantFrom(
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    '"""',
    "=",
    ".",
    ",",
    "a",
    "\n",
    "#",
    " ",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => void tomlLines(pieces.join(""))),
    { numRuns: 3000 },
  );
});
