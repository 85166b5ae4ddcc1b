/**
 * The engine over core NATS: each node tells all others that it is there, and has a link to each of them.
 *
 * Subjects, under the cluster's name: `NAME.node.all` carries heartbeats, `NAME.node.to.ID.FROM` what one node sends another. A
 * subject names nodes and never a topic, so topics need no translation, and one message carries events of many topics.
 * Whoever is not heard of for `silenceMs` has left; with the connection to NATS all have. Bounded: at most MAX_NODES nodes;
 * further ones are passed over and logged.
 */
import type { NatsConnection, Subscription } from "@nats-io/nats-core";
import { guard } from "../../base/defects.ts";
import { invalidArgument } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type {
  Channel,
  Engine,
  EngineCounts,
  EngineListener,
  NodeInfo,
} from "../../ports/engine.ts";
import type { NatsServers } from "./connection.ts";
import {
  areDetails,
  decodeHead,
  decodeInfo,
  decodeReason,
  encodeInfo,
  HEAD_BYTES,
  isNodeId,
  KIND,
} from "./messages.ts";
import { linkEnded, type LinkHost, NodeLink } from "./node_link.ts";

const log = logger("cluster");

/** The most nodes of a cluster. */
export const MAX_NODES = 64;

/** What an engine needs besides its connection. */
export interface EngineOptions {
  /** The name of the cluster: the first part of all subjects. */
  readonly cluster: string;
  readonly self: NodeInfo;
  /** The time between two heartbeats. */
  readonly heartbeatMs: number;
  /** A node that is not heard of for this time has left. */
  readonly silenceMs: number;
}

/** The other nodes, over NATS. */
export class NatsEngine implements Engine, LinkHost {
  readonly counts: EngineCounts = {
    messagesOut: 0,
    bytesOut: 0,
    messagesIn: 0,
    bytesIn: 0,
    linksBroken: 0,
  };
  self: NodeInfo;
  listener!: EngineListener;
  readonly #nats: NatsServers;
  readonly #options: EngineOptions;
  readonly #links = new Map<string, NodeLink>();
  #connection: NatsConnection | null = null;
  #subscriptions: Subscription[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #tickedMs = 0;
  #closed = false;
  #toldOfTooMany = false;

  constructor(nats: NatsServers, options: EngineOptions) {
    this.#nats = nats;
    this.#options = options;
    this.self = options.self;
  }

  get isUp(): boolean {
    return this.#connection !== null;
  }

  get servers(): readonly string[] {
    return this.#nats.servers;
  }

  open(listener: EngineListener): void {
    this.listener = listener;
    this.#tickedMs = this.nowMs();
    this.#timer = setInterval(
      () => guard("tell other nodes of this one", () => this.#tick()),
      this.#options.heartbeatMs,
    );
    this.#nats.listen((connection, why) => this.#changed(connection, why));
  }

  nodes(): readonly NodeInfo[] {
    return [...this.#links.values()].filter((link) => link.isUp).map((link) => link.info);
  }

  send(to: string, channel: Channel, bytes: Uint8Array): Promise<void> {
    const link = this.#links.get(to);
    return link?.isUp === true ? link.send(channel, bytes) : Promise.reject(linkEnded());
  }

  unlink(to: string, why: string): void {
    this.#links.get(to)?.break(why);
  }

  describe(details: Readonly<Record<string, string>>): void {
    if (!areDetails(details)) {
      throw invalidArgument("cannot tell other nodes such details", {
        accepted: "at most 16 values of at most 256 characters",
      });
    }
    this.self = { ...this.self, details };
    this.#beat(false);
  }

  // deno-lint-ignore require-await
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#beat(true);
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
    this.#unsubscribe();
    this.#connection = null;
  }

  // What links need.

  post(to: string, message: Uint8Array): boolean {
    const connection = this.#connection;
    if (connection === null) return false;
    connection.publish(`${this.#options.cluster}.node.to.${to}.${this.self.id}`, message);
    return true;
  }

  count(out: boolean, bytes: number): void {
    const { counts } = this;
    if (out) {
      counts.messagesOut++;
      counts.bytesOut += bytes;
    } else {
      counts.messagesIn++;
      counts.bytesIn += bytes;
    }
  }

  broke(): void {
    this.counts.linksBroken++;
  }

  nowMs(): number {
    return performance.now();
  }

  #changed(connection: NatsConnection | null, why: string): void {
    if (this.#closed) return;
    if (connection === null) {
      this.#connection = null;
      for (const link of this.#links.values()) link.end("the connection to NATS is lost", false);
      this.#links.clear();
      this.listener.reachable(false, why);
      return;
    }
    const isNew = this.#subscriptions.length === 0 || this.#subscriptions[0].isClosed();
    this.#connection = connection;
    if (isNew) this.#subscribe(connection);
    this.listener.reachable(true, "");
    this.#beat(false);
  }

  /** Subscribes; a connection that comes back has its subscriptions still. */
  #subscribe(connection: NatsConnection): void {
    const { cluster } = this.#options;
    const prefix = `${cluster}.node.to.${this.self.id}.`;
    this.#subscriptions = [
      connection.subscribe(`${prefix}*`, {
        callback: (error, message) => {
          if (error !== null) return this.#refused(error);
          const from = message.subject.slice(prefix.length);
          guard("take a message of another node", () => this.#receive(from, message.data));
        },
      }),
      connection.subscribe(`${cluster}.node.all`, {
        callback: (error, message) => {
          if (error !== null) return this.#refused(error);
          guard("take a heartbeat of another node", () => this.#heard(message.data));
        },
      }),
    ];
  }

  #unsubscribe(): void {
    for (const one of this.#subscriptions) if (!one.isClosed()) one.unsubscribe();
    this.#subscriptions = [];
  }

  #refused({ message }: Error): void {
    log.error("NATS refuses what this node needs: {message}", { message });
  }

  #receive(from: string, message: Uint8Array): void {
    const head = decodeHead(message);
    if (head === null || this.#connection === null || !isNodeId(from)) return;
    const body = message.subarray(HEAD_BYTES);
    const known = this.#links.get(from);
    if (known !== undefined) known.heardMs = this.nowMs();
    if (head.kind === KIND.hello) {
      const info = decodeInfo(body)?.info ?? null;
      if (info?.id !== from) return;
      return this.#linkTo(info)?.receive(head, body, info);
    }
    if (head.kind === KIND.end) known?.ended(head, decodeReason(body));
    else known?.receive(head, body, null);
  }

  #heard(body: Uint8Array): void {
    const heard = decodeInfo(body);
    if (heard === null || heard.info.id === this.self.id || this.#connection === null) return;
    const { info, leaves } = heard;
    const known = this.#links.get(info.id);
    if (leaves) {
      this.#links.delete(info.id);
      return known?.end("it was stopped", false);
    }
    if (known === undefined) return this.#linkTo(info)?.hello();
    known.heardMs = this.nowMs();
    const isOther = JSON.stringify(known.info) !== JSON.stringify(info);
    known.info = info;
    if (isOther && known.isUp) this.listener.changed(info);
  }

  #linkTo(info: NodeInfo): NodeLink | null {
    const known = this.#links.get(info.id);
    if (known !== undefined) return known;
    if (this.#links.size >= MAX_NODES - 1) {
      if (!this.#toldOfTooMany) {
        log.error("the cluster has more than {most} nodes: the node {node} is passed over", {
          most: MAX_NODES,
          node: info.name,
        });
      }
      this.#toldOfTooMany = true;
      return null;
    }
    const link = new NodeLink(this, info);
    this.#links.set(info.id, link);
    return link;
  }

  #beat(leaves: boolean): void {
    this.#connection?.publish(
      `${this.#options.cluster}.node.all`,
      encodeInfo(this.self, leaves),
    );
  }

  #tick(): void {
    const nowMs = this.nowMs();
    // Whoever stood still has heard nobody.
    const stoodStillMs = nowMs - this.#tickedMs - this.#options.heartbeatMs;
    this.#tickedMs = nowMs;
    this.#beat(false);
    for (const [id, link] of this.#links) {
      if (stoodStillMs > this.#options.heartbeatMs) link.heardMs += stoodStillMs;
      if (nowMs - link.heardMs >= this.#options.silenceMs) {
        this.#links.delete(id);
        link.end("nothing is heard of it", true);
      } else link.tick(nowMs);
    }
  }
}
