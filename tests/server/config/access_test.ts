/**
 * Tests the tables of users and roles: what they accept, what each fault says and where, and that no secret is shown.
 */
import assert from "node:assert/strict";
import { accessSettingsOf } from "../../../lib/server/config/access_schema.ts";
import { ConfigError, resolveConfig } from "../../../lib/server/config/config.ts";
import { configToml } from "../../../lib/server/config/text.ts";

const SALT = "BwcHBwcHBwcHBwcHBwcHBw";
const HASH = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
const STORED = `scrypt$16384$8$1$${SALT}$${HASH}`;

const GOOD = `
[auth]
guest_role = "guest"

[[users]]
name = "ada"
password = "${STORED}"
roles = ["reader"]
tokens = [{ name = "ci", hash = "${HASH}", expires = "2027-01-31T12:00:00Z" }]

[[users]]
name = "*"
disabled = true

[roles.reader.allow]
subscribe = ["orders.>", "> acme.v1.A"]

[roles.guest]
deny.subscribe = ">"
`;

function load(text: string) {
  return resolveConfig({ name: "parley.toml", text });
}

function problems(text: string): string[] {
  try {
    load(text);
  } catch (error) {
    assert(error instanceof ConfigError);
    return error.problems.map((each) => each.text);
  }
  return [];
}

Deno.test("users and roles are read as they are written", () => {
  const { config } = load(GOOD);
  const settings = accessSettingsOf(config, config.auth);
  assert.equal(settings.guestRole, "guest");
  const nothing = Object.fromEntries(
    ["publish", "subscribe", "call", "serve", "join", "push", "pull", "manage", "authenticate"].map(
      (verb) => [
        verb,
        [],
      ],
    ),
  );
  assert.deepEqual(settings, {
    users: [
      {
        name: "ada",
        password: STORED,
        roles: ["reader"],
        disabled: false,
        tokens: [{ name: "ci", hash: HASH, expiresMs: Date.UTC(2027, 0, 31, 12) }],
      },
      { name: "*", password: "", roles: [], disabled: true, tokens: [] },
    ],
    roles: [
      {
        name: "reader",
        allow: { ...nothing, subscribe: ["orders.>", "> acme.v1.A"] },
        deny: nothing,
        limits: {},
      },
      { name: "guest", allow: nothing, deny: { ...nothing, subscribe: [">"] }, limits: {} },
    ],
    guestRole: "guest",
    assertedRoles: [],
    callout: null,
    usualLimits: NO_LIMITS,
    claimNames: { user: "sub", roles: "roles", permissions: "" },
  });
});

const NO_LIMITS = {
  messagesPerSecond: 0,
  messagesBurst: 0,
  bytesPerSecond: 0,
  bytesBurst: 0,
  connections: 0,
  subscriptions: 0,
  topics: 0,
  queues: 0,
  keptBytes: 0,
};

const USER = '[[users]]\nname = "ada"\n';

const FAULTS: [toml: string, expected: string][] = [
  [USER + 'roles = ["x"]', '3: users[0].roles: there is no role "x"; add [roles.x]'],
  [USER + USER, '4: users[1].name: "ada" is there twice'],
  ['[[users]]\nname = ""', "2: users[0].name: the name of a user is not empty"],
  [
    '[[users]]\nname = "a b"',
    "2: users[0].name: the name of a user has no white space, control or bidirectional characters, this one has U+0020",
  ],
  [
    `[[users]]\nname = "${"a".repeat(129)}"`,
    "2: users[0].name: the name of a user has at most 128 bytes, this one has more",
  ],
  [
    USER + 'password = "plain"',
    "3: users[0].password: is not the hash of a password; `parley user passwd` makes one",
  ],
  [USER + "password = 77777", "3: users[0].password: must be a string"],
  [
    USER + `tokens = [{ name = "t", hash = "short" }]`,
    "3: users[0].tokens[0].hash: is not the hash of a token; `parley token new` makes one",
  ],
  [
    USER + `tokens = [{ name = "t", hash = "${HASH}", expires = "tomorrow" }]`,
    '3: users[0].tokens[0].expires: must be a time in UTC like "2027-01-31T12:00:00Z"',
  ],
  [
    USER + `tokens = [{ name = "t", hash = "${HASH}" }, { name = "u", hash = "${HASH}" }]`,
    "3: users[0].tokens: a token is there twice: each has a hash of its own",
  ],
  [
    '[auth]\nguest_role = "x"\n' + USER,
    '2: auth.guest_role: there is no role "x"; add [roles.x]',
  ],
  [
    '[auth]\nguest_role = "x"\n[roles.x]',
    "2: auth.guest_role: guest_role is of no use without users: then everybody may do everything; " +
    "add [[users]], or set auth.users_file or the keys of auth.jwt",
  ],
  [
    '[roles.x.allow]\npublish = ["a..b"]',
    '2: roles.x.allow.publish: "a..b": a pattern has no empty level',
  ],
  [
    "[roles.x.allow]\npublish = [1]",
    '2: roles.x.allow.publish: must be a string or a list of strings ("" or [] is none), not [1]',
  ],
  ["[roles.x.allow]\nfly = []", "2: roles.x.allow.fly: unknown key"],
];

for (const [toml, expected] of FAULTS) {
  Deno.test(`a fault of users and roles is told: ${expected.slice(0, 60)}`, () => {
    assert.deepEqual(problems(toml), [`parley.toml:${expected}`]);
  });
}

Deno.test("a user's name at the limit is taken, and so are as many rules as there may be", () => {
  assert.deepEqual(problems(`[[users]]\nname = "${"a".repeat(128)}"`), []);
  const rules = (count: number) =>
    `[roles.x.allow]\npublish = [${Array.from({ length: count }, (_, i) => `"a${i}"`).join(",")}]`;
  assert.deepEqual(problems(rules(1000)), []);
  assert.match(problems(rules(1001))[0], /has more than 1000 rules/);
});

Deno.test("with users an address that others can reach is allowed, without it is not", () => {
  const listen = '[listen]\ntcp = "0.0.0.0:7311"\n';
  assert.equal(problems(listen).length, 1);
  assert.deepEqual(problems(listen + USER), []);
  assert.deepEqual(problems(listen + '[auth]\nusers_file = "users.toml"'), []);
});

Deno.test("what is stored of passwords and tokens is not printed", () => {
  const printed = configToml(load(GOOD));
  assert.ok(!printed.includes(HASH) && !printed.includes(SALT));
  assert.match(printed, /\[\[users\]\] # parley.toml:5\nname = "ada"\npassword = "\(not shown\)"/);
  assert.match(printed, /\[\[users.tokens\]\]\nname = "ci"\nhash = "\(not shown\)"/);
  assert.match(printed, /\[roles.reader.allow\]\nsubscribe = \[ "orders.>", "> acme.v1.A" \]/);
});

Deno.test("as many users, roles and tokens as there may be are taken, and no more", () => {
  const many = (count: number, one: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => one(index));
  const users = (count: number) => many(count, (i) => `[[users]]\nname = "u${i}"`).join("\n");
  assert.deepEqual(problems(users(10_000)), []);
  assert.deepEqual(problems(users(10_001)), [
    "parley.toml:1: users: there are more than 10000 users",
  ]);
  const roles = (count: number) => many(count, (i) => `[roles.r${i}]`).join("\n");
  assert.deepEqual(problems(roles(1000)), []);
  assert.match(problems(roles(1001))[0], /roles: there are more than 1000 roles$/);
  const rolesOf = (count: number) =>
    `${roles(count)}\n${USER}roles = [${many(count, (i) => `"r${i}"`).join(",")}]`;
  assert.deepEqual(problems(rolesOf(100)), []);
  assert.match(problems(rolesOf(101))[0], /users\[0\]\.roles: a user has at most 100 roles$/);
  const hash = (index: number) => `${String(index).padStart(3, "0")}${HASH.slice(3)}`;
  const tokens = (count: number) =>
    `${USER}tokens = [${many(count, (i) => `{ name = "t", hash = "${hash(i)}" }`).join(",")}]`;
  assert.deepEqual(problems(tokens(100)), []);
  assert.match(problems(tokens(101))[0], /users\[0\]\.tokens: a user has at most 100 tokens$/);
});

Deno.test("what is wrong with users is told without what may be secret in it", () => {
  for (const text of ["users = 'canary'", "users = ['canary']", `${USER}tokens = ['canary']`]) {
    const found = problems(text);
    assert.ok(found.length > 0 && !found.join("\n").includes('["canary'), found.join("\n"));
  }
});
