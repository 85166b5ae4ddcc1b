/**
 * A backup over a connection: whole, checked, of one moment, one at a time, gone with its reader, and for those alone who may.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { callMethod, type Client, connect, ParleyError } from "../../../lib/client/mod.ts";
import { Admin } from "../../../lib/gen/parley/v1/admin_pb.ts";
import { run } from "../../cli/fake_io.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import { ask, enterBus, user } from "../../support/users.ts";

const urlOf = (server: TestServer) => `parley://127.0.0.1:${server.port("tcp")}`;
const { startBackup, readBackup, endBackup } = Admin.method;
const isCode = (code: ErrorCode) => (error: unknown) =>
  error instanceof ParleyError && error.code === code;

class Folder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<Folder> {
    return new Folder(await Deno.makeTempDir({ prefix: "parley-backups-" }));
  }

  /** The copies that the server has. */
  copies(): string[] {
    return Array.from(Deno.readDirSync(`${this.path}/data`), ({ name }) => name)
      .filter((name) => name.includes("backup"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

Deno.test("a backup that is read over the connection has all events and jobs of its moment, and a server starts with it", async () => {
  await using folder = await Folder.make();
  const keep = [{ pattern: "k" }];
  for (const kind of ["tcp", "unix", "ws"] as const) {
    const data = `${folder.path}/data`;
    const to = `${folder.path}/${kind}.db`;
    {
      await using server = await startServer({ data, keep });
      await using client = await connect(urlOf(server));
      for (let index = 0; index < 50; index++) await client.publish("k", "x".repeat(20_000));
      for (let index = 0; index < 5; index++) await client.queue("q").push(`${index}`);
      let more = true;
      const publishing = (async () => {
        while (more) await client.publish("k", "meanwhile");
      })();
      const url = kind === "tcp"
        ? urlOf(server)
        : kind === "unix"
        ? `unix://${server.path}`
        : `ws://127.0.0.1:${server.port("ws")}/ws`;
      const { code, stdout, stderr } = await run(["backup", "--server", url, to, "--json"]);
      more = false;
      await publishing;
      assert.deepEqual([code, stderr], [0, ""]);
      const { bytes, sha256, file } = JSON.parse(stdout);
      const text = await Deno.readFile(to);
      assert.deepEqual([file, bytes], [to, text.length]);
      assert.equal(sha256, createHash("sha256").update(text).digest("hex"));
      assert.deepEqual(folder.copies(), []);
      const again = await run(["backup", "--server", url, to]);
      assert.equal(again.code, 1);
      assert.match(again.stderr, /it exists/);
    }
    const restored = `${folder.path}/restored-${kind}`;
    await Deno.mkdir(restored);
    await Deno.rename(to, `${restored}/parley.db`);
    await using server = await startServer({ data: restored, keep });
    await using client = await connect(urlOf(server));
    let events = 0;
    for await (const event of await client.subscribe("k", { since: "all", maxEvents: 50 })) {
      if (event.payload.length === 20_000) events++;
    }
    assert.equal(events, 50);
    const jobs: string[] = [];
    for await (const job of client.queue("q").pull()) {
      jobs.push(job.text());
      await job.ack();
      if (jobs.length >= 5) break;
    }
    assert.deepEqual(jobs, ["0", "1", "2", "3", "4"]);
    await Deno.remove(data, { recursive: true });
  }
  assert.deepEqual(
    Array.from(Deno.readDirSync(folder.path), ({ name }) => name).filter((name) =>
      name.endsWith(".part")
    ),
    [],
  );
});

Deno.test("there is one backup at a time, read in order, and gone when it is ended or its reader is", async () => {
  await using folder = await Folder.make();
  await Deno.mkdir(`${folder.path}/data`);
  await Deno.writeTextFile(`${folder.path}/data/parley.backup-dead.db`, "left over");
  await using server = await startServer({ data: `${folder.path}/data`, keep: [{ pattern: "k" }] });
  await using client = await connect(urlOf(server));
  for (let index = 0; index < 20; index++) await client.publish("k", "x".repeat(50_000));
  const { backupId, bytes } = await callMethod(client, startBackup, {});
  assert.equal(folder.copies().length, 1);
  await assert.rejects(callMethod(client, startBackup, {}), isCode(ErrorCode.RESOURCE_EXHAUSTED));
  const first = await callMethod(client, readBackup, { backupId });
  assert.deepEqual([first.data.length, first.sha256.length], [256 * 1024, 0]);
  const next = BigInt(first.data.length);
  for (const offset of [0n, next - 1n, next + 1n, 2n ** 31n, 2n ** 53n, 2n ** 64n - 1n]) {
    await assert.rejects(
      callMethod(client, readBackup, { backupId, offset }),
      isCode(ErrorCode.INVALID_ARGUMENT),
    );
  }
  assert((await callMethod(client, readBackup, { backupId, offset: next })).data.length > 0);
  assert(bytes > 1_000_000n);
  await assert.rejects(
    callMethod(client, readBackup, { backupId: "other" }),
    isCode(ErrorCode.NOT_FOUND),
  );
  await callMethod(client, endBackup, { backupId });
  assert.deepEqual(folder.copies(), []);
  await assert.rejects(callMethod(client, endBackup, { backupId }), isCode(ErrorCode.NOT_FOUND));
  {
    await using other = await connect(urlOf(server));
    await callMethod(other, startBackup, {});
    assert.equal(folder.copies().length, 1);
  }
  await until(() => folder.copies().length === 0, "the copy of who is gone is removed");
  assert.notEqual((await startSoon(client)).backupId, backupId);
});

/** Starts a backup once the one before is forgotten. */
async function startSoon(client: Client) {
  for (;;) {
    try {
      return await callMethod(client, startBackup, {});
    } catch (reason) {
      if (!isCode(ErrorCode.RESOURCE_EXHAUSTED)(reason)) throw reason;
    }
  }
}

Deno.test("a stop removes a copy that is still read", async () => {
  await using folder = await Folder.make();
  {
    await using server = await startServer({ data: `${folder.path}/data` });
    await using client = await connect(urlOf(server));
    await callMethod(client, startBackup, {});
    assert.equal(folder.copies().length, 1);
  }
  assert.deepEqual(folder.copies(), []);
});

Deno.test("without a data directory, without the permission, or with two places nothing is backed up", async () => {
  await using server = await startServer({
    data: "",
    users: [await user("ada", "admin"), await user("eve", "other")],
    roles: {
      admin: { allow: { manage: "server.backup" } },
      other: { allow: { manage: ["server.reload", "topic.>"] } },
    },
  });
  await using ada = await enterBus(server, "tcp", "ada");
  await using eve = await enterBus(server, "tcp", "eve");
  const none = await ask(ada, startBackup, {});
  assert.equal(none.error?.code, ErrorCode.FAILED_PRECONDITION);
  for (const method of [startBackup, readBackup, endBackup]) {
    const { error } = await ask(eve, method as typeof startBackup, {});
    assert.equal(error?.code, ErrorCode.PERMISSION_DENIED);
    assert.match(error.message, /no permission manage "server\.backup"$/);
  }
  const both = await run(["backup", "--server", urlOf(server), "--data", "d", "x.db"]);
  assert.equal(both.code, 2);
});
