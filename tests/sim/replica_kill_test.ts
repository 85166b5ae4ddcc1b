/**
 * Three nodes that share a log on three servers of NATS, while whoever leads is killed or stopped, and the servers are
 * killed: nothing that was acknowledged is lost, no seq is there twice, and all databases hold the same.
 */
import assert from "node:assert/strict";
import { connect } from "@nats-io/transport-node";
import { jetstreamManager } from "@nats-io/jetstream";
import { streamOf } from "../../lib/adapters/jetstream/open.ts";
import { isStopped, startJetStream } from "../support/jetstream_servers.ts";
import { withNats } from "../support/nats_server.ts";
import { until } from "../support/until.ts";
import { holdsAll, holdTheSame, ReplicaLedger } from "./replica_ledger.ts";

const ROUNDS = Number(Deno.env.get("CLUSTER_ROUNDS") ?? 4);
/** Fail-over takes seconds where eight processes share two cores. */
const PATIENCE_MS = 120_000;

/** One node, in a process that is started again when it was killed. */
class Child {
  leads = false;
  isOpen = false;
  isClosed = false;
  at = -1;
  readonly #ledger: ReplicaLedger;
  readonly #args: readonly string[];
  #process!: Deno.ChildProcess;
  #writer!: WritableStreamDefaultWriter<Uint8Array>;
  #reading!: Promise<void>;

  constructor(ledger: ReplicaLedger, readonly directory: string, node: string, urls: string) {
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

Deno.test(
  withNats(
    "nodes that share a log lose nothing when whoever leads is killed or stands still",
    async () => {
      const folder = await Deno.makeTempDir({ prefix: "parley-cluster-" });
      const servers = await startJetStream(3, (index) => `${folder}/nats${index}`);
      const ledger = new ReplicaLedger();
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
        holdTheSame(children.map(({ directory }) => directory));
        await holdsAll(children[0].directory, ledger);
      } finally {
        for (const child of children) await child.kill();
        for (const server of servers) await server.kill();
        await Deno.remove(folder, { recursive: true });
      }
    },
  ),
);

/** Resolves when so much more was acknowledged. */
async function works(ledger: ReplicaLedger, more: number): Promise<void> {
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
