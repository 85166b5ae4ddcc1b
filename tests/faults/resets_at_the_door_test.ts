/**
 * Clients that connect and reset at once: whoever comes behind them, or between them, is served all the same,
 * on every listener, with nothing to wait for.
 *
 * Each test says in its output how long a newcomer waited. RESETS_SECONDS is how long the flood lasts.
 */
import assert from "node:assert/strict";
import { LogRecords } from "../support/log_records.ts";
import { type Door, newcomerMs } from "../support/newcomer.ts";
import { python, resetInBacklog, RudeClients, withoutPython } from "../support/rude_clients.ts";
import { startServer, type TestServer } from "../support/server.ts";

const DOORS: readonly Door[] = ["tcp", "raw", "text", "unix", "http", "ws"];
const BURSTS = [1, 50, 300];
const RESETS_A_SECOND = 500;
const FLOOD_SECONDS = Number(Deno.env.get("RESETS_SECONDS") ?? 2);

function addressOf(server: TestServer, door: Door): number | string {
  if (door === "unix") return server.path;
  return server.port(door === "http" ? "ws" : door);
}

for (const door of DOORS) {
  Deno.test({
    name: `${door}: a newcomer behind bursts of resets is served${withoutPython}`,
    ignore: python === undefined,
    async fn() {
      await using server = await startServer();
      using logs = new LogRecords();
      const address = addressOf(server, door);
      const waits: string[] = [];
      for (const burst of BURSTS) {
        resetInBacklog(burst, [address]);
        waits.push(`${(await newcomerMs(door, address)).toFixed(1)} ms behind ${burst}`);
      }
      console.log(`${door}: a newcomer waited ${waits.join(", ")}`);
      assert.deepEqual(logs.templates("warning"), []);
      assert.equal(server.stats().internalErrors, 0);
    },
  });
}

Deno.test({
  name: `newcomers on each listener are served during a flood of resets${withoutPython}`,
  ignore: python === undefined,
  async fn() {
    await using server = await startServer();
    const flood = RudeClients.reset(RESETS_A_SECOND, DOORS.map((door) => addressOf(server, door)));
    const waits = new Map(DOORS.map((door) => [door, [] as number[]]));
    const endMs = performance.now() + FLOOD_SECONDS * 1000;
    // At least once around, and for the time of the flood: how long it may take is not asserted.
    do {
      for (const door of DOORS) {
        waits.get(door)!.push(await newcomerMs(door, addressOf(server, door)));
      }
    } while (performance.now() < endMs);
    const resets = await flood.stop();
    for (const [door, each] of waits) {
      const worst = Math.max(...each).toFixed(1);
      console.log(`${door}: ${each.length} newcomers during ${resets} resets, worst ${worst} ms`);
    }
    assert.equal(server.stats().internalErrors, 0);
  },
});
