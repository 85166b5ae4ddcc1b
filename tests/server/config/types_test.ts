/**
 * The tables [[types]]: what they take, and what is said of those that are wrong.
 */
import assert from "node:assert/strict";
import { configFrom, typeRulesOf } from "../../../lib/server/config/config.ts";

Deno.test("tables become rules in their order", () => {
  const config = configFrom({
    types: [
      { type: "acme.v1.Order", topics: ["orders.>", "o"], queues: "orders" },
      { type: "Email", queues: ["emails"], check: "warn" },
      { type: "acme.v1.GetRequest", methods: ["acme.v1.Shop/Get"], check: "off" },
      { type: "acme.v1.Nowhere" },
    ],
  });
  const order = { type: "acme.v1.Order", check: "reject" };
  assert.deepEqual(typeRulesOf(config), [
    { kind: "topic", name: "orders.>", ...order },
    { kind: "topic", name: "o", ...order },
    { kind: "queue", name: "orders", ...order },
    { kind: "queue", name: "emails", type: "Email", check: "warn" },
    { kind: "method", name: "acme.v1.Shop/Get", type: "acme.v1.GetRequest", check: "off" },
  ]);
});

Deno.test("tables that are wrong are refused with what is wrong", () => {
  const type = "acme.v1.Order";
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ topics: ["a"], type: "" }, /"" is no type: /],
    [{ topics: ["a"], type: "acme..Order" }, /"acme\.\.Order" is no type: /],
    [{ topics: ["a"], type: "x".repeat(257) }, /is no type: /],
    [{ topics: ["a..b"], type }, /"a\.\.b" is no topic: /],
    [{ queues: ["a", "b c"], type }, /"b c" is no queue: /],
    [{ methods: ["a b"], type }, /"a b" is no method: /],
    [{ topics: ["a"], type, check: "maybe" }, /check/],
    [{ topic: "a", type }, /topic/],
    [{ topics: ["a"] }, /type/],
  ];
  for (const [table, words] of wrong) {
    assert.throws(() => configFrom({ types: [table as never] }), words, JSON.stringify(table));
  }
});
