/**
 * Translates modules of TypeScript into JavaScript for the packages of npm, each file for itself, in the folders it has.
 *
 * In JavaScript, because the compiler that it uses is large and only needed here: it has the lock of source_rules.mjs.
 */
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

// Imported by a name that only running this resolves: whatever looks at all files leaves it alone.
const compiler = "npm:typescript@5.9.3";
const { default: ts } = await import(compiler);

/** The root of the tree. */
export const root = fileURLToPath(new URL("..", import.meta.url));
/** What deno.json says. */
export const config = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));

const RELATIVE = /(\b(?:from|import|new URL)\s*\(?\s*")(\.{1,2}\/[^"]+)\.ts(")/g;
/** What a program's own settings may not have, and the types name. */
const DISPOSABLE = '/// <reference lib="esnext.disposable" />\n';

/** Writes a file below `folder`. */
export async function write(folder, path, text) {
  await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
  await Deno.writeTextFile(join(folder, path), text);
}

/** Makes `folder` new and empty. */
export async function empty(folder) {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.remove(folder, { recursive: true });
}

/**
 * Translates what `entries` reach, paths below `rootDir`, into `folder`, with types where `declaration` says so. Gives the
 * text of each module by its path. Raises what the compiler says.
 */
export async function translate(entries, rootDir, folder, declaration) {
  const program = ts.createProgram(entries.map((path) => join(rootDir, path)), {
    target: declaration ? ts.ScriptTarget.ES2022 : ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ["lib.esnext.d.ts"],
    types: [],
    rootDir,
    outDir: folder,
    allowImportingTsExtensions: true,
    isolatedModules: true,
    // The gate checks types, with all that they need.
    noCheck: true,
    ...declaration ? { declaration, isolatedDeclarations: true, stripInternal: true } : {},
  });
  const written = new Map();
  const { diagnostics } = program.emit(undefined, (path, text) => written.set(path, text));
  const faults = diagnostics.map(({ file, start, messageText }) => {
    const { line } = file.getLineAndCharacterOfPosition(start);
    const text = ts.flattenDiagnosticMessageText(messageText, "\n");
    return `${file.fileName}:${line + 1}: ${text}`;
  });
  if (faults.length > 0) throw new Error(faults.join("\n"));
  const modules = new Map();
  for (const [path, text] of written) {
    const isTypes = path.endsWith(".d.ts");
    const reference = isTypes && /isposable|asyncDispose/.test(text) ? DISPOSABLE : "";
    const translated = reference + text.replace(RELATIVE, "$1$2.js$3");
    if (!isTypes) modules.set(relative(folder, path), translated);
    await write(folder, relative(folder, path), translated);
  }
  return modules;
}

/** The packages that modules import, with the versions of deno.json. */
export function packagesOf(modules) {
  const found = {};
  for (const text of modules.values()) {
    for (
      const [, name] of text.matchAll(
        /\b(?:from|import)\s*\(?\s*"((?:@[\w-]+\/)?[a-z][\w.-]*)(?:\/[^"]*)?"/g,
      )
    ) {
      if (config.imports[name] !== undefined) found[name] = config.imports[name].split("@").at(-1);
    }
  }
  return Object.fromEntries(Object.entries(found).sort(([one], [other]) => one < other ? -1 : 1));
}
