/**
 * The place of a connection is free for another one when the system has its file back, and not before: otherwise a crowd that
 * comes and goes would hold more files than there may be.
 */
import assert from "node:assert/strict";
import { DEFAULT_LIMITS } from "../../../lib/base/limits.ts";
import type { LinkListener } from "../../../lib/ports/link.ts";
import { Admission } from "../../../lib/server/listeners/admission.ts";
import { Connections } from "../../../lib/server/listeners/connections.ts";
import type { Edge } from "../../../lib/server/listeners/edge.ts";
import { Entrance } from "../../../lib/server/listeners/entrance.ts";
import { Refuser } from "../../../lib/server/listeners/refuse.ts";
import { ConnectionService } from "../../../lib/services/connection_service.ts";
import { makeFeatures } from "../../support/features.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { MemoryLink } from "../../support/memory_link.ts";
import { settles, until } from "../../support/until.ts";

/** A link whose file the system keeps for as long as the test says. */
class KeptLink extends MemoryLink {
  readonly released = Promise.withResolvers<void>();

  override whenReleased(): Promise<void> {
    return this.released.promise;
  }
}

Deno.test("the place of a connection is free when its file is, and not before", async () => {
  const features = makeFeatures(DEFAULT_LIMITS, new ManualClock(), "test");
  const { context } = features;
  const admission = new Admission(DEFAULT_LIMITS, 1000, context.nowMs);
  const connections = new Connections({
    context,
    admission,
    entrance: new Entrance(context, admission),
    refuser: new Refuser(admission),
    edge: { look() {} } as unknown as Edge,
  }, new ConnectionService(features));
  const link = new KeptLink();
  const listener = {
    kind: "tcp",
    dialect: "delimited",
    address: "memory",
    close() {},
    async *[Symbol.asyncIterator]() {
      yield link;
      await link.released.promise;
    },
  } as unknown as LinkListener;
  connections.accept(listener);
  await until(() => connections.sessions.size === 1, "it is served");
  link.end();
  await until(() => connections.sessions.size === 0, "it has ended");
  assert.equal(admission.open, 1, "its file is still open");
  link.released.resolve();
  await settles(connections.whenGone(), "all is over");
  assert.equal(admission.open, 0);
});
