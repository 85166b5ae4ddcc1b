/**
 * Writes proto/released.json, against which proto/ is checked for changes that break clients in the field, or
 * checks that it is what proto/ says now: a release without that would promise less than it ships.
 *
 *   deno run -A tools/released.ts            writes it
 *   deno run -A tools/released.ts --check    exits 1 when it is stale
 */
import { runBuf } from "./buf.ts";

const PATH = "proto/released.json";

async function check(): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "parley-released-" });
  try {
    const fresh = `${folder}/image.json`;
    const code = await runBuf(["build", "--output", fresh]);
    if (code !== 0) return code;
    if (await Deno.readTextFile(fresh) === await Deno.readTextFile(PATH)) return 0;
    console.error(
      `${PATH} is not what proto/ says: run \`deno task proto:released\` and commit it`,
    );
    return 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  Deno.chdir(new URL("..", import.meta.url));
  Deno.exit(
    Deno.args.includes("--check") ? await check() : await runBuf(["build", "--output", PATH]),
  );
}
