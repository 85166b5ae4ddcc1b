/**
 * Runs programs in other languages for the tests: finds what the machine has, generates their classes
 * with protoc into a temporary folder, builds them there, and gives what they print.
 *
 * Nothing is written into the tree. A program that fails makes `run` raise with all it printed.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the tree. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Environment for a child: ours without PARLEY_*, which would be taken for configuration. */
export function childEnvironment(more: Record<string, string> = {}): Record<string, string> {
  const inherited = Object.entries(Deno.env.toObject()).filter(([name]) =>
    !name.startsWith("PARLEY_")
  );
  return {
    ...Object.fromEntries(inherited),
    NO_COLOR: "1",
    DENO_NO_UPDATE_CHECK: "1",
    PYTHONDONTWRITEBYTECODE: "1",
    ...more,
  };
}

/** What a program printed, and how it ended. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program in the root to its end, without input. */
export async function outcomeOf(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: root,
    env: childEnvironment(env),
    clearEnv: true,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs a program that has to succeed and gives its standard output. */
export async function run(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const { code, stdout, stderr } = await outcomeOf(program, args, env);
  if (code === 0) return stdout;
  throw new Error(`${program} ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
}

function succeeds(program: string, args: readonly string[]): boolean {
  try {
    const child = new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    return child.outputSync().success;
  } catch {
    return false;
  }
}

/** A Python that has the protobuf runtime; Debian's own first, since others may stand before it in PATH. */
export const python = ["/usr/bin/python3", "python3"].find((each) =>
  succeeds(each, ["-c", "import google.protobuf"])
);

/** Whether classes can be generated. */
export const hasProtoc = succeeds("protoc", ["--version"]);

/** Whether classes for Go can be generated; the plugin says nothing when it is asked for its version. */
export const hasGo = succeeds("sh", ["-c", "command -v protoc-gen-go"]);

/** Where Debian has the runtime of protobuf for Go, and the jar of the one for Java. */
const GO_PACKAGES = "/usr/share/gocode";
const JAVA_RUNTIME = "/usr/share/java/protobuf.jar";

/** Whether Go programs with protobuf can be built. */
export const canBuildGo = hasGo && succeeds("go", ["version"]) &&
  succeeds("sh", ["-c", `test -d ${GO_PACKAGES}/src/google.golang.org/protobuf`]);

/** Whether Java programs with protobuf can be built. */
export const canBuildJava = succeeds("javac", ["-version"]) &&
  succeeds("sh", ["-c", `test -f ${JAVA_RUNTIME}`]);

/** Whether C++ programs with protobuf can be built. */
export const hasCpp = succeeds("sh", [
  "-c",
  "echo '#include <google/protobuf/message.h>' | g++ -std=c++17 -x c++ -fsyntax-only -",
]);

/** Whether there is a Node that is new enough. */
export const hasNode = succeeds("node", [
  "-e",
  "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)",
]);

const messages = [...Deno.readDirSync(join(root, "proto/parley/v1"))].map((entry) =>
  `proto/parley/v1/${entry.name}`
);

/** Generates the classes of all messages into `folder`; `language` is as in protoc's `--python_out`. */
export async function generate(language: string, folder: string): Promise<void> {
  await run("protoc", ["--proto_path=proto", `--${language}_out=${folder}`, ...messages]);
}

/** Builds a C++ program of the tree, with classes generated into `folder`, and gives its path. */
export async function buildCpp(source: string, folder: string): Promise<string> {
  const program = join(folder, "program");
  const classes = [...Deno.readDirSync(join(folder, "parley/v1"))]
    .filter((entry) => entry.name.endsWith(".cc")).map((entry) =>
      join(folder, "parley/v1", entry.name)
    );
  const include = [`-I${folder}`, "-Iexamples/cpp"];
  const flags = ["-std=c++17", "-Wall", "-pthread", ...include];
  await run("g++", [...flags, source, ...classes, "-lprotobuf", "-o", program]);
  return program;
}

/** Builds a Go program of the tree, with classes generated into `folder`, and gives its command line. */
export async function buildGo(source: string, folder: string): Promise<string[]> {
  await Deno.mkdir(join(folder, "src"));
  await generate("go", join(folder, "src"));
  const program = join(folder, "program");
  const paths = { GOPATH: `${folder}:${GO_PACKAGES}`, GOCACHE: join(folder, "cache") };
  const environment = { ...paths, GO111MODULE: "off", GOFLAGS: "" };
  await run("go", ["build", "-o", program, source], environment);
  return [program];
}

/** Builds a Java program of the tree, with classes generated into `folder`, and gives its command line. */
export async function buildJava(source: string, folder: string): Promise<string[]> {
  await generate("java", folder);
  const generated = join(folder, "parley/v1");
  const classes = [...Deno.readDirSync(generated)].map((entry) => join(generated, entry.name));
  const path = ["-cp", `${JAVA_RUNTIME}:${folder}`];
  await run("javac", ["-proc:none", "-nowarn", ...path, "-d", folder, source, ...classes]);
  const [name] = source.split("/").at(-1)!.split(".");
  return ["java", ...path, name!];
}
