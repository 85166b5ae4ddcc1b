/**
 * A peer that pipelines without pause, in a process of its own, and an innocent client that asks now and then:
 * the innocent is answered before the flood has gone on for long. Measured in bytes of the flood, not in time.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { echoMessage, frame } from "../support/frames.ts";
import { publish } from "../support/bus_messages.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { SocketClient } from "../support/socket_client.ts";
import { until } from "../support/until.ts";

const MIB = 1 << 20;
const REQUESTS = 21;
/**
 * A server that reads one connection until it is empty lets hundreds of MiB pass; one that takes turns, a few
 * milliseconds' worth.
 */
const MAX_BYTES = 16 * MIB;

const FLOODS: Readonly<Record<string, Uint8Array>> = {
  events: frame(publish({ topic: "a.b", payload: new Uint8Array(16) })),
  "acknowledged events": frame(publish({ topic: "a.b", payload: new Uint8Array(16) }, 1n)),
};

for (const [what, bytes] of Object.entries(FLOODS)) {
  Deno.test(`an innocent is served while another floods with ${what}`, async () => {
    await using server = await startServer();
    await using _flood = await startFlood(server, bytes);
    using innocent = await SocketClient.connect(server, "tcp");
    for (let request = 0; request < REQUESTS; request++) {
      const before = server.stats().bytesIn;
      await innocent.request(echoMessage("innocent"));
      const passed = server.stats().bytesIn - before;
      assert(passed < MAX_BYTES, `${passed} bytes of the flood passed during request ${request}`);
    }
  });
}

async function startFlood(server: TestServer, bytes: Uint8Array): Promise<AsyncDisposable> {
  const program = fileURLToPath(new URL("./flood_program.ts", import.meta.url));
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-all", program, `${server.port("tcp")}`, digits],
    env: { NO_COLOR: "1" },
    stdout: "null",
  }).spawn();
  const stop = async () => {
    process.kill("SIGKILL");
    await process.status;
  };
  try {
    await until(() => server.stats().bytesIn > MIB, "the flood");
  } catch (reason) {
    await stop();
    throw reason;
  }
  return { [Symbol.asyncDispose]: stop };
}
