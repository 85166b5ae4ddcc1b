/**
 * Generates lib/gen and the classes of clients/python from proto/, or checks that what is committed is what would be
 * generated. Python's classes need protoc 3.21, as Debian has it; where it is missing they are left alone.
 *
 * The check generates into a temporary folder and compares byte for byte, both ways: a file too many
 * is as stale as a file that differs. It never touches the tree.
 *
 *   deno run -A tools/generate.ts            writes lib/gen
 *   deno run -A tools/generate.ts --check    exits 1 and names the files when lib/gen is stale
 */
import { runBuf } from "./buf.ts";

const generated = "lib/gen";
const python = "clients/python";

/** Whether this machine makes the classes of Python that are committed: other versions of protoc make others. */
async function makesPython(): Promise<boolean> {
  try {
    const { stdout } = await new Deno.Command("protoc", { args: ["--version"] }).output();
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(stdout)
      .startsWith("libprotoc 3.21.");
  } catch {
    return false;
  }
}

/** Generates the classes of Python into `folder`, and gives the exit code. */
async function generatePython(folder: string): Promise<number> {
  if (!await makesPython()) {
    console.error(`${python} is left as it is: it needs protoc 3.21`);
    return 0;
  }
  await Deno.mkdir(folder, { recursive: true });
  const files = [...Deno.readDirSync("proto/parley/v1")].map(({ name }) =>
    `proto/parley/v1/${name}`
  );
  const args = ["--proto_path=proto", `--python_out=${folder}`, `--pyi_out=${folder}`, ...files];
  return (await new Deno.Command("protoc", { args }).spawn().status).code;
}

/** The generated files among those of the Python package. */
async function readPython(folder: string): Promise<Map<string, string>> {
  const files = await readTree(`${folder}/parley/v1`);
  return new Map([...files].filter(([path]) => /_pb2\.pyi?$/.test(path)));
}

/** The files below `root`, as paths relative to it, with their text. */
async function readTree(root: string, below = ""): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for await (const entry of Deno.readDir(`${root}/${below}`)) {
    const path = below ? `${below}/${entry.name}` : entry.name;
    if (entry.isDirectory) {
      for (const [name, text] of await readTree(root, path)) files.set(name, text);
    } else {
      files.set(path, await Deno.readTextFile(`${root}/${path}`));
    }
  }
  return files;
}

/** Names what distinguishes the committed files from the fresh ones, a line each. */
function differences(
  below: string,
  committed: Map<string, string>,
  fresh: Map<string, string>,
): string[] {
  const found: string[] = [];
  for (const [path, text] of fresh) {
    if (!committed.has(path)) found.push(`${below}/${path} is missing`);
    else if (committed.get(path) !== text) found.push(`${below}/${path} is stale`);
  }
  for (const path of committed.keys()) {
    if (!fresh.has(path)) found.push(`${below}/${path} is generated no more`);
  }
  return found;
}

async function check(): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "parley-gen-" });
  try {
    const code = await runBuf(["generate", "--output", folder]);
    if (code !== 0) return code;
    const found = differences(
      generated,
      await readTree(generated),
      await readTree(`${folder}/${generated}`),
    );
    if (await makesPython()) {
      const classes = await generatePython(`${folder}/python`);
      if (classes !== 0) return classes;
      const fresh = await readPython(`${folder}/python`);
      found.push(...differences(`${python}/parley/v1`, await readPython(python), fresh));
    }
    for (const line of found) console.error(line);
    if (found.length > 0) console.error("run `deno task gen` and commit what it writes");
    return found.length > 0 ? 1 : 0;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  Deno.chdir(new URL("..", import.meta.url));
  Deno.exit(
    Deno.args.includes("--check")
      ? await check()
      : await runBuf(["generate"]) || await generatePython(python),
  );
}
