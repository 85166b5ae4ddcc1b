/**
 * Makes the npm package of the client library: a folder in which `npm pack` gives the tarball.
 *
 * Each file that the entries reach becomes a module of JavaScript and its types, in the folders it has in lib/; nothing
 * is bundled, so that bundlers leave out what a program does not use. What is public says its type itself, which
 * `deno publish` asks for as well, so that types need nothing but these files. Members that are `@internal`
 * are left out of the types. The only dependency is protobuf's runtime, since generated code of users has to meet
 * the same one.
 *
 * In JavaScript, because the compiler that it uses is large and only needed here: it has the lock of source_rules.mjs.
 *
 *   deno run -A --no-config --lock=tools/source_rules.lock --frozen tools/pack.mjs [FOLDER]
 */
import { fileURLToPath } from "node:url";
import { dirname, join, relative, resolve } from "node:path";

// Imported by a name that only running this resolves: whatever looks at all files leaves it alone.
const compiler = "npm:typescript@5.9.3";
const { default: ts } = await import(compiler);

const root = fileURLToPath(new URL("..", import.meta.url));
const lib = join(root, "lib");
const folder = resolve(Deno.args[0] ?? join(root, "dist/npm"));
const config = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));

/** Where programs come in: those with sockets, and those that have only WebSockets. */
const ENTRIES = ["client/mod.ts", "client/browser.ts"];
const RELATIVE = /(\b(?:from|import)\s*\(?\s*")(\.{1,2}\/[^"]+)\.ts(")/g;
/** What a program's own settings may not have, and the types name. */
const DISPOSABLE = '/// <reference lib="esnext.disposable" />\n';

const options = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ["lib.esnext.d.ts"],
  types: [],
  rootDir: lib,
  outDir: folder,
  allowImportingTsExtensions: true,
  isolatedDeclarations: true,
  isolatedModules: true,
  declaration: true,
  // The gate checks types, with all that they need.
  noCheck: true,
  stripInternal: true,
};

async function write(path, text) {
  await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
  await Deno.writeTextFile(join(folder, path), text);
}

/** Translates what the entries reach; gives how many modules that are. Raises what the compiler says of them. */
async function translate() {
  const program = ts.createProgram(ENTRIES.map((path) => join(lib, path)), options);
  const written = new Map();
  const { diagnostics } = program.emit(undefined, (path, text) => written.set(path, text));
  const faults = diagnostics.map(({ file, start, messageText }) => {
    const { line } = file.getLineAndCharacterOfPosition(start);
    const text = ts.flattenDiagnosticMessageText(messageText, "\n");
    return `${file.fileName}:${line + 1}: ${text}`;
  });
  if (faults.length > 0) throw new Error(faults.join("\n"));
  for (const [path, text] of written) {
    const isTypes = path.endsWith(".d.ts");
    const reference = isTypes && /isposable|asyncDispose/.test(text) ? DISPOSABLE : "";
    await write(relative(folder, path), reference + text.replace(RELATIVE, "$1$2.js$3"));
  }
  return written.size / 2;
}

function manifest() {
  const protobuf = config.imports["@bufbuild/protobuf"].split("@").at(-1);
  const all = "./client/mod.js";
  const webSockets = "./client/browser.js";
  return {
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
    dependencies: { "@bufbuild/protobuf": `^${protobuf}` },
  };
}

try {
  await Deno.remove(folder, { recursive: true });
} catch (error) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
const modules = await translate();
await write("package.json", `${JSON.stringify(manifest(), null, 2)}\n`);
await write("README.md", await Deno.readTextFile(join(root, "lib/client/README.md")));
await write("LICENSE", await Deno.readTextFile(join(root, "LICENSE")));
console.log(`${folder}: ${modules} modules of ${config.name} ${config.version}`);
