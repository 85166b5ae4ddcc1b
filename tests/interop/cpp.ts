/**
 * Builds programs in C++ with the official runtime of protobuf, as Debian packages it, in a temporary folder.
 *
 * The classes of all messages take most of the time, so they are compiled once, for all programs of a test.
 */
import { basename, join } from "node:path";
import { run, succeeds } from "./programs.ts";
import { generate, hasProtoc } from "./protoc.ts";

/** Whether C++ programs with protobuf can be built. */
export const canBuildCpp = hasProtoc && succeeds("sh", [
  "-c",
  "echo '#include <google/protobuf/message.h>' | g++ -std=c++17 -x c++ -fsyntax-only -",
]);

const FLAGS = ["-std=c++17", "-Wall", "-pthread"];
/** So many compilers run at a time. */
const AT_ONCE = 2;

/** Programs with the classes of all messages. */
export class CppPrograms {
  readonly #folder: string;
  readonly #objects: readonly string[];

  private constructor(folder: string, objects: readonly string[]) {
    this.#folder = folder;
    this.#objects = objects;
  }

  /** Generates the classes into `folder`, and compiles them there. */
  static async prepare(folder: string): Promise<CppPrograms> {
    await generate("cpp", folder);
    const classes = join(folder, "parley/v1");
    const sources = [...Deno.readDirSync(classes)].map(({ name }) => join(classes, name))
      .filter((path) => path.endsWith(".cc"));
    const left = [...sources];
    const compile = async () => {
      for (let source = left.pop(); source !== undefined; source = left.pop()) {
        await run("g++", [...FLAGS, `-I${folder}`, "-c", source, "-o", `${source}.o`]);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, compile));
    return new CppPrograms(folder, sources.map((source) => `${source}.o`));
  }

  /** Builds a program of the tree, and gives its path. */
  async build(source: string): Promise<string> {
    const program = join(this.#folder, basename(source, ".cc"));
    const include = [`-I${this.#folder}`, "-Iexamples/cpp"];
    const linked = [...this.#objects, "-lprotobuf", "-o", program];
    await run("g++", [...FLAGS, ...include, source, ...linked]);
    return program;
  }
}
