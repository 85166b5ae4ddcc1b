/**
 * deploy/cluster/run.sh as a person runs it: clients come in through HAProxy and are seen as who they are, go on when the node
 * that writes is killed, which is started again; and everything stops in its order.
 *
 * Only ports are changed, by the variables that it takes. It needs nats-server and haproxy, which .ci/run installs.
 */
import assert from "node:assert/strict";
import { AckLevel, callMethod, type Client, connect, ParleyError } from "../../lib/client/mod.ts";
import { Admin } from "../../lib/gen/parley/v1/admin_pb.ts";
import { Cluster, type InfoClusterResponse } from "../../lib/gen/parley/v1/cluster_pb.ts";
import { COMMAND, type Finished, Running } from "../cli/processes.ts";
import { Collector } from "../client/bus_support.ts";
import { contentOf, echoMessage } from "../support/frames.ts";
import { hasNats } from "../support/nats_server.ts";
import { type OwnPort, ownPort } from "../support/own_port.ts";
import { SocketClient } from "../support/socket_client.ts";
import { settles } from "../support/until.ts";
import { placeOf } from "./programs.ts";

/** Seven servers start, and one of them is replaced, on a busy machine. */
const PATIENCE_MS = 120_000;
const NODES = ["node-1", "node-2", "node-3"];

/** The cluster, and the ports of its front. */
class Example implements AsyncDisposable {
  readonly running: Running;
  #stopped = false;
  readonly #ports: OwnPort[] = Array.from({ length: 14 }, ownPort);

  constructor(readonly folder: string) {
    const named = (from: number, count: number) =>
      this.#ports.slice(from, from + count).map(({ port }) => port).join(" ");
    this.running = new Running([], {
      PARLEY: COMMAND.join(" "),
      NATS_PORTS: named(0, 3),
      ROUTE_PORTS: named(3, 3),
      TCP_PORTS: named(6, 3),
      HTTP_PORTS: named(9, 3),
      FRONT_PORTS: named(12, 2),
    }, { words: ["bash", "deploy/cluster/run.sh", folder] });
  }

  /** Where HAProxy takes clients. */
  get frontPort(): number {
    return this.#ports[12].port;
  }

  /** The process of something that runs; NaN where there is none. */
  async pid(name: string): Promise<number> {
    return Number(await Deno.readTextFile(`${this.folder}/${name}.pid`).catch(() => "no"));
  }

  /** A client that comes in through HAProxy, and comes back by itself. */
  connect(): Promise<Client> {
    return connect(`parley://127.0.0.1:${this.frontPort}`, { reconnect: { maxMs: 200 } });
  }

  /** Ends it as Ctrl-C does. */
  stop(): Promise<Finished> {
    this.#stopped = true;
    return this.running.end("SIGINT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Killed it would leave all behind that it has started.
    if (!this.#stopped) await this.stop();
    for (const port of this.#ports) port[Symbol.dispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Tries what a cluster refuses for a moment, until it is done. */
async function again<T>(run: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof ParleyError) || performance.now() > giveUpAt) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** How it stands once that is so. */
async function whenIs(
  client: Client,
  holds: (info: InfoClusterResponse) => boolean,
): Promise<InfoClusterResponse> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const info = await again(() => callMethod(client, Cluster.method.info, {}));
    if (holds(info)) return info;
    assert(performance.now() < giveUpAt, JSON.stringify(info.nodes.map(({ name }) => name)));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const missing = [...hasNats ? [] : ["nats-server"], ...placeOf("haproxy") !== "" ? [] : ["haproxy"]]
  .join(", ");

Deno.test({
  name: "the example of a cluster runs, outlives a node, and stops in order" +
    (missing === "" ? "" : ` (install ${missing})`),
  ignore: missing !== "",
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "parley-example-" });
    await using example = new Example(folder);
    await settles(example.running.prints("Ctrl-C stops all of it."), "its start", PATIENCE_MS);
    await using client = await example.connect();
    const publish = (text: string) =>
      again(() => client.publish("orders.eu", text, { messageId: text }));
    const { level } = await publish("one");
    assert.equal(level, AckLevel.REPLICATED);

    const connection = await Deno.connect({ hostname: "127.0.0.1", port: example.frontPort });
    const { port } = connection.localAddr as Deno.NetAddr;
    {
      using socket = new SocketClient(connection, "delimited", 65_536);
      contentOf(await socket.request(echoMessage("x")), "echoMessage");
      const peers: string[] = [];
      for (const name of NODES) {
        await using one = await connect(`unix://${folder}/${name}.sock`, { reconnect: false });
        const { connections } = await callMethod(one, Admin.method.connections, {});
        peers.push(...connections.map(({ peer }) => peer));
      }
      assert(peers.includes(`127.0.0.1:${port}`), `${port} is among ${peers}`);
    }

    const all = (info: InfoClusterResponse) => info.nodes.length === 3 && info.log?.writer !== "";
    const before = await whenIs(client, all);
    const { id, name } = before.nodes.find((node) => node.id === before.log!.writer)!;
    Deno.kill(await example.pid(name), "SIGKILL");
    await publish("two");
    const after = await whenIs(
      client,
      (info) => all(info) && info.nodes.some((node) => node.name === name && node.id !== id),
    );
    assert.notEqual(after.log!.writer, id);
    await publish("three");
    const got = new Collector();
    await using reader = await again(() => example.connect());
    await again(() => reader.subscribe("orders.eu", { since: "all" }, got.take));
    await got.count(3);
    assert.deepEqual(got.texts, ["one", "two", "three"]);

    const { code, rest, log } = await example.stop();
    assert.equal(code, 0, log);
    const stopped = [...rest.matchAll(/^(\S+) has stopped$/gm)].map(([, each]) => each);
    assert.deepEqual(
      stopped,
      ["haproxy", ...NODES.toReversed(), "nats-3", "nats-2", "nats-1"],
      rest,
    );
    for (const each of stopped) assert(Number.isNaN(await example.pid(each)), each);
  },
});
