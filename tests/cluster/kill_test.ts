/**
 * Three servers with data of their own that share a log on three servers of NATS, while whoever writes is killed or stands
 * still, under load of clients: nothing that was acknowledged is lost, no seq is there twice, and all databases hold the same.
 */
import assert from "node:assert/strict";
import { type Client, connect, ErrorCode, ParleyError } from "../../lib/client/mod.ts";
import { Collector } from "../client/bus_support.ts";
import { holdsAll, holdTheSame, ReplicaLedger } from "../sim/replica_ledger.ts";
import { isStopped, startJetStream } from "../support/jetstream_servers.ts";
import { type NatsServer, withNats } from "../support/nats_server.ts";
import { ServeProcess } from "../support/serve_process.ts";
import { until } from "../support/until.ts";

const ROUNDS = Number(Deno.env.get("CLUSTER_ROUNDS") ?? 3);
/** Fail-over takes seconds where six servers share two cores. */
const PATIENCE_MS = 120_000;
/** Requests that are under way at once. */
const AT_ONCE = 8;

/** What a node says of the cluster's log. */
interface Standing {
  readonly role: string;
  readonly applied: number;
}

/** The servers, and clients of each. */
class Servers implements AsyncDisposable {
  readonly nodes: ServeProcess[] = [];
  readonly #clients: (Client | null)[] = [];

  constructor(readonly folder: string, readonly nats: NatsServer[]) {}

  data(index: number): string {
    return `${this.folder}/node-${index}`;
  }

  async start(index: number): Promise<void> {
    this.nodes[index] = await ServeProcess.start({
      data: this.data(index),
      listen: { tls: "", raw: "", text: "", unix: "" },
      keep: [{ pattern: "kept.>" }],
      cluster: {
        servers: this.nats.map(({ url }) => url),
        node: `node-${index}`,
        silence_ms: 1500,
        log_max_bytes: 256 * 1024 * 1024,
      },
    });
  }

  url(index: number): string {
    return `parley://127.0.0.1:${this.nodes[index].port("tcp")}`;
  }

  /** A client of a node, which is kept. */
  async client(index: number): Promise<Client> {
    const known = this.#clients[index];
    if (known != null) return known;
    return this.#clients[index] = await connect(this.url(index), {
      reconnect: false,
      requestTimeoutMs: 15_000,
    });
  }

  async forget(index: number): Promise<void> {
    const client = this.#clients[index];
    this.#clients[index] = null;
    await client?.close().catch(() => {});
  }

  /** How a node stands; null while it does not answer. */
  async standing(index: number): Promise<Standing | null> {
    try {
      const text = await (await fetch(`http://127.0.0.1:${this.nodes[index].port("ws")}/metrics`))
        .text();
      const valueOf = (name: string) => Number(text.match(`\n${name} (\\S+)`)?.[1] ?? NaN);
      return {
        role: valueOf("parley_cluster_writer") === 1 ? "writer" : "follower",
        applied: valueOf("parley_cluster_log_applied_sequence"),
      };
    } catch {
      return null;
    }
  }

  /** The node that writes. */
  async writer(among = [0, 1, 2]): Promise<number> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    while (performance.now() < giveUpAt) {
      for (const index of among) {
        if ((await this.standing(index))?.role === "writer") return index;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error("no node writes");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const index of this.nodes.keys()) await this.forget(index);
    for (const node of this.nodes) await node[Symbol.asyncDispose]();
    for (const server of this.nats) await server.kill();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Publishes and pushes through whichever node takes it, again and again until it is told to stop. */
class Load {
  readonly ledger = new ReplicaLedger();
  #stops = false;
  #count = 0;
  #last = 0;
  readonly #running: Promise<void>[];

  constructor(readonly servers: Servers) {
    this.#running = Array.from({ length: AT_ONCE }, () => this.#run());
  }

  /** Resolves when so much more was acknowledged. */
  async works(more: number): Promise<void> {
    const enough = this.ledger.acknowledged + more;
    await until(
      () => this.ledger.acknowledged >= enough,
      "events and jobs are acknowledged",
      PATIENCE_MS,
    );
  }

  async stop(): Promise<void> {
    this.#stops = true;
    await Promise.all(this.#running);
  }

  async #run(): Promise<void> {
    while (!this.#stops) {
      const number = ++this.#count;
      const text = `payload-${number}`;
      const options = { messageId: text };
      if (number % 4 === 0) {
        const queue = `work${number % 3}`;
        const { id } = await this.#anywhere((client) => client.queue(queue).push(text, options));
        this.ledger.pushed(queue, Number(id));
      } else {
        const topic = `kept.${number % 5}`;
        const { seq } = await this.#anywhere((client) => client.publish(topic, text, options));
        this.ledger.kept(topic, Number(seq), text);
      }
    }
  }

  /** Tries one node after the other until one takes it; what is tried again has the same message_id. */
  async #anywhere<T>(run: (client: Client) => Promise<T>): Promise<T> {
    for (;;) {
      const index = this.#last;
      try {
        return await run(await this.servers.client(index));
      } catch (error) {
        const { code } = error instanceof ParleyError ? error : { code: 0 };
        const passes = code === ErrorCode.UNAVAILABLE || code === ErrorCode.DEADLINE_EXCEEDED;
        if (!passes) throw error;
        if (!(error as ParleyError).message.includes("node")) await this.servers.forget(index);
        if (this.#last === index) this.#last = (index + 1) % 3;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }
}

/** Pulls from the queues at whichever node writes, and does what it gets. */
class Workers {
  /** The jobs whose settlement was acknowledged, and all that were ever seen. */
  readonly done = new Set<string>();
  /** The jobs whose settlement nobody has answered yet. */
  readonly unsure = new Set<string>();
  readonly #seen = new Set<string>();
  #stops = false;
  #client: Client | null = null;
  readonly #running: Promise<void>;

  constructor(readonly servers: Servers) {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stops = true;
    await this.#client?.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stops) {
      try {
        const writer = await this.servers.writer();
        this.#client = await connect(this.servers.url(writer), {
          reconnect: false,
          requestTimeoutMs: 15_000,
        });
        const client = this.#client;
        await Promise.all([0, 1, 2].map((number) => this.#pull(client, `work${number}`)));
      } catch (error) {
        if (!(error instanceof ParleyError)) throw error;
        await this.#client?.close();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  async #pull(client: Client, queue: string): Promise<void> {
    for await (const job of client.queue(queue).pull({ prefetch: 4 })) {
      const name = `${queue} ${job.id}`;
      assert.ok(!this.done.has(name), `${name} is not given out after it was done`);
      assert.ok(job.redelivered || !this.#seen.has(name), `${name} comes back marked`);
      this.#seen.add(name);
      this.unsure.add(name);
      await job.ack();
      this.unsure.delete(name);
      this.done.add(name);
    }
  }
}

Deno.test(
  withNats(
    "servers that share a log lose nothing when whoever writes is killed or stands still",
    async () => {
      const folder = await Deno.makeTempDir({ prefix: "parley-kill-" });
      const nats = await startJetStream(3, (index) => `${folder}/nats-${index}`);
      await using servers = new Servers(folder, nats);
      for (const index of [0, 1, 2]) await servers.start(index);
      await servers.writer();
      const load = new Load(servers);
      const workers = new Workers(servers);
      for (let round = 0; round < ROUNDS; round++) {
        await load.works(200);
        const writer = await servers.writer();
        const others = [0, 1, 2].filter((index) => index !== writer);
        const { pid } = servers.nodes[writer];
        if (round % 2 === 0) {
          // SIGKILL.
          await servers.nodes[writer][Symbol.asyncDispose]();
          await servers.forget(writer);
          await load.works(200);
          await servers.start(writer);
        } else {
          Deno.kill(pid, "SIGSTOP");
          await isStopped(pid);
          await servers.writer(others);
          Deno.kill(pid, "SIGCONT");
          await load.works(200);
        }
      }
      await load.works(100);
      await load.stop();
      // What was said of some settlements was lost with the node that was asked: their jobs may be done.
      const pushed = [...load.ledger.jobs.values()].reduce((sum, id) => sum + id, 0);
      await until(
        () => workers.done.size + workers.unsure.size >= pushed,
        `all ${pushed} jobs were handed out`,
        PATIENCE_MS,
      );
      await workers.stop();
      const last = (await servers.standing(await servers.writer()))!.applied;
      // One more event, so that every node has something behind all that was acknowledged.
      const got = await Promise.all([0, 1, 2].map(async (index) => {
        const all = new Collector();
        // Those that have published do not get their own events.
        await servers.forget(index);
        await (await servers.client(index)).subscribe("kept.0", { since: "all" }, all.take);
        return all;
      }));
      const most = Math.max(...load.ledger.events.get("kept.0")!.keys());
      for (const all of got) await all.count(most);
      assert.deepEqual(got[1].texts, got[0].texts, "the same order on every node");
      assert.deepEqual(got[2].texts, got[0].texts, "the same order on every node");
      for (const index of [0, 1, 2]) {
        while (((await servers.standing(index))?.applied ?? 0) < last);
      }
      // Who writes is the last: what it does alone would be in no other database.
      const writer = await servers.writer();
      for (const index of [0, 1, 2].toSorted((one) => one === writer ? 1 : -1)) {
        const { code, log } = await servers.nodes[index].stop();
        assert.equal(code, 0, log);
      }
      holdTheSame([0, 1, 2].map((index) => servers.data(index)));
      await holdsAll(servers.data(0), load.ledger);
    },
  ),
);
