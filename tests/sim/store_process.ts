/**
 * Runs store_child as a process, and looks at what it left behind.
 */
import assert from "node:assert/strict";
import { openSqliteStore } from "../../lib/adapters/sqlite/store.ts";
import { readAll } from "../contract/store_support.ts";

const child = new URL("./store_child.ts", import.meta.url).pathname;

/** The command line of the child. */
export function childCommand(directory: string, inFlight: number, count?: number): string[] {
  const counted = count === undefined ? [] : [String(count)];
  return [
    Deno.execPath(),
    "run",
    "--no-check",
    "-A",
    child,
    directory,
    String(inFlight),
    ...counted,
  ];
}

/** Runs the child until it has said `lines` lines, kills it, and gives every whole line it said. */
export async function killAfter(
  directory: string,
  inFlight: number,
  lines: number,
): Promise<string[]> {
  const [program, ...args] = childCommand(directory, inFlight);
  const process = new Deno.Command(program, { args, stdout: "piped", stderr: "piped" }).spawn();
  const errors = new Response(process.stderr).text();
  let said = "";
  let killed = false;
  for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
    said += text;
    if (!killed && said.split("\n").length > lines) {
      process.kill("SIGKILL");
      killed = true;
    }
  }
  await process.status;
  assert(killed, `the child ended by itself: ${await errors}`);
  await errors;
  return said.split("\n").slice(0, -1);
}

/** Opens what is left and fails unless each acknowledged event is there and no seq is missing. */
export async function assertKept(directory: string, acknowledged: Iterable<string>): Promise<void> {
  const store = await openSqliteStore({ directory, fullCheck: true });
  try {
    const kept = new Set<string>();
    for (const topic of store.topics()) {
      const events = await readAll(store, topic, 5000);
      assert.equal(events.length, topic.lastSeq, "no gap from the first to the last");
      for (const [index, { seq, payload }] of events.entries()) {
        assert.equal(seq, index + 1);
        assert.equal(payload, `${topic.name} ${seq}`);
        kept.add(payload);
      }
    }
    for (const line of acknowledged) assert(kept.has(line), `${line} was acknowledged and is gone`);
  } finally {
    await store.close();
  }
}
