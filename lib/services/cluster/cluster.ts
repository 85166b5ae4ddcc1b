/**
 * The cluster as one of its nodes takes part in it: other nodes become peers, and hear what is wanted here.
 *
 * Invariants: a node is a peer from the moment in which its link is there until it ends, and whatever it was for, its calls and its share of groups,
 * is then dealt with as for a connection that ends; what goes to a node is what it has said it wants; what has come from a node
 * goes to no other. Non-goals: how bytes travel (ports/engine), and durable work.
 */
import { guard } from "../../base/defects.ts";
import { detached } from "../../base/detached.ts";
import { logger } from "../../base/log.ts";
import { OverflowPolicy } from "../../gen/parley/v1/event_pb.ts";
import { patternFault } from "../../logic/topics/pattern.ts";
import type { ClusterFacts, LogFacts, WorkFacts } from "../../ports/cluster_facts.ts";
import {
  BUS_CHANNEL,
  type Channel,
  type Engine,
  type EngineCounts,
  type EngineListener,
  type NodeInfo,
} from "../../ports/engine.ts";
import { callsOf } from "../calls/peer_calls.ts";
import type { Features } from "../features.ts";
import { subscriptionsOf } from "../topics/peer_topics.ts";
import { type InterestChange, LocalInterest, MAX_TOLD } from "./interest.ts";
import { encodeInterest, inMessages, type InterestMessage } from "./interest_messages.ts";
import { KnownInterest } from "./known_interest.ts";
import { NodeInput } from "./node_input.ts";
import { NodePeer } from "./node_peer.ts";

const log = logger("cluster");

/** One node, while there is a link to it. */
export interface LinkedNode {
  readonly peer: NodePeer;
  readonly input: NodeInput;
  /** The numbers of the last message about interest that it was sent, of the last that it has taken, and of its own last. */
  sent: number;
  known: number;
  taken: number;
}

/** Takes part in durable work between nodes: is told of links as the engine's listener is, and of what comes. */
export interface WorkTaker {
  readonly facts: WorkFacts;
  joined(node: NodeInfo): void;
  left(node: NodeInfo, why: string): void;
  received(from: NodeInfo, bytes: Uint8Array): Promise<void>;
}

/** This node's part. */
export class Cluster implements ClusterFacts, EngineListener {
  whyDown = "it has not been reached yet";
  log: LogFacts | null = null;
  readonly name: string;
  readonly engine: Engine;
  readonly #features: Features;
  readonly #nodes = new Map<string, LinkedNode>();
  readonly #interest: LocalInterest;
  readonly #known = new KnownInterest();
  #work: WorkTaker | null = null;
  /** The number of events that came on links that have ended. */
  #eventsOfFormer = 0;
  /** Changes that leave in a moment. */
  #changes: InterestChange[] = [];

  /** `name` is that of the cluster. */
  constructor(features: Features, engine: Engine, name: string) {
    this.#features = features;
    this.name = name;
    this.engine = engine;
    this.#interest = new LocalInterest((change) => this.#changed(change));
    const { bus, calls: { methods } } = features;
    bus.interest = {
      subscribed: (one) => this.#interest.add(one),
      unsubscribed: (one) => this.#interest.remove(one),
    };
    methods.offered = (method, isOffered) => this.#interest.offer(method, isOffered);
    features.cluster = this;
    engine.open(this);
  }

  get self(): NodeInfo {
    return this.engine.self;
  }

  get isUp(): boolean {
    return this.engine.isUp;
  }

  get servers(): readonly string[] {
    return this.engine.servers;
  }

  get counts(): Readonly<EngineCounts> {
    return this.engine.counts;
  }

  get work(): WorkFacts | null {
    return this.#work?.facts ?? null;
  }

  get eventsIn(): number {
    let events = this.#eventsOfFormer;
    for (const { input } of this.#nodes.values()) events += input.events;
    return events;
  }

  nodes(): readonly NodeInfo[] {
    return [...this.#nodes.values()].map(({ peer }) => peer.info);
  }

  whenKnown(): Promise<void> | null {
    if (this.#nodes.size === 0) return null;
    this.#tellChanges();
    return this.#known.whenKnown(this.#nodes.values());
  }

  /** Has `work` take part in durable work; once. */
  take(work: WorkTaker): void {
    this.#work = work;
    for (const { peer } of this.#nodes.values()) work.joined(peer.info);
  }

  /** Leaves the cluster. */
  async close(): Promise<void> {
    await this.engine.close();
    for (const { peer } of this.#nodes.values()) this.left(peer.info, "this node leaves");
    this.#known.close();
  }

  reachable(isUp: boolean, why: string): void {
    this.whyDown = isUp ? "" : why;
  }

  joined(info: NodeInfo): void {
    const { bus, context } = this.#features;
    const peer = new NodePeer(context, this.engine, info, (outbox) => bus.touch(outbox));
    const input = new NodeInput(this.#features, peer, (message) => this.#heard(node, message));
    const node: LinkedNode = { peer, input, sent: 0, known: 0, taken: 0 };
    this.#nodes.set(info.id, node);
    // What is about to leave is among what is told now.
    this.#tellChanges();
    for (const changes of inMessages(this.#interest.all())) this.#tell(node, changes);
    peer.outbox.flush();
    guard("hand work to a node", () => this.#work?.joined(info));
    if (this.#tellsOfNodes) this.#features.system.nodeJoined(info);
    log.info("the node {node} is there", { node: info.name, id: info.id, version: info.version });
  }

  changed(info: NodeInfo): void {
    const node = this.#nodes.get(info.id);
    if (node !== undefined) node.peer.info = info;
  }

  left(info: NodeInfo, why: string): void {
    const node = this.#nodes.get(info.id);
    if (node === undefined) return;
    this.#nodes.delete(info.id);
    this.#eventsOfFormer += node.input.events;
    if (this.#tellsOfNodes) this.#features.system.nodeLeft(info, why);
    log.info("the node {node} is gone: {why}", { node: info.name, id: info.id, why });
    const { peer } = node;
    const { bus, calls, callouts } = this.#features;
    peer.gone(why);
    guard("take a node from durable work", () => this.#work?.left(info, why));
    this.#known.forget(node);
    guard("take a node from the bus", () => bus.leave(peer));
    guard("take a node from the calls", () => calls.leave(peer));
    guard("take a node from the server's calls", () => callouts.leave(peer));
    detached(this.#handOn(peer), "hand on the events that were for a node");
  }

  async received(from: NodeInfo, channel: Channel, bytes: Uint8Array): Promise<void> {
    if (channel !== BUS_CHANNEL) return await this.#work?.received(from, bytes);
    await this.#nodes.get(from.id)?.input.take(bytes);
  }

  /** Whether this is the node that tells of others, so that system topics say it once: that with the least id. */
  get #tellsOfNodes(): boolean {
    const { id } = this.self;
    return [...this.#nodes.keys()].every((other) => id < other);
  }

  /** Hands on the groups' share of a node that is gone, as far as it was not sent. */
  async #handOn(peer: NodePeer): Promise<void> {
    await peer.outbox.whenIdle();
    this.#features.bus.handOn(peer);
  }

  #changed(change: InterestChange): void {
    this.#changes.push(change);
    if (this.#changes.length > 1) return;
    queueMicrotask(() => guard("tell other nodes what is wanted", () => this.#tellChanges()));
  }

  #tellChanges(): void {
    const changes = this.#changes;
    if (changes.length === 0) return;
    this.#changes = [];
    for (const part of inMessages(changes)) {
      for (const node of this.#nodes.values()) this.#tell(node, part);
    }
    for (const { peer } of this.#nodes.values()) peer.outbox.flush();
  }

  #tell(node: LinkedNode, changes: readonly InterestChange[]): void {
    this.#features.bus.flushRun();
    node.peer.put(encodeInterest({ number: ++node.sent, taken: node.taken, changes }));
  }

  /** Takes what a node tells of its interest. */
  #heard(node: LinkedNode, { number, taken, changes }: InterestMessage): void {
    node.known = Math.max(node.known, taken);
    this.#known.confirmed(node);
    if (number === 0) return;
    node.taken = number;
    for (const change of changes) this.#apply(node, change);
    node.peer.put(encodeInterest({ number: 0, taken: number, changes: [] }));
  }

  #apply({ peer }: LinkedNode, { isWanted, what }: InterestChange): void {
    const { bus, calls: { methods } } = this.#features;
    try {
      if (typeof what === "string") {
        const { endpoint } = callsOf(peer);
        if (!isWanted) methods.unregister(what, endpoint);
        else if (methods.methodsOf(endpoint).length < MAX_TOLD) methods.register(what, endpoint);
        return;
      }
      if (!isWanted) return bus.unsubscribe(peer, what, 0);
      if (patternFault(what.pattern) !== null || subscriptionsOf(peer) > MAX_TOLD) return;
      bus.subscribe(peer, { ...what, echo: false, overflow: OverflowPolicy.DROP_NEWEST });
    } catch (reason) {
      log.warning("the node {node} wants what cannot be: {message}", {
        node: peer.info.name,
        message: (reason as Error).message,
      });
    }
  }
}
