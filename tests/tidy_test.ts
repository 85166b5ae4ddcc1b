/**
 * Holds the house rules that no other tool holds: who may import whom, no cycles, where I/O may happen,
 * how long a file is and how it opens, how many stand in a folder, what may be imported, and that versions agree.
 *
 * It reads every file that git does not ignore, so it sees a new file before its first commit. It judges
 * text, not types: imports are found by pattern, which is enough as long as nobody writes an import in
 * an unusual way. It runs nothing and changes nothing.
 */
import assert from "node:assert/strict";
import { VERSION } from "../lib/base/version.ts";
import { PERMISSIONS } from "../tools/compile.ts";
import {
  cycles,
  folderFaults,
  importsOf,
  ioOf,
  ioRooms,
  layerFaults,
  mayBeLong,
  opensWithDocComment,
  resolveImport,
  roomOf,
  serviceFaults,
  specimens,
} from "./tidy.ts";

const root = new URL("..", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, root));

const maxLines = 400;
const textFile =
  /\.(tsx?|js|mjs|json|lock|md|proto|yaml|yml|toml|py|cc|cpp|h|hpp|sh|html|css|txt)$|(^|\/)(LICENSE|run|\.gitignore)$/;

/** Folders that git ignores. */
const ignored = [".git", "node_modules", "dist", "parley-data", ".coverage"];

/** The paths of all files below the root, relative to it, without what git ignores. */
function listFiles(below = ""): string[] {
  const entries = [...Deno.readDirSync(new URL(below, root))];
  return entries.filter((entry) => !ignored.includes(entry.name)).flatMap((entry) => {
    if (entry.isDirectory) return listFiles(`${below}${entry.name}/`);
    return entry.isFile ? [`${below}${entry.name}`] : [];
  });
}

const files = listFiles();
const sources = files.filter((path) => /\.tsx?$/.test(path) && !path.startsWith("lib/gen/"));

/** Fails with all faults at once, so that one run shows what is to be done. */
function assertNone(faults: string[], rule: string): void {
  assert.equal(faults.length, 0, `${rule}:\n  ${faults.join("\n  ")}\n`);
}

Deno.test("each room imports only what its layer allows", () => {
  assert(sources.length > 10, "the sources are found");
  const graph = new Map(sources.map((path) => [path, importsOf(read(path))]));
  assertNone(layerFaults(graph), "ARCHITECTURE.md says who may import whom");
  assertNone(
    serviceFaults(graph),
    "in lib/services imports go down: ARCHITECTURE.md has the order",
  );
});

Deno.test("no import cycles", () => {
  const graph = new Map(
    files.filter((path) => /\.tsx?$/.test(path)).map((path) => [
      path,
      importsOf(read(path))
        .map((each) => resolveImport(path, each.specifier)).filter((each) => each !== undefined),
    ]),
  );
  assertNone(cycles(graph).map((cycle) => cycle.join(" → ")), "imports go one way");
});

Deno.test("input and output happen only in the rooms that are made for it", () => {
  const faults = sources.filter((path) => path.startsWith("lib/") && !ioRooms(path))
    .flatMap((path) => ioOf(read(path)).map((each) => `${path} uses ${each}`));
  assertNone(faults, "I/O belongs to adapters, server, cli and the client's transports");
});

Deno.test("files are short and say first what they are for", () => {
  const long = sources.filter((path) => read(path).split("\n").length - 1 > maxLines);
  assertNone(long, `a source file has at most ${maxLines} lines`);
  const silent = sources.filter((path) => !opensWithDocComment(read(path)));
  assertNone(silent, "a source file opens with a doc comment: its purpose, invariants, non-goals");
});

Deno.test("folders hold few files", () => {
  assertNone(
    folderFaults(sources),
    "a folder holds at most 20 source files; cut it by what they are about",
  );
});

Deno.test("no decoder drops what stands at the start of a text", () => {
  const decoders = sources.filter((path) => path.startsWith("lib/"))
    .flatMap((path) =>
      [...read(path).matchAll(/new TextDecoder(?!Stream)[^;]*/g)].map(([made]) => ({ path, made }))
    );
  assert(decoders.length > 3, "the decoders are found");
  const careless = decoders.filter(({ made }) => !made.includes("ignoreBOM: true"));
  assertNone(
    careless.map(({ path, made }) => `${path}: ${made.split("\n")[0]}`),
    "a TextDecoder has ignoreBOM: true, or decodeText of lib/base/utf8_text.ts takes its place",
  );
});

Deno.test("the console takes nothing for HTML, and nothing for a program", () => {
  const pattern = new RegExp(
    "dangerouslySet|innerHTML|outerHTML|insertAdjacentHTML|DOMParser|document\\.write|srcdoc|" +
      "createContextualFragment|\\beval\\(|new Function|javascript:",
  );
  const own = sources.filter((path) => path.startsWith("console/"));
  assert(own.length > 20, "the sources are found");
  const faults = own.flatMap((path) => {
    const found = pattern.exec(read(path));
    return found === null ? [] : [`${path}: ${found[0]}`];
  });
  assertNone(faults, "what the console shows is text, whoever it came from");
});

Deno.test("files are named in snake_case", () => {
  const odd = sources.filter((path) => !/^[a-z0-9_./]+$/.test(path));
  assertNone(odd, "names of source files are snake_case");
});

Deno.test("packages come from npm through the import map, and there is no package.json", () => {
  const foreign = sources.flatMap((path) =>
    importsOf(read(path)).map((each) => each.specifier)
      .filter((specifier) => /^(jsr:|npm:|https?:)/.test(specifier))
      .map((specifier) => `${path} imports ${specifier}`)
  );
  assertNone(foreign, "name the package in deno.json; jsr: and URLs cannot be resolved everywhere");
  const manifests = files.filter((path) =>
    /(^|\/)(package(-lock)?\.json|node_modules)($|\/)/.test(path)
  );
  assertNone(manifests, "a package.json would change how .ts files beside it are read");
  for (const [name, target] of Object.entries(JSON.parse(read("deno.json")).imports)) {
    assert.match(
      String(target),
      /^npm:(@[\w-]+\/)?[\w-]+@\d+\.\d+\.\d+(\/[\w/-]+)?$/,
      `${name} is pinned`,
    );
  }
});

Deno.test("nothing is left to be done later, and nothing belongs to one machine", () => {
  // The words are put together here so that this file does not find itself.
  const later = new RegExp(`\\b(${"TO" + "DO"}|${"FIX" + "ME"}|${"XX" + "X"})\\b`);
  const machine = new RegExp(
    `${"/wo" + "rk/"}|${"/ro" + "ot/"}|${"/Us" + "ers/"}|${"/ho" + "me/"}[a-z]`,
  );
  const host = new RegExp(`registry${"\\."}npmjs|npm${"\\."}jsr|jsr${"\\."}io`);
  const faults: string[] = [];
  for (const path of files.filter((path) => textFile.test(path))) {
    for (const [index, line] of read(path).split("\n").entries()) {
      for (const pattern of [later, machine, host]) {
        const found = pattern.exec(line);
        if (found) faults.push(`${path}:${index + 1}: ${found[0]}`);
      }
    }
  }
  assertNone(faults, "no notes for later, no machine's own paths, no registry hosts");
});

Deno.test("the version is the same everywhere", () => {
  assert.equal(JSON.parse(read("deno.json")).version, VERSION, "deno.json and lib/base/version.ts");
  const newest = /^## (\S+)/m.exec(read("CHANGELOG.md").replace(/^## Unreleased.*$/m, ""));
  assert.equal(newest?.[1], VERSION, "the newest release in CHANGELOG.md");
});

Deno.test("deno task start has the permissions of the executable", () => {
  const task = JSON.parse(read("deno.json")).tasks.start;
  const words = (typeof task === "string" ? task : task.command).split(" ");
  const flags = words.filter((word: string) => /^--(allow|deny|no-prompt|unstable)/.test(word));
  assert.deepEqual(flags.sort(), [...PERMISSIONS].sort(), "as in tools/compile.ts");
});

Deno.test("the npm package has no permissions of its own: packing gives it those of the executable", () => {
  assert.doesNotMatch(read("tools/npm/parley.mjs"), /--(allow|deny|no-prompt|unstable)/);
  assert.match(read("tools/pack_command.mjs"), /\{ flags: PERMISSIONS \}/);
});

/** What tools/source_rules.mjs says of these files and folders, one line each. */
async function ruleFaults(...paths: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      "--no-config",
      "--lock=tools/source_rules.lock",
      "--frozen",
      "tools/source_rules.mjs",
      ...paths,
    ],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const said = new TextDecoder().decode(stdout);
  assert.equal(code, said === "" ? 0 : 1, new TextDecoder().decode(stderr));
  return said.split("\n").filter((line) => line !== "");
}

Deno.test("no promise is left alone, no list of parameters is long, and the rules find those", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
  try {
    for (const { name, text } of specimens()) {
      await Deno.writeTextFile(`${folder}/${name}.ts`, text);
    }
    const faults = await ruleFaults("lib", "server.ts", folder, "--", "tests", "bench", "tools");
    const own = faults.filter((line) => !line.startsWith(`${folder}/`) && !mayBeLong(line));
    assertNone(
      own,
      "a promise is awaited, given back, kept, or handed to lib/base/detached.ts; a function has four parameters",
    );
    for (const { name, wrong } of specimens()) {
      const found = faults.filter((line) => line.startsWith(`${folder}/${name}.ts:`));
      const lines = found.map((line) => Number(/\.ts:(\d+): /.exec(line)?.[1]));
      assert.deepEqual([...new Set(lines)], wrong, found.join("\n"));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the rules themselves: layers, cycles and I/O are found", () => {
  const graph = (path: string, specifier: string) =>
    layerFaults(new Map([[path, [{ specifier, typeOnly: false }]]]));
  assert.equal(roomOf("lib/wire/a.ts"), "wire");
  assert.equal(graph("lib/wire/a.ts", "../services/b.ts").length, 1);
  assert.equal(graph("lib/wire/a.ts", "../base/b.ts").length, 0);
  assert.equal(graph("lib/adapters/a.ts", "../services/b.ts").length, 1);
  assert.equal(graph("lib/client/a.ts", "../ports/b.ts").length, 1);
  assert.equal(graph("lib/services/a.ts", "../adapters/b.ts").length, 1);
  assert.equal(graph("lib/server/a.ts", "../../tests/b.ts").length, 1);
  assert.equal(graph("lib/base/a.ts", "../unknown/b.ts").length, 1);
  assert.equal(graph("console/pages/a.tsx", "../../lib/client/b.ts").length, 0);
  assert.equal(graph("console/pages/a.tsx", "../../lib/services/b.ts").length, 1);
  assert.equal(graph("console/pages/a.tsx", "../../tests/b.ts").length, 1);
  const service = (path: string, specifier: string) =>
    serviceFaults(new Map([[path, [{ specifier, typeOnly: true }]]]));
  assert.equal(service("lib/services/topics/a.ts", "../kept/b.ts").length, 1);
  assert.equal(service("lib/services/kept/a.ts", "../topics/b.ts").length, 0);
  assert.equal(service("lib/services/elsewhere/a.ts", "../../base/b.ts").length, 1);
  const crowd = Array.from({ length: 21 }, (_, index) => `lib/a/b/${index}.ts`);
  assert.deepEqual(folderFaults([...crowd, "lib/a/c.ts"]), ["lib/a/b holds 21"]);
  assert.deepEqual(folderFaults(crowd.slice(1)), []);
  assert.deepEqual(folderFaults(crowd.map((path) => path.replace("lib/a/b", "tests/e2e"))), []);
  assert(mayBeLong("lib/wire/fanout.ts:80: add has 7 parameters"));
  assert(!mayBeLong("lib/wire/fanout.ts:80: a promise is left alone"));
  assert(!mayBeLong("lib/client/client.ts:80: publish has 5 parameters"));
  assert.deepEqual(cycles(new Map([["a", ["b"]], ["b", ["c"]], ["c", ["b"]]])), [["b", "c", "b"]]);
  assert.deepEqual(ioOf('import fs from "node:fs";\nDeno.exit();\n// Deno.open in a comment\n'), [
    "node:fs",
    "Deno.exit",
  ]);
  assert.deepEqual(
    importsOf(
      'import type { A } from "./a.ts";\nexport * from "./b.ts";\nawait import("./c.ts");\n',
    ),
    [
      { specifier: "./a.ts", typeOnly: true },
      { specifier: "./b.ts", typeOnly: false },
      { specifier: "./c.ts", typeOnly: false },
    ],
  );
});

Deno.test("what programs import is documented, to the last field", async () => {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--lint", "lib/client/mod.ts", "lib/client/browser.ts"],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  assert(success, new TextDecoder().decode(stderr));
});

Deno.test("what programs import says its own types, so that the package of npm can be made", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-pack-" });
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "pack", folder],
      cwd: root,
      env: { NO_COLOR: "1" },
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
