/**
 * Runs buf with this Deno first in PATH, so that buf finds the generator.
 *
 * buf comes from npm with its native executable inside, and starts `protoc-gen-es` as a child; a small
 * launcher in a temporary folder stands in for it, since npm packages have no fixed place here.
 * Everything works offline once the packages are cached. Both are large and only needed here, so they
 * have a lock of their own: who merely runs Parley does not download them. To raise a version, change
 * it below, delete tools/buf.lock and run this once with PARLEY_BUF_UNLOCKED=1.
 *
 *   deno run -A tools/buf.ts lint
 */
import { fileURLToPath } from "node:url";

const buf = "npm:@bufbuild/buf@1.74.0";
const generator = "npm:@bufbuild/protoc-gen-es@2.17.0";
const lock = new URL("./buf.lock", import.meta.url);

/** Runs buf with `args` and gives its exit code. */
export async function runBuf(args: string[]): Promise<number> {
  const bin = await Deno.makeTempDir();
  try {
    const deno = Deno.execPath();
    const frozen = Deno.env.get("PARLEY_BUF_UNLOCKED") ? "--frozen=false" : "--frozen";
    const runArgs = [
      "run",
      "--quiet",
      "-A",
      "--no-config",
      `--lock=${fileURLToPath(lock)}`,
      frozen,
    ];
    const run = [deno, ...runArgs].map((word) => `"${word}"`).join(" ");
    const windows = Deno.build.os === "windows";
    const launcher = windows
      ? `@${run} ${generator} %*\r\n`
      : `#!/bin/sh\nexec ${run} ${generator} "$@"\n`;
    const name = windows ? "protoc-gen-es.cmd" : "protoc-gen-es";
    await Deno.writeTextFile(`${bin}/${name}`, launcher, { mode: 0o755 });
    const separator = windows ? ";" : ":";
    const child = new Deno.Command(deno, {
      args: [...runArgs, buf, ...args],
      env: { PATH: `${bin}${separator}${Deno.env.get("PATH") ?? ""}`, DENO_NO_UPDATE_CHECK: "1" },
    }).spawn();
    return (await child.status).code;
  } finally {
    await Deno.remove(bin, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await runBuf(Deno.args));
