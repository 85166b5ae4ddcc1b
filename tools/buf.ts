/**
 * Runs buf with this Deno first in PATH, so that buf finds the generator.
 *
 * buf comes from npm with its native executable inside, and starts `protoc-gen-es` as a child; a small
 * launcher in a temporary folder stands in for it, since npm packages have no fixed place here.
 * Everything works offline once the packages are cached.
 *
 *   deno run -A tools/buf.ts lint
 */
const buf = "npm:@bufbuild/buf@1.74.0";
const generator = "npm:@bufbuild/protoc-gen-es@2.17.0";

/** Runs buf with `args` and gives its exit code. */
export async function runBuf(args: string[]): Promise<number> {
  const bin = await Deno.makeTempDir();
  try {
    const deno = Deno.execPath();
    const windows = Deno.build.os === "windows";
    const launcher = windows
      ? `@"${deno}" run -A ${generator} %*\r\n`
      : `#!/bin/sh\nexec "${deno}" run -A ${generator} "$@"\n`;
    const name = windows ? "protoc-gen-es.cmd" : "protoc-gen-es";
    await Deno.writeTextFile(`${bin}/${name}`, launcher, { mode: 0o755 });
    const separator = windows ? ";" : ":";
    const child = new Deno.Command(deno, {
      args: ["run", "-A", buf, ...args],
      env: { PATH: `${bin}${separator}${Deno.env.get("PATH") ?? ""}`, DENO_NO_UPDATE_CHECK: "1" },
    }).spawn();
    return (await child.status).code;
  } finally {
    await Deno.remove(bin, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await runBuf(Deno.args));
