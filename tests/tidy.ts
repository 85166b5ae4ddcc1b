/**
 * The rules of tests/tidy_test.ts as functions of text: what a file imports, which rooms may import
 * which, where cycles are, and what counts as input and output.
 *
 * Comments are taken out before a file is judged. Pure: no files are read here.
 */

/** One import or re-export of a file. */
export interface Import {
  specifier: string;
  /** Types only: gone at run time. Layers and circles count it all the same. */
  typeOnly: boolean;
}

/** Who may import whom among the rooms of lib; a room may always import itself. */
const allowed: Record<string, readonly string[]> = {
  gen: [],
  base: ["gen"],
  logic: ["base", "gen"],
  wire: ["base", "gen"],
  ports: ["base", "gen"],
  services: ["base", "gen", "logic", "wire", "ports"],
  adapters: ["base", "gen", "wire", "ports"],
  client: ["base", "gen", "wire"],
  server: ["base", "gen", "logic", "wire", "ports", "services", "adapters"],
  cli: ["base", "gen", "logic", "wire", "ports", "services", "server", "client"],
};

/** Packages that compute and do no I/O, so that every room may use them. */
const purePackages = ["@bufbuild/protobuf", "@logtape/logtape"];

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

/** The imports of a file, in order, static and dynamic. */
export function importsOf(text: string): Import[] {
  const pattern =
    /\b(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/g;
  return [...withoutComments(text).matchAll(pattern)].map((found) => ({
    specifier: found[2] ?? found[3] ?? "",
    typeOnly: found[1] !== undefined,
  }));
}

/** The path that a relative import of `path` means; undefined for packages. */
export function resolveImport(path: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return new URL(specifier, `file:///${path}`).pathname.slice(1);
}

/** The room a file stands in: the folder below lib, the first folder elsewhere, "" at the root. */
export function roomOf(path: string): string {
  const parts = path.split("/");
  if (parts.length === 1) return "";
  return parts[0] === "lib" && parts.length > 2 ? parts[1] ?? "" : parts[0] ?? "";
}

function mayImport(from: string, to: string): boolean {
  const [room, target] = [roomOf(from), roomOf(to)];
  // The console runs in browsers: it knows the server as its clients do.
  if (room === "console") return ["console", "client", "gen", "base"].includes(target);
  if (!from.startsWith("lib/")) {
    return from !== "server.ts" || target === "cli" || target === "base";
  }
  if (!to.startsWith("lib/")) return false;
  return room === target || (allowed[room]?.includes(target) ?? false);
}

/** Says which imports break the layers, one sentence each. */
export function layerFaults(graph: ReadonlyMap<string, readonly Import[]>): string[] {
  const faults: string[] = [];
  for (const [path, imports] of graph) {
    if (path.startsWith("lib/") && allowed[roomOf(path)] === undefined) {
      faults.push(`${path} is in no known room`);
    }
    for (const { specifier } of imports) {
      const target = resolveImport(path, specifier);
      if (target !== undefined && !mayImport(path, target)) {
        faults.push(`${path} imports ${target}`);
      }
    }
  }
  return faults;
}

/** The parts of lib/services in their order: a file imports its own part and those before it. */
const SERVICES = [
  "replication",
  "connection",
  "tracing",
  "access",
  "topics",
  "system",
  "calls",
  "kept",
  "queues",
  "webhooks",
  "rooms",
  "types",
  "store_commits.ts",
  "administration.ts",
  "elsewhere.ts",
  "features.ts",
  "shared_work.ts",
  "revision.ts",
  "handlers",
  "cluster",
  "connection_service.ts",
  "forwarding",
];

/** Says which imports within lib/services run from a lower part to a higher one, or from none. */
export function serviceFaults(graph: ReadonlyMap<string, readonly Import[]>): string[] {
  const levelOf = (path: string) => SERVICES.indexOf(path.split("/")[2]);
  const faults: string[] = [];
  for (const [path, imports] of graph) {
    if (!path.startsWith("lib/services/")) continue;
    if (levelOf(path) < 0) faults.push(`${path} is in no known part of lib/services`);
    for (const { specifier } of imports) {
      const target = resolveImport(path, specifier);
      if (!target?.startsWith("lib/services/")) continue;
      if (levelOf(target) > levelOf(path)) faults.push(`${path} imports ${target}`);
    }
  }
  return faults;
}

/** The cycles of a graph, each as the path that leads back to its start. */
export function cycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const visit = (node: string, path: string[]): void => {
    const start = path.indexOf(node);
    if (start >= 0) {
      found.push([...path.slice(start), node]);
      return;
    }
    if (done.has(node)) return;
    for (const next of graph.get(node) ?? []) visit(next, [...path, node]);
    done.add(node);
  };
  for (const node of graph.keys()) visit(node, []);
  return found;
}

/** Whether a file of lib may do input and output. */
export function ioRooms(path: string): boolean {
  return ["adapters", "server", "cli"].includes(roomOf(path)) ||
    /^lib\/client\/transport\/(deno|node|websocket)\.ts$/.test(path);
}

/** What a file uses that does, or may do, input and output. */
export function ioOf(text: string): string[] {
  const packages = importsOf(text).filter((each) => !each.typeOnly).map((each) => each.specifier)
    .filter((specifier) => !specifier.startsWith("."))
    .filter((specifier) =>
      !purePackages.some((name) => specifier === name || specifier.startsWith(`${name}/`))
    );
  const globals = [...withoutComments(text).matchAll(/\bDeno\.\w+|\bprocess\.\w+/g)].map((each) =>
    each[0]
  );
  return [...packages, ...globals];
}

/** Whether a file says first what it is for; a line for the shell may stand before. */
export function opensWithDocComment(text: string): boolean {
  return /^(#!.*\n)?\/\*\*\n \* \S/.test(text);
}

/** A program for one of the rules of tools/source_rules.mjs, and the numbers of its lines that are wrong. */
export interface Specimen {
  readonly name: string;
  readonly text: string;
  readonly wrong: readonly number[];
}

/** Programs that break the rules of tools/source_rules.mjs. */
export function specimens(): Specimen[] {
  return Object.entries({ promises: PROMISES, parameters: PARAMETERS }).map(([name, program]) => {
    const lines = program.trim().split("\n");
    const wrong = lines.flatMap((line, index) => line.endsWith("// wrong") ? [index + 1] : []);
    return { name, text: lines.join("\n"), wrong };
  });
}

/** Where functions may have more than four positional parameters. */
const LONG_LISTS: readonly string[] = [
  // Bytes on the hot path are told by array, start and end.
  "lib/wire/",
  "lib/gen/",
  // What programs call with a schema; its order is that of the calls without one.
  "lib/client/queues/typed.ts",
  "lib/client/topics/typed.ts",
];

/** Whether a line of tools/source_rules.mjs is about a list of parameters that may be long. */
export function mayBeLong(line: string): boolean {
  if (!/ has \d+ parameters$/.test(line)) return false;
  const place = line.replace(/:\d+: /, ": ");
  return LONG_LISTS.some((each) => place.startsWith(each));
}

/** The most source files of one folder. */
const MAX_FILES = 20;

/** Folders that hold more source files: one a load, one a scenario, or one a thing that tests share. */
const LARGE_FOLDERS: readonly string[] = ["bench/load", "tests/e2e", "tests/sim", "tests/support"];

/** Says which folders hold too many source files, one sentence each. */
export function folderFaults(paths: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const path of paths) {
    const folder = path.slice(0, path.lastIndexOf("/"));
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts].filter(([folder, count]) =>
    count > MAX_FILES && !LARGE_FOLDERS.includes(folder)
  ).map(([folder, count]) => `${folder} holds ${count}`);
}

const PROMISES = `
declare const connection: Deno.TcpConn, target: EventTarget, maybe: Promise<void> | null, any: any;
declare const listen: (listener: () => void) => void;
declare function detached(promise: Promise<unknown>, what: string): void;
async function later(): Promise<number> { return await Promise.resolve(1); }
class Thing {
  #kept: Promise<unknown> | null = null;
  async #work(): Promise<void> { await later(); }
  run(): void {
    this.#work(); // wrong
    void this.#work(); // wrong
    detached(this.#work(), "work");
    this.#kept = this.#work();
    this.#kept ??= later();
  }
}
new Thing().run();
later(); // wrong
await later();
void later(); // wrong
later().then(() => 1); // wrong
later().then(() => 1, () => 2); // wrong
later().catch(() => {}); // wrong
await later().catch(() => {}); // wrong
await later().then(() => 1, () => {}); // wrong
await later().catch(() => 5);
connection.closeWrite(); // wrong
connection.close();
maybe?.then(() => {}); // wrong
maybe ?? later(); // wrong
Math.random() > 0.5 && later(); // wrong
setTimeout(async () => { await later(); }, 1); // wrong
setTimeout(later, 1); // wrong
setInterval(() => later(), 1); // wrong
setTimeout(() => detached(later(), "later"), 1);
queueMicrotask(() => later()); // wrong
target.addEventListener("x", async () => { await later(); }); // wrong
listen(() => later()); // wrong
listen(later); // wrong
[1, 2].forEach(async () => { await later(); }); // wrong
[1, 2].map(() => later());
any.on("x", async () => { await later(); }); // wrong
export const given = later();
`;

const PARAMETERS = `
interface Given { send(a: number, b: number, c: number, d: number, e: number): void; } // wrong
export type Made = (a: number, b: number, c: number, d: number) => Given;
export class Thing {
  constructor(readonly a: number, b: number, c: number, d: number, e: number) { // wrong
    this.#five(a, b, c, d, e);
  }
  #five(_a: number, _b: number, _c: number, _d: number, _e: number): void {} // wrong
  four(_a: number, _b: number, _c: number, _d: number): void {}
}
export function five(a: number, b: number, c: number, d = 1, ...more: number[]): number { // wrong
  return a + b + c + d + more.length;
}
export const arrow = (a: number, b: number, c: number, d: number, e: number) => a + b + c + d + e; // wrong
export function options(a: number, { b, c, d, e }: Record<string, number>): number {
  return a + b + c + d + e;
}
`;
