/**
 * SIGHUP and parley.toml: what a process takes over, what it names for a restart, and a file that is broken.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { settles } from "../../support/until.ts";
import { COMMAND, Running } from "../processes.ts";

/** Whether a connection is served: the text listener greets, or closes without a word. */
async function isGreeted(port: number): Promise<boolean> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  return await settles(connection.read(new Uint8Array(100)), "a greeting or the end") !== null;
}

Deno.test({
  name: "SIGHUP has parley.toml read again, in the environment and with the options of the start",
  ignore: Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "parley-reload-" });
    const file = `${folder}/parley.toml`;
    const write = (listen: string, more = "") =>
      Deno.writeTextFile(
        file,
        `data = ""\n${more}\n[listen]\ntcp = ""\nraw = ""\nhttp = ""\ntext = "127.0.0.1:0"\n${listen}\n`,
      );
    try {
      await write("");
      const options = ["--config", file, "--log-format", "json", "--set", "limits.max_headers=7"];
      await using server = new Running(["serve", "--json", ...options]);
      const { listeners } = JSON.parse((await server.lines(1))[0]);
      const port = Number(listeners[0].addresses[0].split(":").at(-1));
      assert(await isGreeted(port));

      await write('deny_addresses = "127.0.0.1"', "[limits]\nmax_headers = 9\nmax_calls = 77");
      server.child.kill("SIGHUP");
      await server.says("only a restart can change");
      assert.equal(await isGreeted(port), false);

      await write('deny_addresses = "127.0.0.1/40"');
      server.child.kill("SIGHUP");
      await server.says("the former stays in force");
      assert.equal(await isGreeted(port), false);

      await Deno.remove(file);
      server.child.kill("SIGHUP");
      await server.says("there is no such file");
      assert.equal(await isGreeted(port), false);

      await write("");
      server.child.kill("SIGHUP");
      await server.finds(/(?:"keys":\["listen\.deny_addresses"\][^]*){2}/);
      assert(await isGreeted(port));
      const { code, log } = await server.end("SIGTERM");
      assert.equal(code, 0);
      const lines = log.trim().split("\n").map((line) => JSON.parse(line));
      const keys = lines.filter(({ message }) => message.includes("restart")).map((line) =>
        line.keys
      );
      assert.deepEqual(keys, [["limits.max_calls"]], "an option wins over the file as ever");
      assert(lines.some(({ reason }) => /has a prefix of 40 bits/.test(reason)));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "a parley.toml that was found at the start and is gone changes nothing",
  ignore: Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "parley-reload-" });
    const listen =
      'tcp = ""\nraw = ""\nhttp = ""\ntext = "127.0.0.1:0"\ndeny_addresses = "127.0.0.1"';
    const server = fileURLToPath(new URL("../../../server.ts", import.meta.url));
    const command = COMMAND.map((word) => word === "server.ts" ? server : word);
    const words = ["sh", "-c", 'cd "$0" && exec "$@"', folder, ...command, "serve", "--json"];
    try {
      await Deno.writeTextFile(`${folder}/parley.toml`, `data = ""\n[listen]\n${listen}\n`);
      await using running = new Running([], {}, { words });
      const { listeners } = JSON.parse((await running.lines(1))[0]);
      const port = Number(listeners[0].addresses[0].split(":").at(-1));
      assert.equal(await isGreeted(port), false);
      await Deno.remove(`${folder}/parley.toml`);
      running.child.kill("SIGHUP");
      await running.says("the former stays in force");
      assert.equal(await isGreeted(port), false);
      assert.equal((await running.end("SIGTERM")).code, 0);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
