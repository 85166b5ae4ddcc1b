/**
 * The node that leads: does the durable work of clients of other nodes, each in a session of its own.
 *
 * To dispatch a hosted session is one like any other, so rights, limits, order and acknowledgements are the same. It ends when
 * its client goes, when the link to the client's node ends, and when this node leads no longer.
 */
import { detached } from "../../base/detached.ts";
import { guard } from "../../base/defects.ts";
import type { Lead } from "../../ports/lead.ts";
import type { Features } from "../features.ts";
import { revise } from "../revision.ts";
import { HostedLink } from "./hosted_link.ts";
import { HostedService } from "./hosted_service.ts";
import { HostedSession } from "./hosted_session.ts";
import { RECORD, type RecordReader } from "./records.ts";
import { ToldClients } from "./told_client.ts";
import type { WorkChannel } from "./work_channel.ts";

/** The most sessions of one node. */
const MAX_SESSIONS = 65_536;
const NOTHING = new Uint8Array(0);
/** The body of a `closed` that says that there was no session, and nothing was done. */
const REFUSED = Uint8Array.of(1);
const encoder = new TextEncoder();

/** One session, with its link. */
interface Hosted {
  readonly session: HostedSession;
  readonly link: HostedLink;
}

/** All hosted sessions of this node. */
export class HostedSessions {
  readonly #features: Features;
  readonly #lead: Lead;
  readonly #service: HostedService;
  readonly #clients = new ToldClients();
  readonly #byChannel = new Map<WorkChannel, Map<number, Hosted>>();
  readonly #running = new Set<Promise<void>>();

  constructor(features: Features, lead: Lead) {
    this.#features = features;
    this.#lead = lead;
    this.#service = new HostedService(features);
  }

  /** How many there are. */
  get size(): number {
    let size = 0;
    for (const sessions of this.#byChannel.values()) size += sessions.size;
    return size;
  }

  /** The number of requests that clients of other nodes have had done here. */
  get requests(): number {
    return this.#service.requests;
  }

  /** All of them. */
  *all(): Generator<HostedSession> {
    for (const sessions of this.#byChannel.values()) {
      for (const { session } of sessions.values()) yield session;
    }
  }

  /** Takes a record of the node that has the client. Raises an Error for what cannot be read. */
  record(channel: WorkChannel, record: RecordReader): void {
    const { kind, session: number, bytes, start, end } = record;
    if (kind === RECORD.open) return this.#open(channel, number, bytes.subarray(start, end));
    const hosted = this.#byChannel.get(channel)?.get(number);
    // What was under way to a session that is over.
    if (hosted === undefined) return;
    switch (kind) {
      case RECORD.ask:
        return hosted.link.push(bytes, start, end);
      case RECORD.identity:
        return this.#renew(hosted.session, bytes.subarray(start, end));
      case RECORD.finish:
        return hosted.link.finish();
      case RECORD.close:
        return this.#abort(hosted);
    }
  }

  /** Counts what the client has taken. */
  taken(channel: WorkChannel, number: number, bytes: number): void {
    this.#byChannel.get(channel)?.get(number)?.link.credit.taken(bytes);
  }

  /** The link to a node has ended: so do the sessions of its clients. */
  left(channel: WorkChannel): void {
    for (const hosted of this.#byChannel.get(channel)?.values() ?? []) this.#abort(hosted);
    this.#byChannel.delete(channel);
  }

  /** This node leads no longer: all sessions end, and their nodes know that by it. */
  endAll(): void {
    for (const sessions of this.#byChannel.values()) {
      for (const hosted of sessions.values()) this.#abort(hosted);
    }
  }

  /** Resolves when none is left. */
  async whenGone(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #open(channel: WorkChannel, number: number, body: Uint8Array): void {
    let sessions = this.#byChannel.get(channel);
    if (sessions === undefined) this.#byChannel.set(channel, sessions = new Map());
    if (!this.#lead.isWriter() || sessions.size >= MAX_SESSIONS) {
      return channel.put(RECORD.closed, number, REFUSED);
    }
    const { context, access } = this.#features;
    const client = this.#clients.client(body);
    const link: HostedLink = new HostedLink(client, {
      channel,
      number,
      maxMessageBytes: 2 * context.limits.maxFrameBytes,
      ended: () => this.#ended(channel, number),
    });
    const session = new HostedSession(context, link, this.#service, client.sessionId);
    sessions.set(number, { session, link });
    if (client.identity !== null) {
      session.become(client.identity, null);
      access?.host(session, client.identity);
    }
    this.#track(session.run());
    if (client.person === null) return;
    const refusal = this.#features.needRooms().restore(session, client.person);
    if (refusal !== null) session.end(refusal);
  }

  #renew(session: HostedSession, body: Uint8Array): void {
    const identity = this.#clients.identity(body);
    if (identity === null) return;
    session.become(identity, null);
    this.#features.access?.host(session, identity);
    guard("take from a client what it may not have", () => revise(this.#features, session));
  }

  #abort({ session }: Hosted): void {
    guard("end a hosted session", () => session.abort());
  }

  /** A session is over: its node is told, and why the client's connection is to end, if it is. */
  #ended(channel: WorkChannel, number: number): void {
    const sessions = this.#byChannel.get(channel);
    const hosted = sessions?.get(number);
    if (hosted === undefined) return;
    sessions!.delete(number);
    if (channel.isOver) return;
    const { lastWord } = hosted.session;
    if (lastWord === null) return channel.put(RECORD.closed, number, NOTHING);
    channel.put(RECORD.end, number, encoder.encode(JSON.stringify(lastWord)));
  }

  #track(run: Promise<void>): void {
    const tracked: Promise<void> = run.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
    detached(tracked, "do the work of another node's client");
  }
}
