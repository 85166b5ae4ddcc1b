/**
 * Tests keys that are fetched from a URL: how often, how much of an answer is read, and what becomes of those from before.
 */
import assert from "node:assert/strict";
import { JWKS_PAUSE_MS, JwksUrl, MAX_STALE_MS } from "../../../lib/adapters/secrets/jwks_url.ts";
import { MAX_KEY_BYTES } from "../../../lib/adapters/secrets/jwt_keys.ts";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { testCertificate } from "../../support/certificate.ts";
import { jwks, makeKey } from "../../support/jwt.ts";

const first = (await makeKey("ES256", "a")).jwk;
const second = (await makeKey("ES256", "b")).jwk;
const REFRESH_MS = 600_000;

/** A server of keys, a clock that stands still, and what is fetched from one at the time of the other. */
class Ground implements AsyncDisposable {
  answer: () => Response | Promise<Response> = () => new Response(jwks(first));
  asked = 0;
  nowMs = 1e6;
  readonly closing = new AbortController();
  readonly keys: JwksUrl;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(refreshMs = REFRESH_MS) {
    this.#server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => {
      this.asked++;
      return this.answer();
    });
    const url = `http://127.0.0.1:${this.#server.addr.port}/keys`;
    this.keys = new JwksUrl({ url, ca: null, refreshMs }, this.closing.signal, () => this.nowMs);
  }

  /** The kids that are found under one. */
  async find(kid: string): Promise<(string | null)[]> {
    return (await this.keys.find((key) => key.kid === kid)).map((key) => key.kid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closing.abort();
    await this.#server.shutdown();
  }
}

const unavailable = (error: unknown) =>
  error instanceof ParleyError && error.code === ErrorCode.UNAVAILABLE && error.retryable;

Deno.test("keys are fetched once for all who ask, and again when they are old", async () => {
  await using ground = new Ground();
  const found = await Promise.all([ground.find("a"), ground.find("a"), ground.find("a")]);
  assert.deepEqual(found, [["a"], ["a"], ["a"]]);
  assert.equal(ground.asked, 1);
  ground.nowMs += REFRESH_MS - 1;
  await ground.find("a");
  assert.equal(ground.asked, 1);
  ground.nowMs += 1;
  await ground.find("a");
  assert.equal(ground.asked, 2);
});

Deno.test("a key that is not known is looked for, at most once in a while", async () => {
  await using ground = new Ground();
  await ground.find("a");
  ground.answer = () => new Response(jwks(first, second));
  ground.nowMs += JWKS_PAUSE_MS - 1;
  for (let time = 0; time < 50; time++) assert.deepEqual(await ground.find("b"), []);
  assert.equal(ground.asked, 1);
  ground.nowMs += 1;
  assert.deepEqual(await ground.find("b"), ["b"]);
  assert.equal(ground.asked, 2);
});

Deno.test("a key that is taken back counts no longer once the keys are old", async () => {
  await using ground = new Ground();
  assert.deepEqual(await ground.find("a"), ["a"]);
  ground.answer = () => new Response(jwks(second));
  ground.nowMs += REFRESH_MS;
  assert.deepEqual(await ground.find("a"), []);
});

Deno.test("while there is no answer the keys from before count, for an hour", async () => {
  await using ground = new Ground();
  await ground.find("a");
  ground.answer = () => new Response("", { status: 500 });
  ground.nowMs += MAX_STALE_MS - 1;
  assert.deepEqual(await ground.find("a"), ["a"]);
  ground.nowMs += 1;
  await assert.rejects(ground.find("a"), unavailable);
  ground.answer = () => new Response(jwks(first));
  ground.nowMs += JWKS_PAUSE_MS;
  assert.deepEqual(await ground.find("a"), ["a"]);
});

Deno.test("answers that are no keys, too large or lead elsewhere give none", async () => {
  const padded = (bytes: number) => jwks(first).padEnd(bytes, " ");
  const answers: [() => Response, boolean][] = [
    [() => new Response("<html>"), false],
    [() => new Response(jwks()), false],
    [() => new Response(jwks(first), { status: 404 }), false],
    [() => new Response(null, { status: 302, headers: { location: "/other" } }), false],
    [() => new Response(padded(MAX_KEY_BYTES + 1)), false],
    [() => new Response(padded(MAX_KEY_BYTES)), true],
  ];
  for (const [answer, isTaken] of answers) {
    await using ground = new Ground();
    ground.answer = answer;
    if (isTaken) assert.deepEqual(await ground.find("a"), ["a"]);
    else await assert.rejects(ground.find("a"), unavailable);
    assert.equal(ground.asked, 1);
  }
});

Deno.test("closing gives up what is being fetched", async () => {
  await using ground = new Ground();
  let came = () => {};
  const arrived = new Promise<void>((resolve) => came = resolve);
  let go = (_: Response) => {};
  ground.answer = () => {
    came();
    return new Promise((resolve) => go = resolve);
  };
  const finding = assert.rejects(ground.find("a"), unavailable);
  await arrived;
  ground.closing.abort();
  await finding;
  go(new Response(""));
});

Deno.test("keys come over https from who has a certificate of an authority that is trusted", async () => {
  const { certificate, key, ca } = await testCertificate();
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", cert: certificate, key, onListen: () => {} },
    () => new Response(jwks(first)),
  );
  const url = `https://localhost:${server.addr.port}/keys`;
  const { signal } = new AbortController();
  const trusting = new JwksUrl({ url, ca, refreshMs: REFRESH_MS }, signal);
  assert.equal((await trusting.find(() => true)).length, 1);
  const strict = new JwksUrl({ url, ca: null, refreshMs: REFRESH_MS }, signal);
  await assert.rejects(strict.find(() => true), unavailable);
});
