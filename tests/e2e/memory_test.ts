/**
 * The memory of a whole server process, as the system sees it: bounded while peers begin messages and do not go
 * on, and given back when they are gone. The bounds are wide: before there were any, it was twice as much.
 */
import assert from "node:assert/strict";
import { varint } from "../support/frames.ts";
import { settled, until } from "../support/until.ts";

const MIB = 1024 * 1024;
const CONNECTIONS = 800;
const PROGRAM = new URL("server_program.ts", import.meta.url).pathname;

/** The resident memory of a process, in bytes. */
function residentBytes(pid: number): number {
  const found = /VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`));
  return Number(found![1]) * 1024;
}

Deno.test({
  name:
    "eight hundred half messages of a MiB are bounded as the system sees it, and all of it goes back",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--allow-all", PROGRAM],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const connections: Deno.TcpConn[] = [];
    const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    try {
      const { port } = JSON.parse((await output.read()).value!.split("\n")[0]);
      const quiet = residentBytes(child.pid);
      const part = new Uint8Array(MIB - 1000);
      part.set(varint(MIB));
      let most = 0;
      for (let index = 0; index < CONNECTIONS; index++) {
        const connection = await Deno.connect({ port });
        connections.push(connection);
        for (let sent = 0; sent < part.length;) {
          sent += await connection.write(part.subarray(sent));
        }
        most = Math.max(most, residentBytes(child.pid) - quiet);
      }
      await settled(() => Math.round(residentBytes(child.pid) / MIB / 8), "what it holds", 20);
      most = Math.max(most, residentBytes(child.pid) - quiet);
      assert(most < 350 * MIB, `${most / MIB} MiB`);
      for (const connection of connections.splice(0)) connection.close();
      await until(() => residentBytes(child.pid) - quiet < 100 * MIB, "the memory is given back");
    } finally {
      for (const connection of connections) connection.close();
      await child.stdin.close();
      while (!(await output.read()).done);
      await child.status;
    }
  },
});
