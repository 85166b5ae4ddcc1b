/**
 * Holds docs/reliability.md to the truth: each test that it names is there, and every file of tests/faults and
 * tests/security is named in it.
 */
import assert from "node:assert/strict";

const root = new URL("..", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, root));
const page = read("docs/reliability.md");

/** The tests that the page names: a file, and a part of a name that stands in it. */
const named = [...page.matchAll(/`(tests\/[\w/]+_test\.ts)`: ([^|\n]*?)(?=<br>| *\||$)/gm)]
  .map(([, file, name]) => ({ file, name: name.trim() }));

Deno.test("every test that docs/reliability.md names is there", () => {
  assert(named.length > 50, `${named.length} tests are named`);
  const mentions = page.match(/`tests\/[\w/]+_test\.ts`/g)!.length;
  assert.equal(named.length, mentions, "each file has a name behind it");
  for (const { file, name } of named) {
    assert(name !== "" && read(file).includes(name), `${file} has no test "${name}"`);
  }
});

Deno.test("every file of tests/faults and tests/security is in docs/reliability.md", () => {
  const files = new Set(named.map(({ file }) => file));
  for (const folder of ["tests/faults", "tests/security"]) {
    for (const { name } of Deno.readDirSync(new URL(`${folder}/`, root))) {
      if (name.endsWith("_test.ts")) assert(files.has(`${folder}/${name}`), `${folder}/${name}`);
    }
  }
});

Deno.test("the sizes of the long run stand in docs/reliability.md as they are", () => {
  const { command } = JSON.parse(read("deno.json")).tasks["test:long"];
  for (const [, variable] of command.matchAll(/\b([A-Z][A-Z_]+=\d+)/g)) {
    assert(page.includes(`\`${variable}\``), `${variable} is in the page`);
  }
  for (const [path] of command.matchAll(/tests\/\S+_test\.ts/g)) {
    assert(read(path) !== "", path);
  }
});
