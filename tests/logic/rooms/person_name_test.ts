/**
 * What is a name for a person, and which names look alike.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { printable } from "../../../lib/base/printable.ts";
import {
  foldName,
  looksOf,
  MAX_NAME_CHARACTERS,
  MAX_NAME_MARKS,
  personName,
} from "../../../lib/logic/rooms/person_name.ts";

function refused(name: string, reason: RegExp, accepted?: string): void {
  assert.throws(() => personName(name), (error) => {
    assert(error instanceof ParleyError);
    assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
    assert.match(error.message, reason);
    if (accepted !== undefined) assert.equal(error.accepted, accepted);
    assert.notEqual(error.accepted, "");
    assert.equal(printable(error.message), error.message, "a terminal obeys nothing of it");
    return true;
  });
}

const alike = (one: string, other: string) =>
  looksOf(one).some((look, index) => look === looksOf(other)[index]);

Deno.test("names of any script are names, up to 32 characters", () => {
  const names = [
    "a",
    "Ann",
    "a.b_c-9",
    "-",
    "7",
    "Zoë",
    "Ольга",
    "李小龍",
    "さくら",
    "محمد",
    "שרה",
  ];
  const long = ["x", "李", "😀".length === 2 ? "𠮷" : ""].map((each) =>
    each.repeat(MAX_NAME_CHARACTERS)
  );
  for (const name of [...names, "अनुष्का", "สมชาย", "Nguyễn", "Ελένη", ...long]) {
    assert.equal(personName(name), name.normalize("NFC"));
  }
  refused("", /not empty/);
  for (const each of ["x", "李", "𠮷"]) refused(each.repeat(MAX_NAME_CHARACTERS + 1), /at most 32/);
});

Deno.test("a name is granted in NFC", () => {
  assert.equal(personName("Zoe\u0308"), "Zo\u00eb");
  assert.equal([...personName(`e\u0301`.repeat(MAX_NAME_CHARACTERS))].length, MAX_NAME_CHARACTERS);
});

Deno.test("what is no letter, cannot be seen or could be obeyed is in no name", () => {
  const bad = ["a b", "a\n", "\0", "\x1b[2J", "a\u202eb", "a/b", "😀", "a\u200bb", "a\u00adb"];
  for (const name of [...bad, "a\ufe0f", "\u115fa", "a@b", "a\ud800", "room:a", "a\u034fb"]) {
    refused(name, /letters and digits/);
  }
  refused("\u0301ann", /begin with a mark/);
});

Deno.test("letters have a bounded number of marks", () => {
  // A letter that no mark is composed with.
  const marks = (count: number) => `x${"\u0331".repeat(count)}`;
  assert.equal(personName(marks(MAX_NAME_MARKS)), marks(MAX_NAME_MARKS));
  refused(marks(MAX_NAME_MARKS + 1), /at most 4 marks/);
  refused(`\u00e9${"\u0331".repeat(MAX_NAME_MARKS)}`, /at most 4 marks/);
});

Deno.test("variants of characters are refused with what would be accepted", () => {
  refused("ＡＮＮ", /variants/, '"ANN"');
  refused("ﬁn", /variants/, '"fin"');
  refused("𝐀nn", /variants/, '"Ann"');
});

Deno.test("names that differ in case alone are the same", () => {
  for (
    const [one, other] of [["Ann", "ANN"], ["Ольга", "ольга"], ["straße", "STRASSE"], ["ς", "Σ"]]
  ) {
    assert.equal(foldName(one), foldName(other));
    assert(alike(one, other));
  }
});

Deno.test("names look alike across scripts, with a capital, and within one script", () => {
  const pairs = [["paul", "pаul"], ["paul", "раul"], ["paul", "pauI"], ["paul", "PauI"], [
    "Ian",
    "lan",
  ]];
  for (
    const [one, other] of [...pairs, ["arnie", "amie"], ["g00gle", "google"], ["scope", "ѕсоре"]]
  ) {
    assert(alike(one, other), `${one} ${other}`);
    assert.notEqual(foldName(one), foldName(other));
  }
  for (const [one, other] of [["ann", "anna"], ["李", "王"], ["Ольга", "Olga"], ["bob", "rob"]]) {
    assert(!alike(one, other), `${one} ${other}`);
  }
});

Deno.test("whatever is accepted is in NFC, has bounded size, and looks like itself in any case", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
    let name: string;
    try {
      name = personName(text);
    } catch (error) {
      assert(error instanceof ParleyError);
      return;
    }
    assert.equal(personName(name), name);
    assert([...name].length <= MAX_NAME_CHARACTERS);
    assert(alike(name, name.toUpperCase()) && alike(name, name.toLowerCase()));
  }));
});
