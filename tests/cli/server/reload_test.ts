/**
 * SIGHUP and parley.toml: what a process takes over, what it names for a restart, and a file that is broken.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { settles } from "../../support/until.ts";
import { COMMAND, Running, runProcess } from "../processes.ts";

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

      await write(
        'deny_addresses = "127.0.0.1"',
        '[limits]\nmax_headers = 9\nmax_calls = 77\n[chat]\nfirst_room = "hall"',
      );
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
      await server.finds(/(?:"keys":\["listen\.deny_addresses","limits\.max_calls"\][^]*){2}/);
      assert(await isGreeted(port));
      const { code, log } = await server.end("SIGTERM");
      assert.equal(code, 0);
      const lines = log.trim().split("\n").map((line) => JSON.parse(line));
      const keys = lines.filter(({ message }) => message.includes("restart")).map((line) =>
        line.keys
      );
      assert.deepEqual(keys, [["chat.first_room"]]);
      const taken = lines.filter(({ message }) => message.includes("in force: ")).map((line) =>
        line.keys
      );
      assert.deepEqual(
        taken[0],
        ["listen.deny_addresses", "limits.max_calls"],
        "an option wins over the file as ever",
      );
      const acts = lines.filter(({ category }) => category === "audit").map((line) => line.message);
      assert.equal(acts[0], "reload by SIGHUP: done");
      assert(
        lines.some(({ reason }) => /parley\.toml:\d+: .*has a prefix of 40 bits/.test(reason)),
      );
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

Deno.test("parley reload has it done, prints what came of it, and ends with 1 when nothing was done", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-reload-" });
  const file = `${folder}/parley.toml`;
  const write = (more: string) =>
    Deno.writeTextFile(
      file,
      `data = ""\n[listen]\nraw = ""\nhttp = ""\ntext = ""\ntcp = "127.0.0.1:0"\n${more}\n`,
    );
  try {
    await write("");
    await using server = new Running(["serve", "--json", "--config", file, "--log-format", "json"]);
    const { listeners } = JSON.parse((await server.lines(1))[0]);
    const environment = { PARLEY_SERVER: listeners[0].urls[0] };
    const reload = (...args: string[]) => runProcess(["reload", ...args], environment);

    const none = await reload();
    assert.deepEqual([none.code, none.stdout, none.stderr], [0, "nothing has changed\n", ""]);

    await write('[limits]\nmax_calls = 7\n[log]\nlevel = "debug"\n[chat]\nfirst_room = "hall"');
    const some = await reload();
    assert.deepEqual([some.code, some.stderr], [0, ""]);
    assert.equal(
      some.stdout,
      'in force: limits.max_calls, log.level\ntakes a restart: chat.first_room: "lobby" → "hall"\n',
    );
    await server.says('"level":"debug"');

    const json = await reload("--json");
    assert.deepEqual(JSON.parse(json.stdout), {
      applied: [],
      waiting: [{ key: "chat.first_room", running: '"lobby"', configured: '"hall"' }],
    });

    await write("[limits]\nmax_calls = 8\nmax_headers = -1");
    const broken = await reload();
    assert.deepEqual([broken.code, broken.stdout], [1, ""]);
    assert.match(broken.stderr, /^parley: .*parley\.toml:9: limits\.max_headers: must be .*\n$/);
    await server.says("the former stays in force");
    await write("");
    assert.match((await reload()).stdout, /^in force: limits\.max_calls, log\.level\n$/);
    if (Deno.build.os !== "windows") assert.equal((await server.end("SIGTERM")).code, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
