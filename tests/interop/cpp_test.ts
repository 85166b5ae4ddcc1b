/**
 * C++ speaks to a real server with its official runtime, as Debian packages it, and its examples print what they promise.
 *
 * What is checked stands in cpp_interop.cc. Where protoc or a compiler is missing the test is ignored and says what to install.
 */
import assert from "node:assert/strict";
import { startServer } from "../support/server.ts";
import { canBuildCpp, CppPrograms } from "./cpp.ts";
import { run } from "./programs.ts";

/** What each program is, and what it has to print; with a pattern, how often that has to be found. */
const PROGRAMS = {
  "C++ speaks to tcp": ["tests/interop/cpp_interop.cc", /^ok: /gm, 4],
  "the C++ example of echo and add prints what it promises": [
    "examples/cpp/echo_add.cc",
    "Hello, World!\n42\nERROR_CODE_INVALID_ARGUMENT\n",
  ],
  "the C++ example of the bus prints what it promises": [
    "examples/cpp/bus.cc",
    "1 orders.eu.created 42 pieces\n5\nERROR_CODE_UNAVAILABLE\n",
  ],
} as const;

Deno.test({
  name: `C++ speaks to a server, and its examples print what they promise${
    canBuildCpp ? "" : " (needs protobuf-compiler, libprotobuf-dev and g++)"
  }`,
  ignore: !canBuildCpp,
  fn: async (context) => {
    const folder = await Deno.makeTempDir({ prefix: "parley-interop-" });
    try {
      const programs = await CppPrograms.prepare(folder);
      for (const [name, [source, expected, count]] of Object.entries(PROGRAMS)) {
        await context.step(name, async () => {
          await using server = await startServer();
          const program = await programs.build(source);
          const output = await run(program, ["127.0.0.1", `${server.port("tcp")}`]);
          if (typeof expected === "string") assert.equal(output, expected);
          else assert.equal(output.match(expected)?.length, count, output);
        });
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
