/**
 * Opening a data directory: the lock, formats, copies, repair, and what the errors say.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { checkVersion, MIGRATIONS } from "../../../lib/adapters/sqlite/schema.ts";
import { openSqliteStore } from "../../../lib/adapters/sqlite/store.ts";
import type { Store } from "../../../lib/ports/store.ts";
import { append, readAll } from "../../contract/store_support.ts";

/** Runs with a directory of its own. */
async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "parley-open-" });
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Keeps `count` events in topic `t`, each in a commit of its own. */
async function keep(store: Store, count: number): Promise<void> {
  const topic = store.openTopic("t");
  for (let left = count; left > 0; left--) {
    append(store, topic, `${topic.lastSeq + 1}`);
    await store.flush();
  }
}

Deno.test("sqlite store: a directory has one server at a time", () =>
  inDirectory(async (directory) => {
    const store = await openSqliteStore({ directory });
    await assert.rejects(openSqliteStore({ directory }), {
      codeName: "FAILED_PRECONDITION",
      message: `cannot open data directory ${JSON.stringify(directory)}: another server uses it`,
    });
    await keep(store, 1);
    await store.close();
    await (await openSqliteStore({ directory })).close();
  }));

Deno.test("sqlite store: an empty database of format 0 is brought up to date", () =>
  inDirectory(async (directory) => {
    const database = new DatabaseSync(`${directory}/parley.db`);
    database.exec("PRAGMA user_version = 0; CREATE TABLE other (x); DROP TABLE other");
    database.close();
    const store = await openSqliteStore({ directory });
    await keep(store, 2);
    await store.close();
    const migrated = new DatabaseSync(`${directory}/parley.db`);
    assert.equal(migrated.prepare("PRAGMA user_version").get()?.user_version, MIGRATIONS.length);
    migrated.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}`);
    migrated.close();
    await assert.rejects(openSqliteStore({ directory }), {
      codeName: "FAILED_PRECONDITION",
      message: new RegExp(`format ${MIGRATIONS.length + 1}: it was made by a newer Parley`),
    });
  }));

Deno.test("sqlite store: a file that is no database, and a place that is no directory, are named", () =>
  inDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/parley.db`, "no database at all ".repeat(1000));
    await assert.rejects(openSqliteStore({ directory }), {
      codeName: "INTERNAL",
      message: /damaged/,
    });
    const file = `${directory}/file`;
    await Deno.writeTextFile(file, "");
    await assert.rejects(openSqliteStore({ directory: `${file}/below` }), {
      message: /cannot open data directory/,
    });
  }));

Deno.test("sqlite store: a backup while serving is whole, and opens as a history of its own", () =>
  inDirectory(async (directory) => {
    const store = await openSqliteStore({ directory: `${directory}/data` });
    await keep(store, 20);
    const path = `${directory}/copy/parley.db`;
    await Deno.mkdir(`${directory}/copy`);
    const [copied] = await Promise.all([store.backup(path), keep(store, 20)]);
    assert.equal(copied, undefined);
    await assert.rejects(store.backup(path), { codeName: "ALREADY_EXISTS" });
    await assert.rejects(store.backup(`${directory}/none/copy`), { message: /cannot back up to/ });
    await store.close();

    const copy = await openSqliteStore({ directory: `${directory}/copy`, fullCheck: true });
    const { lastSeq } = copy.openTopic("t");
    assert(lastSeq >= 20 && lastSeq <= 40);
    assert.equal((await readAll(copy, copy.openTopic("t"), 100)).length, lastSeq);
    assert.notEqual(copy.epoch, store.epoch);
    assert.match(copy.warnings.join(), /copy/);
    await keep(copy, 1);
    await copy.close();
    const again = await openSqliteStore({ directory: `${directory}/copy` });
    assert.equal(again.epoch, copy.epoch);
    assert.doesNotMatch(again.warnings.join(), /copy/);
    await again.close();
  }));

Deno.test("sqlite store: a history whose end is lost is refused, and goes on when repaired", () =>
  inDirectory(async (directory) => {
    const store = await openSqliteStore({ directory });
    await keep(store, 5);
    await Deno.copyFile(`${directory}/parley.db`, `${directory}/old`);
    await Deno.copyFile(`${directory}/parley.db-wal`, `${directory}/old-wal`);
    await keep(store, 3);
    await store.close();
    await Deno.rename(`${directory}/old`, `${directory}/parley.db`);
    await Deno.rename(`${directory}/old-wal`, `${directory}/parley.db-wal`);
    await assert.rejects(openSqliteStore({ directory }), {
      codeName: "FAILED_PRECONDITION",
      message: /ends with transaction 5, but 8 were acknowledged: the last 3 are lost/,
      accepted: /--repair/,
    });
    const repaired = await openSqliteStore({ directory, repair: true });
    assert.notEqual(repaired.epoch, store.epoch);
    assert.equal(repaired.openTopic("t").lastSeq, 5);
    await keep(repaired, 1);
    await repaired.close();
    await (await openSqliteStore({ directory })).close();
  }));

Deno.test("sqlite store: versions of SQLite are judged", () => {
  assert.equal(checkVersion("3.51.3"), null);
  assert.equal(checkVersion("3.100.0"), null);
  assert.match(checkVersion("3.50.2") ?? "", /3\.50\.2 can damage its log/);
  assert.throws(() => checkVersion("3.44.9"), { codeName: "FAILED_PRECONDITION" });
});

Deno.test("sqlite store: damage in the middle is an error where it is read, and nowhere else", () =>
  inDirectory(async (directory) => {
    const store = await openSqliteStore({ directory });
    await keep(store, 30);
    await store.close();
    const database = new DatabaseSync(`${directory}/parley.db`);
    const damage = "UPDATE chunk SET data = zeroblob(length(data)) WHERE id % 4096 = 15";
    assert.equal(database.prepare(damage).run().changes, 1);
    database.close();

    await assert.rejects(openSqliteStore({ directory, fullCheck: true }), { message: /damaged/ });
    const damaged = await openSqliteStore({ directory });
    const topic = damaged.openTopic("t");
    const read = (from: number, direction: "forward" | "backward") =>
      damaged.read(topic, { from, direction, maxEvents: 10, maxBytes: 1e6 });
    assert.equal((await read(16, "forward")).count, 10);
    assert.equal((await read(14, "backward")).count, 10);
    for (const direction of ["forward", "backward"] as const) {
      await assert.rejects(read(15, direction), {
        codeName: "INTERNAL",
        message: /damaged: events 15 and following of topic "t"/,
      });
    }
    damaged.setRetention(topic, { maxEvents: 5 });
    await damaged.applyRetention();
    assert.equal(topic.firstSeq, 26, "it can be trimmed away");
    await keep(damaged, 1);
    await damaged.close();
    await (await openSqliteStore({ directory, fullCheck: true })).close();
  }));
