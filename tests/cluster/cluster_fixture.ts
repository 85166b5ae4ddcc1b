/**
 * Nodes of a cluster over real NATS servers, in this process, with clients of each.
 */
import { type Client, connect, type ConnectOptions } from "../../lib/client/mod.ts";
import type { LogFacts } from "../../lib/ports/cluster_facts.ts";
import type { ConfigInput } from "../../lib/server/config/config.ts";
import { startJetStream } from "../support/jetstream_servers.ts";
import { NatsServer, startNatsCluster } from "../support/nats_server.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

/** How a cluster is started. */
export interface ClusterFixtureOptions {
  /** The number of servers of NATS. Default: 1. */
  readonly servers?: number;
  /** The number of nodes. Default: 3. */
  readonly nodes?: number;
  /** Whether the nodes have data directories, and share what is kept. Default: false. */
  readonly durable?: boolean;
  /** What the configuration of each node says besides. */
  readonly config?: ConfigInput;
}

/** Whoever writes is replaced when it is silent for so long. */
const SILENCE_MS = 1500;

/** A cluster and its clients, all gone at the end of the test. */
export class ClusterFixture implements AsyncDisposable {
  /** The servers of NATS; those that were ended are followed by those that took their place. */
  nats: NatsServer[] = [];
  readonly nodes: TestServer[] = [];
  readonly #clients: Client[] = [];
  readonly #stopped = new Set<number>();
  readonly #config: ConfigInput;
  /** The folder of data directories and of NATS; null when nothing is kept. */
  readonly #folder: string | null;

  private constructor(config: ConfigInput, folder: string | null) {
    this.#config = config;
    this.#folder = folder;
  }

  static async start(options: ClusterFixtureOptions = {}): Promise<ClusterFixture> {
    const { servers = 1, nodes = 3, durable = false, config = {} } = options;
    const folder = durable ? await Deno.makeTempDir({ prefix: "parley-cluster-" }) : null;
    const fixture = new ClusterFixture(config, folder);
    try {
      fixture.nats = await startNats(servers, folder);
      for (let index = 0; index < nodes; index++) await fixture.addNode(index);
      await fixture.whenLinked();
      return fixture;
    } catch (reason) {
      await fixture[Symbol.asyncDispose]();
      throw reason;
    }
  }

  /** Starts one more node, which prefers the server of NATS with its number. */
  async addNode(index = this.nodes.length): Promise<TestServer> {
    const urls = this.nats.map(({ url }) => url);
    const node = await startServer({
      ...this.#config,
      data: this.dataOf(index),
      listen: { tcp: "127.0.0.1:0", raw: "", unix: "", tls: "", text: "", ...this.#config.listen },
      cluster: {
        servers: [urls[index % urls.length]],
        node: `node-${index}`,
        heartbeat_ms: 50,
        silence_ms: this.#folder === null ? 2000 : SILENCE_MS,
        log_max_bytes: 64 * 1024 * 1024,
        ...this.#config.cluster,
      },
    });
    this.nodes[index] = node;
    this.#stopped.delete(index);
    return node;
  }

  /** The data directory of a node; empty when nothing is kept. */
  dataOf(index: number): string {
    return this.#folder === null ? "" : `${this.#folder}/node-${index}`;
  }

  /** The log as a node sees it. */
  log(index: number): LogFacts {
    return this.nodes[index].server.cluster!.log!;
  }

  /** Resolves with the node that writes, once all that are there know it. */
  async writer(nodes: readonly number[] = [...this.nodes.keys()]): Promise<number> {
    const writes = (index: number) => this.log(index).role === "writer";
    await until(() => {
      const found = nodes.find(writes);
      if (found === undefined) return false;
      const { id } = this.nodes[found].server.cluster!.self;
      return nodes.every((index) => this.log(index).writer === id);
    }, "a node writes, and all know it");
    return nodes.find(writes)!;
  }

  /** Resolves once all nodes have applied what the log holds. */
  async agree(): Promise<void> {
    const last = Math.max(...this.nodes.keys().map((index) => this.log(index).applied));
    await until(
      () => [...this.nodes.keys()].every((index) => this.log(index).applied >= last),
      `all nodes have applied ${last}`,
    );
  }

  /** Ends a node, and resolves when it is gone. */
  async stopNode(index: number): Promise<void> {
    this.#stopped.add(index);
    await this.nodes[index][Symbol.asyncDispose]();
  }

  /** Resolves when every node has a link to every other. */
  async whenLinked(nodes: readonly TestServer[] = this.nodes): Promise<void> {
    const others = nodes.length - 1;
    await until(
      () => nodes.every(({ server }) => server.cluster?.nodes().length === others),
      `links between ${nodes.length} nodes`,
    );
  }

  /** A client of a node. */
  async client(node: number, options: ConnectOptions = {}): Promise<Client> {
    const client = await connect(this.url(node), { reconnect: false, ...options });
    this.#clients.push(client);
    return client;
  }

  /** Where clients reach a node. */
  url(node: number): string {
    return `parley://127.0.0.1:${this.nodes[node].port("tcp")}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    const running = this.nodes.filter((_node, index) => !this.#stopped.has(index));
    await Promise.all(running.map((node) => node[Symbol.asyncDispose]()));
    await Promise.all(this.nats.map((server) => server.kill()));
    if (this.#folder !== null) await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Starts servers of NATS; with a folder, those that have JetStream. */
async function startNats(servers: number, folder: string | null): Promise<NatsServer[]> {
  if (folder !== null) {
    const storeOf = (index: number) => `${folder}/nats-${index}`;
    return servers === 1
      ? [await NatsServer.start({ store: storeOf(0) })]
      : await startJetStream(servers, storeOf);
  }
  return servers === 1 ? [await NatsServer.start()] : await startNatsCluster(servers);
}
