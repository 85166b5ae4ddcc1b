/**
 * The examples of queues in TypeScript and Python print what they promise, a second time as well.
 *
 * Where Python or protoc is missing its test is ignored and says what to install.
 */
import assert from "node:assert/strict";
import { startServer } from "../support/server.ts";
import { root, run } from "./programs.ts";
import { generate, hasProtoc, python } from "./protoc.ts";

const ready = hasProtoc && python !== undefined;
const needs = ready ? "" : " (needs protobuf-compiler and python3-protobuf)";

/** Runs `play` against a server that keeps its queues in a folder of its own. */
async function withQueues(play: (port: number) => Promise<void>): Promise<void> {
  const data = await Deno.makeTempDir({ prefix: "parley-queue-example-" });
  try {
    await using server = await startServer({ data });
    await play(server.port("tcp"));
  } finally {
    await Deno.remove(data, { recursive: true });
  }
}

const pushed = (ids: string[]) => ids.map((id) => `pushed ${id}\n`).join("");

Deno.test("the TypeScript example of queues prints what it promises", () =>
  withQueues(async (port) => {
    const program = "examples/typescript/worker.ts";
    const url = `parley://127.0.0.1:${port}`;
    const args = ["run", "--no-prompt", "--allow-net", "--no-check", program, url];
    for (const ids of [["1n", "2n", "3n"], ["4n", "5n", "6n"]]) {
      assert.equal(
        await run(Deno.execPath(), args),
        `${pushed(ids)}sent to ann, attempt 1\nsent to bob, attempt 1\n` +
          "rejected: there is no address\n",
      );
    }
  }));

Deno.test({
  name: `the Python example of queues prints what it promises${needs}`,
  ignore: !ready,
  fn: () =>
    withQueues(async (port) => {
      const folder = await Deno.makeTempDir({ prefix: "parley-interop-" });
      try {
        await generate("python", folder);
        const separator = Deno.build.os === "windows" ? ";" : ":";
        const path = [folder, `${root}/examples/python`].join(separator);
        const args = ["examples/python/worker.py", "127.0.0.1", `${port}`];
        for (const ids of [["1", "2", "3"], ["4", "5", "6"]]) {
          assert.equal(
            await run(python!, args, { PYTHONPATH: path }),
            `${pushed(ids)}sent to ann, attempt 1\nsent to bob, attempt 1\n` +
              "REJECTED: there is no address\n",
          );
        }
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    }),
});
