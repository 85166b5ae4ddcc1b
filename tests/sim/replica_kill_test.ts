/**
 * Three nodes that share a log on three servers of NATS, while whoever leads is killed or stopped, and the servers are
 * killed: nothing that was acknowledged is lost, no seq is there twice, and all databases hold the same.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { connect } from "@nats-io/transport-node";
import { jetstreamManager } from "@nats-io/jetstream";
import { streamOf } from "../../lib/adapters/jetstream/open.ts";
import { openSqliteStore } from "../../lib/adapters/sqlite/store.ts";
import { readAll } from "../contract/store_support.ts";
import { isStopped, startJetStream } from "../support/jetstream_servers.ts";
import { withNats } from "../support/nats_server.ts";
import { until } from "../support/until.ts";

const ROUNDS = Number(Deno.env.get("CLUSTER_ROUNDS") ?? 4);
/** Fail-over takes seconds where eight processes share two cores. */
const PATIENCE_MS = 120_000;

/** What was acknowledged by any node: the payload of each seq of each topic, and the ids of jobs. */
class Ledger {
  readonly events = new Map<string, Map<number, string>>();
  readonly jobs = new Map<string, number>();
  acknowledged = 0;

  kept(topic: string, seq: number, payload: string): void {
    if (!this.events.has(topic)) this.events.set(topic, new Map());
    const events = this.events.get(topic)!;
    assert.equal(events.get(seq) ?? payload, payload, `${topic} ${seq} was acknowledged for two`);
    events.set(seq, payload);
    this.acknowledged++;
  }

  pushed(queue: string, id: number): void {
    this.jobs.set(queue, Math.max(this.jobs.get(queue) ?? 0, id));
    this.acknowledged++;
  }
}

/** One node, in a process that is started again when it was killed. */
class Child {
  leads = false;
  isOpen = false;
  isClosed = false;
  at = -1;
  readonly #ledger: Ledger;
  readonly #args: readonly string[];
  #process!: Deno.ChildProcess;
  #writer!: WritableStreamDefaultWriter<Uint8Array>;
  #reading!: Promise<void>;

  constructor(ledger: Ledger, readonly directory: string, node: string, urls: string) {
    this.#ledger = ledger;
    this.#args = [directory, node, urls];
    this.start();
  }

  get pid(): number {
    return this.#process.pid;
  }

  start(): void {
    this.leads = this.isOpen = this.isClosed = false;
    const script = new URL("./replica_child.ts", import.meta.url).pathname;
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "-A", "--quiet", script, ...this.#args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#reading = this.#read(this.#process.stdout);
  }

  async say(line: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(`${line}\n`));
  }

  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  async kill(): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#process.status;
    await this.#reading;
    await this.#writer.close().catch(() => {});
    this.leads = false;
  }

  async end(): Promise<void> {
    await this.say("stop");
    await this.#process.status;
    await this.#reading;
    await this.#writer.close().catch(() => {});
    assert.ok(this.isClosed, "a node ends as it should");
  }

  async #read(output: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const bytes of output) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#take(line.split(" "));
    }
  }

  #take([word, ...values]: string[]): void {
    if (word === "kept") this.#ledger.kept(values[0], Number(values[1]), values[2]);
    else if (word === "pushed") this.#ledger.pushed(values[0], Number(values[1]));
    else if (word === "leads") this.leads = true;
    else if (word === "follows") this.leads = false;
    else if (word === "open") this.isOpen = true;
    else if (word === "closed") this.isClosed = true;
    else if (word === "at") this.at = values[1] === "0" ? Number(values[0]) : -1;
    else throw new Error(`a node said ${word} ${values.join(" ")}`);
  }
}

/** The rows of a database that nodes have in common. */
function rowsOf(directory: string): Record<string, unknown[]> {
  const database = new DatabaseSync(`${directory}/parley.db`, { readOnly: true });
  try {
    const rows = (sql: string) => database.prepare(sql).all();
    return {
      topics: rows("SELECT * FROM topic ORDER BY id"),
      chunks: rows("SELECT * FROM chunk ORDER BY id"),
      states: rows("SELECT * FROM job_states ORDER BY id"),
      records: rows("SELECT * FROM record ORDER BY key"),
      forgotten: rows("SELECT * FROM forgotten"),
    };
  } finally {
    database.close();
  }
}

Deno.test(
  withNats(
    "nodes that share a log lose nothing when whoever leads is killed or stands still",
    async () => {
      const folder = await Deno.makeTempDir({ prefix: "parley-cluster-" });
      const servers = await startJetStream(3, (index) => `${folder}/nats${index}`);
      const ledger = new Ledger();
      const urls = servers.map(({ url }) => url).join();
      const children = ["a", "b", "c"].map((node) =>
        new Child(ledger, `${folder}/${node}`, node, urls)
      );
      try {
        for (let round = 0; round < ROUNDS; round++) {
          await until(
            () => children.every(({ isOpen }) => isOpen),
            "all nodes are there",
            PATIENCE_MS,
          );
          await until(() => children.some(({ leads }) => leads), "a node leads", PATIENCE_MS);
          await works(ledger, 500);
          const leader = children.find(({ leads }) => leads)!;
          if (round % 3 === 0) {
            await leader.kill();
            await works(ledger, 500);
            leader.start();
          } else if (round % 3 === 1) {
            leader.signal("SIGSTOP");
            await isStopped(leader.pid);
            await until(
              () => children.some((one) => one !== leader && one.leads),
              "another node leads",
              PATIENCE_MS,
            );
            await works(ledger, 500);
            leader.signal("SIGCONT");
            await until(() => !leader.leads, "the former one follows", PATIENCE_MS);
          } else {
            const place = await leaderOf(urls);
            await servers[place].kill();
            await works(ledger, 500);
            servers[place] = await servers[place].restart();
          }
          await works(ledger, 500);
        }
        await until(
          () => children.every(({ isOpen }) => isOpen),
          "all nodes are there",
          PATIENCE_MS,
        );
        for (const child of children) await child.say("rest");
        await until(
          () => {
            for (const child of children) void child.say("where");
            return children.every(({ at }) => at > 0 && at === children[0].at);
          },
          "all nodes have applied everything",
          PATIENCE_MS,
        );
        for (const child of children) await child.end();
        const rows = children.map(({ directory }) => rowsOf(directory));
        assert.deepEqual(rows[1], rows[0], "two databases hold the same");
        assert.deepEqual(rows[2], rows[0], "all databases hold the same");
        await holds(children[0].directory, ledger);
      } finally {
        for (const child of children) await child.kill();
        for (const server of servers) await server.kill();
        await Deno.remove(folder, { recursive: true });
      }
    },
  ),
);

/** Resolves when so much more was acknowledged. */
async function works(ledger: Ledger, more: number): Promise<void> {
  const enough = ledger.acknowledged + more;
  await until(() => ledger.acknowledged >= enough, "events are acknowledged", PATIENCE_MS);
}

/** The index of the server that leads the log's stream. */
async function leaderOf(urls: string): Promise<number> {
  const connection = await connect({ servers: urls.split(",") });
  try {
    const manager = await jetstreamManager(connection, { timeout: 5000 });
    const { cluster } = await manager.streams.info(streamOf("sim"));
    return Number(cluster?.leader?.slice(1) ?? 1) - 1;
  } finally {
    await connection.close();
  }
}

/** Fails unless everything that was acknowledged is there, under its number, and no payload twice. */
async function holds(directory: string, ledger: Ledger): Promise<void> {
  const store = await openSqliteStore({ directory });
  try {
    const seen = new Set<string>();
    for (const [name, acknowledged] of ledger.events) {
      const events = await readAll(store, store.topic(name)!, 1000);
      events.forEach(({ seq, payload }, index) => {
        assert.equal(seq, index + 1, `${name} has no gap`);
        assert.ok(!seen.has(payload), `${payload} is there once`);
        seen.add(payload);
      });
      for (const [seq, payload] of acknowledged) {
        assert.equal(events[seq - 1]?.payload, payload, `${name} ${seq} is what was acknowledged`);
      }
    }
    for (const [queue, id] of ledger.jobs) {
      assert.ok(store.jobs.queue(queue)!.lastId >= id, `job ${id} of ${queue} is there`);
    }
  } finally {
    await store.close();
  }
}
