/**
 * Prints what a release is made of, as CycloneDX 1.5 in JSON: the packages of deno.lock that server.ts and the client library
 * reach, with their versions and hashes, and the runtime in the executable.
 *
 * Packages that only tests and tools use are not part of a release.
 *
 *   deno run --allow-read tools/bill_of_materials.ts
 */

/** What a release is made of: the executable with its Worker, the client library, and the console that is bundled into it. */
const ENTRIES = [
  "server.ts",
  "lib/adapters/sqlite/worker.ts",
  "lib/client/mod.ts",
  "lib/client/browser.ts",
  "console/main.tsx",
];
const root = new URL("..", import.meta.url);
const IMPORT =
  /^(?:import|export)\b[^;"]*?\bfrom\s+"([^"]+)"|^import\s+"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;

/** What `entries` reach: files, by their paths from the root, and packages, by their names in deno.json. */
export async function reachedFrom(
  entries: readonly string[],
): Promise<{ files: string[]; packages: Set<string> }> {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const left = entries.map((entry) => new URL(entry, root).href);
  for (let url = left.pop(); url !== undefined; url = left.pop()) {
    if (seen.has(url)) continue;
    seen.add(url);
    for (const found of (await Deno.readTextFile(new URL(url))).matchAll(IMPORT)) {
      const name = found.slice(1).find((each) => each !== undefined)!;
      if (name.startsWith(".")) left.push(new URL(name, url).href);
      else if (!name.startsWith("node:")) packages.add(name);
    }
  }
  return { files: [...seen].map((url) => url.slice(root.href.length)), packages };
}

interface Lock {
  readonly specifiers: Readonly<Record<string, string>>;
  readonly npm: Readonly<
    Record<string, { readonly integrity: string; readonly dependencies?: readonly string[] }>
  >;
}

/** One part of a release. */
export interface Component {
  readonly type: "library" | "platform";
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
}

function hexOf(integrity: string): string {
  const bytes = Uint8Array.from(
    atob(integrity.slice("sha512-".length)),
    (each) => each.charCodeAt(0),
  );
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The packages that a release contains: those of `imports` whose names are in `used`, and what they need. */
export function componentsOf(
  imports: Readonly<Record<string, string>>,
  lock: Lock,
  used: ReadonlySet<string>,
): Component[] {
  const roots = Object.entries(imports).filter(([name]) => used.has(name));
  const keys = new Set<string>();
  const reach = (key: string) => {
    const found = Object.keys(lock.npm).find((each) =>
      each === key || each.startsWith(`${key}@`) || each.startsWith(`${key}_`)
    );
    if (found === undefined || keys.has(found)) return;
    keys.add(found);
    for (const next of lock.npm[found]!.dependencies ?? []) reach(next);
  };
  for (const [, specifier] of roots) {
    const [, name, version] = /^npm:(@?[^@]+)@([^/]+)/.exec(specifier)!;
    reach(`${name}@${version}`);
  }
  return [...keys].sort().map((key) => {
    const [, name, version] = /^(@?[^@]+)@([^_]+)/.exec(key)!;
    const purl = `pkg:npm/${name!.replace("@", "%40")}@${version}`;
    const hashes = [{ alg: "SHA-512", content: hexOf(lock.npm[key]!.integrity) }];
    return { type: "library", name: name!, version: version!, purl, hashes };
  });
}

if (import.meta.main) {
  const read = async (path: string) => JSON.parse(await Deno.readTextFile(new URL(path, root)));
  const [{ version, imports }, lock] = [await read("deno.json"), await read("deno.lock")];
  const { packages } = await reachedFrom(ENTRIES);
  const runtime: Component = {
    type: "platform",
    name: "deno",
    version: Deno.version.deno,
    purl: `pkg:github/denoland/deno@v${Deno.version.deno}`,
  };
  const bill = {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: { component: { type: "application", name: "parley", version } },
    components: [runtime, ...componentsOf(imports, lock, packages)],
  };
  console.log(JSON.stringify(bill, null, 2));
}
