#!/usr/bin/env node
/**
 * The command `parley` of the npm package: runs it on the Deno that came as a dependency.
 *
 * Signals are handed on, so that stopping this stops the server in order; its exit code is that of the command. A
 * terminal sends Ctrl-C to both by itself.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
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

const permissions = ["net", "read", "write", "env", "run"].map((name) => `--allow-${name}`);
const flags = [
  "run",
  "--quiet",
  "--no-prompt",
  "--no-lock",
  "--no-config",
  "--node-modules-dir=manual",
  ...permissions,
];
const child = spawn(runtime(), [...flags, join(here, "server.js"), ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
});
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
