/**
 * A disk that is really full: a small tmpfs with a ballast file on it. Writes fail with a typed error,
 * reads go on, and once the ballast is gone the store goes on by itself, without a gap.
 */
import assert from "node:assert/strict";
import { openSqliteStore } from "../../lib/adapters/sqlite/store.ts";
import { append, readAll, Recorder } from "../contract/store_support.ts";
import { testAsRoot } from "../support/rights_of_root.ts";

async function run(program: string, ...args: string[]): Promise<boolean> {
  return (await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output())
    .success;
}

testAsRoot({
  file: import.meta.url,
  name: "store: a full disk refuses writes, lets reads go on, and heals",
  needs: "mounting a tmpfs needs root or a user namespace",
  fn: async () => {
    const directory = await Deno.makeTempDir({ prefix: "parley-full-" });
    const mounted = await run("mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", directory);
    try {
      assert(mounted, "a tmpfs can be mounted");
      await fillAndHeal(directory);
    } finally {
      if (mounted) await run("umount", directory);
      await Deno.remove(directory, { recursive: true });
    }
  },
});

async function fillAndHeal(directory: string): Promise<void> {
  const ballast = `${directory}/ballast`;
  await Deno.writeFile(ballast, new Uint8Array(3 << 20));
  const store = await openSqliteStore({ directory: `${directory}/data` });
  const recorder = new Recorder();
  store.listen(recorder);
  const topic = store.openTopic("t");
  const payload = (seq: number) => `${seq} `.padEnd(20_000, ".");
  try {
    for (let tries = 0; recorder.errors.length < 3; tries++) {
      assert(tries < 500, "the disk is full at some time");
      assert.equal(
        append(store, topic, payload(topic.lastSeq + 1)),
        topic.lastSeq + 1,
      );
      await store.flush().catch(() => {});
    }
    for (const error of recorder.errors) {
      assert.deepEqual([error.codeName, error.retryable], ["RESOURCE_EXHAUSTED", true]);
    }
    const { lastSeq } = topic;
    assert(lastSeq > 10, `${lastSeq} events fitted`);
    assert.equal((await readAll(store, topic, 20)).length, lastSeq, "reads go on");
    await Deno.remove(ballast);
    for (let more = 1; more <= 10; more++) {
      append(store, topic, payload(lastSeq + more));
    }
    await store.flush();
    assert.equal(topic.lastSeq, lastSeq + 10);
  } finally {
    await store.close();
  }
  const again = await openSqliteStore({ directory: `${directory}/data`, fullCheck: true });
  try {
    const events = await readAll(again, again.openTopic("t"), 20);
    assert.deepEqual(events.map((event) => event.payload), events.map(({ seq }) => payload(seq)));
    assert.equal(events.length, recorder.committedEntries.length);
  } finally {
    await again.close();
  }
}
