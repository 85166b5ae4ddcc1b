/**
 * The bus with the client on Node: bundled into one file as a program would, and run against the real server.
 */
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { outcomeOf, root, run } from "../interop/programs.ts";
import { startServer } from "../support/server.ts";

/** Whether the machine has a Node that the client works on. */
function hasNode(): boolean {
  try {
    const { stdout } = new Deno.Command("node", { args: ["--version"] }).outputSync();
    return Number(/^v(\d+)/.exec(new TextDecoder().decode(stdout))?.[1]) >= 20;
  } catch {
    return false;
  }
}

const missing = hasNode() ? "" : " (skipped: node is missing or older than 20)";

Deno.test({
  name: `a bundle of the client publishes, subscribes, calls and serves on Node${missing}`,
  ignore: missing !== "",
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
    try {
      await using server = await startServer({ listen: { raw: "" } });
      const path = `${folder}/client.mjs`;
      const entry = `${root}/lib/client/mod.ts`;
      await run(Deno.execPath(), ["bundle", "--quiet", "--platform=deno", "-o", path, entry]);
      const { code, stdout, stderr } = await outcomeOf("node", [
        `${root}/tests/client/bus_node_client.mjs`,
        pathToFileURL(path).href,
        `parley://127.0.0.1:${server.port("tcp")}`,
        `unix://${server.path}`,
      ]);
      assert.equal(stderr, "");
      assert.equal(code, 0);
      const expected = {
        events: 20_000,
        ordered: true,
        receivers: 0,
        answer: "Grüße",
        headers: { a: "1" },
        type: "acme.T",
        refusal: "NOT_FOUND",
        callback: "of the program",
        nobody: "UNAVAILABLE",
        errors: ["INTERNAL", "INVALID_ARGUMENT"],
        ended: true,
      };
      assert.deepEqual(JSON.parse(stdout), [expected, expected]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
