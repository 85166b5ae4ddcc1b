/**
 * Three servers with data of their own that share a log on three servers of NATS, each a process. The servers of NATS
 * have one network, each node has another one with a cable to it, and a small disk of its own. Clients come over unix
 * sockets, which cables do not matter to: also a node that is cut off is asked.
 */
import { callMethod, type Client, connect } from "../../../lib/client/mod.ts";
import { Cluster, ClusterRole } from "../../../lib/gen/parley/v1/cluster_pb.ts";
import { startJetStream } from "../../support/jetstream_servers.ts";
import type { NatsServer } from "../../support/nats_server.ts";
import { MachinesAroundOne } from "../../support/network.ts";
import { ProgramProcess } from "../../support/program_process.ts";
import { ServeProcess } from "../../support/serve_process.ts";

/** Fail-over takes seconds where six servers share two cores. */
export const PATIENCE_MS = 120_000;
/** The indexes of the nodes. */
export const NODES: readonly number[] = [0, 1, 2];
/** Whoever writes is replaced when it is silent for so long. */
const SILENCE_MS = 1500;
/** The size of a node's disk that is not to be full. */
const ROOM = "1g";
/** What is left of a disk that is to be full. */
const LEFT_BYTES = 64 * 1024;

/** How a node stands with the log, as it says itself. */
interface Standing {
  readonly writes: boolean;
  readonly applied: number;
  /** How many others it has a link to. */
  readonly others: number;
}

/** The servers. */
export class ChaosWorld implements AsyncDisposable {
  readonly nodes: ServeProcess[] = [];
  readonly machines = new MachinesAroundOne(NODES.length);
  nats: NatsServer[] = [];
  readonly #clients = new Set<Client>();
  readonly #asking: Client[] = [];
  readonly #mounted: string[] = [];
  #leaders: ProgramProcess | null = null;

  private constructor(readonly folder: string) {}

  static async start(): Promise<ChaosWorld> {
    const world = new ChaosWorld(await Deno.makeTempDir({ prefix: "parley-chaos-" }));
    try {
      const { machines, folder } = world;
      world.nats = await startJetStream(3, (index) => `${folder}/nats-${index}`, machines.middle);
      for (const index of NODES) {
        await Deno.mkdir(world.disk(index));
        must("mount", "-t", "tmpfs", "-o", `size=${ROOM}`, "tmpfs", world.disk(index));
        world.#mounted.push(world.disk(index));
      }
      await Promise.all(NODES.map((index) => world.startNode(index)));
      for (const index of NODES) world.#asking[index] = await world.client(index);
      await world.writer();
      return world;
    } catch (reason) {
      await world[Symbol.asyncDispose]();
      throw reason;
    }
  }

  /** Where a node's disk is, and its data on it. */
  disk(index: number): string {
    return `${this.folder}/node-${index}`;
  }

  data(index: number): string {
    return `${this.disk(index)}/data`;
  }

  async startNode(index: number): Promise<void> {
    const { machines } = this;
    const middle = machines.middleFrom(index);
    this.nodes[index] = await ServeProcess.start(
      {
        data: this.data(index),
        listen: { tcp: "", tls: "", raw: "", text: "", http: "", unix: `${this.disk(index)}.sock` },
        keep: [{ pattern: "kept.>" }],
        cluster: {
          servers: this.nats.map(({ port }) => `nats://${middle}:${port}`),
          node: `node-${index}`,
          heartbeat_ms: 250,
          silence_ms: SILENCE_MS,
          log_max_bytes: 512 * 1024 * 1024,
        },
      },
      {},
      machines.others[index],
    );
  }

  /** Ends a node at once. */
  async killNode(index: number): Promise<void> {
    await this.nodes[index][Symbol.asyncDispose]();
  }

  /** A client of a node, which comes back when that was away. */
  async client(index: number): Promise<Client> {
    const client = await connect(`unix://${this.disk(index)}.sock`, {
      reconnect: { minMs: 20, maxMs: 200 },
      connectTimeoutMs: 2000,
      requestTimeoutMs: 4000,
      wait: PATIENCE_MS,
    });
    this.#clients.add(client);
    return client;
  }

  async drop(client: Client): Promise<void> {
    this.#clients.delete(client);
    await client.close();
  }

  /** How a node stands; null while it does not say. */
  async standing(index: number): Promise<Standing | null> {
    const client = this.#asking[index];
    if (client.status !== "connected") return null;
    try {
      const { nodes, node, log } = await callMethod(client, Cluster.method.info, {}, {
        timeoutMs: 1000,
      });
      const self = nodes.find(({ id }) => id === node)!;
      return {
        writes: self.role === ClusterRole.WRITER && log?.refusal === "",
        applied: Number(self.appliedSequence),
        others: nodes.length - 1,
      };
    } catch {
      return null;
    }
  }

  /** The one of the nodes that writes. */
  async writer(among = NODES): Promise<number> {
    let found = -1;
    await this.comes("one of the nodes writes", async () => {
      for (const index of among) {
        if ((await this.standing(index))?.writes === true) found = index;
      }
      return found >= 0;
    });
    return found;
  }

  /** Resolves once all nodes are linked, and one of them writes. */
  async whole(): Promise<void> {
    await this.comes("all nodes are there, and one writes", async () => {
      const all = await Promise.all(NODES.map((index) => this.standing(index)));
      return all.every((one) => one?.others === NODES.length - 1) &&
        all.filter((one) => one!.writes).length === 1;
    });
  }

  /** The index of the server of NATS that leads the log. */
  async logLeader(): Promise<number> {
    this.#leaders ??= new ProgramProcess(
      { network: this.machines.middle },
      "./leader_program.ts",
      import.meta.url,
      this.nats.map(({ url }) => url).join(),
    );
    const { leader } = await this.#leaders.ask<{ leader: number }>();
    return leader;
  }

  /** Fills the disk of a node, and gives it room again. */
  fillDisk(index: number): void {
    const told = must("df", "--output=used", "-B1", this.disk(index));
    const used = Number(told.split("\n")[1]);
    this.#resize(index, String(used + LEFT_BYTES));
  }

  clearDisk(index: number): void {
    this.#resize(index, ROOM);
  }

  #resize(index: number, size: string): void {
    must("mount", "-o", `remount,size=${size}`, this.disk(index));
  }

  /** Resolves once `condition` holds. */
  async comes(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    while (!await condition()) {
      if (performance.now() > giveUpAt) throw new Error(`${what}: not after ${PATIENCE_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Closes all clients. */
  async leave(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => this.drop(client)));
  }

  /** Stops all nodes in order. */
  async stop(): Promise<void> {
    for (const index of NODES) {
      const { code, log } = await this.nodes[index].stop();
      if (code !== 0) throw new Error(`a node ended with ${code}: ${log}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
    for (const node of this.nodes) await node?.[Symbol.asyncDispose]();
    await this.#leaders?.kill();
    for (const server of this.nats) await server.kill();
    for (const disk of this.#mounted) must("umount", disk);
    this.machines[Symbol.dispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Runs a program; gives what it prints. */
function must(program: string, ...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command(program, { args }).outputSync();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${text(stderr)}`);
  return text(stdout);
}
