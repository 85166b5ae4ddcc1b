/**
 * Nodes of Parley that share a log on servers of NATS, each a process with a data directory of its own; they can be killed and
 * started again.
 */
import { Child } from "../harness/child.ts";
import { SERVE_ARGS, SERVER_ARGS } from "../harness/subjects.ts";
import { KEPT_TOPIC } from "../load/kept_publisher.ts";
import type { NatsNode } from "./nats_servers.ts";

/** How many there are. */
export const NODES = 3;
const START_SECONDS = 60;
const LOOK_EVERY_MS = 20;
/** A node leads, follows, or has caught up after so long, or the benchmark fails. */
const PATIENCE_MS = 120_000;

/** A node that runs. */
interface RunningNode {
  readonly child: Child;
  readonly port: number;
  readonly httpPort: number;
}

/** All of them. */
export class ParleyNodes implements AsyncDisposable {
  readonly #folder: string;
  readonly #servers: string;
  readonly #nodes: RunningNode[] = [];

  private constructor(folder: string, nats: readonly NatsNode[]) {
    this.#folder = folder;
    this.#servers = nats.map(({ port }) => `nats://127.0.0.1:${port}`).join(",");
  }

  /** Starts them, with their data in `folder`; resolves once one of them leads and the others have caught up. */
  static async start(folder: string, nats: readonly NatsNode[]): Promise<ParleyNodes> {
    const nodes = new ParleyNodes(folder, nats);
    try {
      for (let index = 0; index < NODES; index++) await nodes.startNode(index);
      return nodes;
    } catch (error) {
      await nodes[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The processes. */
  get pids(): number[] {
    return this.#nodes.map(({ child }) => child.pid);
  }

  /** Where clients reach a node. */
  port(index: number): number {
    return this.#nodes[index].port;
  }

  /** Starts a node, once more with the data that it had; resolves once it is ready. */
  async startNode(index: number): Promise<void> {
    const data = `${this.#folder}/node-${index}`;
    const child = Child.start(Deno.execPath(), [
      ...[...SERVER_ARGS, ...SERVE_ARGS, "--data", data, "--cluster", this.#servers],
      ...["--set", `cluster.node=node-${index}`, "--set", `keep=${KEPT_TOPIC}`],
      ...["--set", "listen.unix="],
    ]);
    try {
      const { listeners } = JSON.parse(await child.line(START_SECONDS));
      const portOf = (kind: string): number => {
        const found = listeners.find((each: { kind: string }) => each.kind === kind);
        return Number(found.addresses[0].split(":").at(-1));
      };
      this.#nodes[index] = { child, port: portOf("tcp"), httpPort: portOf("ws") };
      await this.#until(() => this.#isReady(index), `node ${index} is ready`);
    } catch (error) {
      await child.stop();
      throw error;
    }
  }

  /** Ends a node as a machine without power would. */
  async kill(index: number): Promise<void> {
    const { child } = this.#nodes[index];
    Deno.kill(child.pid, "SIGKILL");
    await child.ended;
  }

  /** The node that writes. */
  async writer(): Promise<number> {
    let found = -1;
    await this.#until(async () => {
      for (let index = 0; index < NODES && found < 0; index++) {
        if (await this.#metric(index, "parley_cluster_writer") === 1) found = index;
      }
      return found >= 0;
    }, "a node writes");
    return found;
  }

  /** Resolves once all nodes have applied what the log holds. */
  async agree(): Promise<void> {
    await this.#until(async () => {
      const applied: (number | undefined)[] = [];
      for (let index = 0; index < NODES; index++) {
        applied.push(await this.#metric(index, "parley_cluster_log_applied_sequence"));
      }
      return applied.every((each) => each === applied[0]);
    }, "all nodes have applied the log");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map(({ child }) => child.stop()));
  }

  async #isReady(index: number): Promise<boolean> {
    const { httpPort } = this.#nodes[index];
    const response = await fetch(`http://127.0.0.1:${httpPort}/readyz`);
    await response.body?.cancel();
    return response.ok;
  }

  /** A metric of a node; undefined while it does not answer. */
  async #metric(index: number, name: string): Promise<number | undefined> {
    try {
      const { httpPort } = this.#nodes[index];
      const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
      return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
    } catch {
      return undefined;
    }
  }

  async #until(holds: () => Promise<boolean>, what: string): Promise<void> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    while (!await holds()) {
      if (performance.now() > giveUpAt) {
        throw new Error(`waited ${PATIENCE_MS / 1000} s until ${what}`);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
}
