/**
 * The files of deploy/ are what the server and systemd take.
 */
import assert from "node:assert/strict";
import { resolveConfig } from "../../lib/server/config/config.ts";

const root = new URL("../../deploy/", import.meta.url);
const read = (name: string) => Deno.readTextFile(new URL(name, root));

for (const name of ["parley.toml", "container.toml"]) {
  Deno.test(`${name} is a configuration with users`, async () => {
    const { config } = resolveConfig({ name, text: await read(name) });
    assert.equal(config.insecure, false);
    assert.notEqual(config.auth.users_file, "");
  });
}

Deno.test({
  name: "systemd takes the unit, and finds it well guarded",
  ignore: Deno.build.os !== "linux" || !hasAnalyze(),
  async fn() {
    // The executable need not be where the unit has it.
    const folder = await Deno.makeTempDir({ prefix: "parley-unit-" });
    try {
      const unit = `${folder}/parley.service`;
      const text = await read("parley.service");
      await Deno.writeTextFile(unit, text.replaceAll("/usr/local/bin/parley", "/bin/true"));
      const analyze = (...args: string[]) =>
        new Deno.Command("systemd-analyze", { args: [...args, unit] }).output();
      const verified = await analyze("verify", "--man=no");
      assert.equal(new TextDecoder().decode(verified.stderr), "");
      assert.equal(verified.code, 0);
      // 20 is 2.0 of 10: what is left is the network, and memory that the JIT writes and runs.
      assert.equal((await analyze("security", "--offline=yes", "--threshold=20")).code, 0);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

function hasAnalyze(): boolean {
  try {
    return new Deno.Command("systemd-analyze", { args: ["--version"] }).outputSync().success;
  } catch {
    return false;
  }
}
