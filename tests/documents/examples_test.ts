/**
 * Examples for a shell are such that readers can paste them, and what is not run says why. bash_test.ts and zsh_test.ts run them.
 */
import assert from "node:assert/strict";
import { examplesOf, paths } from "./pasted.ts";

Deno.test("examples for a shell can be pasted: they have no comments, and no history of the shell", () => {
  const faults: string[] = [];
  for (const path of paths) {
    for (const { code } of examplesOf(path)) {
      for (const line of code.split("\n")) {
        const bare = line.replaceAll(/'[^']*'/g, "''");
        if (/(^|\s)#/.test(bare.replaceAll(/"[^"]*"/g, '""'))) faults.push(`${path}: ${line}`);
        if (/!/.test(bare)) faults.push(`${path}: ${line}: an exclamation mark, in zsh`);
      }
    }
  }
  assert.deepEqual(faults, []);
});

Deno.test("what is not played says why", () => {
  for (const path of paths) {
    for (const { mark, code } of examplesOf(path)) {
      assert.match(mark, /^($|goes on$|tour$|shown: \S.{10,})/, `${path}: ${code}`);
    }
  }
});
