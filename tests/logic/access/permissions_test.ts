/**
 * Tests permissions: deny wins, what no rule allows is denied, no name of a user widens anything, and the compiled
 * rules agree with ones that are compared level by level.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  explain,
  Permissions,
  PermissionTable,
  ruleText,
} from "../../../lib/logic/access/permissions.ts";
import { inertName, type Role, ruleFault, VERBS } from "../../../lib/logic/access/rules.ts";
import { matchesPattern } from "../../../lib/logic/topics/pattern.ts";

function role(name: string, allow: Role["allow"], deny: Role["deny"] = {}): Role {
  return { name, allow, deny };
}

function of(allow: Role["allow"], deny: Role["deny"] = {}, user = "ada"): Permissions {
  return new Permissions([role("some", allow, deny)], user);
}

Deno.test("what no rule allows is denied, for every verb", () => {
  const nothing = of({});
  for (const verb of VERBS) {
    assert.equal(nothing.may(verb, "orders"), false, verb);
    assert.equal(nothing.mayAny(verb), false, verb);
    const everything = of({ [verb]: [">"] });
    for (const other of VERBS) {
      const reads = verb === "join" && other === "subscribe";
      assert.equal(everything.may(other, "orders"), other === verb, `${verb} ${other}`);
      assert.equal(everything.mayAny(other), other === verb || reads, `${verb} ${other}`);
    }
  }
});

Deno.test("a deny wins, in the same role and in another one", () => {
  const one = of({ publish: ["orders.>"] }, { publish: ["orders.secret.*"] });
  assert.equal(one.may("publish", "orders.eu"), true);
  assert.equal(one.may("publish", "orders.secret.eu"), false);
  assert.equal(one.may("publish", "orders"), false);
  const two = new Permissions([
    role("writer", { publish: [">"] }),
    role("careful", {}, { publish: ["orders.>"] }),
  ], "ada");
  assert.equal(two.may("publish", "orders.eu"), false);
  assert.equal(two.may("publish", "bills.eu"), true);
});

Deno.test("what is not decided again for each name may not meet a deny at all", () => {
  const some = of({ manage: ["queue.>"] }, { manage: ["queue.secret", "queue.*.own"] });
  for (const pattern of ["queue.jobs", "queue.a.b", "queue.a.b.>", "queue.*.b"]) {
    assert.equal(some.mayWhole("manage", pattern), true, pattern);
  }
  for (const pattern of ["queue.>", "queue.*", "queue.secret", "queue.a.*", "queue.a.own", ">"]) {
    assert.equal(some.mayWhole("manage", pattern), false, pattern);
  }
  assert.equal(some.mayAll("manage", "queue.>"), true);
});

Deno.test("a subscription has to be whole within one rule", () => {
  const some = of({ subscribe: ["orders.>", "bills.*"] }, { subscribe: ["orders.secret.>"] });
  const answers: [pattern: string, may: boolean][] = [
    ["orders.>", true],
    ["orders.*", true],
    ["orders.eu.created", true],
    ["orders", false],
    [">", false],
    ["*.eu", false],
    ["bills.*", true],
    ["bills.>", false],
    ["bills.eu", true],
    // The whole of it is denied, and what is only cut into is not.
    ["orders.secret.*", false],
    ["orders.secret.>", false],
    ["orders.*.x", true],
  ];
  for (const [pattern, may] of answers) {
    assert.equal(some.mayAll("subscribe", pattern), may, pattern);
  }
  assert.equal(some.may("subscribe", "orders.secret.x"), false);
});

Deno.test("a rule of subscribe can be about one message type", () => {
  const some = of({ subscribe: ["orders.> acme.v1.OrderCreated"] });
  assert.equal(some.mayAll("subscribe", "orders.>", "acme.v1.OrderCreated"), true);
  assert.equal(some.mayAll("subscribe", "orders.>", "acme.v1.OrderPaid"), false);
  assert.equal(some.mayAll("subscribe", "orders.>"), false);
  assert.equal(some.may("subscribe", "orders.eu", "acme.v1.OrderCreated"), true);
  assert.equal(some.may("subscribe", "orders.eu", ""), false);
  const denies = of({ subscribe: [">"] }, { subscribe: ["> acme.v1.Salary"] });
  assert.equal(denies.mayAll("subscribe", ">"), true);
  assert.equal(denies.mayAll("subscribe", "orders.>", "acme.v1.Salary"), false);
  assert.equal(denies.may("subscribe", "orders.eu", "acme.v1.Salary"), false);
  assert.equal(denies.may("subscribe", "orders.eu", "acme.v1.Order"), true);
  assert.deepEqual(denies.types, ["acme.v1.Salary"]);
});

Deno.test("methods are told apart at the slash, and a wildcard may stand behind it", () => {
  const some = of({ call: ["acme.Text/*", "parley.>"], serve: ["acme.Text.Length"] });
  assert.equal(some.may("call", "acme.Text/Length"), true);
  assert.equal(some.may("call", "acme.Text.Length"), false);
  assert.equal(some.may("call", "acme.Text/Length/More"), false);
  assert.equal(some.may("call", "parley.v1.Any/Thing"), true);
  assert.equal(some.may("serve", "acme.Text/Length"), false);
  assert.equal(some.may("serve", "acme.Text.Length"), true);
});

Deno.test("in a name, which a method may have, wildcards mean nothing", () => {
  const some = of({ call: [">"] }, { call: ["acme.*"] });
  for (const method of ["acme.>", "acme.*", "acme.x"]) {
    assert.equal(some.may("call", method), false, method);
  }
  assert.equal(some.may("call", "acme.x.y"), true);
});

Deno.test("who may join a room may read it, and who is denied it may not", () => {
  const some = of({ join: ["lobby", "team-*".replace("-*", "")] }, {});
  assert.equal(some.mayAll("subscribe", "room.lobby"), true);
  assert.equal(some.mayAll("subscribe", "room.team"), true);
  assert.equal(some.mayAll("subscribe", "room.>"), false);
  assert.equal(some.mayAll("subscribe", "room.other"), false);
  const denied = of({ subscribe: [">"], join: [">"] }, { join: ["board"] });
  assert.equal(denied.may("join", "board"), false);
  assert.equal(denied.may("subscribe", "room.board"), false);
  assert.equal(denied.may("subscribe", "room.lobby"), true);
});

Deno.test("the name of a user is inert, whatever it is", () => {
  const rules = { publish: ["home.${user}.>", "of-${user}"] };
  for (const user of ["*", ">", "a.b", "", "%", "$&", "$'", "a/b", "${user}", "a%2Eb", " "]) {
    const own = of(rules, {}, user);
    const topic = `home.${inertName(user)}.x`;
    // A name that is empty leaves an empty level, which no topic has.
    assert.equal(own.may("publish", topic), true, user);
    for (const other of ["home.ada.x", "home.a.b.x", "home.b.x", "home.a", "home.x.y.z"]) {
      assert.equal(own.may("publish", other), false, `${user}: ${other}`);
    }
    assert.equal(own.may("publish", `of-${inertName(user)}`), true, user);
  }
  assert.equal(inertName("a.b"), "a%2Eb");
  assert.equal(of(rules, {}, "ada").may("publish", "home.ada.x"), true);
});

Deno.test("two users never have the same inert name", () => {
  fc.assert(fc.property(fc.string(), fc.string(), (one, other) => {
    assert.equal(inertName(one) === inertName(other), one === other);
    assert.match(inertName(one), /^[^.*>\/\s]*$/);
  }));
});

Deno.test("a deny with the name of the user holds for odd names, too", () => {
  const some = of({ publish: [">"] }, { publish: ["secret.${user}"] }, "a.b");
  assert.equal(some.may("publish", "secret.a%2Eb"), false);
  assert.equal(some.may("publish", "secret.other"), true);
});

Deno.test("rules that cannot be are told", () => {
  const faults: [verb: "publish" | "subscribe", rule: string, fault: RegExp | null][] = [
    ["publish", "orders.>", null],
    ["publish", "${user}.>", null],
    ["publish", "", /a pattern is not empty/],
    ["publish", "a..b", /no empty level/],
    ["publish", "a*", /"\*" is a whole level/],
    ["publish", ">.a", /">" is the whole last level/],
    ["publish", "${name}.x", /the only variable/],
    ["publish", "a acme.v1.A", /only a rule of subscribe/],
    ["subscribe", "a acme.v1.A", null],
    ["subscribe", "a b c", /a message type has/],
    ["subscribe", "a ", /a message type has/],
    ["publish", "a".repeat(1024), null],
    ["publish", "a".repeat(1025), /at most 1024 bytes/],
    ["subscribe", `a ${"t".repeat(256)}`, null],
    ["subscribe", `a ${"t".repeat(257)}`, /a message type has/],
  ];
  for (const [verb, rule, fault] of faults) {
    const found = ruleFault(verb, rule);
    if (fault === null) assert.equal(found, null, rule);
    else assert.match(found ?? "nothing", fault, rule);
  }
});

Deno.test("an explanation names the rule and the role that decide", () => {
  const some = of({ publish: ["orders.>"] }, { publish: ["orders.x"] });
  const told = (name: string) => explain(some.decide("publish", name), ruleText("publish", name));
  assert.equal(
    told("orders.eu"),
    'publish "orders.eu" is allowed: role "some" allows publish "orders.>"',
  );
  assert.equal(
    told("orders.x"),
    'publish "orders.x" is denied: role "some" denies publish "orders.x"',
  );
  assert.equal(told("bills"), 'publish "bills" is denied: no rule allows it');
});

Deno.test("permissions are made once for all users of the same roles, and for each where a rule names the user", () => {
  const table = new PermissionTable([
    role("plain", { publish: [">"] }),
    role("own", { publish: ["home.${user}"] }),
  ]);
  assert.equal(table.of(["plain"], "ada"), table.of(["plain", "plain"], "bob"));
  assert.notEqual(table.of(["own"], "ada"), table.of(["own"], "bob"));
  assert.equal(table.of(["own", "plain"], "ada"), table.of(["plain", "own"], "ada"));
  assert.equal(table.of(["absent"], "ada").mayAny("publish"), false);
});

/** Levels from a small alphabet, so that rules and topics meet. */
const level = fc.constantFrom("a", "b", "c");
const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join("."));
const patterns = fc.tuple(
  fc.array(fc.constantFrom("a", "b", "c", "*"), { minLength: 0, maxLength: 3 }),
  fc.constantFrom("a", "*", ">"),
).map(([levels, last]) => [...levels, last].join("."));
const types = fc.constantFrom("", "T", "U");
const rules = fc.tuple(patterns, types).map(([pattern, type]) =>
  type === "" ? pattern : `${pattern} ${type}`
);
const lists = fc.array(rules, { maxLength: 5 });

/** Whether a list of rules is about a topic and type, said as simply as can be. */
function naive(list: readonly string[], topic: string, type: string): boolean {
  return list.some((rule) => {
    const [pattern, only = ""] = rule.split(" ");
    return matchesPattern(pattern, topic) && (only === "" || only === type);
  });
}

Deno.test("the compiled rules agree with naive ones, also when decisions are remembered", () => {
  fc.assert(
    fc.property(lists, lists, fc.array(fc.tuple(topics, types)), (allow, deny, asked) => {
      const some = of({ subscribe: allow }, { subscribe: deny });
      for (const [topic, type] of [...asked, ...asked]) {
        const expected = naive(allow, topic, type) && !naive(deny, topic, type);
        assert.equal(some.may("subscribe", topic, type), expected, `${topic} ${type}`);
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("what a granted subscription delivers lies within what is allowed", () => {
  fc.assert(
    fc.property(lists, lists, patterns, types, topics, types, (allow, deny, ...rest) => {
      const [pattern, wanted, topic, type] = rest;
      const some = of({ subscribe: allow }, { subscribe: deny });
      if (!some.mayAll("subscribe", pattern, wanted)) return;
      if (!matchesPattern(pattern, topic) || wanted !== "" && wanted !== type) return;
      // Without any deny all that a granted subscription matches is allowed; with one, `may` decides.
      assert.equal(naive(allow, topic, type), true);
      assert.equal(some.may("subscribe", topic, type), !naive(deny, topic, type));
    }),
    { numRuns: 5000 },
  );
});

Deno.test("decisions stay right when more are asked than are remembered", () => {
  const some = of({ publish: ["a.*"] });
  for (let round = 0; round < 2; round++) {
    for (let index = 0; index < 3000; index++) {
      assert.equal(some.may("publish", `a.${index}`), true);
      assert.equal(some.may("publish", `b.${index}`), false);
    }
  }
});

Deno.test("the topics on which the server tells of itself need a rule that begins so", () => {
  const everything = of({ subscribe: [">", "*.>", "*.x"] });
  for (const topic of ["sys.x", "sys.connected", "sys.a.b", "sys"]) {
    assert.equal(everything.may("subscribe", topic), false, topic);
    assert.equal(everything.mayAll("subscribe", topic), false, topic);
  }
  for (const topic of ["system.x", "a.sys", "x"]) {
    assert.equal(everything.may("subscribe", topic), true, topic);
  }
  assert.equal(everything.mayAll("subscribe", ">"), true);
  assert.equal(everything.mayAll("subscribe", "sys.>"), false);
  const some = of({ subscribe: ["sys.>"] }, { subscribe: ["*.disconnected"] });
  assert.equal(some.may("subscribe", "sys.connected"), true);
  assert.equal(some.mayAll("subscribe", "sys.>"), true);
  assert.equal(some.may("subscribe", "sys.disconnected"), false);
  assert.equal(some.may("subscribe", "x"), false);
  // Only reading is apart: nobody publishes there, and a queue may be called so.
  assert.equal(of({ push: [">"] }).may("push", "sys.x"), true);
});
