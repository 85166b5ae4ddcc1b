/**
 * kill -9 while events are kept: nothing that was acknowledged may be gone, nothing may be half there.
 *
 * Each round goes on in the directory that the last one left. What is slow in it is starting processes.
 */
import assert from "node:assert/strict";
import { Random } from "../support/random.ts";
import { assertKept, killAfter } from "./store_process.ts";

const ROUNDS = 6;

Deno.test(`store: ${ROUNDS} times kill -9 under load loses nothing acknowledged`, async () => {
  const directory = await Deno.makeTempDir({ prefix: "parley-kill-" });
  const random = new Random(7);
  const acknowledged = new Set<string>();
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const inFlight = random.pick([1, 30, 1000]);
      const lines = await killAfter(directory, inFlight, 1 + random.below(3000));
      assert.equal(lines.shift(), "open");
      const { size } = acknowledged;
      for (const line of lines) acknowledged.add(line);
      assert.equal(acknowledged.size - size, lines.length, "no seq is given twice");
    }
    await assertKept(directory, acknowledged);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
