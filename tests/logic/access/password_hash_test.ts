/**
 * Tests the stored forms of passwords and tokens, at, below and above every bound.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatPasswordHash,
  fromBase64Url,
  isSameSecret,
  parsePasswordHash,
  toBase64Url,
  USUAL_COST,
} from "../../../lib/logic/access/password_hash.ts";
import { isToken, isTokenHash, tokenOf } from "../../../lib/logic/access/token.ts";

const bytes = (length: number) => new Uint8Array(length).fill(7);
const text = (parts: readonly (string | number)[]) => ["scrypt", ...parts].join("$");
const b64 = (length: number) => toBase64Url(bytes(length));

Deno.test("a stored password is read as it was written", () => {
  const written = formatPasswordHash({ cost: USUAL_COST, salt: bytes(16), hash: bytes(32) });
  assert.match(written, /^scrypt\$16384\$8\$1\$/);
  assert.deepEqual(parsePasswordHash(written), {
    cost: USUAL_COST,
    salt: bytes(16),
    hash: bytes(32),
  });
});

Deno.test("the bounds of a stored password hold", () => {
  const good: (readonly (string | number)[])[] = [
    [1024, 8, 1, b64(16), b64(32)],
    [65536, 8, 1, b64(16), b64(32)],
    [131072, 4, 4, b64(64), b64(64)],
    [1024, 1, 1, b64(16), b64(32)],
    [16384, 32, 4, b64(16), b64(32)],
  ];
  const bad: (readonly (string | number)[])[] = [
    [512, 8, 1, b64(16), b64(32)],
    [1025, 8, 1, b64(16), b64(32)],
    [131072, 8, 1, b64(16), b64(32)],
    [262144, 1, 1, b64(16), b64(32)],
    [4294967296, 1, 1, b64(16), b64(32)],
    [16384, 0, 1, b64(16), b64(32)],
    [16384, 33, 1, b64(16), b64(32)],
    [16384, 8, 0, b64(16), b64(32)],
    [16384, 8, 5, b64(16), b64(32)],
    ["016384", 8, 1, b64(16), b64(32)],
    ["1e4", 8, 1, b64(16), b64(32)],
    [16384, 8, 1, b64(15), b64(32)],
    [16384, 8, 1, b64(65), b64(32)],
    [16384, 8, 1, b64(16), b64(31)],
    [16384, 8, 1, b64(16), b64(65)],
    [16384, 8, 1, `${b64(16)}=`, b64(32)],
    [16384, 8, 1, b64(16), b64(32), ""],
    [16384, 8, 1, "", b64(32)],
    [16384, 8, 1, b64(16)],
  ];
  for (const parts of good) assert.notEqual(parsePasswordHash(text(parts)), null, text(parts));
  for (const parts of bad) assert.equal(parsePasswordHash(text(parts)), null, text(parts));
  assert.equal(parsePasswordHash(""), null);
  assert.equal(parsePasswordHash("secret"), null);
  assert.equal(parsePasswordHash(`${text(good[0])}\n`), null);
});

Deno.test("base64url has one form", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (some) => {
    const written = toBase64Url(some);
    assert.deepEqual(fromBase64Url(written), some);
    assert.equal(fromBase64Url(`${written}=`), null);
  }));
  // The last bits of the last character are no part of any byte.
  assert.equal(fromBase64Url("AB"), null);
});

Deno.test("secrets are the same when all bytes are", () => {
  assert.equal(isSameSecret(bytes(3), bytes(3)), true);
  assert.equal(isSameSecret(bytes(3), bytes(4)), false);
  assert.equal(isSameSecret(bytes(3), new Uint8Array([7, 7, 6])), false);
  assert.equal(isSameSecret(bytes(0), bytes(0)), true);
});

Deno.test("a token has one form", () => {
  const token = tokenOf(bytes(32));
  assert.equal(isToken(token), true);
  for (
    const other of ["", "parley_", token.slice(0, -1), `${token}A`, token.slice(7), `${token}=`]
  ) {
    assert.equal(isToken(other), false, other);
  }
  assert.equal(isTokenHash(toBase64Url(bytes(32))), true);
  assert.equal(isTokenHash(toBase64Url(bytes(31))), false);
});
