/**
 * Tests who is found by a name or a token, and what becomes of an identity when the configuration changes.
 */
import assert from "node:assert/strict";
import { USUAL_CLAIMS } from "../../../lib/logic/access/assertion.ts";
import {
  type AccessSettings,
  Accounts,
  type UserEntry,
} from "../../../lib/logic/access/accounts.ts";
import { formatPasswordHash, USUAL_COST } from "../../../lib/logic/access/password_hash.ts";

const stored = (fill: number, n = USUAL_COST.n) =>
  formatPasswordHash({
    cost: { ...USUAL_COST, n },
    salt: new Uint8Array(16).fill(fill),
    hash: new Uint8Array(32).fill(fill),
  });
const roles = [{ name: "reader", allow: { subscribe: [">"] }, deny: {} }];

function user(name: string, more: Partial<UserEntry> = {}): UserEntry {
  return { name, password: stored(1), roles: ["reader"], disabled: false, tokens: [], ...more };
}

function accounts(users: UserEntry[], more: Partial<AccessSettings> = {}): Accounts {
  return new Accounts({
    users,
    roles,
    guestRole: "",
    assertedRoles: [],
    claimNames: USUAL_CLAIMS,
    callout: null,
    usualLimits: {},
    ...more,
  });
}

Deno.test("a user is found by name, a disabled one has no password and no identity", () => {
  const some = accounts([
    user("ada"),
    user("bob", { disabled: true }),
    user("cat", { password: "" }),
  ]);
  assert.equal(some.size, 3);
  assert.notEqual(some.passwordOf("ada"), null);
  for (const name of ["bob", "cat", "dan", "__proto__"]) {
    assert.equal(some.passwordOf(name), null, name);
  }
  assert.equal(some.of("ada", {})?.permissions.may("subscribe", "a"), true);
  assert.equal(some.of("bob", {}), null);
});

Deno.test("a token is found by its hash until it ends", () => {
  const tokens = [{ name: "ci", hash: "h1", expiresMs: 1000 }];
  const some = accounts([
    user("ada", { tokens }),
    user("bob", {
      disabled: true,
      tokens: [
        { name: "old", hash: "h2", expiresMs: Infinity },
      ],
    }),
  ]);
  assert.equal(some.ofToken("h1", 999)?.user, "ada");
  assert.equal(some.ofToken("h1", 999)?.expiresMs, 1000);
  assert.equal(some.ofToken("h1", 1000), null);
  assert.equal(some.ofToken("h2", 0), null);
  assert.equal(some.ofToken("h3", 0), null);
});

Deno.test("a guest is there when a role is named for it", () => {
  assert.equal(accounts([]).guest, null);
  const guest = accounts([], { guestRole: "reader" }).guest!;
  assert.equal(guest.user, "");
  assert.equal(guest.permissions.may("subscribe", "a"), true);
});

Deno.test("an identity ends with its user, its password and its token", () => {
  const token = { name: "ci", hash: "h1", expiresMs: 5000 };
  const before = accounts([user("ada", { tokens: [token] })], { guestRole: "reader" });
  const byPassword = before.of("ada", { password: stored(1) })!;
  const byToken = before.ofToken("h1", 0)!;
  const byCertificate = before.of("ada", {})!;
  const all = [byPassword, byToken, byCertificate];
  const renewed = (after: Accounts, wallMs = 0) =>
    all.map((one) => after.renew(one, wallMs) !== null);
  assert.deepEqual(renewed(before), [true, true, true]);
  assert.deepEqual(renewed(accounts([])), [false, false, false]);
  const disabled = accounts([user("ada", { disabled: true, tokens: [token] })]);
  assert.deepEqual(renewed(disabled), [false, false, false]);
  const another = accounts([user("ada", { password: stored(2), tokens: [token] })]);
  assert.deepEqual(renewed(another), [false, true, true]);
  assert.deepEqual(renewed(accounts([user("ada")])), [true, false, true]);
  const moved = accounts([user("ada"), user("bob", { tokens: [token] })]);
  assert.deepEqual(renewed(moved), [true, false, true]);
  assert.deepEqual(renewed(before, 5000), [true, false, true]);
  assert.equal(before.renew(before.guest!, 0), before.guest);
  assert.equal(accounts([]).renew(before.guest!, 0), null);
});

Deno.test("an identity that stays has the new roles", () => {
  const before = accounts([user("ada")]).of("ada", {})!;
  const after = accounts([user("ada", { roles: [] })]).renew(before, 0)!;
  assert.equal(before.permissions.may("subscribe", "a"), true);
  assert.equal(after.permissions.may("subscribe", "a"), false);
});

Deno.test("a user who is not there costs what one of the passwords costs", () => {
  assert.deepEqual(accounts([]).decoyCosts, [USUAL_COST]);
  const some = accounts([user("a", { password: stored(1, 2048) }), user("b"), user("c")]);
  assert.deepEqual(some.decoyCosts.map(({ n }) => n), [2048, USUAL_COST.n, USUAL_COST.n]);
  const same = accounts([user("c"), user("a", { password: stored(1, 2048) }), user("d")]);
  assert.equal(same.decoySeed, some.decoySeed);
});

Deno.test("the message types of all rules are known", () => {
  const typed = { name: "typed", allow: { subscribe: ["a T", "b"] }, deny: { subscribe: ["> U"] } };
  assert.deepEqual(accounts([], { roles: [typed] }).types, ["T", "U"]);
});
