/**
 * Nodes of a cluster in one process, without NATS: features over stores that share a log in memory, linked by engines in
 * memory, each with a tcp listener for real clients. Who leads is set by hand.
 */
import { mayFail } from "../../../lib/base/detached.ts";
import { EngineHub, type MemoryEngine } from "../../../lib/adapters/memory/engine.ts";
import { openSqliteStore } from "../../../lib/adapters/sqlite/store.ts";
import { nodeHasher } from "../../../lib/adapters/secrets/node_hasher.ts";
import { listenTcp, type TcpLinkListener } from "../../../lib/adapters/socket/tcp.ts";
import { systemClock } from "../../../lib/base/clock.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../lib/base/limits.ts";
import { type Client, connect, type ConnectOptions } from "../../../lib/client/mod.ts";
import type { AccessSettings } from "../../../lib/logic/access/accounts.ts";
import { QueuePolicies, type QueuePolicy } from "../../../lib/logic/queues/policies.ts";
import { KeepPolicies } from "../../../lib/logic/topics/keep_policies.ts";
import type { Lead } from "../../../lib/ports/lead.ts";
import { Access } from "../../../lib/services/access/access.ts";
import { Cluster } from "../../../lib/services/cluster/cluster.ts";
import { ServerContext } from "../../../lib/services/connection/server_context.ts";
import { Session } from "../../../lib/services/connection/session.ts";
import { ConnectionService } from "../../../lib/services/connection_service.ts";
import { Features } from "../../../lib/services/features.ts";
import { Forwarding } from "../../../lib/services/forwarding/forwarding.ts";
import { SharedWork } from "../../../lib/services/shared_work.ts";
import { revise } from "../../../lib/services/revision.ts";
import { MemoryEntries, MemoryLog } from "../../support/memory_log.ts";
import { ReplicaNode } from "../../support/replica_node.ts";
import { until } from "../../support/until.ts";

/** How nodes are set up, all the same. */
export interface WorldOptions {
  readonly nodes?: number;
  readonly limits?: Partial<Limits>;
  readonly queues?: readonly QueuePolicy[];
  readonly access?: AccessSettings;
}

/** A lead that is set by hand. */
export class ManualLead implements Lead {
  readonly #listeners = new Set<() => void>();
  readonly #self: string;
  #writer: string | undefined;

  constructor(self: string) {
    this.#self = self;
  }

  writer(): string | undefined {
    return this.#writer;
  }

  isWriter(): boolean {
    return this.#writer === this.#self;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  caughtUp(): Promise<void> {
    return Promise.resolve();
  }

  set(writer: string | undefined): void {
    this.#writer = writer;
    for (const listener of this.#listeners) listener();
  }
}

/** One node. */
export class WorldNode {
  readonly id: string;
  readonly features: Features;
  readonly lead: ManualLead;
  readonly replica: ReplicaNode;
  readonly forwarding: Forwarding;
  readonly engine: MemoryEngine;
  readonly sessions = new Set<Session>();
  readonly access: Access | null;
  readonly #cluster: Cluster;
  readonly #work: SharedWork;
  readonly #listener: TcpLinkListener;
  readonly #running = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  #isOver = false;

  static async open(
    id: string,
    { hub, entries, folder }: ForwardingWorld,
    options: WorldOptions,
  ): Promise<WorldNode> {
    const log = new MemoryLog(entries);
    const store = await openSqliteStore({ directory: `${folder}/${id}`, log });
    return new WorldNode(id, hub, new ReplicaNode(store, log), options);
  }

  private constructor(id: string, hub: EngineHub, replica: ReplicaNode, options: WorldOptions) {
    this.id = id;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const features = this.features = new Features(new ServerContext(limits, systemClock, id));
    this.replica = replica;
    const keep = new KeepPolicies([{ pattern: "kept.>" }]);
    features.keep(this.replica.store, keep, new QueuePolicies(options.queues ?? []));
    this.access = options.access === undefined ? null : new Access(features.context, nodeHasher);
    if (this.access !== null) {
      features.ask(this.access, revise);
      this.access.configure(options.access!);
    }
    this.engine = hub.engine({
      id,
      name: id,
      version: "1",
      address: "",
      sinceMs: 1,
      details: {},
    });
    this.#cluster = new Cluster(features, this.engine, "forwarding");
    this.lead = new ManualLead(id);
    this.#work = new SharedWork(features, () => Promise.resolve());
    this.replica.replica.excuse = "another node leads";
    this.forwarding = new Forwarding({
      features,
      engine: this.engine,
      lead: this.lead,
      replica: replica.replica,
    });
    this.#cluster.take(this.forwarding);
    [this.#listener] = listenTcp("tcp", "127.0.0.1", 0);
    this.#accepting = this.#accept();
  }

  /** Leads from now on; nobody is told. */
  async claim(): Promise<void> {
    if (!await this.replica.claim(this.id)) throw new Error("the lead was refused");
    await this.#work.takeUp();
    this.replica.replica.excuse = null;
    this.#work.begin();
  }

  /** Leads no longer; nobody is told. */
  async stepDown(): Promise<void> {
    this.replica.replica.excuse = "another node leads";
    await this.replica.stepDown();
    this.#work.layDown();
  }

  get url(): string {
    return `parley://${this.#listener.address}`;
  }

  /** A connection without a client. */
  connect(): Promise<Deno.Conn> {
    const { port } = new URL(this.url);
    return Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  }

  async #accept(): Promise<void> {
    for await (const link of this.#listener) {
      const { context } = this.features;
      const session = new Session(context, link, "delimited", new ConnectionService(this.features));
      this.sessions.add(session);
      const run: Promise<void> = session.run().finally(() => {
        this.sessions.delete(session);
        this.#running.delete(run);
      });
      this.#running.add(run);
    }
  }

  /** Ends at once, as a process that dies does: nobody is told but by the network. */
  async end(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.close();
    for (const session of this.sessions) session.abort();
    await this.#cluster.close();
    await this.forwarding.close();
    await Promise.all(this.#running);
    await this.#accepting;
    this.features.calls.close();
    this.features.queues?.close();
    await this.replica[Symbol.asyncDispose]();
  }
}

/** Nodes that are one. */
export class ForwardingWorld implements AsyncDisposable {
  readonly hub = new EngineHub();
  readonly entries = new MemoryEntries();
  readonly nodes: WorldNode[] = [];
  readonly #clients: Client[] = [];

  private constructor(readonly folder: string) {}

  /** Starts nodes, of which the first leads. */
  static async start(options: WorldOptions = {}): Promise<ForwardingWorld> {
    const world = new ForwardingWorld(await Deno.makeTempDir({ prefix: "parley-forwarding-" }));
    for (let index = 0; index < (options.nodes ?? 2); index++) {
      world.nodes.push(await WorldNode.open(`node${index}`, world, options));
    }
    await world.lead(0);
    return world;
  }

  /** Has a node lead, and all others follow it. */
  async lead(index: number): Promise<void> {
    const leader = this.nodes[index];
    for (const node of this.nodes) {
      if (node !== leader && node.replica.replica.leads) await node.stepDown();
    }
    await leader.claim();
    for (const node of this.nodes) {
      if (node === leader) continue;
      mayFail(node.replica.follow().ended, "follow");
    }
    for (const node of this.nodes) node.lead.set(leader.id);
  }

  /** Nobody leads. */
  noLead(): void {
    for (const node of this.nodes) node.lead.set(undefined);
  }

  /** A client of a node. */
  async client(index: number, options: ConnectOptions = {}): Promise<Client> {
    const client = await connect(this.nodes[index].url, { reconnect: false, ...options });
    this.#clients.push(client);
    return client;
  }

  /** Resolves when a node hosts so many sessions of others. */
  async hosts(index: number, count: number): Promise<void> {
    const { hosted } = this.nodes[index].forwarding;
    await until(() => hosted.size === count, `${count} hosted sessions`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    for (const node of this.nodes.toReversed()) await node.end();
    await Deno.remove(this.folder, { recursive: true });
  }
}
