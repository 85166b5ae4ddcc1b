/**
 * Tests the time that a stranger has: it stands still while the server looks at a password, and nothing else is read
 * meanwhile. And that what has changed by the end of a login decides.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import { DEFAULT_LIMITS } from "../../../lib/base/limits.ts";
import { formatPasswordHash, USUAL_COST } from "../../../lib/logic/access/password_hash.ts";
import { USUAL_CLAIMS } from "../../../lib/logic/access/assertion.ts";
import type { AccessSettings } from "../../../lib/logic/access/accounts.ts";
import type { JwtVerifier, VerifiedJwt } from "../../../lib/ports/jwt.ts";
import type { SecretHasher } from "../../../lib/ports/secrets.ts";
import { Access } from "../../../lib/services/access/access.ts";
import { revise } from "../../../lib/services/revision.ts";
import { openSession } from "../../support/features.ts";
import { contentOf, echoMessage, frame, helloMessage, join } from "../../support/frames.ts";
import { MemoryLink } from "../../support/memory_link.ts";
import { messagesOf, TestSession } from "../../support/session.ts";
import { settles } from "../../support/until.ts";

const NOBODY_OUTSIDE = {
  assertedRoles: [],
  claimNames: USUAL_CLAIMS,
  callout: null,
  usualLimits: {},
};
const RIGHT = new Uint8Array(32).fill(1);
const WRONG = new Uint8Array(32).fill(2);
const LIMIT_MS = DEFAULT_LIMITS.loginTimeoutMs;

/** Users of which ada's password has this hash. */
function usersWith(hash: Uint8Array): AccessSettings["users"] {
  const password = formatPasswordHash({ cost: USUAL_COST, salt: new Uint8Array(16), hash });
  return [{ name: "ada", password, roles: [], disabled: false, tokens: [] }];
}

/** What is configured: ada, and who is welcome as a guest. */
function settingsWith(hash: Uint8Array, guestRole = ""): AccessSettings {
  const roles = [{ name: "guest", allow: {}, deny: {} }];
  return { users: usersWith(hash), roles, guestRole, ...NOBODY_OUTSIDE };
}

/** A stranger's session, and a hasher that is done when the test says so. */
class Stranger {
  readonly test = new TestSession();
  readonly access: Access;
  readonly link = new MemoryLink();
  readonly #hashes: ((hash: Uint8Array) => void)[] = [];
  readonly #run: Promise<void>;

  constructor(settings: AccessSettings | null = settingsWith(RIGHT), jwt?: JwtVerifier) {
    const hasher: SecretHasher = {
      scrypt: () => new Promise((resolve) => this.#hashes.push(resolve)),
      sha256: () => WRONG,
    };
    const { host } = this.test;
    this.access = new Access(host.context, hasher);
    host.ask(this.access, revise);
    if (settings !== null) this.access.configure(settings, jwt);
    this.#run = openSession(host, this.link).run();
  }

  get messages() {
    return messagesOf(this.link.written, "delimited");
  }

  say(...messages: Parameters<typeof frame>[0][]): void {
    this.link.feed(join(...messages.map((message) => frame(message))));
  }

  /** Lets time pass, as the server does. */
  pass(ms: number): void {
    this.test.clock.advance(ms);
    this.test.host.context.tick();
    this.access.sweep();
  }

  async hashed(hash: Uint8Array): Promise<void> {
    await this.link.when(() => this.#hashes.length > 0, "a password is looked at");
    this.#hashes.shift()!(hash);
  }

  async wrote(count: number): Promise<void> {
    await this.link.when(() => this.messages.length >= count, `${count} messages`);
  }

  async end(): Promise<void> {
    this.link.end();
    await settles(this.#run, "the end of the session");
  }
}

const hello = () => helloMessage({ user: "ada", password: "x" });

Deno.test("a stranger has its time and no more", async () => {
  const stranger = new Stranger();
  stranger.pass(LIMIT_MS - 1);
  assert.equal(stranger.messages.length, 0);
  stranger.pass(1);
  await stranger.wrote(1);
  const error = contentOf(stranger.messages[0], "error");
  assert.equal(error.closeReason, CloseReason.AUTH_TIMEOUT);
  await stranger.end();
});

Deno.test("while a password is looked at, the time stands still and nothing behind it is read", async () => {
  const stranger = new Stranger();
  stranger.pass(LIMIT_MS - 1);
  stranger.say(hello(), echoMessage("behind", 2n));
  await stranger.link.when(() => stranger.link.unreadBytes === 0, "the Hello is read");
  stranger.pass(10 * LIMIT_MS);
  assert.equal(stranger.messages.length, 0);
  await stranger.hashed(RIGHT);
  await stranger.wrote(2);
  assert.equal(contentOf(stranger.messages[0], "welcome").user, "ada");
  assert.equal(contentOf(stranger.messages[1], "echoMessage").content, "behind");
  stranger.pass(10 * LIMIT_MS);
  assert.equal(stranger.messages.length, 2);
  await stranger.end();
});

Deno.test("after a wrong password the rest of the time is left", async () => {
  const stranger = new Stranger();
  stranger.pass(LIMIT_MS - 100);
  stranger.say(hello());
  await stranger.hashed(WRONG);
  await stranger.wrote(1);
  assert.equal(contentOf(stranger.messages[0], "error").code, ErrorCode.UNAUTHENTICATED);
  stranger.pass(99);
  assert.equal(stranger.messages.length, 1);
  stranger.pass(1);
  await stranger.wrote(2);
  assert.equal(contentOf(stranger.messages[1], "error").closeReason, CloseReason.AUTH_TIMEOUT);
  await stranger.end();
});

Deno.test("users that change while a password is looked at decide", async () => {
  const stranger = new Stranger();
  stranger.say(hello());
  await stranger.link.when(() => stranger.link.unreadBytes === 0, "the Hello is read");
  stranger.access.configure({ users: [], roles: [], guestRole: "", ...NOBODY_OUTSIDE });
  await stranger.hashed(RIGHT);
  await stranger.wrote(1);
  assert.equal(contentOf(stranger.messages[0], "error").code, ErrorCode.UNAUTHENTICATED);
  await stranger.end();
});

Deno.test("a password that is changed while the former one is looked at is the one that counts", async () => {
  const stranger = new Stranger();
  stranger.say(hello());
  await stranger.link.when(() => stranger.link.unreadBytes === 0, "the Hello is read");
  stranger.access.configure(settingsWith(WRONG));
  await stranger.hashed(RIGHT);
  await stranger.wrote(1);
  assert.equal(contentOf(stranger.messages[0], "error").code, ErrorCode.UNAUTHENTICATED);
  await stranger.end();
});

Deno.test("a key of JWTs that is taken away while one is verified with it counts no longer", async () => {
  for (const [keys, isIn] of [[["key"], true], [["other"], false]] as const) {
    const verified = Promise.withResolvers<VerifiedJwt>();
    const verify = () => verified.promise;
    const stranger = new Stranger(settingsWith(RIGHT), { keys: new Set(["key"]), verify });
    stranger.say(helloMessage({ token: "eyJh.eyJi.c" }));
    await stranger.link.when(() => stranger.link.unreadBytes === 0, "the Hello is read");
    stranger.access.configure(settingsWith(RIGHT), { keys: new Set(keys), verify });
    verified.resolve({ claims: { sub: "ada" }, expiresMs: Infinity, key: "key" });
    await stranger.wrote(1);
    assert.equal(stranger.messages[0].message.case, isIn ? "welcome" : "error");
    await stranger.end();
  }
});

Deno.test("guests, and those who came before there were users, are ended when guests are no longer welcome", async () => {
  for (const settings of [settingsWith(RIGHT, "guest"), null]) {
    const guest = new Stranger(settings);
    guest.say(echoMessage("in", 1n));
    await guest.wrote(1);
    guest.access.configure(settingsWith(RIGHT));
    await guest.wrote(2);
    assert.equal(contentOf(guest.messages[1], "error").closeReason, CloseReason.REVOKED);
    await guest.end();
  }
});
