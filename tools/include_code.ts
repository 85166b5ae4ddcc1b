/**
 * Puts the examples into the documents: a block of code behind `<!-- file: PATH -->` is that file.
 *
 * So what a reader copies is what the tests run. tests/docs_test.ts fails when a document is behind.
 *
 *   deno run -A tools/include_code.ts        rewrites the documents that are behind
 */

/** The documents that may show code. */
export async function documents(root: URL): Promise<string[]> {
  const found: string[] = [];
  for (const folder of ["", "docs/"]) {
    for await (const entry of Deno.readDir(new URL(folder || ".", root))) {
      if (entry.isFile && entry.name.endsWith(".md")) found.push(`${folder}${entry.name}`);
    }
  }
  return found.sort();
}

/** Gives the document with each marked block replaced; `read` gives a file's text by its path. */
export function includeCode(document: string, read: (path: string) => string): string {
  return document.replace(
    /(<!-- file: (\S+) -->\n```\w*\n)[\s\S]*?(```\n)/g,
    (_, before: string, path: string, after: string) => `${before}${read(path)}${after}`,
  );
}

if (import.meta.main) {
  const root = new URL("..", import.meta.url);
  for (const path of await documents(root)) {
    const before = await Deno.readTextFile(new URL(path, root));
    const after = includeCode(before, (file) => Deno.readTextFileSync(new URL(file, root)));
    if (after === before) continue;
    await Deno.writeTextFile(new URL(path, root), after);
    console.log(`${path} is brought up to date`);
  }
}
