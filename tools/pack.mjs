/**
 * Makes the npm package of the client library: a folder in which `npm pack` gives the tarball.
 *
 * Each file that the entries reach becomes a module of JavaScript and its types; nothing is bundled, so that bundlers leave
 * out what a program does not use. What is public says its type itself, which `deno publish` asks for as well, so that
 * types need nothing but these files. Members that are `@internal` are left out of the types. The only dependency is
 * protobuf's runtime, since generated code of users has to meet the same one.
 *
 *   deno run -A --no-config --lock=tools/source_rules.lock --frozen tools/pack.mjs [FOLDER]
 */
import { join, resolve } from "node:path";
import { config, empty, packagesOf, root, translate, write } from "./translate.mjs";

const folder = resolve(Deno.args[0] ?? join(root, "dist/npm"));
await empty(folder);
// Where programs come in: those with sockets, and those that have only WebSockets.
const entries = ["client/mod.ts", "client/browser.ts"];
const modules = await translate(entries, join(root, "lib"), folder, true);
const dependencies = Object.entries(packagesOf(modules))
  .map(([name, version]) => [name, `^${version}`]);
const all = "./client/mod.js";
const webSockets = "./client/browser.js";
const manifest = {
  name: config.name,
  version: config.version,
  description:
    "The client of Parley, a message server: topics, calls, queues and rooms over protobuf.",
  license: "MIT",
  keywords: ["parley", "messaging", "publish-subscribe", "queue", "rpc", "protobuf", "websocket"],
  type: "module",
  sideEffects: false,
  engines: { node: ">=20" },
  exports: {
    ".": {
      types: "./client/mod.d.ts",
      deno: all,
      workerd: webSockets,
      worker: webSockets,
      browser: webSockets,
      node: all,
      default: all,
    },
    "./package.json": "./package.json",
  },
  dependencies: Object.fromEntries(dependencies),
};
await write(folder, "package.json", `${JSON.stringify(manifest, null, 2)}\n`);
await write(folder, "README.md", await Deno.readTextFile(join(root, "lib/client/README.md")));
await write(folder, "LICENSE", await Deno.readTextFile(join(root, "LICENSE")));
console.log(`${folder}: ${modules.size} modules of ${config.name} ${config.version}`);
