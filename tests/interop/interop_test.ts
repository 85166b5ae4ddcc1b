/**
 * Programs in other languages talk to a real server: Python with its official runtime, as Debian packages it, the
 * TypeScript example with the client library, and the library in Node.
 *
 * What Python checks stands in python_interop.py; here it is run. Where a language is missing on the machine its tests
 * are ignored and say what to install.
 */
import assert from "node:assert/strict";
import { configFrom } from "../../lib/server/config/config.ts";
import { Server } from "../../lib/server/server.ts";
import { hasNode } from "./node.ts";
import { root, run } from "./programs.ts";
import { generate, hasProtoc, python } from "./protoc.ts";

const hasPython = hasProtoc && python !== undefined;
const pythonNeeds = hasPython ? "" : " (needs protobuf-compiler and python3-protobuf)";

/** A server on free ports and an empty folder, for as long as `action` takes. */
async function withServer(
  action: (ports: { tcp: string; raw: string }, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "parley-interop-" });
  try {
    const listen = { tcp: "127.0.0.1:0", raw: "127.0.0.1:0", http: "", text: "" };
    await using server = await Server.start(configFrom({ data: "", listen }));
    const port = (kind: string) => {
      const address = server.listeners.find((each) => each.kind === kind)?.addresses[0];
      return address?.split(":").at(-1) ?? "";
    };
    await action({ tcp: port("tcp"), raw: port("raw") }, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function pythonPath(folder: string): Record<string, string> {
  return {
    PYTHONPATH: `${folder}${Deno.build.os === "windows" ? ";" : ":"}${root}/examples/python`,
  };
}

Deno.test({
  name: `Python speaks to tcp and raw${pythonNeeds}`,
  ignore: !hasPython,
  fn: () =>
    withServer(async ({ tcp, raw }, folder) => {
      await generate("python", folder);
      const args = ["tests/interop/python_interop.py", "127.0.0.1", tcp, raw];
      const output = await run(python!, args, pythonPath(folder));
      assert.equal(output.match(/^ok: /gm)?.length, 8, output);
    }),
});

Deno.test({
  name: `the Python examples print what they promise${pythonNeeds}`,
  ignore: !hasPython,
  fn: () =>
    withServer(async ({ tcp, raw }, folder) => {
      await generate("python", folder);
      const environment = pythonPath(folder);
      const framed = ["examples/python/parley_client.py", "127.0.0.1", tcp];
      assert.equal(
        await run(python!, framed, environment),
        "Hello, World!\n42\nINVALID_ARGUMENT\n",
      );
      const bare = ["examples/python/raw_client.py", "127.0.0.1", raw];
      assert.equal(
        await run(python!, bare, environment),
        "Hello, World!\n-2\nHello, World!\n-2\n",
      );
    }),
});

Deno.test("the TypeScript example speaks to tcp through the client library", () =>
  withServer(async ({ tcp }) => {
    const program = "examples/typescript/echo_add.ts";
    const url = `parley://127.0.0.1:${tcp}`;
    const args = ["run", "--no-prompt", "--allow-net", "--no-check", program, url];
    assert.equal(
      await run(Deno.execPath(), args),
      "Hello, World!\n42\nINVALID_ARGUMENT\n9900\n",
    );
  }));

Deno.test({
  name: `the client library runs in Node as one file${hasNode ? "" : " (needs Node 20 or newer)"}`,
  ignore: !hasNode,
  fn: () =>
    withServer(async ({ tcp }, folder) => {
      const bundle = ["bundle", "--output", `${folder}/parley_client.mjs`, "lib/client/mod.ts"];
      await run(Deno.execPath(), bundle);
      await Deno.copyFile(`${root}/examples/node/echo_add.mjs`, `${folder}/echo_add.mjs`);
      assert.equal(
        await run("node", [`${folder}/echo_add.mjs`, `parley://127.0.0.1:${tcp}`]),
        "Hello, World!\n42\nINVALID_ARGUMENT\n",
      );
    }),
});
