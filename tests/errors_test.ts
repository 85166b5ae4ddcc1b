/**
 * Every text of an error that a user can meet, as the sources have it, is in tests/errors.txt, which a person has
 * read: it names the action, the value, and no riddle. A new text is added there, after it was read:
 *
 *     WRITE_ERRORS=1 deno test -A tests/errors_test.ts
 */
import assert from "node:assert/strict";

const root = new URL("..", import.meta.url);
const list = new URL("errors.txt", import.meta.url);
const TEXT =
  /(?:new ParleyError\(\s*[\w.]+,\s*|(?:invalidArgument|protocolError|refusal|unavailable|noRoom|notHere)\(\s*)((?:(?:`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*")\s*\+?\s*)+)/g;

/** The sources below a folder of lib. */
function sources(below: string): string[] {
  return [...Deno.readDirSync(new URL(below, root))].flatMap((entry) => {
    if (entry.isDirectory) return entry.name === "gen" ? [] : sources(`${below}${entry.name}/`);
    return entry.name.endsWith(".ts") ? [`${below}${entry.name}`] : [];
  });
}

/** The texts of one source, joined as they are written, with what is filled in left as it stands. */
function textsOf(path: string): string[] {
  const source = Deno.readTextFileSync(new URL(path, root));
  return [...source.matchAll(TEXT)].map(([, written]) =>
    written.replaceAll(/[`"]\s*\+\s*[`"]/g, "").trim().replaceAll(/^[`"]|[`"]$/g, "")
  );
}

Deno.test("every text of an error was read, and names what cannot be done", async () => {
  const texts = sources("lib/").flatMap(textsOf).filter((text) => text.length > 3);
  const lines = [...new Set(texts)].sort().map((text) => `${text.replaceAll("\n", " ")}\n`);
  assert(lines.length > 150, "the texts are found");
  if (Deno.env.get("WRITE_ERRORS") === "1") await Deno.writeTextFile(list, lines.join(""));
  assert.deepEqual(lines, (await Deno.readTextFile(list)).split(/(?<=\n)/));
  const riddles = lines.filter((line) =>
    /\bcannot (do|take|use) (that|this|it)\b|\bso (many|large|much)\b/.test(line)
  );
  assert.deepEqual(riddles, []);
});
