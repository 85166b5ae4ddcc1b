/**
 * Tests that a login of a user who is not there costs what one of the users' passwords costs, always the same for a name:
 * so that no name is found out by its time.
 */
import assert from "node:assert/strict";
import { nodeHasher } from "../../../lib/adapters/secrets/node_hasher.ts";
import { systemClock } from "../../../lib/base/clock.ts";
import { Accounts } from "../../../lib/logic/access/accounts.ts";
import { USUAL_CLAIMS } from "../../../lib/logic/access/assertion.ts";
import { formatPasswordHash } from "../../../lib/logic/access/password_hash.ts";
import { Logins } from "../../../lib/services/access/logins.ts";

function stored(n: number, fill: number): string {
  return formatPasswordHash({
    cost: { n, r: 8, p: 1 },
    salt: new Uint8Array(16).fill(fill),
    hash: new Uint8Array(32).fill(fill),
  });
}

Deno.test("names of nobody cost what users cost, in the share in which they do", async () => {
  const users = [1024, 1024, 1024, 4096].map((n, index) => ({
    name: `user${index}`,
    password: stored(n, index),
    roles: [],
    disabled: false,
    tokens: [],
  }));
  const accounts = new Accounts({
    users,
    roles: [],
    guestRole: "",
    assertedRoles: [],
    claimNames: USUAL_CLAIMS,
    usualLimits: {},
    callout: null,
  });
  let cost = 0;
  const logins = new Logins({
    scrypt: (_password, _salt, { n }) => {
      cost = n;
      return Promise.resolve(new Uint8Array(32).fill(99));
    },
    sha256: (text) => nodeHasher.sha256(text),
  }, systemClock);
  const costOf = async (user: string, from: number) => {
    const address = `10.${from >> 16 & 255}.${from >> 8 & 255}.${from & 255}`;
    const origin = {
      connection: 1,
      address,
      listener: "tcp",
      sessionId: "",
      client: { name: "", library: "" },
    };
    const credentials = { user, password: "x", token: "" };
    await assert.rejects(logins.identify(credentials, origin, () => ({ accounts, jwt: null })));
    return cost;
  };
  const counts = new Map<number, number>();
  for (let index = 0; index < 400; index++) {
    const first = await costOf(`nobody${index}`, 2 * index);
    assert.equal(await costOf(`nobody${index}`, 2 * index + 1), first);
    counts.set(first, (counts.get(first) ?? 0) + 1);
  }
  assert.deepEqual([...counts.keys()].toSorted(), [1024, 4096]);
  // A quarter of them, by far more than chance would miss.
  assert.ok(counts.get(4096)! > 50 && counts.get(4096)! < 150, `${counts.get(4096)} of 400`);
  assert.equal(await costOf("user3", 9999), 4096);
});
