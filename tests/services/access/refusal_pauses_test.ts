/**
 * Tests that a connection whose JWTs are refused again and again has to wait, and that one that ends does not.
 */
import assert from "node:assert/strict";
import {
  FIRST_PAUSE_MS,
  FREE_REFUSALS,
  MAX_PAUSE_MS,
  pauseMs,
  RefusalPauses,
} from "../../../lib/services/access/refusal_pauses.ts";
import type { Peer } from "../../../lib/services/connection/peer.ts";
import { settles } from "../../support/until.ts";

Deno.test("the first refusals cost nothing, each further one waits twice as long, up to a bound", () => {
  assert.equal(pauseMs(1), 0);
  assert.equal(pauseMs(FREE_REFUSALS), 0);
  assert.equal(pauseMs(FREE_REFUSALS + 1), FIRST_PAUSE_MS);
  assert.equal(pauseMs(FREE_REFUSALS + 2), 2 * FIRST_PAUSE_MS);
  assert.equal(pauseMs(FREE_REFUSALS + 6), MAX_PAUSE_MS);
  assert.equal(pauseMs(1e6), MAX_PAUSE_MS);
});

Deno.test("a connection waits by itself, and no more once it has ended", async () => {
  const pauses = new RefusalPauses();
  const [one, other] = [{} as Peer, {} as Peer];
  for (let time = 0; time < FREE_REFUSALS; time++) await pauses.refused(one);
  let isOver = false;
  const waiting = pauses.refused(one).then(() => isOver = true);
  await pauses.refused(other);
  assert.equal(isOver, false);
  assert.equal(pauses.size, 2);
  pauses.forget(one);
  await settles(waiting, "the end of the wait");
  pauses.forget(other);
  assert.equal(pauses.size, 0);
});
