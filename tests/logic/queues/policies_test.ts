/**
 * How queues are set up: which policy decides, what dead letters never have, and where events go.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { matchesPattern } from "../../../lib/base/matches_pattern.ts";
import {
  DEFAULT_QUEUE_OPTIONS,
  isDeadName,
  QueuePolicies,
} from "../../../lib/logic/queues/policies.ts";

Deno.test("without a policy a queue has the defaults and takes no events", () => {
  const policies = new QueuePolicies([]);
  assert.deepEqual(policies.optionsOf("emails"), DEFAULT_QUEUE_OPTIONS);
  assert.deepEqual(policies.bindingsOf("emails"), []);
  assert.deepEqual(policies.boundTo("orders"), []);
  assert.equal(policies.bindsAny, false);
});

Deno.test("the defaults are those of the documents", () => {
  assert.deepEqual(DEFAULT_QUEUE_OPTIONS, {
    leaseMs: 30_000,
    maxDeliveries: 10,
    backoffMinMs: 1000,
    backoffMaxMs: 300_000,
    ordered: false,
    maxJobs: 5_000_000,
    maxBytes: 8 * 1024 ** 3,
    whenFull: "refuse",
  });
  assert(Object.isFrozen(DEFAULT_QUEUE_OPTIONS));
});

Deno.test("the first policy that matches decides, and leaves the defaults where it says nothing", () => {
  const policies = new QueuePolicies([
    { name: "jobs.mail", leaseMs: 1 },
    { name: "jobs.*", leaseMs: 2, ordered: true },
    { name: "jobs.>", leaseMs: 3, whenFull: "drop-oldest" },
  ]);
  assert.deepEqual(policies.optionsOf("jobs.mail"), { ...DEFAULT_QUEUE_OPTIONS, leaseMs: 1 });
  assert.deepEqual(policies.optionsOf("jobs.print"), {
    ...DEFAULT_QUEUE_OPTIONS,
    leaseMs: 2,
    ordered: true,
  });
  assert.deepEqual(policies.optionsOf("jobs.print.now"), {
    ...DEFAULT_QUEUE_OPTIONS,
    leaseMs: 3,
    whenFull: "drop-oldest",
  });
  assert.deepEqual(policies.optionsOf("jobs"), DEFAULT_QUEUE_OPTIONS);
});

Deno.test("options hold nothing but options", () => {
  const policies = new QueuePolicies([{ name: "emails", bind: ["orders"], maxJobs: 5 }]);
  const fields = Object.keys(DEFAULT_QUEUE_OPTIONS).toSorted();
  for (const name of ["emails", "emails.dead", "other", "other.dead"]) {
    assert.deepEqual(Object.keys(policies.optionsOf(name)).toSorted(), fields, name);
  }
});

Deno.test("dead letters are never full and never die, and have the rest of their queue", () => {
  const policies = new QueuePolicies([
    { name: "jobs.*", leaseMs: 5, maxDeliveries: 2, ordered: true, maxJobs: 3, maxBytes: 4096 },
    { name: ">", leaseMs: 6 },
  ]);
  assert.deepEqual(policies.optionsOf("jobs.mail.dead"), {
    ...DEFAULT_QUEUE_OPTIONS,
    leaseMs: 5,
    maxDeliveries: 0,
    ordered: false,
    maxJobs: Infinity,
    maxBytes: Infinity,
  });
  // It is its queue that a policy must match: "jobs" here, which only the second does.
  assert.equal(policies.optionsOf("jobs.dead").leaseMs, 6);
  assert.equal(policies.optionsOf("jobs.dead").maxJobs, Infinity);
});

Deno.test("names of dead letters end in a level of that name", () => {
  for (const name of ["a.dead", "a.b.dead", "a.dead.dead"]) assert(isDeadName(name), name);
  for (const name of ["dead", "a.deadly", "a.dead.b", "adead", "a.Dead"]) {
    assert(!isDeadName(name), name);
  }
});

Deno.test("an event goes to every queue that is bound to its topic, once to each", () => {
  const policies = new QueuePolicies([
    { name: "emails", bind: ["orders.*", "orders.>", "users.created"] },
    { name: "audit", bind: [">"] },
    { name: "idle", bind: [] },
    { name: "plain" },
  ]);
  assert.equal(policies.bindsAny, true);
  assert.deepEqual(policies.boundTo("orders.created"), ["emails", "audit"]);
  assert.deepEqual(policies.boundTo("users.created"), ["emails", "audit"]);
  assert.deepEqual(policies.boundTo("users"), ["audit"]);
  assert.deepEqual(policies.bindingsOf("emails"), ["orders.*", "orders.>", "users.created"]);
  assert.deepEqual(policies.bindingsOf("emails.dead"), []);
  assert.deepEqual(policies.bindingsOf("plain"), []);
  assert.equal(new QueuePolicies([{ name: "idle", bind: [] }]).bindsAny, false);
});

Deno.test("the bindings of a policy that never decides do not count", () => {
  const policies = new QueuePolicies([
    { name: "jobs.>", leaseMs: 7 },
    { name: "jobs.mail", bind: ["orders"] },
    { name: "other", bind: ["a"] },
    { name: "other", bind: ["b"] },
  ]);
  assert.deepEqual(policies.boundTo("orders"), []);
  assert.deepEqual(policies.bindingsOf("jobs.mail"), []);
  assert.deepEqual(policies.boundTo("a"), ["other"]);
  assert.deepEqual(policies.boundTo("b"), []);
});

Deno.test("a topic leads to a queue exactly when a binding of the queue matches it", () => {
  const word = fc.constantFrom("a", "b", "c");
  const pattern = fc.tuple(
    fc.array(fc.constantFrom("a", "b", "*"), { minLength: 1, maxLength: 3 }),
    fc.boolean(),
  ).map(([levels, tail]) => (tail ? [...levels, ">"] : levels).join("."));
  const topic = fc.array(word, { minLength: 1, maxLength: 4 }).map((levels) => levels.join("."));
  const policy = fc.oneof(
    fc.record({ name: topic, bind: fc.array(pattern, { maxLength: 3 }) }),
    pattern.map((name) => ({ name, bind: [] as string[] })),
  );
  fc.assert(
    fc.property(fc.array(policy, { maxLength: 5 }), topic, (list, name) => {
      const policies = new QueuePolicies(list);
      const bound = policies.boundTo(name);
      assert.equal(new Set(bound).size, bound.length);
      const expected = new Set(
        list.map((each) => each.name).filter((queue) =>
          policies.bindingsOf(queue).some((binding) => matchesPattern(binding, name))
        ),
      );
      assert.deepEqual(new Set(bound), expected);
      assert(bound.length === 0 || policies.bindsAny);
    }),
    { numRuns: 2000 },
  );
});
