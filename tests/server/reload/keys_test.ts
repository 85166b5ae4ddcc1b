/**
 * Tests which keys of the configuration a running server takes over, how the others are told, and that what is taken
 * over has to fit together with what stays.
 */
import assert from "node:assert/strict";
import { ConfigError, configFrom } from "../../../lib/server/config/config.ts";
import { configKeys } from "../../../lib/server/config/keys.ts";
import {
  differences,
  inForce,
  needsRestart,
  waitingKeys,
} from "../../../lib/server/reload/keys.ts";

Deno.test("each key is taken over or takes a restart, and the tables are as the documentation says", () => {
  const taken = configKeys().map(({ path }) => path).filter((path) => !needsRestart(path));
  const tables = new Set(taken.map((path) => path.split(".")[0]));
  assert.deepEqual([...tables].toSorted(), [
    "auth",
    "console",
    "drain",
    "insecure",
    "keep",
    "limits",
    "listen",
    "log",
    "queue",
    "roles",
    "tls",
    "types",
    "users",
    "webhooks",
  ]);
  const listen = taken.filter((path) => path.startsWith("listen."));
  assert.deepEqual(listen, ["listen.allow_addresses", "listen.deny_addresses"]);
  for (const path of ["data", "listen.tcp", "listen.proxy_protocol", "tls.client_certificates"]) {
    assert.equal(needsRestart(path), true, path);
  }
  assert.equal(needsRestart("limits.max_calls"), false);
  assert.equal(needsRestart("limitsx"), true);
});

Deno.test("what takes a restart is told with both values, in short", () => {
  const running = configFrom({ data: "" });
  const read = configFrom({
    data: "/d".repeat(300),
    limits: { max_calls: 7 },
    listen: { tcp: ["localhost:1"], deny_addresses: "192.0.2.1" },
  });
  assert.deepEqual(differences(running, read), [
    "data",
    "listen.tcp",
    "listen.deny_addresses",
    "limits.max_calls",
  ]);
  const [data, tcp, ...more] = waitingKeys(running, read);
  assert.deepEqual(more, []);
  assert.deepEqual([data.key, data.running, data.configured.length], ["data", '""', 201]);
  assert.deepEqual(tcp, {
    key: "listen.tcp",
    running: '["localhost:7311"]',
    configured: '["localhost:1"]',
  });
});

Deno.test("what is in force is what was read, but for what takes a restart", () => {
  const running = configFrom({ data: "", log: { levels: { connection: "debug" } } });
  const read = configFrom({
    data: "elsewhere",
    limits: { max_calls: 7 },
    keep: [{ pattern: "a" }],
  });
  const taken = inForce(running, read);
  assert.equal(taken.data, "");
  assert.equal(taken.limits.max_calls, 7);
  assert.deepEqual(taken.keep.map(({ pattern }) => pattern), ["a"]);
  assert.equal(taken.log.levels.connection, undefined);
  assert.equal(read.data, "elsewhere", "what was read is as it was");
});

Deno.test("what does not fit together with what stays is refused as a whole, and says with what", () => {
  const MIB = 1024 * 1024;
  const running = configFrom({
    data: "",
    store: { max_pending_bytes: 4 * MIB, max_batch_bytes: 1024 },
  });
  const read = configFrom({
    data: "",
    limits: { max_frame_bytes: 4 * MIB },
    store: { max_pending_bytes: 8 * MIB, max_batch_bytes: 2048 },
  });
  assert.throws(() => inForce(running, read), (error: unknown) => {
    assert(error instanceof ConfigError);
    assert.match(error.message, /max_pending_bytes \(\d+\) must be at least twice/);
    assert.match(
      error.message,
      /until a restart \(store\.max_batch_bytes, store\.max_pending_bytes\)/,
    );
    return true;
  });
});
