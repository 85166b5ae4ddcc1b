/**
 * Which topics are kept, and which patterns can only match topics that are.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { matchesPattern } from "../../../lib/base/matches_pattern.ts";
import { KeepPolicies } from "../../../lib/logic/topics/keep_policies.ts";

Deno.test("the first policy that matches decides, and rooms are kept without one", () => {
  const policies = new KeepPolicies([
    { pattern: "a.b", maxEvents: 1 },
    { pattern: "a.*", maxEvents: 2 },
  ]);
  assert.equal(policies.policyOf("a.b")?.maxEvents, 1);
  assert.equal(policies.policyOf("a.c")?.maxEvents, 2);
  assert.equal(policies.policyOf("room.tea")?.maxEvents, 2048);
  assert.equal(policies.policyOf("a"), null);
});

Deno.test("a policy covers what it matches level for level, and tails only with a tail", () => {
  const covers = (wide: string, narrow: string) =>
    new KeepPolicies([{ pattern: wide }]).covers(narrow);
  for (
    const [wide, narrow] of [
      ["a.>", "a.*.>"],
      ["a.>", "a.>"],
      ["a.*", "a.*"],
      ["a.*", "a.b"],
      [
        ">",
        "*",
      ],
      [">", ">"],
      ["x", "room.*"],
    ]
  ) assert(covers(wide, narrow), `${wide} covers ${narrow}`);
  for (
    const [wide, narrow] of [["a.*", "a.>"], ["a.b", "a.*"], ["a.*.>", "a.>"], ["*", ">"], [
      "x",
      "room.>",
    ]]
  ) assert(!covers(wide, narrow), `${wide} does not cover ${narrow}`);
});

Deno.test("whatever a covered pattern matches is kept", () => {
  const levels = fc.array(fc.constantFrom("a", "b", "*"), { minLength: 1, maxLength: 4 });
  const pattern = fc.tuple(levels, fc.boolean()).map(([names, tail]) =>
    (tail ? [...names, ">"] : names).join(".")
  );
  const topic = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 6 })
    .map((names) => names.join("."));
  fc.assert(
    fc.property(pattern, pattern, fc.array(topic), (wide, narrow, topics) => {
      const policies = new KeepPolicies([{ pattern: wide }]);
      if (!policies.covers(narrow)) return;
      for (const name of topics) {
        if (matchesPattern(narrow, name)) assert.notEqual(policies.policyOf(name), null);
      }
    }),
  );
});
