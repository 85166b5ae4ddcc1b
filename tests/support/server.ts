/**
 * A server for tests: every listener, on ports the system hands out and a socket in a folder of its own.
 *
 * `await using server = await startServer()` stops it at the end of the test, also when that failed.
 */
import type { ListenerKind } from "../../lib/ports/link.ts";
import { type Config, configFrom, type ConfigInput } from "../../lib/server/config/config.ts";
import { Server, type ServerOptions, type ServerStats } from "../../lib/server/server.ts";
import { inCluster, startClustered } from "./clustered_server.ts";
import { connectTls, writeTestCertificate } from "./certificate.ts";
import { WebSocketPeer } from "./websocket_peer.ts";

/** All listeners of messages, for tests that run over each. */
export const ALL_KINDS: readonly ListenerKind[] = ["tcp", "tls", "unix", "raw", "ws"];

/** What a client needs of a connection. */
export interface PlainConnection {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

/** A running server and where it listens. */
export class TestServer implements AsyncDisposable {
  readonly server: Server;
  /** What it was started with. */
  readonly config: Config;
  readonly #folder: string;
  /** Ends what the server is a part of; null when it is alone. */
  ended: (() => Promise<void>) | null = null;
  /** The nodes of a cluster that take turns in having the next client; empty when this server has all. */
  nodes: readonly TestServer[] = [];
  #asked = 0;

  constructor(server: Server, config: Config, folder: string) {
    this.server = server;
    this.config = config;
    this.#folder = folder;
  }

  /** All addresses of a listener: two for localhost, a path for unix. */
  addresses(kind: ListenerKind): readonly string[] {
    const { server } = this.nodes[this.#asked++ % this.nodes.length] ?? this;
    return server.listeners.find((listener) => listener.kind === kind)?.addresses ?? [];
  }

  /** The port of a listener; the same on every address of it. */
  port(kind: Exclude<ListenerKind, "unix">): number {
    return Number(this.addresses(kind)[0].split(":").at(-1));
  }

  /** The path of the unix socket. */
  get path(): string {
    return this.addresses("unix")[0];
  }

  /** Connects; a client of unix or tcp to its only or first address. */
  connect(kind: ListenerKind, hostname = "127.0.0.1"): Promise<PlainConnection> {
    if (kind === "unix") return Deno.connect({ transport: "unix", path: this.path });
    if (kind === "tls") return connectTls(this.port("tls"), hostname);
    if (kind === "ws") return WebSocketPeer.connect(this.port("ws"), hostname);
    return Deno.connect({ hostname, port: this.port(kind) });
  }

  /** The server's counters. */
  stats(): ServerStats {
    return this.server.stats();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { ended } = this;
    this.ended = null;
    if (ended !== null) return await ended();
    this.server.abort();
    await this.server.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Starts a server; `input` is what parley.toml could say, over listeners on free ports. */
export async function startServer(
  input: ConfigInput = {},
  options: ServerOptions = {},
): Promise<TestServer> {
  if (inCluster && input.cluster === undefined) {
    return await startClustered(input, options, startServer);
  }
  const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
  const listen = {
    tcp: "localhost:0",
    tls: "localhost:0",
    raw: "localhost:0",
    http: "localhost:0",
    text: "localhost:0",
    unix: `${folder}/parley.sock`,
  };
  const tls = { ...await writeTestCertificate(folder), ...input.tls };
  const config = configFrom({ data: "", ...input, tls, listen: { ...listen, ...input.listen } });
  try {
    return new TestServer(
      await Server.start(config, options),
      config,
      folder,
    );
  } catch (reason) {
    await Deno.remove(folder, { recursive: true });
    throw reason;
  }
}
