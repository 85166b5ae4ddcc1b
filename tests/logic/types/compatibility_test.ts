/**
 * What breaks those who read: each way to change a type, with the sentence that tells it; and the changes that break nobody.
 */
import assert from "node:assert/strict";
import { breaksBetween } from "../../../lib/logic/types/compatibility.ts";
import { filesOfSet, readTypeFile } from "../../../lib/logic/types/type_file.ts";
import { descriptorSet, linkAll, source } from "../../support/descriptors.ts";

async function linked(body: string) {
  const set = await descriptorSet({ "acme/v1/a.proto": source(`message Other {} ${body}`) });
  return linkAll(filesOfSet(set).map(readTypeFile)).types.linked;
}

/** Each change with what it breaks. */
const CHANGES: [before: string, after: string, ...breaks: string[]][] = [
  ["message M {}", "", "M is gone"],
  ["message M {}", "enum M { A = 0; }", "M is no message any more"],
  ["message M { string a = 1; }", "message M {}", "M.a is gone, and its number 1 is not reserved"],
  ["message M { string a = 1; }", "message M { reserved 1; }"],
  ["message M { string a = 4; }", "message M { reserved 2 to 4; }"],
  [
    "message M { string a = 5; }",
    "message M { reserved 2 to 4; }",
    "M.a is gone, and its number 5 is not reserved",
  ],
  ["message M { string a = 1; }", "message M { string b = 1; }", "M.a: field 1 is called b now"],
  ["message M { string a = 1; }", "message M { bytes a = 1; }", "M.a changed from string to bytes"],
  ["message M { int32 a = 1; }", "message M { uint32 a = 1; }"],
  ["message M { int32 a = 1; }", "message M { int64 a = 1; }", "M.a changed from int32 to int64"],
  [
    "message M { int32 a = 1; }",
    "message M { repeated int32 a = 1; }",
    "M.a changed from int32 to repeated int32",
  ],
  [
    "message M { map<string, int32> a = 1; }",
    "message M { map<string, Other> a = 1; }",
    "M.a changed from map<string, int32> to map<string, acme.v1.Other>",
  ],
  [
    "message N {} message M { N a = 1; }",
    "message N {} message M { Other a = 1; }",
    "M.a changed from acme.v1.N to acme.v1.Other",
  ],
  [
    "message M { string a = 1; }",
    "message M { oneof it { string a = 1; } }",
    "M.a changed its oneof from none to it",
  ],
  ["message M { string a = 1; }", "message M { string a = 1; int32 b = 2; }"],
  [
    "message M { message N { string a = 1; } }",
    "message M { message N { } }",
    "M.N.a is gone, and its number 1 is not reserved",
  ],
  [
    "enum E { A = 0; B = 1; }",
    "enum E { A = 0; }",
    "E.B is gone, and its number 1 is not reserved",
  ],
  ["enum E { A = 0; B = 1; }", "enum E { A = 0; reserved 1; }"],
  ["enum E { A = 0; B = 1; }", "enum E { A = 0; C = 1; }", "E.B: 1 is called C now"],
  ["enum E { A = 0; }", "enum E { A = 0; B = 1; }"],
  ["service S { rpc Get(Other) returns (Other); }", "service S {}", "S/Get is gone"],
  [
    "message N {} service S { rpc Get(Other) returns (Other); }",
    "message N {} service S { rpc Get(N) returns (N); }",
    "S/Get gives acme.v1.N now, and not acme.v1.Other",
    "S/Get takes acme.v1.N now, and not acme.v1.Other",
  ],
  [
    "service S { rpc Get(Other) returns (Other); }",
    "service S { rpc Get(Other) returns (stream Other); }",
    "S/Get streams in another way",
  ],
];

for (const [before, after, ...expected] of CHANGES) {
  Deno.test(`${before} → ${after || "nothing"}: ${expected.length} breaks`, async () => {
    const [was, is] = [await linked(before), await linked(after)];
    assert.deepEqual([...breaksBetween(was, is)], expected.map((each) => `acme.v1.${each}`));
    assert.deepEqual(breaksBetween(await linked(before), await linked(before)), []);
  });
}
