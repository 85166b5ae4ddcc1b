/**
 * Tests what the claims of a JWT say: who, with which roles and permissions, and what gives nothing.
 */
import assert from "node:assert/strict";
import {
  AssertionFault,
  assertionOf,
  MAX_ASSERTED_RULES,
  permissionsOf,
  USUAL_CLAIMS,
} from "../../../lib/logic/access/assertion.ts";
import { Accounts, type UserEntry } from "../../../lib/logic/access/accounts.ts";
import { MAX_ROLES_OF_USER } from "../../../lib/logic/access/names.ts";

const WHEN = { expiresMs: 5000, by: "key" };
const ALL = { ...USUAL_CLAIMS, permissions: "rights" };

function said(claims: Record<string, unknown>, names = ALL) {
  return assertionOf(claims, names, WHEN);
}

function fault(claims: Record<string, unknown>, names = ALL): string {
  try {
    said(claims, names);
  } catch (reason) {
    assert(reason instanceof AssertionFault);
    return reason.message;
  }
  return "";
}

Deno.test("claims say who it is, and with which roles", () => {
  assert.deepEqual(said({ sub: "ada" }), { user: "ada", roles: null, permissions: null, ...WHEN });
  assert.deepEqual(said({ sub: "ada", roles: ["a", "b"] }).roles, ["a", "b"]);
  assert.deepEqual(said({ sub: "ada", roles: " a  b " }).roles, ["a", "b"]);
  assert.deepEqual(said({ sub: "ada", roles: [] }).roles, []);
  const nested = { user: "who.name", roles: "realm_access.roles", permissions: "" };
  const claims = { who: { name: "ada" }, realm_access: { roles: ["a"] } };
  assert.deepEqual(said(claims, nested).roles, ["a"]);
  assert.deepEqual(said({ ...claims, "realm_access.roles": ["b"] }, nested).roles, ["b"]);
});

Deno.test("what names nobody, or no roles, gives nothing", () => {
  for (const sub of [undefined, null, 7, ["ada"], { name: "ada" }]) {
    assert.match(fault({ sub }), /its claim "sub" is no text/);
  }
  for (const sub of ["", "a b", "a\nb", "x".repeat(129), "a\u202eb"]) {
    assert.match(fault({ sub }), /its user is no name of a user/);
  }
  for (const name of ["__proto__", "constructor", "toString"]) {
    assert.match(fault({}, { ...ALL, user: name }), /is no text/);
  }
  for (const roles of [null, 7, { a: 1 }, [7], ["a", null]]) {
    assert.match(fault({ sub: "ada", roles }), /its claim "roles" is no list of names/);
  }
  const roles = (count: number) => Array.from({ length: count }, (_, index) => `r${index}`);
  assert.equal(fault({ sub: "ada", roles: roles(MAX_ROLES_OF_USER) }), "");
  assert.match(fault({ sub: "ada", roles: roles(MAX_ROLES_OF_USER + 1) }), /has 101 names/);
});

Deno.test("permissions count only where a claim is named for them, and only as a whole", () => {
  const rights = { allow: { publish: ["orders.${user}"] }, deny: { subscribe: [">"] } };
  assert.deepEqual(said({ sub: "ada", rights }).permissions?.allow, rights.allow);
  assert.deepEqual(said({ sub: "ada", rights }).permissions?.deny, rights.deny);
  assert.equal(said({ sub: "ada", rights, permissions: rights }, USUAL_CLAIMS).permissions, null);
  const faults: [unknown, RegExp][] = [
    [null, /is no object/],
    [[], /is no object/],
    [{ allowed: {} }, /something else than "allow" and "deny"/],
    [{ allow: [] }, /rights"\.allow is no object/],
    [{ allow: { fly: [">"] } }, /has a verb that there is not/],
    [{ allow: { publish: ">" } }, /is no list of at most 100 rules/],
    [{ allow: { publish: [7] } }, /a rule that is no text/],
    [{ allow: { publish: ["a..b"] } }, /a rule that is none/],
    [{ allow: { publish: ["${name}"] } }, /the only variable/],
    [{ deny: { subscribe: ["> acme.v1.A"] } }, /names no message type/],
  ];
  for (const [value, expected] of faults) {
    assert.match(fault({ sub: "ada", rights: value }), expected, JSON.stringify(value));
  }
  const rules = (count: number) => ({ allow: { call: Array(count).fill("a") } });
  permissionsOf(rules(MAX_ASSERTED_RULES), "it");
  assert.throws(() => permissionsOf(rules(MAX_ASSERTED_RULES + 1), "it"), AssertionFault);
});

const roles = [
  { name: "reader", allow: { subscribe: [">"] }, deny: {} },
  { name: "writer", allow: { publish: [">"] }, deny: { publish: ["secret"] } },
];

function accounts(users: UserEntry[] = [], assertedRoles: string[] = []): Accounts {
  return new Accounts({
    users,
    roles,
    guestRole: "",
    assertedRoles,
    claimNames: ALL,
    callout: null,
    usualLimits: {},
  });
}

function user(name: string, more: Partial<UserEntry> = {}): UserEntry {
  return { name, password: "", roles: ["writer"], disabled: false, tokens: [], ...more };
}

Deno.test("roles are those of the claims, else those of the user, else those for whoever comes so", () => {
  const ada = said({ sub: "ada" });
  assert.deepEqual(accounts().ofAssertion(ada)?.roles, []);
  assert.deepEqual(accounts([], ["reader"]).ofAssertion(ada)?.roles, ["reader"]);
  assert.deepEqual(accounts([user("ada")], ["reader"]).ofAssertion(ada)?.roles, ["writer"]);
  const reader = said({ sub: "ada", roles: ["reader", "unheard of"] });
  const { permissions } = accounts([user("ada")]).ofAssertion(reader)!;
  assert.equal(permissions.may("subscribe", "a"), true);
  assert.equal(permissions.may("publish", "a"), false);
  assert.equal(accounts([user("ada", { disabled: true })]).ofAssertion(reader), null);
});

Deno.test("permissions of the claims are added, and what denies wins", () => {
  const rights = { allow: { publish: ["secret", "of.${user}"] }, deny: { subscribe: ["a"] } };
  const own = said({ sub: "a.b", roles: ["reader", "writer"], rights });
  const { permissions } = accounts().ofAssertion(own)!;
  assert.equal(permissions.may("publish", "of.a%2Eb"), true);
  assert.equal(permissions.may("publish", "secret"), false);
  assert.equal(permissions.may("subscribe", "a"), false);
  assert.equal(permissions.may("subscribe", "b"), true);
  const other = said({ sub: "eve", roles: ["reader"] });
  assert.equal(accounts().ofAssertion(other)!.permissions.may("subscribe", "a"), true);
});

Deno.test("an identity of a JWT is brought up to date, and ends with the JWT", () => {
  const before = accounts([user("ada")]);
  const ada = before.ofAssertion(said({ sub: "ada" }))!;
  assert.equal(before.renew(ada, 4999)?.user, "ada");
  assert.equal(before.renew(ada, 5000), null);
  assert.deepEqual(accounts([user("ada", { roles: ["reader"] })]).renew(ada, 0)?.roles, ["reader"]);
  assert.equal(accounts([user("ada", { disabled: true })]).renew(ada, 0), null);
  assert.equal(accounts([]).renew(ada, 0)?.user, "ada");
});
