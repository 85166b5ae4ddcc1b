/**
 * Publishes on the system topics what happens in a server, as long as somebody subscribed to it.
 *
 * Events are gathered and leave together a moment later, so that what is told of never runs within what happens. Each
 * topic has a bounded rate; what is left out is counted, and told on a topic of its own.
 */
import {
  create,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { guard } from "../../base/defects.ts";
import type { CloseReason, LimitName, ParleyError } from "../../base/errors.ts";
import { EventSchema } from "../../gen/parley/v1/event_pb.ts";
import type { Death } from "../../gen/parley/v1/queue_pb.ts";
import {
  ClusterNodeJoinedSchema,
  ClusterNodeLeftSchema,
  ClusterWriterChangedSchema,
  ConfigurationReloadedSchema,
  ConnectedSchema,
  DeadLetterAddedSchema,
  DisconnectedSchema,
  EventsLeftOutSchema,
  IdentifiedSchema,
  LimitHitSchema,
  LoginRefusedSchema,
  SlowConsumerSchema,
  UserChange,
  UserChangedSchema,
} from "../../gen/parley/v1/system_pb.ts";
import type { AccountChange } from "../../logic/access/accounts.ts";
import { TokenBucket } from "../../logic/access/token_bucket.ts";
import type { NodeInfo } from "../../ports/engine.ts";
import type { NoticedPeer, Notices } from "../../ports/notices.ts";
import { SenderStamps } from "../../wire/stamp.ts";
import type { ServerContext } from "../connection/server_context.ts";
import type { Bus } from "../topics/bus.ts";
import type { OwnEvent } from "../topics/own_events.ts";
import { SYSTEM_PREFIX } from "../topics/system_topics.ts";

/** The events of one topic in a second, and at once. */
export const MAX_EVENTS_A_SECOND = 100;
/** The name of the server in what it publishes itself. */
const SERVER_SENDER = "server";

const CHANGES: Readonly<Record<AccountChange["change"], UserChange>> = {
  added: UserChange.ADDED,
  removed: UserChange.REMOVED,
  changed: UserChange.CHANGED,
};

/** One topic. */
interface Channel {
  readonly topic: string;
  readonly bucket: TokenBucket;
  leftOut: number;
}

/** Where a login was tried from. */
interface LoginOrigin {
  readonly connection: number;
  readonly sessionId: string;
  readonly listener: string;
  readonly address: string;
  readonly client: { readonly name: string; readonly library: string };
}

/** The system topics of one server. */
export class SystemEvents implements Notices {
  readonly #context: ServerContext;
  readonly #bus: Bus;
  readonly #stamps = new SenderStamps(SERVER_SENDER);
  readonly #channels = new Map<string, Channel>();
  #leaving: OwnEvent[] = [];

  constructor(context: ServerContext, bus: Bus) {
    this.#context = context;
    this.#bus = bus;
  }

  connected(peer: NoticedPeer): void {
    this.#tell("connected", ConnectedSchema, () => ({ connection: infoOf(peer) }));
  }

  identified(peer: NoticedPeer): void {
    this.#tell("identified", IdentifiedSchema, () => ({ connection: infoOf(peer) }));
  }

  disconnected(peer: NoticedPeer, closeReason: CloseReason, reason: string): void {
    const message = () => ({ connection: infoOf(peer), closeReason, reason });
    this.#tell("disconnected", DisconnectedSchema, message);
  }

  endedAsSlow(peer: NoticedPeer): void {
    const message = () => ({ connection: infoOf(peer), ended: true });
    this.#tell("slow_consumer", SlowConsumerSchema, message);
  }

  loses(peer: NoticedPeer, topic: string): void {
    const message = () => ({ connection: infoOf(peer), topic });
    this.#tell("slow_consumer", SlowConsumerSchema, message);
  }

  limitHit(limit: LimitName, { message: reason }: ParleyError, by: NoticedPeer | string): void {
    const who = typeof by === "string" ? { address: by } : { connection: infoOf(by) };
    this.#tell("limit_hit", LimitHitSchema, () => ({ limit, reason, ...who }));
  }

  deadLetter(death: Death): void {
    this.#tell("dead_letter", DeadLetterAddedSchema, () => ({ death }));
  }

  /** The configuration was read again. */
  reloaded(applied: readonly string[], waiting: readonly string[]): void {
    const message = () => ({ applied: [...applied], waiting: [...waiting] });
    this.#tell("configuration_reloaded", ConfigurationReloadedSchema, message);
  }

  /** A password was wrong: that of `user`, which may be empty. */
  loginRefused({ connection, sessionId, listener, address, client }: LoginOrigin, user: string) {
    const info = {
      ...{ connection: BigInt(connection), sessionId, listener, peer: address, user: "" },
      ...{ clientName: client.name, library: client.library },
    };
    this.#tell("login_refused", LoginRefusedSchema, () => ({ connection: info, user }));
  }

  /** Users came, went, or are others. */
  usersChanged(changes: readonly AccountChange[]): void {
    for (const { user, change } of changes) {
      this.#tell("user_changed", UserChangedSchema, () => ({ user, change: CHANGES[change] }));
    }
  }

  /** This node of a cluster writes what is kept from now on. */
  writerChanged({ id: node, name, address }: NodeInfo): void {
    this.#tell("cluster_writer", ClusterWriterChangedSchema, () => ({ node, name, address }));
  }

  /** A node of the cluster is there. */
  nodeJoined({ id: node, name, version: serverVersion }: NodeInfo): void {
    this.#tell("node_joined", ClusterNodeJoinedSchema, () => ({ node, name, serverVersion }));
  }

  /** A node of the cluster is gone. */
  nodeLeft({ id: node, name }: NodeInfo, reason: string): void {
    this.#tell("node_left", ClusterNodeLeftSchema, () => ({ node, name, reason }));
  }

  /** Tells of what was left out. To be called with every sweep. */
  sweep(): void {
    for (const channel of this.#channels.values()) {
      const { topic, leftOut } = channel;
      if (leftOut === 0) continue;
      channel.leftOut = 0;
      this.#put(
        `${SYSTEM_PREFIX}left_out`,
        EventsLeftOutSchema,
        create(EventsLeftOutSchema, { topic, count: BigInt(leftOut) }),
      );
    }
  }

  /** Has an event leave if anybody wants it; `message` makes it only then. */
  #tell<D extends DescMessage>(name: string, schema: D, message: () => MessageInitShape<D>): void {
    const topic = SYSTEM_PREFIX + name;
    if (!this.#bus.own.isWanted(topic, schema.typeName)) return;
    const nowMs = this.#context.clock.monotonicMs();
    let channel = this.#channels.get(topic);
    if (channel === undefined) {
      const bucket = new TokenBucket(MAX_EVENTS_A_SECOND, MAX_EVENTS_A_SECOND, nowMs);
      this.#channels.set(topic, channel = { topic, bucket, leftOut: 0 });
    }
    if (channel.bucket.take(nowMs) > 0) channel.leftOut++;
    else this.#put(topic, schema, create(schema, message()));
  }

  #put<D extends DescMessage>(topic: string, schema: D, message: MessageShape<D>): void {
    const type = schema.typeName;
    const payload = toBinary(schema, message);
    const body = toBinary(EventSchema, create(EventSchema, { topic, payload, type }));
    this.#leaving.push({ topic, type, body, payloadBytes: payload.length });
    if (this.#leaving.length > 1) return;
    queueMicrotask(() => guard("tell of what happened", () => this.#publish()));
  }

  #publish(): void {
    const leaving = this.#leaving;
    this.#leaving = [];
    this.#stamps.setTime(this.#context.clock.wallMs());
    for (const event of leaving) this.#bus.own.publish(event, this.#stamps);
    this.#bus.endTurn();
  }
}

function infoOf({ number, sessionId, link, identity, client }: NoticedPeer) {
  return {
    connection: BigInt(number),
    sessionId,
    listener: link.kind,
    peer: link.peer,
    user: identity?.user ?? "",
    clientName: client?.name ?? "",
    library: client?.library ?? "",
  };
}
