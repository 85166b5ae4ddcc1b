/**
 * The mark beside the database: it is in the file at once, and synced soon, however often it is written.
 * When it is synced is counted with timers that are held, not measured.
 */
import assert from "node:assert/strict";
import { MarkFile, readMark } from "../../../lib/adapters/sqlite/high_water_mark.ts";
import { MARK_SYNC_AFTER_MS } from "../../../lib/base/store_limits.ts";
import { HeldTimers } from "../../support/held_timers.ts";

/** Syncs of files that are done when a test says so; counted until it is disposed of. */
class HeldSyncs implements Disposable {
  count = 0;
  #end: () => void = () => {};
  readonly #real = Deno.FsFile.prototype.syncData;

  constructor() {
    Deno.FsFile.prototype.syncData = () => {
      this.count++;
      return new Promise((resolve) => this.#end = resolve);
    };
  }

  /** Lets the last one be done, and all that follows from it. */
  async end(): Promise<void> {
    this.#end();
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }

  [Symbol.dispose](): void {
    Deno.FsFile.prototype.syncData = this.#real;
  }
}

async function withMark(use: (mark: MarkFile, path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "parley-mark-" });
  try {
    const path = `${folder}/mark`;
    const mark = MarkFile.create(path, { epoch: "e", commits: 0 });
    try {
      await use(mark, path);
    } finally {
      await mark.close();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a mark is in the file at once, and synced a tenth of a second later", async () => {
  await withMark(async (mark, path) => {
    using syncs = new HeldSyncs();
    using timers = new HeldTimers();
    for (let commits = 1; commits <= 50; commits++) {
      mark.advance(commits);
      assert.deepEqual(readMark(path), { epoch: "e", commits });
    }
    assert.deepEqual(timers.setMs, [MARK_SYNC_AFTER_MS], "one sync for all of them");
    assert.equal(syncs.count, 0);
    assert(timers.goOn());
    assert.equal(syncs.count, 1);
    await syncs.end();
    mark.advance(51);
    assert.deepEqual(timers.setMs, [MARK_SYNC_AFTER_MS, MARK_SYNC_AFTER_MS]);
    assert(timers.goOn());
    assert.equal(syncs.count, 2);
    await syncs.end();
    assert.equal(timers.waiting, 0);
  });
  // What ARCHITECTURE.md says a loss of power can hide.
  assert.equal(1000 / MARK_SYNC_AFTER_MS, 10);
});

Deno.test("a mark that comes while a slow sync is under way is synced after it", async () => {
  await withMark(async (mark) => {
    using syncs = new HeldSyncs();
    using timers = new HeldTimers();
    mark.advance(1);
    assert(timers.goOn());
    mark.advance(2);
    assert(timers.goOn());
    assert.equal(syncs.count, 1, "one at a time");
    await syncs.end();
    assert.equal(syncs.count, 2, "the second mark is not left to chance");
    await syncs.end();
    mark.advance(3);
    assert(timers.goOn());
    assert.equal(syncs.count, 3);
    await syncs.end();
  });
});

Deno.test("the end of a mark is durable, and leaves no timer", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-mark-" });
  try {
    using timers = new HeldTimers();
    const mark = MarkFile.create(`${folder}/mark`, { epoch: "e", commits: 0 });
    mark.advance(7);
    assert.equal(timers.waiting, 1);
    await mark.close();
    assert.equal(timers.waiting, 0);
    assert.deepEqual(readMark(`${folder}/mark`), { epoch: "e", commits: 7 });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
