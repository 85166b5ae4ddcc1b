/**
 * Who a client is comes over whole: what it may do is decided by the rules of the node that it is connected to.
 */
import assert from "node:assert/strict";
import { Permissions } from "../../../lib/logic/access/permissions.ts";
import type { Identity } from "../../../lib/logic/access/accounts.ts";
import type { Peer } from "../../../lib/services/connection/peer.ts";
import {
  encodeClient,
  encodeIdentity,
  ToldClients,
} from "../../../lib/services/forwarding/told_client.ts";

const roles = [{
  name: "writer",
  allow: { publish: ["orders.${user}.>"], subscribe: [">"], push: ["work"] },
  deny: { publish: ["orders.*.secret"] },
}];

function identityOf(user: string): Identity {
  return {
    user,
    roles: ["writer"],
    permissions: new Permissions(roles, user),
    token: "hidden",
    password: "hidden",
    assertion: null,
    limits: null,
    expiresMs: Infinity,
  };
}

function peerOf(identity: Identity | null): Peer {
  const link = { kind: "ws", peer: "1.2.3.4:5", address: "1.2.3.4", isRelayed: true };
  return { link, sessionId: "server-7", identity } as unknown as Peer;
}

Deno.test("a client comes over with its name, address, rules and place in rooms, and without secrets", () => {
  const person = { name: "Ada", token: "t", rooms: ["lobby"] };
  const body = encodeClient(peerOf(identityOf("ada")), person);
  assert.doesNotMatch(new TextDecoder().decode(body), /hidden/);
  const { identity, ...client } = new ToldClients().client(body);
  assert.deepEqual(client, {
    kind: "ws",
    peer: "1.2.3.4:5",
    address: "1.2.3.4",
    isRelayed: true,
    sessionId: "server-7",
    person,
  });
  const { permissions, user } = identity!;
  assert.equal(user, "ada");
  assert.ok(permissions.may("publish", "orders.ada.x"));
  assert.ok(!permissions.may("publish", "orders.bob.x"));
  assert.ok(!permissions.may("publish", "orders.ada.secret"));
  assert.ok(permissions.may("push", "work"));
  assert.ok(!permissions.may("pull", "work"));
});

Deno.test("permissions of many with the same roles are made once, and of those that name the user for each", () => {
  const clients = new ToldClients();
  const of = (user: string) => clients.identity(encodeIdentity(identityOf(user)))!.permissions;
  assert.equal(of("ada"), of("ada"));
  assert.notEqual(of("ada"), of("bob"));
  assert.equal(clients.identity(encodeIdentity(null)), null);
  assert.equal(clients.client(encodeClient(peerOf(null), null)).identity, null);
});
