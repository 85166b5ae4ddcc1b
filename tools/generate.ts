/**
 * Generates lib/gen from proto/, or checks that what is committed is what would be generated.
 *
 * The check generates into a temporary folder and compares byte for byte, both ways: a file too many
 * is as stale as a file that differs. It never touches the tree.
 *
 *   deno run -A tools/generate.ts            writes lib/gen
 *   deno run -A tools/generate.ts --check    exits 1 and names the files when lib/gen is stale
 */
import { runBuf } from "./buf.ts";

const generated = "lib/gen";

/** The files below `root`, as paths relative to it, with their text. */
async function readTree(root: string, below = ""): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for await (const entry of Deno.readDir(`${root}/${below}`)) {
    const path = below ? `${below}/${entry.name}` : entry.name;
    if (entry.isDirectory) {
      for (const [name, text] of await readTree(root, path)) files.set(name, text);
    } else {
      files.set(path, await Deno.readTextFile(`${root}/${path}`));
    }
  }
  return files;
}

/** Names what distinguishes the committed files from the fresh ones, a line each. */
function differences(committed: Map<string, string>, fresh: Map<string, string>): string[] {
  const found: string[] = [];
  for (const [path, text] of fresh) {
    if (!committed.has(path)) found.push(`${generated}/${path} is missing`);
    else if (committed.get(path) !== text) found.push(`${generated}/${path} is stale`);
  }
  for (const path of committed.keys()) {
    if (!fresh.has(path)) found.push(`${generated}/${path} is generated no more`);
  }
  return found;
}

async function check(): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "parley-gen-" });
  try {
    const code = await runBuf(["generate", "--output", folder]);
    if (code !== 0) return code;
    const found = differences(await readTree(generated), await readTree(`${folder}/${generated}`));
    for (const line of found) console.error(line);
    if (found.length > 0) console.error("run `deno task gen` and commit what it writes");
    return found.length > 0 ? 1 : 0;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  Deno.chdir(new URL("..", import.meta.url));
  Deno.exit(Deno.args.includes("--check") ? await check() : await runBuf(["generate"]));
}
