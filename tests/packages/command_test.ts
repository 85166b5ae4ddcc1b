/**
 * The npm package of the command as its users have it: packed, installed where there is nothing but Node, and run as
 * `npx parley` does, on the Deno that it brings along. And the manual page, which knows every command.
 */
import assert from "node:assert/strict";
import { manPage } from "../../lib/cli/server/man.ts";
import { makeProgram } from "../../lib/cli/program.ts";
import { processIo } from "../../lib/cli/io.ts";
import { hasNode } from "../interop/node.ts";
import { childEnvironment, outcomeOf, root, run } from "../interop/programs.ts";
import { withManager } from "../cli/service_manager.ts";
import { settles, until } from "../support/until.ts";

Deno.test({
  name: `npx parley runs a server and every command, and stops it in order${
    hasNode ? "" : " (needs Node 20)"
  }`,
  ignore: !hasNode || Deno.build.os === "windows",
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "parley-command-" });
    try {
      await run(Deno.execPath(), ["task", "--quiet", "pack:command", `${folder}/package`]);
      const json = ["--json", "--pack-destination", folder, `${folder}/package`];
      const [{ filename, files }] = JSON.parse(await run("npm", ["pack", ...json]));
      const paths: string[] = files.map(({ path }: { path: string }) => path);
      for (const path of ["man/parley.1", "completions/parley.bash", "server.js", "README.md"]) {
        assert(paths.includes(path), path);
      }
      assert(paths.every((path) => !path.includes("test")));
      await Deno.mkdir(`${folder}/user`);
      await Deno.writeTextFile(`${folder}/user/package.json`, '{"private": true}');
      const quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--prefix", `${folder}/user`];
      await run("npm", ["install", ...quiet, `${folder}/${filename}`]);
      const parley = `${folder}/user/node_modules/.bin/parley`;
      const { version } = JSON.parse(await Deno.readTextFile(`${root}/deno.json`));
      assert.equal((await run(parley, ["--version"])).trim(), version);
      assert.equal((await outcomeOf(parley, ["nonsense"])).code, 2);

      const unix = `${folder}/parley.sock`;
      const listen = [
        "--tcp",
        "",
        "--raw",
        "",
        "--http",
        "127.0.0.1:0",
        "--text",
        "",
        "--unix",
        unix,
      ];
      const serve = async (environment: Record<string, string>, told: () => string[][]) => {
        const server = new Deno.Command("sh", {
          // As systemd starts it: the time of the watchdog is that of the process that it started.
          args: [
            "-c",
            'WATCHDOG_PID=$$ WATCHDOG_USEC=100000 exec "$0" "$@"',
            ...[parley, "serve", "--json", "--data", `${folder}/data`, ...listen],
          ],
          env: childEnvironment(environment),
          clearEnv: true,
          stdout: "piped",
          stderr: "null",
        }).spawn();
        try {
          const reader = server.stdout.getReader();
          const { value } = await settles(reader.read(), "the server listens", 60_000);
          reader.releaseLock();
          const there = ["--server", `unix://${unix}`];
          assert.match(await run(parley, ["health", ...there]), /^ok /);
          assert.match(await run(parley, ["queue", "push", "q", "x", ...there]), /on disk/);
          const pull = ["queue", "pull", "q", "--exec", 'echo "got $(cat)"', "--drain", ...there];
          assert.equal(await run(parley, pull), "got x\n");
          const { listeners } = JSON.parse(new TextDecoder().decode(value));
          const [page] = listeners.find(({ kind }: { kind: string }) => kind === "ws").addresses;
          const { checks } = await (await fetch(`http://${page}/readyz`)).json();
          const disk = checks.find(({ name }: { name: string }) => name === "disk");
          assert.match(disk.reason, /^\d+ bytes are free/);
          if (Deno.build.os === "linux") {
            for (const what of ["READY=1", "WATCHDOG=1"]) {
              await until(() => told().some(([first]) => first === what), `${what} is told`);
            }
          }
        } finally {
          server.kill("SIGTERM");
          await server.stdout.cancel();
        }
        assert.equal((await settles(server.status, "the server has stopped", 60_000)).code, 0);
      };
      if (Deno.build.os !== "linux") await serve({}, () => []);
      else {
        await withManager(
          (folder) => `${folder}/notify`,
          (_folder, environment, told) => serve(environment, told),
        );
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("the manual page knows every command and option, and no line of it is an instruction by chance", () => {
  const program = makeProgram(processIo(), { exitCode: 0 });
  const page = manPage(program);
  assert.match(page, /^\.TH PARLEY 1 /);
  for (const command of program.commands) {
    const { hidden } = command as unknown as { hidden?: boolean };
    const isThere = page.includes(`.SS "parley ${command.name().replaceAll("-", "\\-")}`);
    assert.equal(
      isThere,
      command.name() !== "help" && hidden !== true && command.name() !== "complete",
    );
    for (const { long } of command.options) {
      if (!isThere || long === undefined || long === "--help") continue;
      assert(page.includes(long.replaceAll("-", "\\-")), `${command.name()} ${long}`);
    }
  }
  const known = /^\.(TH|SH|SS|TP|B|BR|I|\\")( |$)/;
  // Readers without a table of characters show nothing else.
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(page, /[^\x00-\x7f]/);
  for (const line of page.split("\n")) {
    assert(!/^[.']/.test(line) || known.test(line), line);
  }
});
