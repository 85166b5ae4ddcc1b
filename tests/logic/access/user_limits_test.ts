/**
 * Tests which limits a user has by its roles.
 */
import assert from "node:assert/strict";
import { limitsOfRoles } from "../../../lib/logic/access/user_limits.ts";

const NOTHING = {
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

Deno.test("without anything said there are no limits", () => {
  assert.equal(limitsOfRoles([], {}), null);
  assert.equal(limitsOfRoles([{}, { queues: 0 }], { topics: 0 }), null);
});

Deno.test("the most generous role counts, and else what is said for all users", () => {
  const few = { connections: 2, queues: 5 };
  const many = { connections: 7 };
  assert.deepEqual(limitsOfRoles([few, many], {}), { ...NOTHING, connections: 7, queues: 5 });
  assert.deepEqual(limitsOfRoles([few, { connections: 0 }], {}), { ...NOTHING, queues: 5 });
  assert.deepEqual(limitsOfRoles([few], { connections: 9, topics: 3 }), {
    ...NOTHING,
    connections: 2,
    queues: 5,
    topics: 3,
  });
  assert.equal(limitsOfRoles([{ topics: 0 }], { topics: 3 }), null);
});
