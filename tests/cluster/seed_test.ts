/**
 * A log that begins with the data of a single server: its history, jobs and records are those of the cluster from then on.
 */
import assert from "node:assert/strict";
import { historyIn } from "../../lib/adapters/sqlite/shared_store.ts";
import { connect } from "../../lib/client/mod.ts";
import { run } from "../cli/fake_io.ts";
import { Collector } from "../client/bus_support.ts";
import { NatsServer, withNats } from "../support/nats_server.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const keep = [{ pattern: "orders.>" }];

Deno.test(
  withNats(
    "the history of a single server goes on in a cluster, on nodes that are new as well",
    async () => {
      const folder = await Deno.makeTempDir({ prefix: "parley-seed-" });
      await using nats = await NatsServer.start({ store: `${folder}/nats` });
      try {
        {
          await using server = await startServer({ data: `${folder}/one`, keep });
          await using client = await connect(`parley://127.0.0.1:${server.port("tcp")}`);
          for (const text of ["a", "b"]) await client.publish("orders.eu", text);
          await client.queue("work").push("job");
        }
        const epoch = historyIn(`${folder}/one`);
        const cluster = ["--cluster", nats.url, "--set", "cluster.log_max_bytes=67108864"];
        const seed = ["cluster", "seed", "--data", `${folder}/one`, ...cluster];
        const { code, stdout, stderr } = await run([...seed, "--json"]);
        assert.equal(code, 0, stderr);
        const report = JSON.parse(stdout);
        assert.deepEqual(
          [report.epoch, report.topics, report.events, report.queues, report.jobs],
          [epoch, 1, 2, 1, 1],
        );
        const again = await run(seed);
        assert.equal(again.code, 1);
        assert.match(again.stderr, /cannot begin the log of the cluster "parley": it is there/);
        const input = {
          keep,
          cluster: { servers: [nats.url], heartbeat_ms: 50, silence_ms: 1000 },
        };
        await using old = await startServer({ ...input, data: `${folder}/one` });
        await using fresh = await startServer({ ...input, data: `${folder}/two` });
        for (const server of [old, fresh]) {
          await using client = await connect(`parley://127.0.0.1:${server.port("tcp")}`);
          const got = new Collector();
          await client.subscribe("orders.eu", { since: "all" }, got.take);
          await got.count(2);
          assert.deepEqual(got.texts, ["a", "b"]);
          assert.equal(server.server.cluster!.log!.epoch, epoch);
        }
        const servers = [old, fresh];
        const role = (index: number) => servers[index].server.cluster!.log!.role;
        await until(() => servers.some((_one, index) => role(index) === "writer"), "one writes");
        const writer = servers[role(0) === "writer" ? 0 : 1];
        await using client = await connect(`parley://127.0.0.1:${writer.port("tcp")}`);
        for await (const job of client.queue("work").pull()) {
          assert.equal(new TextDecoder().decode(job.payload), "job");
          await job.ack();
          break;
        }
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  ),
);
