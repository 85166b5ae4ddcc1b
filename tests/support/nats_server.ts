/**
 * Starts real nats-server processes for tests, on ports that the system gives, and ends them in every way there is.
 */
import { mayFail } from "../../lib/base/detached.ts";

/** What a test needs: a name for its title, and whether it is not there. */
export const NATS_SERVER = "nats-server";

/** Whether nats-server is installed. */
export const hasNats: boolean = await (async () => {
  try {
    const { success } = await new Deno.Command(NATS_SERVER, { args: ["--version"] }).output();
    return success;
  } catch {
    return false;
  }
})();

/** The options of a test that needs nats-server: with `name` behind them. */
export function withNats(name: string, fn: () => Promise<void>): Deno.TestDefinition {
  return { name: hasNats ? name : `${name} (install nats-server)`, ignore: !hasNats, fn };
}

/** How a server is started. */
export interface NatsServerOptions {
  /** The port; one that the system gives by default. */
  readonly port?: number;
  /** The name of its cluster; none by default. */
  readonly cluster?: string;
  /** The port for other servers of the cluster; one that the system gives by default. */
  readonly clusterPort?: number;
  /** The name of the server, which JetStream in a cluster needs. */
  readonly name?: string;
  /** Ports for servers of the same cluster that it is to know. */
  readonly routes?: readonly number[];
  /** Where JetStream stores; no JetStream by default. */
  readonly store?: string;
  /** The name of the network namespace in which it listens on all addresses; otherwise it listens on loopback. */
  readonly network?: string;
  /** Further arguments. */
  readonly args?: readonly string[];
}

/** One process. */
export class NatsServer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #options: NatsServerOptions;
  readonly #reading: Promise<void>;

  /** The ports for clients and for other servers; the latter is 0 without a cluster. */
  readonly port: number;
  readonly clusterPort: number;

  private constructor(
    child: Deno.ChildProcess,
    options: NatsServerOptions,
    reading: Promise<void>,
    [port, clusterPort]: readonly [number, number],
  ) {
    this.#child = child;
    this.#options = options;
    this.#reading = reading;
    this.port = port;
    this.clusterPort = clusterPort;
  }

  /** Starts a server; resolves when it is ready. */
  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const { cluster, name, routes = [], store, network } = options;
    const address = network === undefined ? "127.0.0.1" : "0.0.0.0";
    const args = ["-a", address, "-p", String(options.port ?? -1)];
    if (name !== undefined) args.push("-n", name);
    if (cluster !== undefined) {
      args.push("-cluster_name", cluster);
      args.push("-cluster", `nats://127.0.0.1:${options.clusterPort ?? -1}`);
    }
    if (routes.length > 0) {
      args.push("-routes", routes.map((port) => `nats://127.0.0.1:${port}`).join(","));
    }
    if (store !== undefined) args.push("-js", "-sd", store);
    args.push(...options.args ?? []);
    const [program, ...before] = network === undefined
      ? [NATS_SERVER]
      : ["ip", "netns", "exec", network, NATS_SERVER];
    const child = new Deno.Command(program, {
      args: [...before, ...args],
      stderr: "piped",
      stdout: "null",
    }).spawn();
    const lines = child.stderr.pipeThrough(new TextDecoderStream());
    const reader = lines.getReader();
    let text = "";
    // Where it listens for other servers it may say behind that.
    const isReady = () =>
      text.includes("Server is ready") &&
      (cluster === undefined || /route connections on .*?:\d+/.test(text));
    while (!isReady()) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`nats-server ended: ${text}`);
      text += value;
    }
    const portOf = (what: string) =>
      Number(text.match(`${what} connections on .*?:(\\d+)`)?.[1] ?? 0);
    return new NatsServer(child, options, readOn(reader), [portOf("client"), portOf("route")]);
  }

  /** The URL for clients. */
  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Sends a signal. */
  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Ends it, at once unless `signal` says otherwise, and starts one with the same ports and store. */
  async restart(signal: Deno.Signal = "SIGKILL"): Promise<NatsServer> {
    await this.kill(signal);
    const { port, clusterPort } = this;
    return await NatsServer.start({ ...this.#options, port, clusterPort });
  }

  /** Ends it, at once unless `signal` says otherwise. */
  async kill(signal: Deno.Signal = "SIGKILL"): Promise<void> {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended already.
    }
    await this.#child.status;
    await this.#reading;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

/** Starts servers that are one cluster; `storeOf` gives where JetStream of each stores. */
export async function startNatsCluster(
  count: number,
  storeOf: (index: number) => string | undefined = () => undefined,
): Promise<NatsServer[]> {
  const servers: NatsServer[] = [];
  for (let index = 0; index < count; index++) {
    servers.push(
      await NatsServer.start({
        cluster: "test",
        name: `n${index + 1}`,
        routes: servers.map(({ clusterPort }) => clusterPort),
        store: storeOf(index),
      }),
    );
  }
  return servers;
}

/** Reads until the end, so that the process can go on writing. */
function readOn(reader: ReadableStreamDefaultReader<string>): Promise<void> {
  const reading = (async () => {
    while (!(await reader.read()).done);
  })();
  mayFail(reading, "read what nats-server says");
  return reading;
}
