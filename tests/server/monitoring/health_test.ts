/**
 * /healthz and /readyz: alive, ready, and why not.
 */
import assert from "node:assert/strict";
import { VERSION } from "../../../lib/base/version.ts";
import { BusClient } from "../../support/bus_client.ts";
import { type ClientMessageInit, contentOf } from "../../support/frames.ts";
import { pageUrl } from "../../support/metrics.ts";
import { startServer, type TestServer } from "../../support/server.ts";

interface Told {
  readonly status: string;
  readonly checks: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly reason: string;
  }[];
}

async function ready(server: TestServer): Promise<{ code: number; told: Told }> {
  const response = await fetch(pageUrl(server, "/readyz"));
  return { code: response.status, told: await response.json() };
}

Deno.test("health: a server is alive and ready, with its reasons", async () => {
  await using server = await startServer();
  const alive = await fetch(pageUrl(server, "/healthz"));
  assert.equal(alive.status, 200);
  assert.deepEqual(await alive.json(), { status: "ok", version: VERSION });
  const { code, told } = await ready(server);
  assert.equal(code, 200);
  assert.equal(told.status, "ready");
  const names = told.checks.map(({ name }) => name);
  assert.deepEqual(names, ["running", "store", "disk", "event_loop", "connections"]);
  assert(told.checks.every(({ ok }) => ok));
  const head = await fetch(pageUrl(server, "/readyz"), { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
});

Deno.test("health: with too little room on the disk it is not ready, and says so", async () => {
  const data = await Deno.makeTempDir({ prefix: "parley-test-" });
  try {
    const monitoring = { min_free_disk_bytes: Number.MAX_SAFE_INTEGER };
    await using server = await startServer({ data, monitoring });
    const { code, told } = await ready(server);
    assert.equal(code, 503);
    assert.equal(told.status, "not ready");
    const disk = told.checks.find(({ name }) => name === "disk")!;
    assert.equal(disk.ok, false);
    assert.match(disk.reason, /^\d+ bytes are free, fewer than 9007199254740991$/);
    const alive = await fetch(pageUrl(server, "/healthz"));
    assert.equal(alive.status, 200, "it is alive all the same");
    await alive.body?.cancel();
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("health: with all connections taken it is not ready", async () => {
  await using server = await startServer({ limits: { max_connections: 1 } });
  const { code, told } = await ready(server);
  assert.equal(code, 503);
  const connections = told.checks.find(({ name }) => name === "connections")!;
  assert.deepEqual([connections.ok, connections.reason], [false, "1 of 1 connections are taken"]);
});

Deno.test("health: a store that had no room is not ready, and is again with the next commit", async () => {
  await using server = await startServer({
    keep: [{ pattern: ">" }],
    store: { max_memory_bytes: 1024 },
  });
  await using client = await BusClient.connect(server, "tcp");
  const publish = (bytes: number): ClientMessageInit => ({
    message: { case: "event", value: { topic: "a", payload: new Uint8Array(bytes) } },
  });
  await client.acknowledged(publish(10));
  assert.equal((await ready(server)).code, 200);
  contentOf(await client.ask(publish(2000)), "error");
  const { code, told } = await ready(server);
  assert.equal(code, 503);
  const store = told.checks.find(({ name }) => name === "store")!;
  assert.match(store.reason, /^the last commit failed: cannot /);
  await client.acknowledged(publish(10));
  assert.equal((await ready(server)).code, 200);
});
