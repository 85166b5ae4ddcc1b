/**
 * Files of message types, as descriptors: cut out of a descriptor set, bounded, and without what nobody needs.
 *
 * `buf build -o types.binpb` and `protoc --include_imports --descriptor_set_out=types.binpb` make such sets.
 * Descriptors come from anybody. They are bounded before they are decoded, and nothing in them runs.
 */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { invalidArgument } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { MAX_TYPE_DEPTH, MAX_TYPE_FILE_BYTES, MAX_TYPE_FILES, MAX_TYPE_PATH } from "./limits.ts";

/** Tag of FileDescriptorSet.file: field 1, length-delimited. */
const FILE_TAG = 0x0a;
/** What a file may have with its comments, which are left out: more than any file that makes sense. */
const MAX_COMMENTED_BYTES = 16 * MAX_TYPE_FILE_BYTES;
/** How commands make a descriptor set; said wherever one was wanted. */
const ACCEPTED =
  "a descriptor set, as `buf build -o FILE` or `protoc --include_imports --descriptor_set_out=FILE` makes it";

/** One file of message types. */
export interface TypeFile {
  /** The path by which others import it, like `acme/v1/order.proto`. */
  readonly path: string;
  /** The descriptor without comments, encoded. */
  readonly bytes: Uint8Array;
  readonly proto: FileDescriptorProto;
  /** The number of its messages, enums and services. */
  readonly types: number;
}

/** The encoded files of a descriptor set, each once. Raises INVALID_ARGUMENT for bytes that are none. */
export function filesOfSet(set: Uint8Array): Uint8Array[] {
  const files: Uint8Array[] = [];
  let at = 0;
  while (at < set.length) {
    if (set[at++] !== FILE_TAG) throw noSet(`there is something else at byte ${at - 1}`);
    let length = 0;
    let shift = 1;
    for (;;) {
      if (at >= set.length || shift > 2 ** 28) throw noSet("it is cut short");
      const byte = set[at++];
      length += (byte & 0x7f) * shift;
      shift *= 128;
      if (byte < 0x80) break;
    }
    if (length > set.length - at) throw noSet("it is cut short");
    files.push(set.subarray(at, at + length));
    if (files.length > MAX_TYPE_FILES) {
      throw noSet("it has too many files", `at most ${MAX_TYPE_FILES} files`);
    }
    at += length;
  }
  if (files.length === 0) throw noSet("it is empty");
  return files;
}

/** A file by its descriptor. Raises INVALID_ARGUMENT for one that is none, or is larger or deeper than any may be. */
export function readTypeFile(encoded: Uint8Array): TypeFile {
  if (encoded.length > MAX_COMMENTED_BYTES) throw tooLarge("a file", encoded.length);
  const proto = decode(encoded);
  const { name: path } = proto;
  if (!isPath(path)) {
    throw invalidArgument(`cannot take a file of types called ${quote(path.slice(0, 80))}`, {
      accepted: `a path like acme/v1/order.proto, at most ${MAX_TYPE_PATH} characters`,
    });
  }
  // Comments and where everything stood are most of a file, and are needed by nobody here.
  proto.sourceCodeInfo = undefined;
  const bytes = toBinary(FileDescriptorProtoSchema, proto);
  if (bytes.length > MAX_TYPE_FILE_BYTES) throw tooLarge(quote(path), bytes.length);
  return { path, bytes, proto, types: countTypes(proto) };
}

/** Messages within messages are no deeper than the descriptor may be. */
function countTypes({ messageType, enumType, service }: FileDescriptorProto): number {
  const inMessage = ({ nestedType, enumType }: DescriptorProto): number =>
    nestedType.reduce((sum, each) => sum + inMessage(each), 1 + enumType.length);
  return messageType.reduce((sum, each) => sum + inMessage(each), enumType.length + service.length);
}

function decode(encoded: Uint8Array): FileDescriptorProto {
  try {
    return fromBinary(FileDescriptorProtoSchema, encoded, {
      readUnknownFields: true,
      recursionLimit: MAX_TYPE_DEPTH * 2,
    });
  } catch (cause) {
    throw noSet("one of its files is no descriptor", ACCEPTED, cause);
  }
}

/** The files in an order in which each comes behind those that it imports. Raises INVALID_ARGUMENT without such an order. */
export function inOrder(files: Iterable<TypeFile>): TypeFile[] {
  const byPath = new Map<string, TypeFile>();
  for (const file of files) byPath.set(file.path, file);
  const done = new Set<string>();
  const order: TypeFile[] = [];
  // By a list of its own, not by the stack: a chain of imports can be as long as there are files.
  for (const first of byPath.values()) {
    const path: { file: TypeFile; next: number }[] = [{ file: first, next: 0 }];
    const open = new Set([first.path]);
    while (path.length > 0) {
      const top = path[path.length - 1];
      const wanted = top.file.proto.dependency[top.next++];
      if (wanted === undefined) {
        path.pop();
        open.delete(top.file.path);
        if (!done.has(top.file.path)) order.push(top.file);
        done.add(top.file.path);
        continue;
      }
      if (done.has(wanted)) continue;
      if (open.has(wanted)) {
        throw invalidArgument(`cannot take ${quote(top.file.path)}: it imports itself in a circle`);
      }
      const file = byPath.get(wanted);
      if (file === undefined) {
        throw invalidArgument(
          `cannot take ${quote(top.file.path)}: it imports ${quote(wanted)}, which is not there`,
          { accepted: `a set with everything that is imported: ${ACCEPTED}` },
        );
      }
      open.add(wanted);
      path.push({ file, next: 0 });
    }
  }
  return order;
}

function isPath(path: string): boolean {
  return path.length <= MAX_TYPE_PATH && /^[A-Za-z0-9_.+-]+(\/[A-Za-z0-9_.+-]+)*$/.test(path);
}

function noSet(why: string, accepted = ACCEPTED, cause?: unknown) {
  return invalidArgument(`cannot take the types: ${why}`, { accepted, cause });
}

function tooLarge(what: string, bytes: number) {
  return invalidArgument(`cannot take the types: ${what} has ${bytes} bytes`, {
    accepted: `at most ${MAX_TYPE_FILE_BYTES} bytes a file, without comments`,
  });
}
