/**
 * A client of the Python package that knows several nodes of a cluster: when its own is gone it goes on at another, with all that
 * it had.
 */
import assert from "node:assert/strict";
import { root } from "../interop/programs.ts";
import { python } from "../interop/protoc.ts";
import { hasNats } from "../support/nats_server.ts";
import { ClusterFixture } from "./cluster_fixture.ts";

const missing = python === undefined
  ? " (install python3-protobuf)"
  : hasNats
  ? ""
  : " (install nats-server)";

for (const role of ["writes", "follows"] as const) {
  Deno.test({
    name: `a Python client of a node that ${role} goes on at another when it is gone${missing}`,
    ignore: missing !== "",
    fn: async () => {
      const config = { keep: [{ pattern: "orders.>" }] };
      await using cluster = await ClusterFixture.start({ durable: true, config });
      const writer = await cluster.writer();
      const lost = role === "writes" ? writer : (writer + 1) % 3;
      const urls = [0, 1, 2].map((index) => cluster.url((lost + index) % 3));
      const child = new Deno.Command(python!, {
        args: ["-W", "error", `${root}/tests/cluster/moving_client.py`, ...urls],
        env: { PYTHONPATH: `${root}/clients/python` },
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const errors = new Response(child.stderr).text();
      const reader = child.stdout.getReader();
      const { value } = await reader.read();
      if (value !== undefined) cluster.nodes[lost].server.abort();
      await reader.cancel();
      assert.equal((await child.status).code, 0, await errors);
      await errors;
    },
  });
}
