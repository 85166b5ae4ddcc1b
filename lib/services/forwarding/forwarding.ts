/**
 * Durable work between the nodes of a cluster: joins the parts of this folder, and brings them up to date with who leads.
 *
 * What a node answers is true on the client's own node when the answer arrives there: it waits until that node has applied
 * what the answer rests upon.
 */
import type { WorkFacts } from "../../ports/cluster_facts.ts";
import type { Engine, NodeInfo } from "../../ports/engine.ts";
import type { Lead } from "../../ports/lead.ts";
import type { Replica } from "../../ports/replica.ts";
import type { Features } from "../features.ts";
import { Applied } from "./applied.ts";
import { Forwarder } from "./forwarder.ts";
import { HostedSessions } from "./hosted_sessions.ts";
import { numberIn, RECORD, type RecordReader } from "./records.ts";
import { WorkChannel } from "./work_channel.ts";

/** What forwarding is made of. */
export interface ForwardingOptions {
  readonly features: Features;
  readonly engine: Engine;
  readonly lead: Lead;
  /** How far this node has come with the log; null where there is none. */
  readonly replica: Pick<Replica, "position"> | null;
}

/** The durable work of one node of a cluster. */
export class Forwarding {
  readonly forwarder: Forwarder;
  readonly hosted: HostedSessions;
  readonly #options: ForwardingOptions;
  readonly #channels = new Map<string, WorkChannel>();
  /** Waits for this node's own part of the log; null where there is none. */
  readonly #applied: Applied | null;
  readonly #ignore: () => void;

  constructor(options: ForwardingOptions) {
    const { features, lead, replica } = options;
    this.#options = options;
    const { clock } = features.context;
    this.#applied = replica === null ? null : new Applied(replica, () => clock.monotonicMs());
    features.cameMore = () => this.#applied?.more();
    this.hosted = new HostedSessions(features, lead);
    this.forwarder = new Forwarder(features, lead, {
      channelTo: (node) => this.#channels.get(node) ?? null,
      endHosted: () => this.hosted.endAll(),
    });
    features.elsewhere = this.forwarder;
    this.#ignore = lead.onChange(() => this.#changed());
  }

  get facts(): WorkFacts {
    const { forwarder, hosted } = this;
    return {
      clients: forwarder.size,
      sessions: hosted.size,
      requestsOut: forwarder.requests,
      requestsIn: hosted.requests,
      requestsLost: forwarder.lost,
    };
  }

  /** The link to a node is there. */
  joined(node: NodeInfo): void {
    const { features, engine } = this.#options;
    const channel = new WorkChannel(features.context, engine, node, {
      take: (channel, record) => this.#take(channel, record),
      endTurn: () => features.bus.endTurn(),
      position: () => this.#options.replica?.position ?? 0,
    });
    this.#channels.set(node.id, channel);
    this.forwarder.look();
  }

  /** The link to a node has ended. */
  left(node: NodeInfo, why: string): void {
    const channel = this.#channels.get(node.id);
    if (channel === undefined) return;
    this.#channels.delete(node.id);
    channel.close(why);
    this.hosted.left(channel);
    this.forwarder.look();
    this.#options.features.bus.endTurn();
  }

  /** Takes what a node has sent. Rejects for what cannot be read. */
  async received(node: NodeInfo, bytes: Uint8Array): Promise<void> {
    await this.#channels.get(node.id)?.take(bytes);
  }

  /** Ends: nothing is handed on, and nothing done for others. */
  async close(): Promise<void> {
    this.#ignore();
    this.forwarder.close();
    for (const { node } of [...this.#channels.values()]) this.left(node, "this node leaves");
    await this.hosted.whenGone();
  }

  #changed(): void {
    const { features, lead } = this.#options;
    if (!lead.isWriter()) this.hosted.endAll();
    // What is published on kept topics goes another way from now on.
    features.bus.flushRun();
    features.bus.forgetMatches();
    this.forwarder.look();
    features.bus.endTurn();
  }

  #take(channel: WorkChannel, record: RecordReader): Promise<void> | void {
    const { kind, session, bytes, start } = record;
    switch (kind) {
      case RECORD.tookAnswers:
        return this.hosted.taken(channel, session, numberIn(bytes, start));
      case RECORD.tookAsked:
        return this.forwarder.taken(channel, session, numberIn(bytes, start));
      case RECORD.position:
        return this.#applied?.until(numberIn(bytes, start));
      case RECORD.answer:
      case RECORD.end:
      case RECORD.closed:
        return this.forwarder.record(channel, record);
      default:
        return this.hosted.record(channel, record);
    }
  }
}
