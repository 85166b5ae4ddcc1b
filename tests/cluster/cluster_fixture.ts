/**
 * Nodes of a cluster over real NATS servers, in this process, with clients of each.
 */
import { type Client, connect, type ConnectOptions } from "../../lib/client/mod.ts";
import type { ConfigInput } from "../../lib/server/config/config.ts";
import { NatsServer, startNatsCluster } from "../support/nats_server.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

/** How a cluster is started. */
export interface ClusterFixtureOptions {
  /** The number of servers of NATS. Default: 1. */
  readonly servers?: number;
  /** The number of nodes. Default: 3. */
  readonly nodes?: number;
  /** What the configuration of each node says besides. */
  readonly config?: ConfigInput;
}

/** A cluster and its clients, all gone at the end of the test. */
export class ClusterFixture implements AsyncDisposable {
  /** The servers of NATS; those that were ended are followed by those that took their place. */
  nats: NatsServer[] = [];
  readonly nodes: TestServer[] = [];
  readonly #clients: Client[] = [];
  readonly #config: ConfigInput;

  private constructor(config: ConfigInput) {
    this.#config = config;
  }

  static async start(options: ClusterFixtureOptions = {}): Promise<ClusterFixture> {
    const fixture = new ClusterFixture(options.config ?? {});
    try {
      const { servers = 1, nodes = 3 } = options;
      fixture.nats = servers === 1 ? [await NatsServer.start()] : await startNatsCluster(servers);
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
      listen: { tcp: "127.0.0.1:0", raw: "", unix: "", tls: "", text: "", ...this.#config.listen },
      cluster: {
        servers: [urls[index % urls.length]],
        node: `node-${index}`,
        heartbeat_ms: 50,
        silence_ms: 2000,
        ...this.#config.cluster,
      },
    });
    this.nodes.push(node);
    return node;
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
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
    await Promise.all(this.nats.map((server) => server.kill()));
  }
}
