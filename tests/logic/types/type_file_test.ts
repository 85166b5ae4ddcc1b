/**
 * Descriptor sets of protoc, whole, cut, of others, and made to harm: cut into files, bounded, put into order.
 */
import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import {
  MAX_TYPE_FILE_BYTES,
  MAX_TYPE_FILES,
  MAX_TYPE_PATH,
} from "../../../lib/logic/types/limits.ts";
import { filesOfSet, inOrder, readTypeFile } from "../../../lib/logic/types/type_file.ts";
import { descriptorSet, source } from "../../support/descriptors.ts";

function refused(run: () => unknown, words: RegExp): void {
  assert.throws(run, (error) => {
    assert(error instanceof ParleyError, String(error));
    assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
    assert.match(error.message, words);
    return true;
  });
}

/** A descriptor made by hand. */
function fileOf(name: string, init: { dependency?: string[]; names?: string[] } = {}) {
  const messageType = init.names?.map((each) => ({ name: each })) ?? [];
  const { dependency = [] } = init;
  const file = create(FileDescriptorProtoSchema, {
    name,
    syntax: "proto3",
    dependency,
    messageType,
  });
  return toBinary(FileDescriptorProtoSchema, file);
}

Deno.test("a set of protoc is cut into its files, without comments, each behind what it imports", async () => {
  const set = await descriptorSet({
    "acme/v1/order.proto": source("// A comment that is long.\nmessage Order { Item item = 1; }", [
      "acme/v1/item.proto",
    ]),
    "acme/v1/item.proto": source("message Item { google.protobuf.Timestamp at = 1; }", [
      "google/protobuf/timestamp.proto",
    ]),
  });
  const files = filesOfSet(set).map(readTypeFile);
  assert.deepEqual(inOrder(files.toReversed()).map(({ path }) => path), [
    "google/protobuf/timestamp.proto",
    "acme/v1/item.proto",
    "acme/v1/order.proto",
  ]);
  for (const { bytes } of files) {
    assert(!new TextDecoder("latin1").decode(bytes).includes("A comment"));
  }
});

Deno.test("what is no descriptor set is refused with how to make one, whatever the bytes", async () => {
  refused(() => filesOfSet(new Uint8Array()), /it is empty/);
  refused(() => filesOfSet(new TextEncoder().encode('syntax = "proto3";')), /something else/);
  refused(() => readTypeFile(new Uint8Array([0xff])), /no descriptor/);
  const set = await descriptorSet({ "acme/v1/order.proto": source("message Order {}") });
  for (let cut = 1; cut < set.length; cut++) {
    refused(() => filesOfSet(set.subarray(0, cut)).map(readTypeFile), /cannot take the types/);
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    try {
      filesOfSet(bytes).map(readTypeFile);
    } catch (error) {
      assert(error instanceof ParleyError, String(error));
    }
  }));
});

Deno.test("files are bounded in number, bytes, path and depth, and taken at these bounds", () => {
  const empty = (count: number) => new Uint8Array(Array(count).fill([0x0a, 0x00]).flat());
  assert.equal(filesOfSet(empty(MAX_TYPE_FILES)).length, MAX_TYPE_FILES);
  refused(() => filesOfSet(empty(MAX_TYPE_FILES + 1)), /too many files/);
  const overhead = fileOf("a.proto", { names: ["x".repeat(40_000)] }).length - 40_000;
  const largest = MAX_TYPE_FILE_BYTES - overhead;
  const sized = (bytes: number) => readTypeFile(fileOf("a.proto", { names: ["x".repeat(bytes)] }));
  assert.equal(sized(largest).bytes.length, MAX_TYPE_FILE_BYTES);
  refused(() => sized(largest + 1), /has \d+ bytes/);
  assert.equal(readTypeFile(fileOf("p".repeat(MAX_TYPE_PATH))).path.length, MAX_TYPE_PATH);
  for (const path of ["", "p".repeat(MAX_TYPE_PATH + 1), "/a", "a//b", "a b", "a\u202e", "a/"]) {
    refused(() => readTypeFile(fileOf(path)), /a file of types called/);
  }
  let nested: number[] = [];
  for (let depth = 0; depth < 2000; depth++) {
    const { length } = nested;
    const size = length < 128 ? [length] : [length & 0x7f | 0x80, length >> 7];
    nested = [depth === 1999 ? 0x22 : 0x1a, ...size, ...nested];
  }
  refused(() => readTypeFile(new Uint8Array(nested)), /no descriptor/);
});

Deno.test("imports that are missing, or go in a circle, are told with the file", () => {
  const missing = readTypeFile(fileOf("a.proto", { dependency: ["b.proto"] }));
  refused(() => inOrder([missing]), /"a\.proto": it imports "b\.proto", which is not there/);
  const circle = readTypeFile(fileOf("b.proto", { dependency: ["a.proto"] }));
  refused(() => inOrder([missing, circle]), /in a circle/);
  const chain = Array.from({ length: 5000 }, (_, index) => {
    const dependency = index < 4999 ? [`f${index + 1}.proto`] : [];
    return readTypeFile(fileOf(`f${index}.proto`, { dependency }));
  });
  assert.equal(inOrder(chain)[0].path, "f4999.proto");
});
