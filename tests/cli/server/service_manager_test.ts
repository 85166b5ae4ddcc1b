/**
 * A server under a service manager: what it is told at start, while the server runs, at a reload and at the end; and that
 * a manager that cannot be reached harms nobody.
 */
import assert from "node:assert/strict";
import { signsEveryMs } from "../../../lib/server/service_manager.ts";
import { LOCAL, Running } from "../processes.ts";
import { withManager } from "../service_manager.ts";

const ignore = Deno.build.os !== "linux";

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

Deno.test("signs of life come twice in the time that the manager waits, and at most a hundred a second", () => {
  assert.deepEqual([30_000, 100, 20, 1].map(signsEveryMs), [15_000, 50, 10, 10]);
});

for (
  const [name, address] of [
    ["a file", (folder: string) => `${folder}/notify`],
    ["an abstract name", (folder: string) => `@${folder}`],
  ] as const
) {
  Deno.test({
    name: `systemd is told of start, life, reload and stop, through ${name}`,
    ignore,
    fn: () =>
      withManager(address, async (folder, environment, told) => {
        const file = `${folder}/parley.toml`;
        await Deno.writeTextFile(file, "[limits]\nmax_calls = 7\n");
        const watched = { ...environment, WATCHDOG_USEC: "100000" };
        await using server = new Running(["serve", "--config", file, ...LOCAL], watched);
        await until(() => told().some(([first]) => first === "READY=1"));
        const ready = told().find(([first]) => first === "READY=1")!;
        assert.match(ready[1], /^STATUS=serving at tcp 127\.0\.0\.1:\d+, raw 127\.0\.0\.1:\d+$/);
        await until(() => told().filter(([first]) => first === "WATCHDOG=1").length >= 3);

        const states = () => told().map(([first]) => first).filter((each) => each !== "WATCHDOG=1");
        server.child.kill("SIGHUP");
        await until(() => states().length === 3);
        await Deno.writeTextFile(file, "[limits]\nmax_calls = -7\n");
        server.child.kill("SIGHUP");
        await until(() => states().length === 5);
        assert.match(told().findLast(([first]) => first === "READY=1")![1], /former.*max_calls/);
        assert.equal((await server.end("SIGTERM")).code, 0);
        await until(() => states().at(-1) === "STOPPING=1");
        assert.deepEqual(states(), [
          "READY=1",
          "RELOADING=1",
          "READY=1",
          "RELOADING=1",
          "READY=1",
          "STOPPING=1",
        ]);
      }),
  });
}

Deno.test({
  name: "a watchdog of another process is left alone, and a manager that is gone harms nobody",
  ignore,
  fn: () =>
    withManager((folder) => `${folder}/notify`, async (_folder, environment, told) => {
      const others = { ...environment, WATCHDOG_USEC: "20000", WATCHDOG_PID: "1" };
      await using server = new Running(["serve", ...LOCAL], others);
      await until(() => told().length > 0);
      assert.equal((await server.end("SIGTERM")).code, 0);
      assert(told().every(([first]) => first !== "WATCHDOG=1"));
      await using lonely = new Running(["serve", "--log-format", "json", ...LOCAL], {
        NOTIFY_SOCKET: "/nowhere/at/all",
        WATCHDOG_USEC: "20000",
      });
      await lonely.says("the service manager cannot be told");
      const { code, log } = await lonely.end("SIGTERM");
      assert.equal(code, 0);
      assert.equal(log.split("cannot be told").length, 2, "it is said once");
    }),
});
