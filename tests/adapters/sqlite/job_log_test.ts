/**
 * Jobs on a disk: what a database of the former format becomes, what a copy has, and damage, which is told
 * when the database is opened or when jobs are read, never silent.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { filesOf, openDirectory } from "../../../lib/adapters/sqlite/open.ts";
import { SqliteReader } from "../../../lib/adapters/sqlite/reader.ts";
import { openReader } from "../../../lib/adapters/sqlite/schema.ts";
import { openSqliteStore } from "../../../lib/adapters/sqlite/store.ts";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { DEFAULT_STORE_LIMITS } from "../../../lib/base/store_limits.ts";
import { jobsOf, payloadsIn, push } from "../../contract/job_log_support.ts";
import { append, readAll } from "../../contract/store_support.ts";
import { Random } from "../../support/random.ts";

const text = new TextEncoder();
const CHUNKS = 30;
const CHUNK_JOBS = 3;
const firsts = Array.from({ length: CHUNKS }, (_, index) => index * CHUNK_JOBS + 1);
/** Chunks of these were dropped. */
const gone = firsts.filter((first) => first % 4 === 0);
const left = firsts.filter((first) => first % 4 !== 0);

/** Runs with a directory of its own. */
async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "parley-jobs-" });
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const payloadOf = (id: number) => `job ${id} `.padEnd(40 + (id * 37) % 200, ".");
const statesOf = (first: number) => `states ${first}`;

/** Fills a directory: jobs in chunks, a commit each, with states; some chunks go again. */
async function fill(directory: string): Promise<void> {
  const store = await openSqliteStore({ directory });
  const queue = store.jobs.openQueue("q");
  for (const first of firsts) {
    for (let id = first; id < first + CHUNK_JOBS; id++) {
      push(store, queue, payloadOf(id), { timeMs: id, newChunk: id === first });
    }
    store.jobs.setStates(queue, first, text.encode(statesOf(first)));
    append(store, store.openTopic("q"), "event", { timeMs: first });
    await store.flush();
  }
  for (const first of gone) store.jobs.dropChunk(queue, first);
  await store.close();
}

/** Changes the database; fails unless rows were changed. */
function change(directory: string, sql: string): void {
  const database = new DatabaseSync(filesOf(directory).database);
  try {
    assert(database.prepare(sql).run().changes > 0, sql);
  } finally {
    database.close();
  }
}

/** Opens without Workers and reads every job; raises what that raises, fails when a job is another. */
function inspect(directory: string, fullCheck: boolean): void {
  const { dedupWindowMs, maxDedupEntries } = DEFAULT_STORE_LIMITS;
  const request = {
    directory,
    repair: false,
    fullCheck,
    wallMs: 0,
    dedupWindowMs,
    maxDedupEntries,
  };
  const { writer, snapshot, lock } = openDirectory(request);
  const database = openReader(filesOf(directory).database);
  try {
    const [[queue, chunks]] = snapshot.chunks;
    const page = new SqliteReader(database).readChunks(queue, chunks.map(({ first }) => first));
    assert.deepEqual(chunks.map(({ first }) => first), left);
    for (const { first, states } of chunks) {
      assert.equal(new TextDecoder().decode(states!), statesOf(first));
    }
    const wanted = left.flatMap((first) => [first, first + 1, first + 2]);
    assert.deepEqual(
      jobsOf(page),
      wanted.map((id) => ({ id, timeMs: id, payload: payloadOf(id) })),
    );
  } finally {
    database.close();
    writer.close();
    lock.close();
  }
}

/** The damage that is told; fails unless there is some. */
function damageIn(directory: string, fullCheck: boolean): string {
  try {
    inspect(directory, fullCheck);
  } catch (error) {
    assert(error instanceof ParleyError, String(error));
    assert.equal(error.code, ErrorCode.INTERNAL);
    assert.match(error.message, /the data on disk is damaged/);
    return error.message;
  }
  throw new assert.AssertionError({ message: "the damage is silent" });
}

const LAST = left.at(-1)!;
const chunkRow = (first: number) => `id % 4096 = ${first} AND events = ${CHUNK_JOBS}`;

/** Damages, whether opening tells them without a full check, and what is said. */
const damages: readonly (readonly [sql: string, atStart: boolean, said: RegExp])[] = [
  [`DELETE FROM chunk WHERE ${chunkRow(7)}`, true, /queue "q" has \d+ bytes of jobs, not \d+/],
  [`UPDATE chunk SET bytes = bytes + 1 WHERE ${chunkRow(7)}`, true, /queue "q" has \d+ bytes/],
  [`UPDATE chunk SET events = 7 WHERE ${chunkRow(7)}`, true, /jobs 10 and following of queue "q"/],
  [`UPDATE chunk SET events = 0 WHERE ${chunkRow(7)}`, true, /jobs 7 and following of queue "q"/],
  [`UPDATE chunk SET events = 9 WHERE ${chunkRow(LAST)}`, true, /the last jobs of queue "q"/],
  [`UPDATE chunk SET id = id + 1 WHERE ${chunkRow(7)}`, true, /jobs 10 and following of queue "q"/],
  [
    `UPDATE chunk SET id = id + 1 WHERE ${chunkRow(13)}`,
    false,
    /jobs 14 and following of queue "q"/,
  ],
  [`UPDATE chunk SET events = 2 WHERE ${chunkRow(7)}`, false, /jobs 7 and following of queue "q"/],
  [
    `UPDATE chunk SET data = zeroblob(length(data)) WHERE ${chunkRow(7)}`,
    false,
    /jobs 7 and following of queue "q"/,
  ],
  [`UPDATE chunk SET sum = sum + 1 WHERE ${chunkRow(7)}`, false, /jobs 7 and following/],
  [`UPDATE chunk SET first_ms = 1 WHERE ${chunkRow(7)}`, false, /jobs 7 and following/],
  [
    "UPDATE job_states SET data = zeroblob(length(data)) WHERE id % 4096 = 7",
    true,
    /states of jobs of queue "q"/,
  ],
  ["UPDATE job_states SET sum = sum + 1 WHERE id % 4096 = 7", true, /states of jobs of queue "q"/],
  ["UPDATE job_states SET id = id + 1 WHERE id % 4096 = 7", true, /states of jobs of queue "q"/],
  ["UPDATE topic SET last_seq = last_seq + 1 WHERE name = 'queue q'", true, /queue "q"/],
  ["UPDATE topic SET bytes = bytes + 1 WHERE name = 'queue q'", true, /queue "q"/],
];

Deno.test("sqlite jobs: damaged rows are told when they are loaded, or else when they are read", () =>
  inDirectory(async (whole) => {
    await fill(whole);
    inspect(whole, true);
    inspect(whole, false);
    for (const [sql, atStart, said] of damages) {
      await inDirectory(async (directory) => {
        for (const name of ["parley.db", "parley.mark"]) {
          await Deno.copyFile(`${whole}/${name}`, `${directory}/${name}`);
        }
        change(directory, sql);
        const message = damageIn(directory, false);
        assert.match(message, said, sql);
        assert.equal(message.includes("cannot open data directory"), atStart, sql);
        assert.match(damageIn(directory, true), /cannot open data directory/, sql);
      });
    }
  }));

Deno.test("sqlite jobs: a bit that flips in the database is told, or changes nothing", () =>
  inDirectory(async (whole) => {
    await fill(whole);
    const database = await Deno.readFile(`${whole}/parley.db`);
    const random = new Random(5);
    let told = 0;
    await inDirectory(async (directory) => {
      for (let index = 0; index < 80; index++) {
        await Deno.copyFile(`${whole}/parley.mark`, `${directory}/parley.mark`);
        const damaged = database.slice();
        damaged[random.below(damaged.length)] ^= 1 << random.below(8);
        await Deno.writeFile(`${directory}/parley.db`, damaged);
        try {
          inspect(directory, index % 2 === 0);
        } catch (error) {
          assert(error instanceof ParleyError, `flip ${index}: ${error}`);
          told++;
        }
        await Deno.remove(`${directory}/parley.db`);
      }
    });
    assert(told > 10, `${told} of 80 flips matter`);
  }));

Deno.test("sqlite jobs: the rows of a dropped chunk are gone, and those of its states", () =>
  inDirectory(async (directory) => {
    await fill(directory);
    const database = openReader(filesOf(directory).database);
    const firstsIn = (table: string, where: string) =>
      database.prepare(`SELECT id % 4096 AS first FROM ${table} WHERE ${where} ORDER BY id`).all()
        .map(({ first }) => Number(first));
    assert.deepEqual(firstsIn("chunk", `events = ${CHUNK_JOBS}`), left);
    assert.deepEqual(firstsIn("job_states", "true"), left);
    database.close();
  }));

Deno.test("sqlite jobs: a damaged chunk can be dropped, and the rest goes on", () =>
  inDirectory(async (directory) => {
    await fill(directory);
    change(directory, `UPDATE chunk SET sum = sum + 1 WHERE ${chunkRow(7)}`);
    const store = await openSqliteStore({ directory });
    const queue = store.jobs.openQueue("q");
    await assert.rejects(store.jobs.readChunks(queue, [13, 7], [3, 3]), {
      codeName: "INTERNAL",
      message: /damaged: jobs 7 and following of queue "q"/,
    });
    assert.deepEqual(await payloadsIn(store, queue, 13), [13, 14, 15].map(payloadOf));
    store.jobs.dropChunk(queue, 7);
    await store.flush();
    assert.equal((await payloadsIn(store, queue, 7, 13)).length, 3);
    await store.close();
    await (await openSqliteStore({ directory, fullCheck: true })).close();
  }));

Deno.test("sqlite jobs: a database of format 1 keeps its events and takes jobs", () =>
  inDirectory(async (directory) => {
    const former = await openSqliteStore({ directory });
    const topic = former.openTopic("t");
    for (let seq = 1; seq <= 20; seq++) {
      append(former, topic, `event ${seq}`, { timeMs: seq, messageId: `id${seq}` });
    }
    former.put("key", text.encode("value"), 0, null);
    await former.close();
    const database = new DatabaseSync(filesOf(directory).database);
    database.exec(
      "DROP TABLE job_states; DROP TABLE forgotten; DROP TABLE log_position; " +
        "ALTER TABLE topic DROP COLUMN owner; PRAGMA user_version = 1",
    );
    database.close();

    const store = await openSqliteStore({ directory, fullCheck: true });
    assert.equal(store.epoch, former.epoch);
    const kept = store.openTopic("t");
    assert.deepEqual(
      (await readAll(store, kept)).map(({ payload }) => payload),
      Array.from({ length: 20 }, (_, index) => `event ${index + 1}`),
    );
    assert.equal((await store.get("key"))?.key, "key");
    assert.deepEqual([...store.jobs.queues()], []);
    const queue = store.jobs.openQueue("t");
    assert.equal(push(store, queue, "job"), 1);
    store.jobs.setStates(queue, 1, text.encode("s"));
    await store.close();

    const again = await openSqliteStore({ directory, fullCheck: true });
    assert.deepEqual(await payloadsIn(again, again.jobs.openQueue("t"), 1), ["job"]);
    assert.equal(again.openTopic("t").lastSeq, 20);
    await again.close();
  }));

Deno.test("sqlite jobs: a backup while serving has jobs and their states", () =>
  inDirectory(async (directory) => {
    const store = await openSqliteStore({ directory: `${directory}/data` });
    const queue = store.jobs.openQueue("q");
    const keep = async (count: number) => {
      for (; count > 0; count--) {
        const id = push(store, queue, payloadOf(queue.nextId));
        store.jobs.setStates(queue, id, text.encode(statesOf(id)));
        if (id > 1 && id % 2 === 0) store.jobs.dropChunk(queue, id - 1);
        await store.flush();
      }
    };
    await keep(20);
    await Deno.mkdir(`${directory}/copy`);
    await Promise.all([store.backup(`${directory}/copy/parley.db`), keep(20)]);
    await store.close();

    const copy = await openSqliteStore({ directory: `${directory}/copy`, fullCheck: true });
    const copied = copy.jobs.openQueue("q");
    const { lastId } = copied;
    assert(lastId >= 20 && lastId <= 40);
    const chunks = copy.jobs.takeChunks(copied);
    const wanted = Array.from({ length: lastId }, (_, index) => index + 1)
      .filter((id) => id % 2 === 0 || id === lastId);
    assert.deepEqual(chunks.map(({ first }) => first), wanted, "whole commits");
    for (const { first, states } of chunks) {
      assert.equal(new TextDecoder().decode(states!), statesOf(first));
    }
    assert.deepEqual(await payloadsIn(copy, copied, ...wanted), wanted.map(payloadOf));
    assert.equal(push(copy, copied, "more"), lastId + 1);
    await copy.close();
  }));

Deno.test("sqlite jobs: a batch that drops what is not there fails, and what is left goes on", () =>
  inDirectory(async (directory) => {
    const store = await openSqliteStore({ directory });
    const queue = store.jobs.openQueue("q");
    push(store, queue, "a");
    await store.flush();
    store.jobs.dropChunk(queue, 2);
    push(store, queue, "lost");
    await assert.rejects(store.flush(), {
      message: /jobs 2 and following of queue "q" are missing/,
    });
    assert.equal(push(store, queue, "b"), 2);
    await store.flush();
    assert.deepEqual(await payloadsIn(store, queue, 1, 2), ["a", "b"]);
    await store.close();
  }));
