/**
 * The order of system calls, as the kernel sees it: no acknowledgement before the fsync that covers it,
 * the high-water mark between them; and what a failing disk does to both.
 *
 * strace watches one process with one event in flight, so that each acknowledgement has an fsync of its
 * own. Without strace the tests are ignored, and say so in their names.
 */
import assert from "node:assert/strict";
import { strace, WITHOUT_STRACE } from "../support/strace.ts";
import { assertKept, childCommand } from "./store_process.ts";

/** Runs the child under strace; gives the trace and what the child said. */
async function trace(
  directory: string,
  count: number,
  options: readonly string[],
): Promise<{ calls: string[]; lines: string[] }> {
  const file = `${directory}/trace`;
  const args = ["-f", "-y", "-o", file, ...options, ...childCommand(directory, 1, count)];
  const output = await new Deno.Command(strace!, { args, stdout: "piped", stderr: "piped" })
    .output();
  const said = new TextDecoder().decode(output.stdout);
  assert(output.success, new TextDecoder().decode(output.stderr));
  const calls = (await Deno.readTextFile(file)).split("\n");
  return { calls, lines: said.split("\n").slice(0, -1) };
}

/** What matters of a trace, in the order in which the calls ended. */
function steps(calls: readonly string[]): ("sync" | "mark" | "acknowledge")[] {
  const begun = new Map<string, string>();
  return calls.flatMap((line) => {
    const [thread] = line.split(" ", 1);
    if (line.endsWith("<unfinished ...>")) {
      begun.set(thread, line);
      // An acknowledgement is out when its write begins.
      return /write\(1</.test(line) && !/"open/.test(line) ? ["acknowledge"] : [];
    }
    const resumed = /<\.\.\. \w+ resumed>/.test(line);
    const call = resumed ? begun.get(thread) ?? "" : line;
    if (!/= \d+$/.test(line)) return [];
    if (/(fsync|fdatasync)\(\d+<[^>]*-wal>/.test(call)) return ["sync"];
    if (/write\(\d+<[^>]*parley\.mark>/.test(call)) return ["mark"];
    return !resumed && /write\(1</.test(call) && !/"open/.test(call) ? ["acknowledge"] : [];
  });
}

Deno.test({
  name: `store: strace sees the fsync, then the mark, then the acknowledgement${WITHOUT_STRACE}`,
  ignore: strace === undefined,
  fn: async () => {
    const directory = await Deno.makeTempDir({ prefix: "parley-strace-" });
    try {
      const calls = "trace=fsync,fdatasync,write";
      const { calls: seen, lines } = await trace(directory, 20, ["-e", calls]);
      assert.equal(lines.length, 21);
      // Without that the names of new files could be gone, whatever is in them.
      const named = seen.findIndex((line) =>
        line.includes(`sync(`) && line.includes(`<${directory}>)`)
      );
      const told = seen.findIndex((line) => /write\(1</.test(line));
      assert(named >= 0 && named < told, "the names of the files are durable first");
      let [synced, marked] = [false, false];
      let acknowledged = 0;
      for (const step of steps(seen)) {
        if (step === "sync") [synced, marked] = [true, false];
        else if (step === "mark") marked = synced;
        else {
          assert(synced && marked, `acknowledgement ${acknowledged + 1} came too early`);
          [synced, marked] = [false, false];
          acknowledged++;
        }
      }
      assert.equal(acknowledged, 20);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

for (
  const { what, inject, code } of [
    { what: "EIO from fsync", inject: "fsync:error=EIO:when=20..22", code: "UNAVAILABLE" },
    {
      what: "ENOSPC from write",
      inject: "pwrite64:error=ENOSPC:when=90..110",
      code: "RESOURCE_EXHAUSTED",
    },
  ]
) {
  Deno.test({
    name:
      `store: ${what} fails what is under way, and what is acknowledged later holds${WITHOUT_STRACE}`,
    ignore: strace === undefined,
    fn: async () => {
      const directory = await Deno.makeTempDir({ prefix: "parley-strace-" });
      try {
        const { lines } = await trace(directory, 60, [
          "-e",
          "trace=fsync,pwrite64",
          "-e",
          `inject=${inject}`,
        ]);
        const failed = lines.filter((line) => line.startsWith("failed"));
        assert(failed.length > 0, "the fault was met");
        assert(failed.every((line) => line === `failed ${code}`), failed[0]);
        const kept = lines.filter((line) => line !== "open" && !line.startsWith("failed"));
        assert.equal(kept.length + failed.length, 60);
        assert(lines.lastIndexOf(failed[0]) < lines.length - 1, "it recovered by itself");
        await assertKept(directory, kept);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  });
}
