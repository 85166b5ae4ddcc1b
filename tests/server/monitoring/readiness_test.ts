/**
 * What makes a server count as not ready, each by itself: a store that failed or stands still, a stop.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import type { StoreHealth } from "../../../lib/ports/store.ts";
import { configFrom } from "../../../lib/server/config/config.ts";
import type { ClusterFacts, LogFacts } from "../../../lib/ports/cluster_facts.ts";
import type { LoopDelay } from "../../../lib/server/monitoring/loop_delay.ts";
import type { Monitored } from "../../../lib/server/monitoring/monitored.ts";
import { Readiness } from "../../../lib/server/monitoring/readiness.ts";

const FINE: StoreHealth = { ended: null, failure: null, failedAgoMs: 0, underWayMs: 0 };

function readiness(
  health: StoreHealth,
  lastMs = 0,
  cluster: Partial<ClusterFacts> | null = null,
): Readiness {
  const server = {
    config: configFrom({ data: "", listen: { tcp: "localhost:0" } }),
    features: { kept: { store: { health: () => health } }, cluster },
    admission: { open: 0, maxConnections: 1 },
  } as unknown as Monitored;
  return new Readiness(server, { lastMs } as LoopDelay);
}

function faults(one: Readiness): string[] {
  return one.look().filter(({ ok }) => !ok).map(({ name, reason }) => `${name}: ${reason}`);
}

Deno.test("readiness: nothing is wrong", () => {
  assert.deepEqual(faults(readiness(FINE)), []);
});

Deno.test("readiness: a store that failed, has ended, or stands still", () => {
  const full = new ParleyError(ErrorCode.RESOURCE_EXHAUSTED, "cannot commit: the disk is full");
  assert.deepEqual(faults(readiness({ ...FINE, failure: full })), [
    "store: the last commit failed: cannot commit: the disk is full",
  ]);
  // Nothing was tried since, so nobody knows.
  assert.deepEqual(faults(readiness({ ...FINE, failure: full, failedAgoMs: 9999 })).length, 1);
  assert.deepEqual(faults(readiness({ ...FINE, failure: full, failedAgoMs: 10_000 })), []);
  assert.deepEqual(faults(readiness({ ...FINE, ended: full })), [
    "store: the store has ended: cannot commit: the disk is full",
  ]);
  assert.deepEqual(faults(readiness({ ...FINE, underWayMs: 10_000 })), []);
  assert.deepEqual(faults(readiness({ ...FINE, underWayMs: 10_001 })), [
    "store: a commit has taken 10001 ms, and is not done",
  ]);
});

Deno.test("readiness: an event loop that lags", () => {
  assert.deepEqual(faults(readiness(FINE, 1000)), []);
  assert.deepEqual(faults(readiness(FINE, 1001)), [
    "event_loop: the last timer came 1001 ms late, more than 1000",
  ]);
});

Deno.test("readiness: a server that stops", () => {
  const one = readiness(FINE);
  one.stopping = true;
  assert.deepEqual(faults(one), ["running: the server stops"]);
});

Deno.test("readiness: a node of a cluster that cannot reach NATS", () => {
  const cluster = { isUp: false, whyDown: "127.0.0.1:4222 is gone", log: null, nodes: () => [] };
  assert.deepEqual(faults(readiness(FINE, 0, cluster)), [
    "cluster: NATS cannot be reached: 127.0.0.1:4222 is gone",
  ]);
  assert.deepEqual(faults(readiness(FINE, 0, { ...cluster, isUp: true })), []);
});

Deno.test("readiness: a node of a cluster says who writes, or why it does not know", () => {
  const reasonWith = (log: Partial<LogFacts>) => {
    const fine = { fault: "", lag: 0, hasCaughtUp: true, writer: "id", writerName: "b" };
    const cluster = {
      isUp: true,
      whyDown: "",
      nodes: () => [],
      log: { role: "follower", ...fine, ...log } as LogFacts,
    };
    const { ok, reason } = readiness(FINE, 0, cluster).look().at(-1)!;
    return `${ok}: ${reason}`;
  };
  assert.equal(
    reasonWith({}),
    "true: b writes, this node is 0 entries behind; 0 other nodes there",
  );
  assert.equal(reasonWith({ role: "writer" }), "true: this node writes; 0 other nodes there");
  assert.equal(reasonWith({ writer: "" }), "false: no node writes at the moment");
  assert.equal(
    reasonWith({ hasCaughtUp: false, lag: 1 }),
    "false: the cluster's log is being applied: 1 entry of it to come",
  );
  assert.equal(
    reasonWith({ fault: "no answer" }),
    "false: the cluster's log cannot be followed: no answer",
  );
});
