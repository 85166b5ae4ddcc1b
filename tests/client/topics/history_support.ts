/**
 * What the tests of history share: a server that keeps `kept.>`, a door to it that can be shut, so that
 * connections are lost while the server lives, and servers that are started again at the same port.
 */
import { type Client, connect, type ConnectOptions, type Gap } from "../../../lib/client/mod.ts";
import type { ConfigInput } from "../../../lib/server/config/config.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { Collector, reconnect } from "../bus_support.ts";

/** A port that hands connections on to another, and can cut them all. */
class Door implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.Conn>();
  readonly #tasks: Promise<unknown>[] = [];
  target: number;
  #open = true;

  constructor(target: number) {
    this.target = target;
    this.#tasks.push(this.#accept());
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Cuts every connection, and every new one at once until `open`. */
  shut(): void {
    this.#open = false;
    for (const each of this.#connections) this.#cut(each);
  }

  open(): void {
    this.#open = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.shut();
    await Promise.all(this.#tasks);
  }

  async #accept(): Promise<void> {
    for await (const incoming of this.#listener) {
      if (!this.#open) incoming.close();
      else this.#tasks.push(this.#carry(incoming));
    }
  }

  async #carry(incoming: Deno.Conn): Promise<void> {
    this.#connections.add(incoming);
    try {
      const outgoing = await Deno.connect({ hostname: "127.0.0.1", port: this.target });
      this.#connections.add(outgoing);
      if (!this.#open) this.shut();
      await Promise.all([this.#pipe(incoming, outgoing), this.#pipe(outgoing, incoming)]);
    } catch {
      this.#cut(incoming);
    }
  }

  async #pipe(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (let count; (count = await from.read(buffer)) !== null;) {
        for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
      }
    } catch {
      // Cut.
    }
    this.#cut(from);
    this.#cut(to);
  }

  #cut(connection: Deno.Conn): void {
    if (this.#connections.delete(connection)) connection.close();
  }
}

/** A server, a door to it, and clients, all gone at the end of the test. */
export class HistoryFixture implements AsyncDisposable {
  server: TestServer;
  readonly #door: Door;
  readonly #config: ConfigInput;
  readonly #clients: Client[] = [];

  private constructor(server: TestServer, config: ConfigInput) {
    this.server = server;
    this.#config = config;
    this.#door = new Door(server.port("tcp"));
  }

  static async start(more: ConfigInput = {}): Promise<HistoryFixture> {
    const config = {
      listen: { tcp: "127.0.0.1:0", raw: "", unix: "", text: "" },
      keep: [{ pattern: "kept.>" }],
      ...more,
    };
    return new HistoryFixture(await startServer(config), config);
  }

  /** Where the server is. */
  get url(): string {
    return `parley://127.0.0.1:${this.server.port("tcp")}`;
  }

  /** Where the door is. */
  get doorUrl(): string {
    return `parley://127.0.0.1:${this.#door.port}`;
  }

  /** A client whose connections stay. */
  client(options: ConnectOptions = {}): Promise<Client> {
    return this.#connect(this.url, options);
  }

  /** A client whose connections go through the door. */
  behindDoor(options: ConnectOptions = {}): Promise<Client> {
    return this.#connect(this.doorUrl, { reconnect, ...options });
  }

  /** Cuts the connections through the door, and keeps new ones from being made until `open`. */
  shut(): void {
    this.#door.shut();
  }

  open(): void {
    this.#door.open();
  }

  /** Stops the server and starts it again, with the same data if it has any; opens the door unless told. */
  async restart(more: ConfigInput = {}, open = true): Promise<void> {
    this.shut();
    await this.server[Symbol.asyncDispose]();
    this.server = await startServer({ ...this.#config, ...more });
    this.#door.target = this.server.port("tcp");
    if (open) this.open();
  }

  async #connect(url: string, options: ConnectOptions): Promise<Client> {
    const client = await connect(url, options);
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.#door[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

/** Collects events and gaps. */
export class GapCollector extends Collector {
  readonly gaps: Gap[] = [];
  readonly onGap = (gap: Gap): void => void this.gaps.push(gap);
}

/** Publishes texts on a topic, one after the other. */
export async function publishAll(client: Client, topic: string, texts: readonly string[]) {
  for (const text of texts) await client.publish(topic, text);
}
