/**
 * The types that a server knows, over both stores: added all or none, numbered by version, held to what is there, bounded, removed,
 * and there again after a restart.
 */
import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { MAX_TYPE_FILES, MAX_TYPES, MAX_TYPES_BYTES } from "../../../lib/logic/types/limits.ts";
import { filesOfSet } from "../../../lib/logic/types/type_file.ts";
import type { KnownTypes } from "../../../lib/services/types/known_types.ts";
import { descriptorSet, source } from "../../support/descriptors.ts";
import { KeptBus, storeTest } from "../kept/kept_support.ts";

const ADA = { user: "ada", allowBreaking: false };
const ITEM = "acme/v1/item.proto";
const ORDER = "acme/v1/order.proto";

async function filesOf(item: string, order = "Item item = 1;"): Promise<Uint8Array[]> {
  return filesOfSet(
    await descriptorSet({
      [ITEM]: source(`message Item { ${item} }`),
      [ORDER]: source(`message Order { ${order} }`, [ITEM]),
    }),
  );
}

/** A file made by hand, with a name so long. */
function fileOf(name: string, bytes = 0): Uint8Array {
  const messageType = [{ name: `M${name}${"x".repeat(bytes)}` }];
  const file = create(FileDescriptorProtoSchema, {
    name: `${name}.proto`,
    syntax: "proto3",
    messageType,
  });
  return toBinary(FileDescriptorProtoSchema, file);
}

async function refused(work: Promise<unknown>, code: ErrorCode, words: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert(error instanceof ParleyError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
    return true;
  });
}

function versionsOf(known: KnownTypes): Record<string, number> {
  return Object.fromEntries(known.files.map(({ path, version }) => [path, version]));
}

storeTest("files are added once, numbered by version, and there after a restart", async (data) => {
  {
    await using bus = await KeptBus.open(data);
    const known = bus.host.needTypes();
    await known.load();
    const files = await filesOf("string id = 1;");
    assert.deepEqual((await known.check(files)).added, [ITEM, ORDER]);
    assert.deepEqual(known.files, [], "looking changes nothing");
    const first = await known.add(files, ADA);
    assert.deepEqual(first, { added: [ITEM, ORDER], changed: [], breaks: [] });
    const again = await known.add(files, ADA);
    assert.deepEqual(again, { added: [], changed: [], breaks: [] });
    const more = await known.add(await filesOf("string id = 1; string name = 2;"), ADA);
    assert.deepEqual(more, { added: [], changed: [ITEM], breaks: [] });
    assert.deepEqual(versionsOf(known), { [ITEM]: 2, [ORDER]: 1 });
    assert(known.files.every(({ user }) => user === "ada"));
    assert.deepEqual(known.types.closureOf("acme.v1.Order"), [ITEM, ORDER]);
    assert.deepEqual(known.types.closureOf("acme.v1.Item"), [ITEM]);
    assert.deepEqual(known.types.closureOf("acme.v1.Nothing"), []);
  }
  if (data === "") return;
  await using bus = await KeptBus.open(data);
  const known = bus.host.needTypes();
  await known.load();
  assert.deepEqual(versionsOf(known), { [ITEM]: 2, [ORDER]: 1 });
  const payload = known.types.encode("acme.v1.Order", '{"item": {"name": "lamp"}}');
  assert.deepEqual(known.types.decode("acme.v1.Order", payload), {
    json: { item: { name: "lamp" } },
  });
});

storeTest("a change that breaks those who read is refused, unless it is allowed", async (data) => {
  await using bus = await KeptBus.open(data);
  const known = bus.host.needTypes();
  await known.add(await filesOf("string id = 1;"), ADA);
  const changed = await filesOf("int64 id = 1;");
  const { FAILED_PRECONDITION } = ErrorCode;
  await refused(known.add(changed, ADA), FAILED_PRECONDITION, /id changed from string to int64/);
  assert.deepEqual(versionsOf(known), { [ITEM]: 1, [ORDER]: 1 });
  const breaks = ["acme.v1.Item.id changed from string to int64"];
  assert.deepEqual((await known.check(changed)).breaks, breaks);
  const taken = await known.add(changed, { ...ADA, allowBreaking: true });
  assert.deepEqual(taken, { added: [], changed: [ITEM], breaks });
});

storeTest("files come and go all or none", async (data) => {
  await using bus = await KeptBus.open(data);
  const known = bus.host.needTypes();
  const { INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION } = ErrorCode;
  const [item, order] = await filesOf("string id = 1;");
  await refused(known.add([item, new Uint8Array([1])], ADA), INVALID_ARGUMENT, /no descriptor/);
  await refused(known.add([order], ADA), INVALID_ARGUMENT, /imports "acme\/v1\/item.proto"/);
  await refused(known.add([], ADA), INVALID_ARGUMENT, /cannot take 0 files/);
  assert.deepEqual(known.files, []);
  await known.add([item, order], ADA);
  await refused(known.remove([ITEM]), FAILED_PRECONDITION, /"acme\/v1\/order.proto" imports it/);
  await refused(known.remove([ORDER, "other.proto"]), NOT_FOUND, /"other.proto": no such file/);
  assert.deepEqual(versionsOf(known), { [ITEM]: 1, [ORDER]: 1 });
  await known.remove([ITEM, ORDER]);
  assert.deepEqual(known.files, []);
  assert.equal(known.types.message("acme.v1.Item"), undefined);
  await known.load();
  assert.deepEqual(known.files, []);
});

Deno.test("the number of files and their bytes are bounded, and taken at the bounds", async () => {
  await using bus = await KeptBus.open("");
  const known = bus.host.needTypes();
  const { RESOURCE_EXHAUSTED } = ErrorCode;
  const many = Array.from({ length: MAX_TYPE_FILES }, (_, index) => fileOf(`f${index}`));
  await known.add(many, ADA);
  await refused(known.add([fileOf("more")], ADA), RESOURCE_EXHAUSTED, /257 files/);
  await known.remove(known.files.map(({ path }) => path));
  const overhead = fileOf("a0", 40_000).length - 40_000;
  const files = MAX_TYPES_BYTES / 2 ** 15;
  const sized = (names: number) =>
    Array.from({ length: names }, (_, index) => {
      const name = String.fromCharCode(97 + index % 26) + String(Math.floor(index / 26));
      return fileOf(name, 2 ** 15 - overhead);
    });
  const full = sized(files);
  assert.equal(full.reduce((sum, { length }) => sum + length, 0), MAX_TYPES_BYTES);
  await known.add(full, ADA);
  await refused(known.add([fileOf("more")], ADA), RESOURCE_EXHAUSTED, /cannot take the types/);
  await known.remove(known.files.map(({ path }) => path));
  // Names of four characters, so that a file has room for so many.
  const some = (name: string, count: number) =>
    toBinary(
      FileDescriptorProtoSchema,
      create(FileDescriptorProtoSchema, {
        name: `${name}.proto`,
        syntax: "proto3",
        package: name,
        messageType: Array.from({ length: count / 2 }, (_, index) => ({
          name: `M${index.toString(36)}`,
          nestedType: [{ name: "N" }],
        })),
      }),
    );
  const fitting = Array.from({ length: 5 }, (_, index) => some(`p${index}`, MAX_TYPES / 5));
  await known.add(fitting, ADA);
  await refused(known.add([some("more", 2)], ADA), RESOURCE_EXHAUSTED, /with 10002 types/);
});

Deno.test("changes wait for each other, and no more than a few of them", async () => {
  await using bus = await KeptBus.open("");
  const known = bus.host.needTypes();
  const changes = Array.from({ length: 4 }, (_, index) => known.add([fileOf(`f${index}`)], ADA));
  await refused(known.add([fileOf("more")], ADA), ErrorCode.RESOURCE_EXHAUSTED, /4 other requests/);
  await Promise.all(changes);
  assert.deepEqual(known.files.map(({ path }) => path), [
    "f0.proto",
    "f1.proto",
    "f2.proto",
    "f3.proto",
  ]);
  await known.add([fileOf("more")], ADA);
});
