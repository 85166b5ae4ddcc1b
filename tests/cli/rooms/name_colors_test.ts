/**
 * Colours of names, and who is spoken to.
 */
import assert from "node:assert/strict";
import { NameColors } from "../../../lib/cli/rooms/name_colors.ts";
import { mentions } from "../../../lib/cli/rooms/mentions.ts";

Deno.test("twelve people have twelve colours, and keep them", () => {
  const colors = new NameColors();
  const names = Array.from({ length: 12 }, (_, index) => `person-${index}`);
  const first = names.map((name) => colors.speaks(name));
  assert.equal(new Set(first).size, 12);
  assert.deepEqual(names.map((name) => colors.speaks(name)), first);
  assert(first.includes(colors.speaks("the thirteenth")));
  colors.renamed("person-3", "somebody else");
  assert.equal(colors.of("somebody else"), first[3]);
});

Deno.test("the names that are remembered are bounded: who spoke longest ago is forgotten", () => {
  const colors = new NameColors();
  const ann = colors.speaks("ann");
  for (let index = 0; index < 255; index++) colors.speaks(`n${index}`);
  assert.equal(colors.of("ann"), ann);
  const known = colors.of("n0");
  colors.speaks("ann");
  colors.speaks("one more");
  assert.equal(colors.of("ann"), ann);
  assert.equal(typeof known, "number");
});

Deno.test("somebody is mentioned by their name as a word, in any case and script", () => {
  const yes = [
    "ann",
    "Ann, hi",
    "hi ANN!",
    "@ann: look",
    "(ann)",
    "is ann.",
    "annie and ann",
    "ann's",
  ];
  for (const text of yes) assert(mentions(text, "ann"), text);
  for (const text of ["annie", "joann", "ann-marie", "ann_2", "an n", "", "änn"]) {
    assert(!mentions(text, "ann"), text);
  }
  assert(mentions("привет, Ольга!", "ольга") && !mentions("Ольгашка", "ольга"));
  assert(mentions("Zoe\u0308?", "zoë"));
  assert(!mentions("nobody is", ""));
});
