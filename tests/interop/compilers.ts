/**
 * Builds programs in Go and Java with the official runtimes of protobuf, and in Rust with prost, as Debian packages them, in
 * temporary folders.
 */
import { dirname, join } from "node:path";
import { root, run, succeeds } from "./programs.ts";
import { generate, hasGo, hasProtoc } from "./protoc.ts";

/** Where Debian has the runtime of protobuf for Go, and the jar of the one for Java. */
const GO_PACKAGES = "/usr/share/gocode";
const JAVA_RUNTIME = "/usr/share/java/protobuf.jar";

/** Whether Go programs with protobuf can be built. */
export const canBuildGo = hasProtoc && hasGo && succeeds("go", ["version"]) &&
  succeeds("sh", ["-c", `test -d ${GO_PACKAGES}/src/google.golang.org/protobuf`]);

/** Whether Java programs with protobuf can be built. */
export const canBuildJava = hasProtoc && succeeds("javac", ["-version"]) &&
  succeeds("sh", ["-c", `test -f ${JAVA_RUNTIME}`]);

/** Where Debian has the sources of crates. */
const CRATES = "/usr/share/cargo/registry";

/** Whether Rust programs with prost can be built. */
export const canBuildRust = hasProtoc && succeeds("cargo", ["--version"]) &&
  succeeds("sh", ["-c", `test -d ${CRATES}/prost-build-*`]);

/**
 * Builds a Go program of the tree, with classes generated into `folder`, and gives its command line. The runtime's packages are
 * compiled into the cache that Go has for its user: they are the same each time.
 */
export async function buildGo(source: string, folder: string): Promise<string[]> {
  await Deno.mkdir(join(folder, "src"));
  await generate("go", join(folder, "src"));
  const program = join(folder, "program");
  const home = Deno.env.get("HOME") ?? "";
  const cache: Record<string, string> = home === "" ? { GOCACHE: join(folder, "cache") } : {};
  const environment = { GOPATH: `${folder}:${GO_PACKAGES}`, GO111MODULE: "off", GOFLAGS: "" };
  await run("go", ["build", "-o", program, source], { ...environment, ...cache });
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

/** Builds the Rust program of a folder of the tree, with Debian's crates, and gives its command line. */
export async function buildRust(source: string, folder: string): Promise<string[]> {
  for (const name of ["Cargo.toml", "build.rs", "parley.rs"]) {
    await Deno.copyFile(join(root, dirname(source), name), join(folder, name));
  }
  const sources = [`crates-io.replace-with="debian"`, `debian.directory="${CRATES}"`];
  const configuration = sources.flatMap((each) => ["--config", `source.${each}`]);
  const manifest = ["--manifest-path", join(folder, "Cargo.toml")];
  const environment = {
    PARLEY_PROTO: join(root, "proto"),
    CARGO_TARGET_DIR: join(folder, "target"),
  };
  await run("cargo", ["build", "--offline", ...configuration, ...manifest], environment);
  return [join(folder, "target/debug/parley")];
}
