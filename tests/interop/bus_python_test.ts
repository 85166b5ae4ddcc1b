/**
 * Python publishes, subscribes, calls and serves, with its official protobuf runtime as Debian packages it.
 *
 * What is checked stands in bus_interop.py; here it is run, and the example is held to what it prints.
 * Where Python or protoc is missing the tests are ignored and say what to install.
 */
import assert from "node:assert/strict";
import { startServer } from "../support/server.ts";
import { root, run } from "./programs.ts";
import { generate, hasProtoc, python } from "./protoc.ts";

const ready = hasProtoc && python !== undefined;
const needs = ready ? "" : " (needs protobuf-compiler and python3-protobuf)";

/** Runs a Python program against a server and gives what it prints. */
async function runPython(program: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "parley-interop-" });
  try {
    await using server = await startServer({ limits: { ping_interval_ms: 50 } });
    await generate("python", folder);
    const separator = Deno.build.os === "windows" ? ";" : ":";
    const path = [folder, `${root}/examples/python`].join(separator);
    const args = [program, "127.0.0.1", `${server.port("tcp")}`];
    return await run(python!, args, { PYTHONPATH: path });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name: `Python publishes, subscribes, calls and serves${needs}`,
  ignore: !ready,
  fn: async () => {
    const output = await runPython("tests/interop/bus_interop.py");
    assert.equal(output.match(/^ok: /gm)?.length, 6, output);
  },
});

Deno.test({
  name: `the Python example of the bus prints what it promises${needs}`,
  ignore: !ready,
  fn: async () => {
    assert.equal(
      await runPython("examples/python/bus.py"),
      "1 orders.eu.created 42 pieces\n5\n" +
        "INVALID_ARGUMENT: there is nothing to measure\nUNAVAILABLE\n",
    );
  },
});
