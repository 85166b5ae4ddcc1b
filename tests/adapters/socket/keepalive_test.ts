/**
 * The times of TCP keepalive of a connection can be set on this runtime, any number of times and without a
 * trace on the connection. That vanished peers are given up is tried in tests/faults/vanished_peers_test.ts.
 */
import assert from "node:assert/strict";
import { askAfterSilence } from "../../../lib/adapters/socket/keepalive.ts";
import { settles } from "../../support/until.ts";

/** How many files this process has open; 0 where that is not told. */
function openFiles(): number {
  return Deno.build.os === "linux" ? Array.from(Deno.readDirSync("/proc/self/fd")).length : 0;
}

Deno.test("the silence can be set on an open connection, which goes on as before", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dialed = Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const taken = await settles(listener.accept(), "accept");
  const peer = await settles(dialed, "connect");
  listener.close();
  const reading = taken.read(new Uint8Array(8));
  assert(askAfterSilence(taken, 30_000), "this runtime can set the silence");
  // Other tests of this process open and close files meanwhile, so the least of several rounds counts.
  let left = Infinity;
  for (let round = 0; round < 5; round++) {
    const before = openFiles();
    for (let count = 0; count < 100; count++) {
      for (const idleMs of [1, 999, 30_000, 2 ** 31 - 1]) assert(askAfterSilence(taken, idleMs));
    }
    left = Math.min(left, openFiles() - before);
  }
  assert(left < 100, `${left} descriptors are left of 400 times`);
  await peer.write(new Uint8Array(3));
  assert.equal(await settles(reading, "a read that was under way"), 3);
  await taken.write(new Uint8Array(5));
  assert.equal(await settles(peer.read(new Uint8Array(8)), "what was written"), 5);
  taken.close();
  assert(!askAfterSilence(taken, 30_000), "a closed connection is not asked");
  assert.equal(await settles(peer.read(new Uint8Array(8)), "the end"), null, "nothing holds it");
  peer.close();
});
