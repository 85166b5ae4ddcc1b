/**
 * Message types that are known by their descriptors: payloads as JSON and back, and what methods take and give.
 *
 * What cannot be read is told with the reason, and is nobody's fault: the type of a payload is what its publisher says.
 */
import {
  createFileRegistry,
  createRegistry,
  type DescFile,
  type DescMessage,
  type DescMethod,
  fromBinary,
  fromJsonString,
  type JsonValue,
  type Registry,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { invalidArgument } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { inOrder, type TypeFile } from "./type_file.ts";

/** The most levels of messages in a payload. */
const MAX_PAYLOAD_DEPTH = 100;

/** A payload as JSON, or the reason why it cannot be shown as such. */
export type Decoded = { readonly json: JsonValue } | { readonly reason: string };

/** The types of a set of files. */
export class MessageTypes {
  /** The files by their paths. */
  readonly files: ReadonlyMap<string, TypeFile>;
  readonly #linked: ReadonlyMap<string, DescFile>;
  readonly #registry: Registry;

  private constructor(
    files: ReadonlyMap<string, TypeFile>,
    linked: ReadonlyMap<string, DescFile>,
    more: readonly DescFile[],
  ) {
    this.files = files;
    this.#linked = linked;
    this.#registry = createRegistry(...linked.values(), ...more);
  }

  /** No types but those of `more`, which come with generated classes. */
  static none(more: readonly DescFile[] = []): MessageTypes {
    return new MessageTypes(new Map(), new Map(), more);
  }

  /**
   * Links files, one a step, since each takes milliseconds. Those of `former` that are the same and import only such are
   * taken over. Raises INVALID_ARGUMENT for a set that does not fit together.
   */
  static *link(
    files: Iterable<TypeFile>,
    { former = null, more = [] }: { former?: MessageTypes | null; more?: readonly DescFile[] } = {},
  ): Generator<void, MessageTypes> {
    const linked = new Map<string, DescFile>();
    const byPath = new Map<string, TypeFile>();
    for (const file of inOrder(files)) {
      const known = former?.files.get(file.path);
      const isSame = known !== undefined && isEqual(known.bytes, file.bytes) &&
        file.proto.dependency.every((path) => linked.get(path) === former!.#linked.get(path));
      linked.set(file.path, isSame ? former!.#linked.get(file.path)! : linkOne(file, linked));
      byPath.set(file.path, isSame ? known : file);
      if (!isSame) yield;
    }
    checkNames(linked.values());
    return new MessageTypes(byPath, linked, more);
  }

  /** The files, linked. */
  get linked(): Iterable<DescFile> {
    return this.#linked.values();
  }

  /** The type of that full name; undefined when it is not known. */
  message(type: string): DescMessage | undefined {
    return this.#registry.getMessage(type);
  }

  /** The method of a name like `acme.v1.Shop/Get`; undefined when it is not known. */
  method(name: string): DescMethod | undefined {
    const slash = name.lastIndexOf("/");
    const service = this.#registry.getService(name.slice(0, slash));
    return service?.methods.find((method) => method.name === name.slice(slash + 1));
  }

  /** The paths of the file of `type` and of all that it imports, each behind those that it imports; none when it is not known. */
  closureOf(type: string): string[] {
    const file = this.message(type)?.file.proto.name;
    if (file === undefined || !this.files.has(file)) return [];
    const wanted = new Set([file]);
    // The files stand in their order, so going back finds each before those that it imports.
    const backwards = [...this.files.values()].reverse();
    for (const { path, proto } of backwards) {
      if (wanted.has(path)) proto.dependency.forEach((each) => wanted.add(each));
    }
    return [...this.files.keys()].filter((path) => wanted.has(path));
  }

  /** The full names of all types, in order. */
  names(): string[] {
    const names: string[] = [];
    for (const type of this.#registry) if (type.kind === "message") names.push(type.typeName);
    return names.sort();
  }

  /** What a payload of that type says. */
  decode(type: string, payload: Uint8Array): Decoded {
    const schema = this.message(type);
    if (schema === undefined) return { reason: `the type ${type} is not known` };
    try {
      const message = fromBinary(schema, payload, { recursionLimit: MAX_PAYLOAD_DEPTH });
      return { json: toJson(schema, message, { registry: this.#registry }) };
    } catch (error) {
      return { reason: `it is no ${type}: ${textOf(error)}` };
    }
  }

  /** The payload of that type that says what `json` says. Raises INVALID_ARGUMENT for JSON that is none of that type. */
  encode(type: string, json: string): Uint8Array<ArrayBuffer> {
    const schema = this.message(type);
    if (schema === undefined) {
      throw invalidArgument(`cannot encode ${quote(type)}: the type is not known`, {
        accepted: "a type of the files that were given, or of those that the server knows",
      });
    }
    try {
      return toBinary(schema, fromJsonString(schema, json, { registry: this.#registry }));
    } catch (cause) {
      throw invalidArgument(`cannot encode ${type}: ${textOf(cause)}`, {
        accepted:
          "JSON of this message: names of its fields, 64-bit numbers as text, bytes in base64",
        cause,
      });
    }
  }
}

/**
 * Links a file with those that it imports. The library walks over the imports of imports again for each way to them, of which
 * there can be more than anybody can count; so it is given each import with nothing but what that makes public.
 */
function linkOne(file: TypeFile, linked: ReadonlyMap<string, DescFile>): DescFile {
  const imported = (path: string): DescFile | undefined => {
    const desc = linked.get(path);
    return desc && withImports(desc, publicImports(desc, linked));
  };
  try {
    const desc = createFileRegistry(file.proto, imported).getFile(file.path);
    if (desc !== undefined) return desc;
    throw new Error("it is not there");
  } catch (cause) {
    throw invalidArgument(`cannot take the types of ${quote(file.path)}: ${textOf(cause)}`, {
      accepted: "a descriptor that a compiler made, with all that it imports",
      cause,
    });
  }
}

/** The same file as one that imports `dependencies`. */
function withImports(desc: DescFile, dependencies: readonly DescFile[]): DescFile {
  return Object.create(desc, { dependencies: { value: dependencies } });
}

/** The files whose types are also those of whoever imports `desc`, each once and without imports of its own. */
function publicImports(desc: DescFile, linked: ReadonlyMap<string, DescFile>): DescFile[] {
  const found = new Map<string, DescFile>();
  const open = [desc];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { dependency, publicDependency } = next.proto;
    for (const index of publicDependency) {
      const file = linked.get(dependency[index] ?? "");
      if (file === undefined || found.has(file.proto.name)) continue;
      found.set(file.proto.name, withImports(file, []));
      open.push(file);
    }
  }
  return [...found.values()];
}

/** Raises INVALID_ARGUMENT when two files say what a name means. */
function checkNames(files: Iterable<DescFile>): void {
  const seen = new Map<string, string>();
  for (const file of files) {
    for (const { typeName } of [...file.messages, ...file.enums, ...file.services]) {
      const other = seen.get(typeName);
      if (other !== undefined) {
        throw invalidArgument(
          `cannot take ${quote(typeName)} of ${quote(file.proto.name)}: ${
            quote(other)
          } has it, too`,
          { accepted: "each name in one file" },
        );
      }
      seen.set(typeName, file.proto.name);
    }
  }
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
