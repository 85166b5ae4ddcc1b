/**
 * `parley cluster`: what it tells of nodes and log, stepping down, the system topics, and a log that begins with the data of a
 * single server.
 */
import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import { ClusterWriterChangedSchema } from "../../lib/gen/parley/v1/system_pb.ts";
import { run } from "../cli/fake_io.ts";
import { Collector } from "../client/bus_support.ts";
import { withNats } from "../support/nats_server.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { ClusterFixture } from "./cluster_fixture.ts";

const config = { keep: [{ pattern: "orders.>" }] };

Deno.test(
  withNats("every node tells of all of them, of the log, and of who writes", async () => {
    await using cluster = await ClusterFixture.start({ durable: true, config });
    const writer = await cluster.writer();
    const client = await cluster.client(writer);
    assert((await client.server.about()).clustered, "a node says that it is one");
    await client.publish("orders.eu", "a");
    await cluster.agree();
    for (const index of cluster.nodes.keys()) {
      const { code, stdout } = await run(["cluster", "info", "--server", cluster.url(index)]);
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`node-${index} \\*`));
      assert.match(stdout, new RegExp(`writer +node-${writer}\n`));
      assert.match(
        stdout,
        /log +1 to \d+, .* % full; each entry on 1 server of NATS, acknowledged as ROUTED/,
      );
      const json = await run(["cluster", "info", "--json", "--server", cluster.url(index)]);
      const told = JSON.parse(json.stdout);
      assert.equal(told.nodes.length, 3);
      assert.equal(told.log.epoch, cluster.log(index).epoch);
      assert.equal(told.log.refusal === "", index === writer);
    }
  }),
);

Deno.test(
  withNats(
    "the node that writes steps down when it is told to, and the system topic says who does",
    async () => {
      await using cluster = await ClusterFixture.start({ durable: true, nodes: 2, config });
      const writer = await cluster.writer();
      const other = 1 - writer;
      const told = new Collector();
      await (await cluster.client(other)).subscribe("sys.cluster_writer", {}, told.take);
      const { code, stdout } = await run(["cluster", "step-down", "--server", cluster.url(writer)]);
      assert.deepEqual([code, stdout], [
        0,
        "the node gives up writing; another one takes over\n",
      ]);
      await until(() => cluster.log(other).role === "writer", "the other node writes");
      await told.count(1);
      const { name } = fromBinary(ClusterWriterChangedSchema, told.events[0].payload);
      assert.equal(name, `node-${other}`);
    },
  ),
);

Deno.test("a server alone has no cluster to tell of", async () => {
  await using server = await startServer();
  const { code, stderr } = await run([
    "cluster",
    "info",
    "--server",
    `parley://127.0.0.1:${server.port("tcp")}`,
  ]);
  assert.equal(code, 1);
  assert.match(stderr, /cannot tell of the cluster: this server is alone/);
});
