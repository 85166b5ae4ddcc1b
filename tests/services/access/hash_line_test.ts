/**
 * Tests that passwords are hashed a few at a time, that a bounded number wait, and that a flood pushes out its own.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { HashLine } from "../../../lib/services/access/hash_line.ts";

/** A hash that is done when the test says so. */
class Hash {
  started = false;
  readonly #done = Promise.withResolvers<string>();

  readonly run = (): Promise<string> => {
    this.started = true;
    return this.#done.promise;
  };

  finish(): void {
    this.#done.resolve("hash");
  }

  fail(): void {
    this.#done.reject(new Error("no memory"));
  }
}

async function isTooMany(promise: Promise<unknown>): Promise<boolean> {
  try {
    await promise;
    return false;
  } catch (reason) {
    return reason instanceof ParleyError && reason.code === ErrorCode.RESOURCE_EXHAUSTED &&
      reason.retryable;
  }
}

Deno.test("so many are hashed at once, the others wait for their turn, also behind one that fails", async () => {
  const line = new HashLine(2, 10);
  const hashes = Array.from({ length: 4 }, () => new Hash());
  const runs = hashes.map((hash) => line.run("home", hash.run));
  const started = () => hashes.map((hash) => hash.started);
  assert.deepEqual(started(), [true, true, false, false]);
  hashes[0].finish();
  assert.equal(await runs[0], "hash");
  hashes[1].fail();
  await assert.rejects(runs[1], /no memory/);
  // A turn later the next two have their turn.
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(started(), [true, true, true, true]);
  for (const hash of hashes) hash.finish();
  assert.equal(await runs[3], "hash");
  const last = new Hash();
  const run = line.run("home", last.run);
  assert.equal(last.started, true);
  last.finish();
  await run;
});

Deno.test("past those that may wait, whoever has most in the line is told to come again", async () => {
  const line = new HashLine(1, 3);
  const busy = new Hash();
  const running = line.run("home", busy.run);
  const waiting = Array.from({ length: 3 }, () => new Hash());
  const waits = waiting.map((hash) => line.run("home", hash.run));
  assert.equal(await isTooMany(line.run("home", new Hash().run)), true);
  const other = new Hash();
  const fromElsewhere = line.run("away", other.run);
  // The last of the flood had to go for it.
  assert.equal(await isTooMany(waits[2]), true);
  for (const hash of [busy, ...waiting, other]) hash.finish();
  assert.deepEqual(await Promise.all([running, waits[0], waits[1], fromElsewhere]), [
    "hash",
    "hash",
    "hash",
    "hash",
  ]);
});
