/**
 * Types by their descriptors: payloads as JSON and back, methods, what cannot be read and why, and that unchanged files are not
 * linked again.
 */
import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { MessageTypes } from "../../../lib/logic/types/message_types.ts";
import { filesOfSet, readTypeFile, type TypeFile } from "../../../lib/logic/types/type_file.ts";
import { descriptorSet, linkAll, source } from "../../support/descriptors.ts";

async function filesOf(sources: Readonly<Record<string, string>>): Promise<TypeFile[]> {
  return filesOfSet(await descriptorSet(sources)).map(readTypeFile);
}

const ORDER = `
enum State { STATE_UNSPECIFIED = 0; STATE_PAID = 1; }
message Order {
  string id = 1;
  int64 cents = 2;
  repeated string tags = 3;
  map<string, int32> counts = 4;
  State state = 5;
  bytes raw = 6;
  Order parent = 7;
  google.protobuf.Timestamp at = 8;
}
message GetRequest { string id = 1; }
service Shop { rpc Get(GetRequest) returns (Order); }`;
const SOURCES = {
  "acme/v1/order.proto": source(ORDER, ["google/protobuf/timestamp.proto"]),
};

Deno.test("a payload is shown as JSON, and JSON becomes the payload", async () => {
  const { types } = linkAll(await filesOf(SOURCES));
  assert.deepEqual(types.names().filter((name) => name.startsWith("acme.")), [
    "acme.v1.GetRequest",
    "acme.v1.Order",
  ]);
  const json = {
    id: "42",
    cents: "9007199254740993",
    tags: ["new", "\u202e"],
    counts: { a: 1 },
    state: "STATE_PAID",
    raw: "AAH/",
    parent: { id: "41" },
    at: "2026-11-28T00:00:00Z",
  };
  const payload = types.encode("acme.v1.Order", JSON.stringify(json));
  assert.deepEqual(types.decode("acme.v1.Order", payload), { json });
  const method = types.method("acme.v1.Shop/Get");
  assert.equal(method?.input.typeName, "acme.v1.GetRequest");
  assert.equal(method?.output.typeName, "acme.v1.Order");
  assert.equal(types.method("acme.v1.Shop/Got"), undefined);
  assert.equal(types.method("Shop"), undefined);
});

Deno.test("what cannot be read is told with the reason, however deep or damaged it is", async () => {
  const { types } = linkAll(await filesOf(SOURCES));
  assert.deepEqual(types.decode("acme.v1.Nothing", new Uint8Array()), {
    reason: "the type acme.v1.Nothing is not known",
  });
  const reasonOf = (payload: Uint8Array) => {
    const decoded = types.decode("acme.v1.Order", payload);
    return "reason" in decoded ? decoded.reason : "";
  };
  assert.match(reasonOf(new Uint8Array([0x0a, 0x7f])), /it is no acme\.v1\.Order: /);
  let nested: number[] = [];
  for (let depth = 0; depth < 3000; depth++) {
    const { length } = nested;
    const size = length < 128 ? [length] : [length & 0x7f | 0x80, length >> 7];
    nested = [0x3a, ...size, ...nested];
  }
  assert.match(reasonOf(new Uint8Array(nested)), /it is no acme\.v1\.Order: /);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    const decoded = types.decode("acme.v1.Order", bytes);
    assert("json" in decoded || decoded.reason.length > 0);
  }));
});

Deno.test("JSON that is none of the type is refused with what is wrong with it", async () => {
  const { types } = linkAll(await filesOf(SOURCES));
  const refusal = (type: string, json: string): ParleyError => {
    try {
      types.encode(type, json);
    } catch (error) {
      if (error instanceof ParleyError) return error;
      throw error;
    }
    return assert.fail("it was taken");
  };
  for (const json of ['{"nothing": 1}', '{"cents": "many"}', "{", "[]", '{"id": 1}']) {
    const error = refusal("acme.v1.Order", json);
    assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
    assert.match(error.message, /^cannot encode acme\.v1\.Order: /);
  }
  const deep = '{"parent":'.repeat(50_000) + "{}" + "}".repeat(50_000);
  assert.match(refusal("acme.v1.Order", deep).message, /^cannot encode acme\.v1\.Order: /);
  assert.match(refusal("acme.v1.Nothing", "{}").message, /not known/);
});

Deno.test("files that did not change, and import none that did, are not linked again", async () => {
  const item = (fields: string) => ({
    "acme/v1/item.proto": source(`message Item { ${fields} }`),
    "acme/v1/order.proto": source("message Order { Item item = 1; }", ["acme/v1/item.proto"]),
    "acme/v1/other.proto": source("message Other {}"),
  });
  const before = await filesOf(item("string id = 1;"));
  const first = linkAll(before);
  assert.equal(first.steps, 3);
  assert.equal(linkAll(before, first.types).steps, 0);
  const changed = await filesOf(item("string id = 1; string name = 2;"));
  const second = linkAll(changed, first.types);
  assert.equal(second.steps, 2, "the file, and the one that imports it");
  const payload = second.types.encode("acme.v1.Order", '{"item": {"name": "lamp"}}');
  assert.deepEqual(second.types.decode("acme.v1.Order", payload), {
    json: { item: { name: "lamp" } },
  });
});

Deno.test("imports that are reached over more ways than can be counted are linked all the same", () => {
  // Each level imports both files of the one below, as it is, and publicly.
  for (const publicDependency of [[], [0, 1]]) {
    const files: TypeFile[] = [];
    for (let level = 0; level < 100; level++) {
      for (const side of ["a", "b"]) {
        const dependency = level === 0 ? [] : ["a", "b"].map((each) => `${each}${level - 1}.proto`);
        const file = create(FileDescriptorProtoSchema, {
          name: `${side}${level}.proto`,
          syntax: "proto3",
          dependency,
          publicDependency: level === 0 ? [] : publicDependency,
          messageType: [{
            name: `${side.toUpperCase()}${level}`,
            field: level === 0 ? [] : [{
              name: "below",
              number: 1,
              label: 1,
              type: 11,
              typeName: `.A${publicDependency.length > 0 ? 0 : level - 1}`,
              jsonName: "below",
            }],
          }],
        });
        files.push(readTypeFile(toBinary(FileDescriptorProtoSchema, file)));
      }
    }
    const { types, steps } = linkAll(files);
    assert.equal(steps, 200);
    const payload = types.encode("A99", '{"below": {}}');
    assert.deepEqual(types.decode("A99", payload), { json: { below: {} } });
    assert.equal(types.closureOf("A99").length, 199);
  }
});

Deno.test("a name that two files have is refused with both", async () => {
  const [one] = await filesOf({ "one.proto": source("message Item {}") });
  const [two] = await filesOf({ "two.proto": source("message Item {}") });
  assert.throws(
    () => linkAll([one, two]),
    /"acme\.v1\.Item" of "two\.proto": "one\.proto" has it/,
  );
  assert.equal(MessageTypes.none().message("acme.v1.Item"), undefined);
});
