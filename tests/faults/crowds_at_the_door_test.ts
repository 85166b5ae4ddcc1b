/**
 * Crowds of connections against processes that may open few files, on each listener and on all at once: the
 * process lives, whoever is served goes on being served, and when a crowd is gone a newcomer is served.
 *
 * Running out of files ends the runtime, so what is accepted, in whatever state and on whatever listener, has
 * to stay below the limit by more than the process takes for itself. CROWD_ROUNDS and CROWD_CONNECTIONS make
 * the test longer.
 */
import assert from "node:assert/strict";
import { contentOf, echoMessage } from "../support/frames.ts";
import { ProgramProcess } from "../support/program_process.ts";
import { type Door, newcomerMs } from "../support/newcomer.ts";
import { python, RudeClients, withoutPython } from "../support/rude_clients.ts";
import { SocketClient } from "../support/socket_client.ts";
import type { ServerStats } from "../../lib/server/server.ts";
import { settles } from "../support/until.ts";

const LIMITS = [256, 512, 4096];
const ROUNDS = Number(Deno.env.get("CROWD_ROUNDS") ?? 1);
const CONNECTIONS = Number(Deno.env.get("CROWD_CONNECTIONS") ?? 2000);
/** Of the open files, this many are never taken by connections: half of the reserve is the process's own. */
const UNTOUCHED = 16;
/** A newcomer may be refused while the server learns that a crowd has gone; then it tries again. */
const MAX_TRIES = 10_000;

type Addresses = Record<"tcp" | "raw" | "text" | "unix" | "ws", string>;

/** Tries until a newcomer is served; gives how long that took, in milliseconds. */
async function servedAfterMs(door: Door, address: string): Promise<number> {
  const startedMs = performance.now();
  for (let tries = 1;; tries++) {
    try {
      await newcomerMs(door, door === "unix" ? address : Number(address));
      return performance.now() - startedMs;
    } catch (reason) {
      if (tries === MAX_TRIES) throw reason;
    }
  }
}

/** How many files a process has open. */
function openFilesOf(pid: number): number {
  return Array.from(Deno.readDirSync(`/proc/${pid}/fd`)).length;
}

for (const limit of LIMITS) {
  Deno.test({
    name: `crowds against ${limit} open files, on each listener and on all${withoutPython}`,
    ignore: python === undefined || Deno.build.os !== "linux",
    async fn() {
      const folder = await Deno.makeTempDir({ prefix: "parley-crowds-" });
      const server = new ProgramProcess(
        { openFiles: limit },
        "./doors_program.ts",
        import.meta.url,
        folder,
      );
      try {
        const { addresses } = await server.line<{ addresses: Addresses }>();
        const doors: Door[] = ["tcp", "raw", "text", "unix", "http"];
        const addressOf = (door: Door) => addresses[door === "http" ? "ws" : door as "tcp"];
        const dial = { hostname: "127.0.0.1", port: Number(addresses.tcp) };
        const connection = await settles(Deno.connect(dial), "the resident connects");
        using resident = new SocketClient(connection, "delimited", 4096);
        const echo = async () =>
          void contentOf(await resident.request(echoMessage("still here")), "echoMessage");
        await echo();
        let mostFiles = 0;
        const waits: number[] = [];
        for (let round = 0; round < ROUNDS; round++) {
          for (const crowded of [...doors.map((door) => [door]), doors]) {
            const crowd = await RudeClients.crowd(CONNECTIONS, crowded.map(addressOf));
            for (let count = 0; count < 20; count++) {
              await echo();
              mostFiles = Math.max(mostFiles, openFilesOf(server.pid));
            }
            await crowd.stop();
            for (const door of crowded) waits.push(await servedAfterMs(door, addressOf(door)));
          }
        }
        await echo();
        console.log(
          `${limit} open files: at most ${mostFiles} were open; newcomers were served ` +
            `${Math.max(...waits).toFixed(0)} ms after a crowd of ${CONNECTIONS} at the latest`,
        );
        assert(mostFiles <= limit - UNTOUCHED, `${mostFiles} of ${limit} files were open`);
        resident.close();
        const end = await server.stop<{ stats: ServerStats }>();
        assert.equal(end.code, 0);
        assert.equal(end.stats.internalErrors, 0);
      } finally {
        await server.kill();
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
