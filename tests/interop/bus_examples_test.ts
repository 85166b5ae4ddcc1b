/**
 * The examples of the bus, of kept topics and of rooms in TypeScript print what they promise. Those of Python and C++
 * are held to it by bus_python_test.ts and cpp_test.ts.
 */
import assert from "node:assert/strict";
import { startServer } from "../support/server.ts";
import { run } from "./programs.ts";

Deno.test("the TypeScript example of the bus prints what it promises", async () => {
  await using server = await startServer();
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  const program = "examples/typescript/bus.ts";
  const args = ["run", "--no-prompt", "--allow-net", "--no-check", program, url];
  assert.equal(
    await run(Deno.execPath(), args),
    "1 orders.eu.created 42 pieces\n5\nINVALID_ARGUMENT\nUNAVAILABLE\n",
  );
});

Deno.test("the example of status and gaps prints what it promises", async () => {
  await using server = await startServer();
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  const program = "examples/typescript/watched.ts";
  const args = ["run", "--no-prompt", "--allow-net", "--no-check", program, url];
  const printed = await run(Deno.execPath(), args);
  assert.equal(printed, "connected \norders.eu.created { id: 7 } true\nclosed \n");
});

Deno.test("the example of kept topics prints what it promises", async () => {
  const data = await Deno.makeTempDir({ prefix: "parley-kept-" });
  try {
    await using server = await startServer({ data, keep: [{ pattern: "orders.>" }] });
    const url = `parley://127.0.0.1:${server.port("tcp")}`;
    const program = "examples/typescript/kept.ts";
    const args = ["run", "--no-prompt", "--allow-net", "--no-check", program, url];
    assert.equal(
      await run(Deno.execPath(), args),
      "FSYNCED 1n is kept\nFSYNCED 2n is kept\nFSYNCED 1n is there already\n" +
        "1n orders.eu.created lamp\n2n orders.eu.created chair\n",
    );
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("the example of rooms prints what it promises", async () => {
  await using server = await startServer();
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  const program = "examples/typescript/room.ts";
  const args = ["run", "--no-prompt", "--allow-net", "--no-check", program, url];
  assert.equal(
    await run(Deno.execPath(), args),
    "joined kettle \nsaid kettle Water is hot.\nkettle\n",
  );
});
