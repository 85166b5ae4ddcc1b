#!/usr/bin/env node
/**
 * The command `parley` of the npm package: runs it on the Deno that came as a dependency.
 *
 * The permissions are those of the executable: packing writes them into runtime.json. Signals are handed on, so that stopping
 * this stops the server in order; its exit code is that of the command. A terminal sends Ctrl-C to both by itself.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));
const deno = dirname(require.resolve("deno/package.json"));

/** The runtime; where install scripts do not run, its package finds it now. */
function runtime() {
  const path = join(deno, process.platform === "win32" ? "deno.exe" : "deno");
  return existsSync(path) ? path : require(join(deno, "install_api.cjs")).runInstall();
}

const { flags } = JSON.parse(readFileSync(join(here, "runtime.json"), "utf8"));
const own = ["--quiet", "--no-lock", "--no-config", "--node-modules-dir=manual"];
const args = ["run", ...own, ...flags, join(here, "server.js"), ...process.argv.slice(2)];
const env = { ...process.env, DENO_NO_UPDATE_CHECK: "1" };
// systemd names the process that it started, which is this one: the signs of life are those of the server.
if (env.WATCHDOG_PID === String(process.pid)) delete env.WATCHDOG_PID;
const child = spawn(runtime(), args, { stdio: "inherit", env });
for (const signal of ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"]) {
  if (process.platform !== "win32") process.on(signal, () => child.kill(signal));
}
process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
child.on("error", (error) => {
  console.error(`parley: cannot start Deno: ${error.message}`);
  process.exitCode = 1;
});
child.on("exit", (code, signal) => {
  process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
});
