/**
 * `parley backup`: a copy of a data directory in use is whole, and begins a history of its own.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { startServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import { run } from "../fake_io.ts";
import { LOCAL, Running } from "../processes.ts";

/** So many jobs of 60 kB take a while to be copied. */
const JOBS = 1000;

Deno.test("a backup of a server at work is whole, and another history once it is restored", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-backup-" });
  try {
    const keep = [{ pattern: "k" }];
    let epoch = "";
    {
      await using server = await startServer({ data: `${folder}/data`, keep });
      await using client = await connect(`parley://127.0.0.1:${server.port("tcp")}`);
      epoch = client.welcome.historyEpoch;
      for (let index = 0; index < 50; index++) await client.publish("k", `${index}`);
      let more = true;
      const publishing = (async () => {
        while (more) await client.publish("k", "meanwhile");
      })();
      const args = ["backup", "--data", `${folder}/data`, `${folder}/copy.db`];
      const { code, stdout, stderr } = await run(args);
      more = false;
      await publishing;
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, /^backed up .*copy\.db, [\d.]+ kB\n$/);
      const again = await run(args);
      assert.equal(again.code, 1);
      assert.match(again.stderr, /copy\.db.*it exists/);
    }
    await Deno.mkdir(`${folder}/restored`);
    await Deno.rename(`${folder}/copy.db`, `${folder}/restored/parley.db`);
    await using server = await startServer({ data: `${folder}/restored`, keep });
    await using client = await connect(`parley://127.0.0.1:${server.port("tcp")}`);
    assert.notEqual(client.welcome.historyEpoch, epoch);
    const texts: string[] = [];
    for await (const event of await client.subscribe("k", { since: "all", maxEvents: 50 })) {
      texts.push(new TextDecoder().decode(event.payload));
    }
    assert.deepEqual(texts, Array.from({ length: 50 }, (_, index) => `${index}`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a server that is killed in the middle of a backup over the connection: the command says so, and leaves no file", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-backup-" });
  try {
    await using server = new Running(["serve", "--json", ...LOCAL, "--data", `${folder}/data`]);
    const { listeners } = JSON.parse((await server.lines(1))[0]);
    const [url]: string[] = listeners[0].urls;
    {
      await using client = await connect(url);
      const job = crypto.getRandomValues(new Uint8Array(60_000));
      const queue = client.queue("q");
      await Promise.all(Array.from({ length: JOBS }, () => queue.push(job)));
    }
    await Deno.mkdir(`${folder}/copies`);
    const begun = () =>
      Array.from(Deno.readDirSync(`${folder}/copies`))
        .some(({ name }) => Deno.statSync(`${folder}/copies/${name}`).size > 0);
    await using backup = new Running(["backup", "--server", url, `${folder}/copies/copy.db`]);
    await until(begun, "some of it has come", 120_000);
    await server.end("SIGKILL");
    const { code, log, rest } = await backup.ended();
    assert.deepEqual([code, rest], [1, ""]);
    assert.match(log, /^parley: [^\n]*(lost|closed|ended)[^\n]*\n$/);
    assert.deepEqual(Array.from(Deno.readDirSync(`${folder}/copies`), ({ name }) => name), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what cannot be backed up is said", async () => {
  const none = await run(["backup", "--data", "", "x.db"]);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /in memory only/);
  const missing = await run(["backup", "--data", "nowhere/at/all", "x.db"]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /there is no \/.*nowhere\/at\/all\/parley\.db/);
  assert.equal((await run(["backup"])).code, 2);
});
