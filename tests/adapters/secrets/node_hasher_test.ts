/**
 * Tests the hashes of secrets against the vectors of RFC 7914 and FIPS 180-4, up to the greatest cost that is allowed.
 */
import assert from "node:assert/strict";
import { nodeHasher } from "../../../lib/adapters/secrets/node_hasher.ts";

const hex = (bytes: Uint8Array) =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

Deno.test("scrypt gives what RFC 7914 says", async () => {
  const salt = new TextEncoder().encode("NaCl");
  const hash = await nodeHasher.scrypt("password", salt, { n: 1024, r: 8, p: 16 }, 64);
  assert.equal(
    hex(hash),
    "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162" +
      "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640",
  );
});

Deno.test("the greatest costs that a stored password may have can be computed", async () => {
  const salt = new Uint8Array(16);
  for (const cost of [{ n: 65_536, r: 8, p: 1 }, { n: 16_384, r: 32, p: 4 }]) {
    assert.equal((await nodeHasher.scrypt("x", salt, cost, 32)).length, 32);
  }
});

Deno.test("SHA-256 gives what FIPS 180-4 says", () => {
  assert.equal(
    hex(nodeHasher.sha256("abc")),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});
