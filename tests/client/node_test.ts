/**
 * The client on Node: bundled into one file as a program would, and run against the real server.
 *
 * The bundle is also made for browsers, where it has to load although nothing it has can connect there.
 */
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { VERSION } from "../../lib/base/version.ts";
import { outcomeOf, root, run } from "../interop/programs.ts";
import { startServer } from "../support/server.ts";

const ENTRY = `${root}/lib/client/mod.ts`;

/** The version of the machine's Node; null when there is none. */
function nodeMajor(): number | null {
  try {
    const { stdout } = new Deno.Command("node", { args: ["--version"] }).outputSync();
    return Number(/^v(\d+)/.exec(new TextDecoder().decode(stdout))?.[1]);
  } catch {
    return null;
  }
}

const major = nodeMajor();
const missing = major === null
  ? " (skipped: node is missing)"
  : major < 20
  ? ` (skipped: node ${major} is too old)`
  : "";

async function bundle(folder: string, platform: "deno" | "browser"): Promise<string> {
  const path = `${folder}/${platform}.mjs`;
  await run(Deno.execPath(), ["bundle", "--quiet", `--platform=${platform}`, "-o", path, ENTRY]);
  return pathToFileURL(path).href;
}

Deno.test({
  name: `a bundle of the client works on Node, over tcp and unix, and lets it end${missing}`,
  ignore: missing !== "",
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
    try {
      await using server = await startServer();
      const urls = [`parley://127.0.0.1:${server.port("tcp")}`, `unix://${server.path}`];
      const { code, stdout, stderr } = await outcomeOf("node", [
        `${root}/tests/client/node_client.mjs`,
        await bundle(folder, "deno"),
        `unix://${folder}/nobody.sock`,
        ...urls,
      ]);
      assert.equal(stderr, "");
      assert.equal(code, 0);
      const expected = {
        echo: "Grüße 👋",
        large: true,
        sum: 500_500,
        overflow: "INVALID_ARGUMENT",
        aborted: true,
        ping: true,
        server: VERSION,
        status: "closed",
      };
      assert.deepEqual(JSON.parse(stdout), { answers: [expected, expected], dead: "UNAVAILABLE" });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("a bundle for browsers can be made and loaded", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
  try {
    const url = await bundle(folder, "browser");
    const { connect } = await import(url);
    assert.equal(typeof connect, "function");
    const text = await Deno.readTextFile(new URL(url));
    assert(!/^import .*node:/m.test(text), "nothing of Node is imported before it is needed");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
