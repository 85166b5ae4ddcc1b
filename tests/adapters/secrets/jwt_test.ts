/**
 * Tests keys of JWTs and their verification: every algorithm, and every way in which a JWT or a key is not what it
 * should be.
 */
import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { base64url, type CryptoKey, exportJWK, generateKeyPair, SignJWT } from "jose";
import { JWT_ALGORITHMS } from "../../../lib/adapters/secrets/jwt_algorithms.ts";
import {
  keyOfPem,
  keyOfSecret,
  keysOfJwks,
  MAX_JWKS_KEYS,
} from "../../../lib/adapters/secrets/jwt_keys.ts";
import { JoseVerifier, type JwtRequirements } from "../../../lib/adapters/secrets/jwt_verifier.ts";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { forged, jwks, jwt, makeKey, type Said, type TestKey } from "../../support/jwt.ts";

const REQUIRED: JwtRequirements = {
  algorithms: [],
  issuer: "",
  audience: ["parley"],
  clockToleranceMs: 5000,
};
const secret = new TextEncoder().encode("0123456789abcdef0123456789abcdef".repeat(2));
const rsa = await makeKey("RS256", "r1");
const other = await makeKey("RS256", "r1");
const ec = await makeKey("ES256", "e1");

async function verifierOf(key: TestKey, more: Partial<JwtRequirements> = {}) {
  return new JoseVerifier([await keyOfPem(key.pem)], null, { ...REQUIRED, ...more });
}

/** Why a JWT is refused. */
async function refusal(verifier: JoseVerifier, token: string, nowMs = Date.now()): Promise<string> {
  try {
    await verifier.verify(token, nowMs);
  } catch (reason) {
    assert(reason instanceof ParleyError, String(reason));
    assert.equal(reason.code, ErrorCode.UNAUTHENTICATED);
    return reason.message.replace("cannot come in with the JWT: ", "");
  }
  return "";
}

for (const algorithm of JWT_ALGORITHMS) {
  Deno.test(`a JWT of ${algorithm} is verified`, async () => {
    if (algorithm.startsWith("HS")) {
      const verifier = new JoseVerifier([await keyOfSecret(secret)], null, REQUIRED);
      const token = await jwt(secret, { header: { alg: algorithm } });
      assert.equal((await verifier.verify(token, Date.now())).claims.sub, "ada");
      return;
    }
    const key = await makeKey(algorithm);
    const verifier = await verifierOf(key);
    const { claims, expiresMs, key: name } = await verifier.verify(await jwt(key), Date.now());
    assert.equal(claims.sub, "ada");
    assert.equal(expiresMs, Number(claims.exp) * 1000 + REQUIRED.clockToleranceMs);
    assert.deepEqual([...verifier.keys], [name]);
    const fromJwks = new JoseVerifier(await keysOfJwks(jwks(key.jwk), true), null, REQUIRED);
    assert.equal((await fromJwks.verify(await jwt(key), Date.now())).key, name);
  });
}

Deno.test("a signature of no key, a damaged one and none at all are refused", async () => {
  const verifier = await verifierOf(rsa);
  const token = await jwt(rsa);
  const [header, claims, signature] = token.split(".");
  const now = Math.floor(Date.now() / 1000);
  const root = { sub: "root", aud: "parley", exp: now + 60 };
  assert.equal(await refusal(verifier, await jwt(other)), "its signature fits none of the keys");
  assert.equal(
    await refusal(verifier, [header, base64url.encode(JSON.stringify(root)), signature].join(".")),
    "its signature fits none of the keys",
  );
  assert.equal(
    await refusal(verifier, `${header}.${claims}.${signature.slice(0, -8)}`),
    "its signature fits none of the keys",
  );
  for (const alg of ["none", "None", "NONE", "nOnE", "", "HS256 ", "RSA1_5", "dir"]) {
    assert.equal(
      await refusal(verifier, forged({ alg }, root, "")),
      "its algorithm is not taken here",
    );
  }
  assert.equal(await refusal(verifier, forged({}, root, "")), "its algorithm is not taken here");
  assert.equal(await refusal(verifier, "eyJx.y.z"), "it is not well formed");
  assert.notEqual(await refusal(verifier, `${token}.x`), "");
  assert.notEqual(await refusal(verifier, `${header}.${claims}.`), "");
});

Deno.test("a public key is never taken as a secret, whatever form of it somebody signs with", async () => {
  for (const key of [rsa, ec]) {
    const verifier = new JoseVerifier(
      [await keyOfPem(key.pem), ...await keysOfJwks(jwks(key.jwk), true)],
      null,
      REQUIRED,
    );
    const der = createPublicKey(key.pem).export({ type: "spki", format: "der" });
    for (
      const forgery of [
        new TextEncoder().encode(key.pem),
        new TextEncoder().encode(key.pem.trim()),
        new Uint8Array(der),
        new TextEncoder().encode(JSON.stringify(key.jwk)),
      ]
    ) {
      for (const alg of ["HS256", "HS384", "HS512"]) {
        const token = await jwt(forgery, { header: { alg, kid: key.jwk.kid } });
        assert.equal(await refusal(verifier, token), "its signature fits none of the keys");
      }
    }
  }
});

Deno.test("a key in the header of a JWT, or the way to one, means nothing", async () => {
  const verifier = await verifierOf(rsa);
  for (
    const header of [{ jwk: other.jwk }, { jku: "http://127.0.0.1:1/keys" }, {
      x5u: "http://127.0.0.1:1/",
    }]
  ) {
    const token = await jwt(other, { header });
    assert.equal(await refusal(verifier, token), "its signature fits none of the keys");
  }
  const critical = await jwt(rsa, { header: { crit: ["b64"], b64: true } }).catch(() => null);
  if (critical !== null) assert.equal(await refusal(verifier, critical), "");
  assert.equal(
    await refusal(verifier, forged({ alg: "RS256", crit: ["x"], x: 1 }, { exp: 9e9 }, "AAAA")),
    "it is not well formed",
  );
});

Deno.test("only algorithms that are allowed count, and each key only for its kind", async () => {
  const strict = await verifierOf(rsa, { algorithms: ["ES256", "RS384"] });
  assert.equal(await refusal(strict, await jwt(rsa)), "its algorithm is not taken here");
  const both = new JoseVerifier(
    await keysOfJwks(jwks({ ...rsa.jwk, alg: "RS256" }, ec.jwk), true),
    null,
    REQUIRED,
  );
  assert.equal(await refusal(both, await jwt(rsa)), "");
  assert.equal(await refusal(both, await jwt(ec)), "");
  // The same RSA key, but bound to RS256 by the JWKS.
  const ps = { ...rsa, algorithm: "PS256", privateKey: await asPss(rsa) };
  assert.equal(await refusal(both, await jwt(ps)), "its signature fits none of the keys");
  const unbound = await verifierOf(rsa);
  assert.equal(await refusal(unbound, await jwt(ps)), "");
});

async function asPss({ privatePem }: TestKey): Promise<CryptoKey> {
  const { importPKCS8 } = await import("jose");
  return await importPKCS8(privatePem, "PS256");
}

Deno.test("the key that a JWT names decides, and one without a name tries those that fit", async () => {
  const second = await makeKey("RS256", "r2");
  const keys = await keysOfJwks(jwks(rsa.jwk, second.jwk), true);
  const verifier = new JoseVerifier(keys, null, REQUIRED);
  assert.equal(await refusal(verifier, await jwt(second)), "");
  assert.equal(await refusal(verifier, await jwt(second, { header: { kid: "r2" } })), "");
  for (const kid of ["r1", "r3", "../r2", "__proto__"]) {
    assert.equal(
      await refusal(verifier, await jwt(second, { header: { kid } })),
      "its signature fits none of the keys",
    );
  }
});

const CLAIMS: [Said, string][] = [
  [{ expires: null }, 'its claim "exp" is missing, or is not what it has to be here'],
  [{ expires: -6 }, "it has ended (exp)"],
  [{ expires: -3 }, ""],
  [{ claims: { exp: "soon" } }, 'its claim "exp" is missing, or is not what it has to be here'],
  [{ claims: { nbf: 9e9 } }, "it is not valid yet (nbf)"],
  [{ claims: { nbf: Math.floor(Date.now() / 1000) + 2 } }, ""],
  [{ claims: { aud: "other" } }, 'its claim "aud" is missing, or is not what it has to be here'],
  [{ claims: { aud: undefined } }, 'its claim "aud" is missing, or is not what it has to be here'],
  [{ claims: { aud: ["other", "parley"] } }, ""],
  [
    { claims: { iss: "https://evil" } },
    'its claim "iss" is missing, or is not what it has to be here',
  ],
  [{ claims: { iss: undefined } }, 'its claim "iss" is missing, or is not what it has to be here'],
];

Deno.test("what claims have to be is checked, and no value is told", async () => {
  const verifier = await verifierOf(rsa, { issuer: "https://login" });
  for (const [said, expected] of CLAIMS) {
    const token = await jwt(rsa, { ...said, claims: { iss: "https://login", ...said.claims } });
    assert.equal(await refusal(verifier, token), expected, JSON.stringify(said));
  }
});

Deno.test("secrets are as long as their algorithms need, at the least 32 bytes", async () => {
  const of = async (bytes: number, end = "") =>
    (await keyOfSecret(new TextEncoder().encode("s".repeat(bytes) + end))).algorithms;
  await assert.rejects(of(31), /it has 31 bytes, but a secret has at least 32/);
  await assert.rejects(of(31, "\n"), /it has 31 bytes/);
  assert.deepEqual(await of(32), ["HS256"]);
  assert.deepEqual(await of(47, "\r\n"), ["HS256"]);
  assert.deepEqual(await of(48), ["HS256", "HS384"]);
  assert.deepEqual(await of(63), ["HS256", "HS384"]);
  assert.deepEqual(await of(64), ["HS256", "HS384", "HS512"]);
  const one = await keyOfSecret(new TextEncoder().encode("s".repeat(32)));
  const same = await keyOfSecret(new TextEncoder().encode("s".repeat(32) + "\n"));
  assert.equal(one.name, same.name);
});

Deno.test("keys that are truncated, short, private or of another kind are not taken", async () => {
  const lines = rsa.pem.trim().split("\n");
  const noKey = /it is no public key in PEM, or of a kind that cannot be used/;
  await assert.rejects(keyOfPem(""), noKey);
  await assert.rejects(keyOfPem("x"), noKey);
  await assert.rejects(keyOfPem([...lines.slice(0, 3), ...lines.slice(-1)].join("\n")), noKey);
  await assert.rejects(keyOfPem(rsa.privatePem), /it has a private key/);
  await assert.rejects(keyOfPem(await shortRsa()), /less than 2048 bits/);
  await assert.rejects(keysOfJwks("{", true), /it is not JSON/);
  for (const text of ["null", "[]", "{}", '{"keys":{}}', '"x"']) {
    await assert.rejects(keysOfJwks(text, true), /it is no JWKS: it has no list "keys"/);
  }
  const none = /it has no public key that signatures can be verified with/;
  for (
    const key of [
      null,
      1,
      {},
      { kty: "RSA2" },
      { ...rsa.jwk, use: "enc" },
      { ...rsa.jwk, key_ops: ["encrypt"] },
      { kty: "EC", crv: "secp256k1", x: "AA", y: "AA" },
      { kty: "oct", k: base64url.encode(secret) },
    ]
  ) {
    await assert.rejects(keysOfJwks(jwks(key), false), none);
  }
  const secrets = /a private key or a secret/;
  await assert.rejects(keysOfJwks(jwks({ ...rsa.jwk, d: "AQAB" }), true), secrets);
  await assert.rejects(keysOfJwks(jwks({ ...rsa.jwk, d: "AQAB" }), false), none);
  await assert.rejects(
    keysOfJwks(jwks({ ...rsa.jwk, n: rsa.jwk.n!.slice(0, 100) }), true),
    /2048 bits/,
  );
  await assert.rejects(keysOfJwks(jwks({ ...ec.jwk, x: "AA" }), true), /damaged/);
  await assert.rejects(keysOfJwks(jwks({ ...rsa.jwk, alg: "HS256" }), true), /cannot be used/);
  const mixed = jwks({ ...ec.jwk, x: "AA" }, { ...rsa.jwk, alg: "HS256" }, rsa.jwk);
  assert.equal((await keysOfJwks(mixed, false)).length, 1);
  const many = (count: number) => jwks(...Array(count).fill({ kty: "x" }), rsa.jwk);
  assert.equal((await keysOfJwks(many(MAX_JWKS_KEYS - 1), true)).length, 1);
  await assert.rejects(
    keysOfJwks(many(MAX_JWKS_KEYS), true),
    /it has 65 keys, at most 64 are taken/,
  );
});

async function shortRsa(): Promise<string> {
  const { generateKeyPairSync } = await import("node:crypto");
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
  return publicKey.export({ type: "spki", format: "pem" }) as string;
}

Deno.test("a JWT that another library could make is verified as well", async () => {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true });
  const keys = await keysOfJwks(
    jwks({ ...await exportJWK(publicKey), alg: "EdDSA", use: "sig" }),
    true,
  );
  const token = await new SignJWT({ sub: "ada", aud: ["parley"] }).setProtectedHeader({
    alg: "EdDSA",
    typ: "at+jwt",
  }).setExpirationTime("5m").sign(privateKey);
  const verifier = new JoseVerifier(keys, null, REQUIRED);
  assert.equal((await verifier.verify(token, Date.now())).claims.sub, "ada");
});
