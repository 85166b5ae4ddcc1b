/**
 * Which identity a certificate stands for, with names that openssl made and with some that were forged.
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { der, objectId, readDer, TAG } from "../../../lib/adapters/tls/der.ts";
import {
  alternativeNames,
  identityMap,
  identityOf,
  parseIdentity,
} from "../../../lib/adapters/tls/identity.ts";
import { TestAuthority } from "../../support/tls.ts";

const encoder = new TextEncoder();

/** What a certificate with these extensions would look like, as far as it is read. */
function forged(...extensions: Uint8Array[]): Uint8Array {
  const list = der(TAG.sequence, ...extensions);
  return der(TAG.sequence, der(TAG.sequence, der(TAG.integer, Uint8Array.of(1)), der(0xa3, list)));
}

function names(...values: [tag: number, text: string][]): Uint8Array {
  const list = values.map(([tag, text]) => der(tag, encoder.encode(text)));
  return der(
    TAG.sequence,
    objectId("2.5.29.17"),
    der(TAG.octetString, der(TAG.sequence, ...list)),
  );
}

Deno.test("a certificate stands for the identity that its name is mapped to, exactly", () => {
  using authority = new TestAuthority();
  const map = identityMap([
    "DNS:worker.example.com=worker",
    "URI:spiffe://acme/a=b=billing",
    "EMAIL:ops@example.com=ops",
  ]);
  const identity = (alternative: string) => {
    const text = Deno.readTextFileSync(authority.issue(alternative).certificate);
    return identityOf(new Uint8Array(new X509Certificate(text).raw), map);
  };
  assert.equal(identity("DNS:worker.example.com"), "worker");
  assert.equal(identity("URI:spiffe://acme/a=b"), "billing");
  assert.equal(identity("email:ops@example.com"), "ops");
  assert.equal(identity("DNS:other.example.com,DNS:worker.example.com,IP:127.0.0.1"), "worker");
  assert.equal(identity("DNS:WORKER.example.com"), null);
  assert.equal(identity("DNS:*.example.com"), null);
  assert.equal(identity("URI:DNS:worker.example.com"), null);
  assert.equal(identity(""), null);
  assert.equal(identity("DNS:worker.example.com,email:ops@example.com"), null, "two identities");
});

Deno.test("odd names stand for nobody", () => {
  const map = identityMap(["DNS:a=x", "DNS:b=x", "URI:a=y"]);
  const of = (...extensions: Uint8Array[]) => identityOf(forged(...extensions), map);
  assert.equal(of(names([0x82, "a"])), "x");
  assert.equal(of(names([0x82, "a"], [0x82, "b"])), "x", "two names of one identity");
  assert.equal(of(names([0x82, "a"], [0x86, "a"])), null);
  for (const odd of ["a\0", "a\0.evil", "\0a", "a\n", " a", "a ", "", "ä", "a\u202e"]) {
    assert.equal(of(names([0x82, odd])), null, JSON.stringify(odd));
  }
  assert.equal(of(names([0x82, "a\0"], [0x82, "a"])), "x", "the odd one is passed over");
  for (const tag of [0x80, 0x81, 0x83, 0x84, 0x87, 0x88, 0xa0, TAG.utf8String]) {
    assert.equal(of(names([tag, "a"])), null, `tag ${tag}`);
  }
  assert.equal(of(names([0x82, "a"]), names([0x82, "a"])), null, "the extension twice");
  assert.equal(of(), null);
});

Deno.test("a certificate that is cut, long or garbage has no names", () => {
  const whole = forged(names([0x82, "a"]));
  assert.deepEqual(alternativeNames(whole), ["DNS:a"]);
  for (let length = 0; length < whole.length; length++) {
    assert.deepEqual(alternativeNames(whole.subarray(0, length)), [], `${length} bytes`);
  }
  for (let at = 0; at < whole.length; at++) {
    for (const byte of [0x00, 0x1f, 0x80, 0x84, 0xff]) {
      const damaged = whole.slice();
      damaged[at] = byte;
      assert(Array.isArray(alternativeNames(damaged)));
    }
  }
  for (const bytes of [[0x30, 0x80], [0x30, 0x81, 0x01, 0x00], [0x1f, 0x01, 0x00], [0x30, 0x05]]) {
    assert.throws(() => readDer(Uint8Array.from(bytes)), RangeError);
  }
});

Deno.test("a map says what it does not take", () => {
  assert.deepEqual(parseIdentity(" DNS:a = b "), { name: "DNS:a", identity: "b" });
  for (const text of ["a=b", "IP:127.0.0.1=b", "DNS:=b", "DNS:a b=c", "DNS:a", "=b"]) {
    assert.throws(() => parseIdentity(text), /maps no name of a certificate; write/, text);
  }
  for (const text of ["DNS:a=", "DNS:a=b\u202e", `DNS:a=${"b".repeat(65)}`]) {
    assert.throws(() => parseIdentity(text), /is no name of an identity; it has 1 to 64/, text);
  }
  assert.throws(() => identityMap(["DNS:a=b", "DNS:a=c"]), /mapped twice/);
});
