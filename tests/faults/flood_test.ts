/**
 * Publishers that never stop, each a process of its own, with a subscriber that reads slowly and one that never does:
 * the memory of the server is bounded and given back, others are served. FLOOD_SECONDS=60 is the long run.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { publish, subscribe } from "../support/bus_messages.ts";
import { echoMessage, frame } from "../support/frames.ts";
import { MeasuredServer } from "../support/measured_server.ts";

const SECONDS = Number(Deno.env.get("FLOOD_SECONDS") ?? 2);
const FLOODERS = 2;
const MAX_MIB = 300;
const LEFT_BYTES = 100 * 1024 * 1024;
const SLOW_READ_BYTES = 64 * 1024;
const SLOW_READ_MS = 20;
const PROGRAM = fileURLToPath(new URL("./flood_program.ts", import.meta.url));

/** What floods: events for nobody, events that others do not read, requests whose answers nobody waits for. */
const FLOODS: Readonly<Record<string, Uint8Array>> = {
  "events of 1 KiB": frame(publish({ topic: "flood", payload: new Uint8Array(1024) })),
  "events that are kept": frame(publish({ topic: "k.flood", payload: new Uint8Array(256) })),
  "echoes": frame(echoMessage("x".repeat(100), 1n)),
};

/** A subscriber that reads a little now and then, or never. */
async function subscriber(port: number, reads: boolean): Promise<Disposable> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(frame(subscribe("flood")));
  const into = new Uint8Array(SLOW_READ_BYTES);
  let over = false;
  const read = async () => {
    while (!over && await connection.read(into) !== null) {
      await new Promise((resolve) => setTimeout(resolve, SLOW_READ_MS));
    }
  };
  if (reads) read().catch(() => {});
  return {
    [Symbol.dispose]: () => {
      over = true;
      connection.close();
    },
  };
}

for (const [what, bytes] of Object.entries(FLOODS)) {
  Deno.test(`${FLOODERS} publishers that never stop leave memory and others alone (${what})`, async () => {
    const config = { keep: [{ pattern: "k.>", max_events: 1000 }] };
    await using server = await MeasuredServer.start({ config });
    const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const before = await server.stats();
    await server.innocents.during(`${FLOODERS} publishers without end, ${what}`, async () => {
      using _slow = await subscriber(server.ports.tcp, true);
      using _never = await subscriber(server.ports.tcp, false);
      const floods = Array.from({ length: FLOODERS }, () =>
        new Deno.Command(Deno.execPath(), {
          args: ["run", "--no-check", "--allow-all", PROGRAM, `${server.ports.tcp}`, digits],
          env: { NO_COLOR: "1" },
          stdout: "null",
        }).spawn());
      const startedMs = performance.now();
      await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
      const { messagesIn } = await server.stats();
      const seconds = (performance.now() - startedMs) / 1000;
      for (const flood of floods) flood.kill("SIGKILL");
      await Promise.all(floods.map((flood) => flood.status));
      const most = server.mostAboveQuietMiB;
      assert(most <= MAX_MIB, `${most} MiB above quiet, and at most ${MAX_MIB} may be`);
      return `${
        ((messagesIn - before.messagesIn) / seconds / 1000).toFixed(0)
      } thousand messages ` +
        `a second for ${SECONDS} s, at most ${most} MiB above quiet`;
    });
    await server.comesBack(LEFT_BYTES, 60_000);
    assert.equal((await server.stats()).internalErrors, 0);
  });
}
