/**
 * Peers that vanish without a word, as machines do that lose their power: each kind of them is given up, whether
 * or not it ever said that it answers pings.
 *
 * Two network namespaces are two machines; the cable between them is taken out. KEEPALIVE_MS and PING_MS, after
 * which silence is looked into, are short here; with the defaults the test takes most of a minute.
 */
import assert from "node:assert/strict";
import type { ServerStats } from "../../lib/server/server.ts";
import { NEAR, TwoMachines } from "../support/network.ts";
import { ProgramProcess } from "../support/program_process.ts";
import { testAsRoot } from "../support/rights_of_root.ts";

const KEEPALIVE_MS = Number(Deno.env.get("VANISHED_KEEPALIVE_MS") ?? 1000);
const PING_MS = Number(Deno.env.get("VANISHED_PING_MS") ?? 1000);
/** Far above what it takes, and far below the idle limit and the usual times of the system. */
const GIVEN_UP_AFTER_MS = 180_000;

type Answer = { stats: ServerStats };

testAsRoot({
  file: import.meta.url,
  name: "peers that vanish are given up, each kind of them",
  needs: "network namespaces need iproute2, and root or a user namespace",
  possible: () => TwoMachines.possible,
  async fn() {
    using machines = new TwoMachines();
    const folder = await Deno.makeTempDir({ prefix: "parley-vanished-" });
    const limits = {
      keepalive_ms: KEEPALIVE_MS,
      ping_interval_ms: PING_MS,
      ping_timeout_ms: Math.ceil(2.25 * PING_MS),
    };
    const config = JSON.stringify({ limits });
    const here = import.meta.url;
    const bounds = { network: machines.near };
    const server = new ProgramProcess(bounds, "./doors_program.ts", here, folder, NEAR, config);
    let clients: ProgramProcess | undefined;
    try {
      const { addresses } = await server.line<{ addresses: Record<string, string> }>();
      const far = { network: machines.far };
      const told = JSON.stringify(addresses);
      clients = new ProgramProcess(far, "./vanishing_program.ts", here, NEAR, told);
      const kinds = (await clients.line<{ here: string[] }>()).here;
      const isOpen = async () => (await server.ask<Answer>()).stats.connectionsOpen;
      while (await isOpen() < kinds.length);
      // What is under way when the cable is out is repeated for a quarter of an hour, and nobody is asked.
      while (machines.isSending);

      machines.unplug();
      const startedMs = performance.now();
      const gone: string[] = [];
      for (let open = kinds.length; open > 0;) {
        const passedMs = performance.now() - startedMs;
        assert(passedMs < GIVEN_UP_AFTER_MS, `${open} of ${kinds.length} are still held`);
        const left = await isOpen();
        for (; open > left; open--) gone.push((passedMs / 1000).toFixed(1));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      console.log(`${kinds.join("; ")}: given up ${gone.join(", ")} s after they vanished`);
      const end = await server.stop<Answer>();
      assert.equal(end.code, 0);
      assert.equal(end.stats.internalErrors, 0);
    } finally {
      await clients?.kill();
      await server.kill();
      await Deno.remove(folder, { recursive: true });
    }
  },
});
