/**
 * Tests what is remembered of users without connections: as long as it means something, and no more than so many.
 */
import assert from "node:assert/strict";
import type { Identity } from "../../../lib/logic/access/accounts.ts";
import { Permissions } from "../../../lib/logic/access/permissions.ts";
import { MAX_KEPT_USERS, usageOf, Usages } from "../../../lib/services/access/usage.ts";
import { type Peer, PeerSlots } from "../../../lib/services/connection/peer.ts";

const LIMITS = {
  messagesPerSecond: 10,
  messagesBurst: 0,
  bytesPerSecond: 0,
  bytesBurst: 0,
  connections: 0,
  subscriptions: 0,
  topics: 0,
  queues: 0,
  keptBytes: 0,
};

function peer(): Peer {
  return { slots: new PeerSlots(), link: { address: "192.0.2.1" } } as unknown as Peer;
}

function identity(user: string, limits: Identity["limits"] = LIMITS): Identity {
  return {
    user,
    roles: [],
    permissions: new Permissions([], user),
    token: "",
    password: "",
    assertion: null,
    limits,
    expiresMs: Infinity,
  };
}

Deno.test("a user keeps what it owes between its connections, until that is paid", () => {
  const usages = new Usages();
  const [one, two, other] = [peer(), peer(), peer()];
  const rate = usages.enter(one, identity("ada"), 0)!;
  assert.equal(usages.enter(two, identity("ada"), 0), rate);
  assert.notEqual(usages.enter(other, identity("bob"), 0), rate);
  rate.messages!.spend(10);
  usages.leave(one);
  usages.leave(two);
  const again = peer();
  assert.equal(usages.enter(again, identity("ada"), 0), rate);
  usages.leave(again);
  // Paid after a second: the next one who comes has it forgotten.
  usages.enter(peer(), identity("eve"), 1000);
  assert.notEqual(usages.enter(peer(), identity("ada"), 1000), rate);
});

Deno.test("who has other limits, or none, is counted by those", () => {
  const usages = new Usages();
  const one = peer();
  const rate = usages.enter(one, identity("ada"), 0);
  assert.equal(usages.enter(one, identity("ada"), 0), rate);
  assert.notEqual(
    usages.enter(one, identity("ada", { ...LIMITS, messagesPerSecond: 20 }), 0),
    rate,
  );
  assert.equal(usages.enter(one, identity("ada", null), 0), null);
  assert.equal(usageOf(one), null);
});

Deno.test("of users without connections so many are remembered", () => {
  const usages = new Usages();
  for (let index = 0; index < MAX_KEPT_USERS + 100; index++) {
    const one = peer();
    usages.enter(one, identity(`user${index}`), 0)!.messages!.spend(10);
    usages.leave(one);
  }
  assert.equal(usages.size, MAX_KEPT_USERS);
});
