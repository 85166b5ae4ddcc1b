/**
 * `queue pull` that ends in order, as processes: what it had fetched ahead and neither printed nor given to a
 * program does not count as tried.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { startServer } from "../../support/server.ts";
import { Running, runProcess } from "../processes.ts";

const posix = Deno.build.os !== "windows";
const needsPosix = posix ? "" : " (needs a POSIX shell)";
const JOBS = 40;

Deno.test({
  name: `--count and Ctrl-C leave what was not seen as it was${needsPosix}`,
  ignore: !posix,
  fn: async () => {
    await using server = await startServer({ queue: [{ name: "q", max_deliveries: 2 }] });
    const url = `parley://127.0.0.1:${server.port("tcp")}`;
    const environment = { PARLEY_SERVER: url };
    await using client = await connect(url);
    const queue = client.queue("q");
    const texts = Array.from({ length: JOBS }, (_, index) => String(index));
    await Promise.all(texts.map((text) => queue.push(`${text}\n`)));
    const shown: string[] = [];
    const run = async (...more: string[]) => {
      const { code, stdout, stderr } = await runProcess(
        ["queue", "pull", "q", ...more],
        environment,
      );
      assert.equal(code, 0, stderr);
      shown.push(...stdout.split("\n").filter((line) => line !== ""));
    };
    for (const prefetch of ["64", "7", "1"]) {
      await run("--count", "1", "--raw");
      await run("--count", "2", "--exec", "cat", "--prefetch", prefetch);
    }
    const program = ["--exec", "echo begun >&2; read text; echo $text", "--prefetch", "20"];
    await using stopped = new Running(["queue", "pull", "q", ...program], environment);
    await stopped.says("begun");
    const { code, rest } = await stopped.end("SIGINT");
    assert.equal(code, 0);
    shown.push(...rest.split("\n").filter((line) => line !== ""));
    const { jobs } = await queue.peek({ limit: 1000 });
    assert.deepEqual(jobs.map(({ attempt }) => attempt), Array(JOBS - shown.length).fill(0));
    const { dead, leased } = await queue.info();
    assert.deepEqual([dead, leased], [0, 0]);
    await run("--drain", "--raw");
    assert.deepEqual(shown.toSorted((a, b) => Number(a) - Number(b)), texts);
  },
});
