/**
 * The node that has the clients: hands their durable work to the node that leads, and their answers back.
 *
 * A client has one session there, made with its first request, to which its messages go as they came. When that session ends,
 * or the node, what was not answered is answered with UNAVAILABLE: it may have been done or not, and whoever gave a message_id
 * asks again. What the client had there, consumers and its place in rooms, it gets at the next node that leads, without
 * a word. A client whose work is not taken is not read, and holds up nobody else.
 */
import { guard } from "../../base/defects.ts";
import { detached, mayFail } from "../../base/detached.ts";
import { ParleyError } from "../../base/errors.ts";
import type { Lead } from "../../ports/lead.ts";
import { copyBytes } from "../../wire/frame_writer.ts";
import { FrameReader } from "../../wire/frame_reader.ts";
import { MessageScan } from "../../wire/message_scan.ts";
import type { Elsewhere } from "../elsewhere.ts";
import type { TurnTaker } from "../connection/fair_turns.ts";
import type { Peer } from "../connection/peer.ts";
import { errorReply } from "../connection/reply.ts";
import type { Features } from "../features.ts";
import { dispatch } from "../handlers/dispatch.ts";
import type { EventRange } from "../topics/hooks.ts";
import { putAsked, putPull } from "./asked_records.ts";
import { ForwardedPeer, type OpenedSession } from "./forwarded_peer.ts";
import {
  lastWordIn,
  nobodyLeads,
  pullMessage,
  RefusalOfMany,
  tooMuchToTell,
  unknownOutcome,
} from "./forwarder_messages.ts";
import { takeLocalState } from "./local_state.ts";
import { PublisherNames } from "./publisher_names.ts";
import { MAX_BODY_BYTES, RECORD, type RecordReader } from "./records.ts";
import { encodeClient, encodeIdentity } from "./told_client.ts";
import type { WorkChannel } from "./work_channel.ts";

const NOTHING = new Uint8Array(0);

/** Answers may be larger than what clients send, by stamps and whatever else stands around them. */
const FRAME_FACTOR = 2;
/** The pause before a session that the other node has ended is opened again for what the client has there. */
const AGAIN_MS = 1000;
/** The most numbers of sessions. */
const MAX_NUMBER = 2 ** 32;

/** The answers to what nobody knows the outcome of, and to what was surely not done. */
const UNKNOWN = new RefusalOfMany(unknownOutcome());
const REFUSED = new RefusalOfMany(nobodyLeads());

/** The nodes that work can be handed to. */
export interface WorkNodes {
  /** The channel to a node; null while there is no link to it. */
  channelTo(node: string): WorkChannel | null;
  /** Ends the sessions of other nodes' clients. */
  endHosted(): void;
}

/** Hands the durable work of this node's clients on. */
export class Forwarder implements Elsewhere {
  readonly #features: Features;
  readonly #lead: Lead;
  readonly #nodes: WorkNodes;
  readonly #peers = new Set<ForwardedPeer>();
  readonly #names: PublisherNames;
  readonly #bySession = new WeakMap<WorkChannel, Map<number, ForwardedPeer>>();
  readonly #scan = new MessageScan();
  /** The channel to the node that leads; null while that is this one, or nobody is known to. */
  #channel: WorkChannel | null = null;
  #lastNumber = 0;
  /** The requests that were handed on, and those that ended without an outcome. */
  requests = 0;
  lost = 0;
  /** How often it was looked anew since a walk over all clients began; 0 while there is none. */
  #looks = 0;
  readonly #turn: TurnTaker;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(features: Features, lead: Lead, nodes: WorkNodes) {
    this.#features = features;
    this.#lead = lead;
    this.#nodes = nodes;
    this.#names = new PublisherNames(features.context.serverId);
    this.#turn = features.context.turns.join();
  }

  get isElsewhere(): boolean {
    return !this.#lead.isWriter();
  }

  get isReachable(): boolean {
    return this.#channel !== null;
  }

  readonly publisherOf = (event: EventRange) => this.#names.publisherOf(event);
  readonly publisherNamed = (bytes: Uint8Array, start: number, end: number) =>
    this.#names.publisherNamed(bytes, start, end);

  /** How many clients have work elsewhere. */
  get size(): number {
    return this.#peers.size;
  }

  forward(peer: Peer, bytes: Uint8Array, scan: MessageScan, method = ""): void {
    const own = this.#ownOf(peer);
    if (own.isFinishing) return;
    own.note(bytes, scan);
    const opened = this.#openFor(own);
    if (opened === null) throw nobodyLeads();
    if (own.identity !== peer.identity) this.#tellIdentity(own, opened);
    this.requests++;
    own.expect(bytes, scan, method);
    opened.credit.spend(putAsked(opened.channel, opened.number, bytes, scan));
    if (opened.credit.room <= 0) peer.hold(opened.credit.whenRoom());
  }

  renewed(peer: Peer): void {
    const own = known(peer);
    if (own?.opened && own.identity !== peer.identity) this.#tellIdentity(own, own.opened);
  }

  finish(peer: Peer): void {
    const own = known(peer);
    if (own === null || own.isFinishing) return;
    own.isFinishing = true;
    const { opened } = own;
    if (opened !== null) opened.channel.put(RECORD.finish, opened.number, NOTHING);
  }

  leave(peer: Peer): void {
    const own = known(peer);
    if (own === null) return;
    this.#peers.delete(own);
    this.#names.remove(peer);
    peer.slots.elsewhere = null;
    own.isFinishing = true;
    const { opened } = own;
    if (opened !== null) opened.channel.put(RECORD.close, opened.number, NOTHING);
    this.#forget(own);
    own.takePending();
  }

  /** Looks anew who leads: work goes there from now on. */
  look(): void {
    const writer = this.#lead.writer();
    this.#channel = writer === undefined || this.#lead.isWriter()
      ? null
      : this.#nodes.channelTo(writer);
    this.#looks++;
    if (this.#looks === 1) detached(this.#walk(), "bring clients to the node that leads");
  }

  /** Brings all clients to the node that leads by now, in turns with others. Who asks for something is brought there at once. */
  async #walk(): Promise<void> {
    const { bus } = this.#features;
    const turn = this.#turn;
    for (let looks = 0; looks !== this.#looks;) {
      looks = this.#looks;
      for (const own of [...this.#peers]) {
        if (!turn.begin()) {
          bus.endTurn();
          await turn.wait();
        }
        const { opened } = own;
        if (opened !== null && opened.channel !== this.#channel) this.#abandon(own, opened);
        guard("take up a client's work", () => this.#takeUp(own));
      }
    }
    this.#looks = 0;
    bus.endTurn();
  }

  bring(peer: Peer): void {
    const own = known(peer);
    if (own === null || !this.#lead.isWriter()) return;
    if (own.opened !== null) this.#abandon(own, own.opened);
    this.#takeUp(own);
  }

  standDown(): void {
    // Their own nodes know what they had.
    this.#nodes.endHosted();
    for (const { peer, pulls, person } of takeLocalState(this.#features)) {
      if (!peer.takesDeliveries) continue;
      const own = this.#ownOf(peer);
      for (const [number, body] of pulls) own.pulls.set(number, body);
      own.take(person);
    }
  }

  /** Takes a record of the node that hosts. */
  record(channel: WorkChannel, record: RecordReader): void {
    const own = this.#sessionsOf(channel).get(record.session);
    // What was under way to a client that is gone.
    if (own === undefined || own.opened === null) return;
    switch (record.kind) {
      case RECORD.answer:
        return this.#answer(own, own.opened, record);
      case RECORD.end:
        return this.#end(own, record.bytes.subarray(record.start, record.end));
      case RECORD.closed:
        return this.#closed(own, record.end > record.start);
    }
  }

  /** Counts what the node that hosts has taken. */
  taken(channel: WorkChannel, session: number, bytes: number): void {
    this.#sessionsOf(channel).get(session)?.opened?.credit.taken(bytes);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #sessionsOf(channel: WorkChannel): Map<number, ForwardedPeer> {
    let sessions = this.#bySession.get(channel);
    if (sessions === undefined) this.#bySession.set(channel, sessions = new Map());
    return sessions;
  }

  #ownOf(peer: Peer): ForwardedPeer {
    const present = known(peer);
    if (present !== null) return present;
    const own = new ForwardedPeer(peer);
    peer.slots.elsewhere = own;
    this.#peers.add(own);
    this.#names.add(peer);
    return own;
  }

  /** The session of a client where its work is done, made if need be; null when nobody is known to do it. */
  #openFor(own: ForwardedPeer): OpenedSession | null {
    const channel = this.#channel;
    const { opened } = own;
    if (opened !== null) {
      if (opened.channel === channel && !channel.isOver) return opened;
      this.#abandon(own, opened);
    }
    if (channel === null || channel.isOver) return null;
    return this.#open(own, channel);
  }

  #open(own: ForwardedPeer, channel: WorkChannel): OpenedSession {
    const { peer, person } = own;
    const body = encodeClient(peer, person);
    if (body.length > MAX_BODY_BYTES) throw tooMuchToTell(body.length);
    const number = this.#lastNumber = (this.#lastNumber + 1) % MAX_NUMBER || 1;
    const { maxFrameBytes } = peer.context.limits;
    const opened: OpenedSession = {
      channel,
      number,
      credit: channel.asks.open(),
      frames: new FrameReader("delimited", FRAME_FACTOR * maxFrameBytes),
    };
    own.opened = opened;
    own.identity = peer.identity;
    this.#sessionsOf(channel).set(number, own);
    channel.put(RECORD.open, number, body);
    for (const pull of own.pulls.values()) opened.credit.spend(putPull(channel, number, pull));
    return opened;
  }

  #tellIdentity(own: ForwardedPeer, { channel, number }: OpenedSession): void {
    own.identity = own.peer.identity;
    channel.put(RECORD.identity, number, encodeIdentity(own.identity));
  }

  /** Hands answers, jobs and what else comes back to the client. */
  #answer(own: ForwardedPeer, opened: OpenedSession, record: RecordReader): void {
    const { frames } = opened;
    const { bytes, start, end } = record;
    for (let at = start; at < end;) {
      const space = frames.space();
      const count = Math.min(space.length, end - at);
      space.set(bytes.subarray(at, at + count));
      frames.filled(count);
      at += count;
      while (frames.next()) this.#deliver(own, frames);
    }
    frames.release();
    this.#took(own.peer, opened, end - start);
  }

  #deliver({ peer }: ForwardedPeer, frames: FrameReader): void {
    const own = known(peer);
    const { buffer, messageStart, messageEnd } = frames;
    const scan = this.#scan;
    scan.scan(buffer, messageStart, messageEnd);
    const isAnswer = own?.answered(buffer, scan) === true;
    if (peer.takesDeliveries) {
      const at = peer.begin(messageEnd - messageStart);
      copyBytes(peer.outbox.bytes, at, buffer, messageStart, messageEnd);
      peer.touch();
    }
    if (isAnswer) peer.answered();
  }

  /** Says that the client has taken answers, as soon as it has. */
  #took({ outbox, context }: Peer, { channel, number }: OpenedSession, bytes: number): void {
    const mostBytes = context.limits.outboxHighWaterBytes;
    if (outbox.size <= mostBytes) return channel.took(RECORD.tookAnswers, number, bytes);
    const read = outbox.whenAtMost(mostBytes >>> 1).then(() => {
      if (!channel.isOver) channel.took(RECORD.tookAnswers, number, bytes);
    });
    mayFail(read, "tell that a client has taken its answers");
  }

  /** The node that hosts wants the client's connection to end. */
  #end(own: ForwardedPeer, body: Uint8Array): void {
    const error = lastWordIn(body);
    this.#forget(own);
    own.peer.end(error);
  }

  /** The session is over on the other node, or was refused there. */
  #closed(own: ForwardedPeer, wasRefused: boolean): void {
    this.#lose(own, wasRefused ? REFUSED : UNKNOWN);
    if (!own.isFinishing && own.hasState) this.#takeUpLater();
  }

  /** Forgets the session of a client on another node. */
  #forget(own: ForwardedPeer): void {
    const { opened } = own;
    if (opened === null) return;
    own.opened = null;
    this.#sessionsOf(opened.channel).delete(opened.number);
    opened.credit.close();
    opened.frames.close();
  }

  /** Gives up a session that the other node may still have: what it handed out there is to come back at once. */
  #abandon(own: ForwardedPeer, { channel, number }: OpenedSession): void {
    if (!channel.isOver) channel.put(RECORD.close, number, NOTHING);
    this.#lose(own);
  }

  /** Answers what nobody will answer any more. */
  #lose(own: ForwardedPeer, answer = UNKNOWN): void {
    const { peer } = own;
    this.#forget(own);
    const ids = own.takePending();
    this.lost += ids.length;
    if (ids.length > 0 && peer.takesDeliveries && !peer.endIfFull()) {
      for (const id of ids) {
        const refusal = answer.to(id);
        const at = peer.begin(refusal.length);
        copyBytes(peer.outbox.bytes, at, refusal, 0, refusal.length);
      }
      peer.touch();
    }
    if (ids.length > 0) peer.answered();
    this.#features.context.turns.spend(ids.length);
  }

  /** Tells the node that leads of what a client has: consumers, and its place in rooms. */
  #takeUp(own: ForwardedPeer): void {
    if (!own.hasState || own.opened !== null || own.isFinishing) return;
    if (!own.peer.takesDeliveries) return;
    if (this.#lead.isWriter()) this.#takeUpHere(own);
    else this.#openFor(own);
  }

  /** This node leads by now. */
  #takeUpHere(own: ForwardedPeer): void {
    const { peer, person } = own;
    const pulls = [...own.pulls.values()];
    this.#peers.delete(own);
    this.#names.remove(peer);
    peer.slots.elsewhere = null;
    const scan = new MessageScan();
    if (person !== null) {
      const restored = this.#features.needRooms().restore(peer, person);
      if (restored !== null) return peer.end(restored);
    }
    for (const body of pulls) {
      const message = pullMessage(body);
      scan.scan(message, 0, message.length);
      try {
        dispatch(this.#features, peer, message, scan);
      } catch (reason) {
        peer.send(errorReply(ParleyError.from(reason)));
        peer.touch();
      }
    }
    this.#features.bus.endTurn();
  }

  #takeUpLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      guard("take up the work of clients", () => this.look());
    }, AGAIN_MS);
  }
}

/** What is known of a client whose work is done elsewhere; null when none was. */
function known({ slots }: Peer): ForwardedPeer | null {
  return slots.elsewhere as ForwardedPeer | null;
}
