/**
 * Who may do what in a cluster: decided by the node of the one who does it, and for reading by the node of the reader.
 */
import assert from "node:assert/strict";
import { Collector } from "../client/bus_support.ts";
import { rejection } from "../client/rejections.ts";
import { withNats } from "../support/nats_server.ts";
import { ClusterFixture } from "./cluster_fixture.ts";

Deno.test(withNats("a node decides who reads there and who publishes there", async () => {
  const config = {
    auth: { guest_role: "guest" },
    users: [{ name: "ada", password: "" }],
    roles: {
      guest: {
        allow: { publish: ["open.>"], subscribe: ["open.>"] },
        deny: { subscribe: ["open.secret.>"] },
      },
    },
  };
  await using cluster = await ClusterFixture.start({ nodes: 2, config });
  const [here, there] = [await cluster.client(0), await cluster.client(1)];
  const got = new Collector();
  await there.subscribe("open.>", {}, got.take);
  await here.publish("open.secret.a", "not for guests");
  await here.publish("open.a", "for all");
  await rejection(here.publish("closed.a", ""), "PERMISSION_DENIED");
  await got.count(1);
  assert.deepEqual(got.texts, ["for all"]);
}));
