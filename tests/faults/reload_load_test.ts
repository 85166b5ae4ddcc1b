/**
 * The configuration is read again under load, also broken ones: nobody is dropped, and nothing that was acknowledged is
 * lost, twice or out of order.
 */
import assert from "node:assert/strict";
import { connect } from "../../lib/client/mod.ts";
import { type Config, configFrom, type ConfigInput } from "../../lib/server/config/config.ts";
import { contentOf, echoMessage } from "../support/frames.ts";
import { ALL_KINDS, startServer } from "../support/server.ts";
import { SocketClient } from "../support/socket_client.ts";
import { until } from "../support/until.ts";

const RELOADS = Number(Deno.env.get("CONFIG_RELOADS") ?? 100);

/** Configurations that differ in everything that can be taken over, and one that is broken. */
const NEXT: readonly (ConfigInput | null)[] = [
  {
    keep: [{ pattern: "load.>", max_events: 100_000 }, { pattern: "other.>" }],
    queue: [{ name: "jobs", lease_ms: 20_000 }],
    limits: { max_connections: 5000, rate_messages_per_second: 1_000_000, max_calls: 1000 },
    listen: { allow_addresses: "127.0.0.0/8" },
    log: { level: "error" },
  },
  {
    keep: [{ pattern: "load.>" }],
    queue: [{ name: "jobs", max_jobs: 100_000 }, { name: "bound", bind: "made.>" }],
    limits: {
      max_frame_bytes: 2_000_000,
      max_outbox_total_bytes: 100_000_000,
      idle_timeout_ms: 1e6,
    },
    listen: { deny_addresses: "192.0.2.0/24" },
  },
  null,
  { keep: [{ pattern: "load.>", max_age_ms: 3_600_000 }] },
];

Deno.test("a hundred reloads under load, also broken ones, drop nobody and lose nothing", async () => {
  const data = await Deno.makeTempDir({ prefix: "parley-reload-" });
  let next: ConfigInput | null = {};
  let started: Config | null = null;
  const read = (): Config => {
    if (next === null) throw new Error("broken");
    const { data, listen, tls } = started!;
    return configFrom({ data, tls, ...next, listen: { ...listen, ...next.listen } });
  };
  try {
    await using server = await startServer(
      { data, keep: [{ pattern: "load.>" }], queue: [{ name: "jobs" }] },
      { reread: () => Promise.resolve().then(read) },
    );
    started = server.config;
    const url = `parley://127.0.0.1:${server.port("tcp")}`;
    await using program = await connect(url, { reconnect: false });
    const subscription = await program.subscribe("load.a", { echo: true });
    const seqs: bigint[] = [];
    const reading = (async () => {
      for await (const { seq } of subscription) seqs.push(seq);
    })();
    let over = false;
    let echoes = 0;
    const load = [...ALL_KINDS].map(async (kind) => {
      using client = await SocketClient.connect(server, kind);
      while (!over) {
        contentOf(await client.request(echoMessage(`${echoes++}`)), "echoMessage");
      }
    });
    let published = 0n;
    const publishing = (async () => {
      while (!over) {
        const acks = await Promise.all(
          Array.from({ length: 8 }, () => program.publish("load.a", "x")),
        );
        for (const { seq } of acks) assert.equal(seq, ++published);
      }
    })();
    let pushed = 0;
    const done = new Set<bigint>();
    const worker = await program.queue("jobs").work(({ id, redelivered }) => {
      assert.equal(redelivered, false);
      assert.equal(done.has(id), false);
      done.add(id);
    });
    const pushing = (async () => {
      while (!over) {
        await program.queue("jobs").push("job");
        pushed++;
      }
    })();
    for (let round = 0; round < RELOADS; round++) {
      next = NEXT[round % NEXT.length];
      const before = { echoes, published, pushed };
      if (next === null) await assert.rejects(server.server.reload(), /broken/);
      else await server.server.reload();
      await until(
        () => echoes > before.echoes && published > before.published && pushed > before.pushed,
        "the load goes on",
      );
    }
    over = true;
    await Promise.all([...load, publishing, pushing]);
    await until(() => done.size === pushed && seqs.length === Number(published), "all has come");
    assert.deepEqual(seqs, Array.from({ length: seqs.length }, (_, index) => BigInt(index + 1)));
    await worker.stop();
    await subscription.unsubscribe();
    await reading;
    const { connectionsTotal, internalErrors, connectionsDenied } = server.stats();
    assert.deepEqual(
      [connectionsTotal, internalErrors, connectionsDenied],
      [ALL_KINDS.length + 1, 0, 0],
      "nobody came again",
    );
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});
