/**
 * Makes the npm package of the command: a folder in which `npm pack` gives the tarball, so that `npx parley serve` runs a
 * server, and every other command, where there is nothing but Node.
 *
 * It brings Deno along as a dependency, at the version of the gate, and runs the same modules as the clone does, as JavaScript.
 * What they import are dependencies at exactly the versions of deno.json, and it has the permissions of the executable
 * (runtime.json). Completions and the man page are made from the tree of commands.
 *
 *   deno run -A --no-config --lock=tools/source_rules.lock --frozen tools/pack_command.mjs [FOLDER]
 */
import { join, resolve } from "node:path";
import { PERMISSIONS } from "./compile.ts";
import { config, empty, packagesOf, root, translate, write } from "./translate.mjs";

/** The runtime that the package brings. */
const DENO = "2.9.6";

const folder = resolve(Deno.args[0] ?? join(root, "dist/npm-command"));
await empty(folder);
// The Worker of the store is loaded by its path.
const entries = ["server.ts", "lib/adapters/sqlite/worker.ts"];
const modules = await translate(entries, root, folder, false);
const manifest = {
  name: "parley",
  version: config.version,
  description:
    "A message server in one command: topics, calls, queues and rooms over one typed protobuf connection.",
  license: "MIT",
  keywords: ["parley", "message-broker", "publish-subscribe", "queue", "chat", "rpc", "protobuf"],
  type: "module",
  engines: { node: ">=20" },
  bin: { parley: "parley.mjs" },
  man: ["./man/parley.1"],
  dependencies: { ...packagesOf(modules), deno: DENO },
};
await write(folder, "package.json", `${JSON.stringify(manifest, null, 2)}\n`);
await write(folder, "runtime.json", `${JSON.stringify({ flags: PERMISSIONS }, null, 2)}\n`);
for (
  const [from, to] of [["tools/npm/parley.mjs", "parley.mjs"], ["LICENSE", "LICENSE"], [
    "README.md",
    "README.md",
  ]]
) {
  await write(folder, to, await Deno.readTextFile(join(root, from)));
}

/** What a command of this tree prints. */
async function printed(...args) {
  const options = {
    args: ["run", "-A", "--quiet", "server.ts", ...args],
    cwd: root,
    stdin: "null",
  };
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), options).output();
  if (!success) throw new Error(new TextDecoder("utf-8", { ignoreBOM: true }).decode(stderr));
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(stdout);
}
await write(folder, "man/parley.1", await printed("man"));
for (const shell of ["bash", "zsh", "fish"]) {
  await write(folder, `completions/parley.${shell}`, await printed("completion", shell));
}
console.log(`${folder}: ${modules.size} modules of parley ${config.version}`);
