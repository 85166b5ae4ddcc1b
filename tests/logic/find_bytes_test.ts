/**
 * Finding bytes among bytes: as the texts of the same characters have it, also where bytes repeat themselves.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { indexOfBytes } from "../../lib/logic/find_bytes.ts";

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("bytes are found where a text has them", () => {
  const repeating = (maxLength: number) =>
    fc.array(fc.constantFrom("a", "b"), { maxLength }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(repeating(300), repeating(12), (text, wanted) => {
      if (wanted === "") return;
      assert.equal(indexOfBytes(encode(text), encode(wanted)), text.indexOf(wanted));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("bytes that begin like what is wanted again and again are looked at in one go", () => {
  const wanted = `${"a".repeat(255)}b`;
  let looks = 0;
  const counted = (text: string) =>
    new Proxy(encode(text), {
      get(bytes, key) {
        if (typeof key === "string" && /^\d+$/.test(key)) looks++;
        const value = Reflect.get(bytes, key);
        return typeof value === "function" ? value.bind(bytes) : value;
      },
    });
  const text = "a".repeat(20_000);
  assert.equal(indexOfBytes(counted(text), encode(wanted)), -1);
  assert(looks < 10 * text.length, `${looks} looks at ${text.length} bytes`);
  assert.equal(indexOfBytes(encode(text + wanted), encode(wanted)), 20_000);
});
