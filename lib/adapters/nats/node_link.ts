/**
 * The link between this node and another one, over messages that can be lost: numbers, offsets and windows.
 *
 * Each node numbers its attempts at a link, and a message counts only when it carries the numbers of both nodes. So both see the same
 * links: whoever finds one broken takes the next number, and the other one sees that. Within a link each message says at which
 * offset of its channel it begins, so that a message that was lost is noticed with the next one; and the receiver says up to which offset it has dealt with what came, so
 * that no more than a window is under way. A loss that nothing follows is noticed as well: what is not dealt with in time ends the link.
 * Non-goals: subjects, the clock, and who is there (engine).
 */
import { detached } from "../../base/detached.ts";
import { type Channel, type EngineListener, type NodeInfo } from "../../ports/engine.ts";
import { encodeInfo, encodeMessage, encodeReason, type Head, KIND } from "./messages.ts";

/** What may be under way on a channel without having been dealt with. */
export const WINDOW_BYTES = 4 * 1024 * 1024;
/** The receiver tells when it has dealt with so much more. */
const TELL_BYTES = WINDOW_BYTES / 64;
/** The most bytes of one message. */
const CHUNK_BYTES = 64 * 1024;
/** What was sent has to be dealt with in this time, or some of it before the time is over again. */
export const STALL_MS = 15_000;

/** The offset of a hello from a node for which the link is there. */
const IS_UP = 1;

const NOTHING = new Uint8Array(0);

/** One direction of one channel, on the side that sends. */
class Outgoing {
  sent = 0;
  read = 0;
  /** Since when nothing of what is under way was dealt with; 0 while nothing is under way. */
  stalledSinceMs = 0;
  wake: (() => void) | null = null;
  /** The last send, and how many are not done; the next one begins behind it. */
  last: Promise<void> = Promise.resolve();
  sends = 0;
}

/** The same on the side that receives. */
class Incoming {
  received = 0;
  dealtWith = 0;
  told = 0;
  readonly waiting: Uint8Array[] = [];
  dealing = false;
}

/** What a link needs of the engine. */
export interface LinkHost {
  readonly self: NodeInfo;
  readonly listener: EngineListener;
  /** Sends a message to the node; false when there is no connection. */
  post(to: string, message: Uint8Array): boolean;
  /** Counts bytes that were sent or have come. */
  count(out: boolean, bytes: number): void;
  /** Counts a link that broke. */
  broke(): void;
  nowMs(): number;
}

/** The link to one node, or the attempt at it. */
export class NodeLink {
  info: NodeInfo;
  /** When anything was last heard of the node. */
  heardMs: number;
  isUp = false;
  readonly #host: LinkHost;
  /** The numbers that both nodes have given the link; 0 when the other's is not known. */
  #mine: number;
  #theirs = 0;
  #outgoing = [new Outgoing(), new Outgoing()];
  #incoming = [new Incoming(), new Incoming()];

  constructor(host: LinkHost, info: NodeInfo) {
    this.#host = host;
    this.info = info;
    this.heardMs = host.nowMs();
    // Numbers go on from a random one, so that those of another run of this program are no others' by chance.
    this.#mine = 1 + Math.floor(Math.random() * 0x7fffffff);
  }

  /** Asks the node for a link, or confirms it. */
  hello(): void {
    this.#post(KIND.hello, 0, this.isUp ? IS_UP : 0, encodeInfo(this.#host.self));
  }

  /** Takes a message of the node. */
  receive(head: Head, body: Uint8Array, info: NodeInfo | null): void {
    if (head.kind === KIND.hello) return this.#helloed(head, info);
    if (!this.isUp || head.senders !== this.#theirs || head.receivers !== this.#mine) return;
    if (head.kind === KIND.data) this.#received(head, body);
    else if (head.kind === KIND.read) this.#read(head);
  }

  /** The other node has ended the link. */
  ended(head: Head, why: string): void {
    if (head.senders === this.#theirs && head.receivers === this.#mine) this.end(why, false);
  }

  /** Sends bytes of a channel, behind those that were sent before. Resolves when there is room for more. */
  send(channel: Channel, bytes: Uint8Array): Promise<void> {
    const outgoing = this.#outgoing[channel];
    const sent = outgoing.sends++ === 0
      ? this.#send(outgoing, channel, bytes)
      : outgoing.last.then(() => this.#send(outgoing, channel, bytes));
    outgoing.last = sent;
    return sent;
  }

  /** Ends the link, if there is one, and takes the next number. Tells the other node if `tells`. */
  end(why: string, tells: boolean): void {
    const wasUp = this.isUp;
    if (wasUp && tells) this.#post(KIND.end, 0, 0, encodeReason(why));
    this.close();
    if (wasUp) this.#host.listener.left(this.info, why);
  }

  /** Ends a link on which something went wrong, and asks for another one. */
  break(why: string): void {
    if (!this.isUp) return;
    this.#host.broke();
    this.end(why, true);
    this.hello();
  }

  /** Ends the link without a word to anybody. */
  close(): void {
    if (this.isUp) this.#mine = (this.#mine + 1) >>> 0 || 1;
    this.isUp = false;
    this.#theirs = 0;
    const outgoing = this.#outgoing;
    this.#outgoing = [new Outgoing(), new Outgoing()];
    this.#incoming = [new Incoming(), new Incoming()];
    for (const { wake } of outgoing) wake?.();
  }

  /** Looks after the link: to be called with every heartbeat. */
  tick(nowMs: number): void {
    if (!this.isUp) return this.hello();
    for (const [channel, outgoing] of this.#outgoing.entries()) {
      if (outgoing.sent === outgoing.read) outgoing.stalledSinceMs = 0;
      else if (outgoing.stalledSinceMs === 0) outgoing.stalledSinceMs = nowMs;
      else if (nowMs - outgoing.stalledSinceMs >= STALL_MS) {
        return this.break("it does not deal with what it is sent");
      }
      this.#tell(channel);
    }
  }

  #helloed({ senders, receivers, offset }: Head, info: NodeInfo | null): void {
    if (info === null || senders === 0) return;
    if (this.isUp && senders !== this.#theirs) this.end("it began anew", false);
    this.info = info;
    if (receivers !== this.#mine) {
      // The node does not know this number yet: its next hello will have it.
      if (!this.isUp) this.#theirs = senders;
      return this.hello();
    }
    if (this.isUp) {
      // It has not heard yet that the link is there.
      if (offset !== IS_UP) this.hello();
      return;
    }
    this.#theirs = senders;
    this.isUp = true;
    // Whoever confirms is confirmed, and it goes before everything that is sent now.
    this.hello();
    this.#host.listener.joined(info);
  }

  async #send(outgoing: Outgoing, channel: Channel, bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) {
        this.#checkStill(outgoing, channel);
        const chunk = bytes.subarray(at, at + CHUNK_BYTES);
        if (!this.#post(KIND.data, channel, outgoing.sent, chunk)) throw linkEnded();
        this.#host.count(true, chunk.length);
        outgoing.sent += chunk.length;
        at += chunk.length;
        while (outgoing.sent - outgoing.read >= WINDOW_BYTES) {
          await new Promise<void>((resolve) => outgoing.wake = resolve);
          outgoing.wake = null;
          this.#checkStill(outgoing, channel);
        }
      }
    } finally {
      outgoing.sends--;
    }
  }

  #checkStill(outgoing: Outgoing, channel: Channel): void {
    if (!this.isUp || this.#outgoing[channel] !== outgoing) throw linkEnded();
  }

  #received({ channel, offset }: Head, body: Uint8Array): void {
    const incoming = this.#incoming[channel];
    if (offset !== incoming.received) return this.break("something that it sent was lost");
    incoming.received += body.length;
    this.#host.count(false, body.length);
    if (incoming.received - incoming.dealtWith > 2 * WINDOW_BYTES) {
      return this.break("it sends more than was allowed");
    }
    if (incoming.dealing) incoming.waiting.push(body);
    else detached(this.#dealWithAll(incoming, channel as Channel, body), "deal with what came");
  }

  /** Has the listener deal with `first`, and then with what came meanwhile. */
  async #dealWithAll(incoming: Incoming, channel: Channel, first: Uint8Array): Promise<void> {
    incoming.dealing = true;
    try {
      for (let body: Uint8Array | undefined = first; body; body = incoming.waiting.shift()) {
        if (this.#incoming[channel] !== incoming) return;
        await this.#host.listener.received(this.info, channel, body);
        incoming.dealtWith += body.length;
        if (this.#incoming[channel] !== incoming) return;
        if (incoming.dealtWith - incoming.told >= TELL_BYTES) this.#tell(channel);
      }
    } catch (reason) {
      if (this.#incoming[channel] === incoming) this.break((reason as Error).message);
    } finally {
      incoming.dealing = false;
    }
  }

  #read({ channel, offset }: Head): void {
    const outgoing = this.#outgoing[channel];
    if (!(offset > outgoing.read && offset <= outgoing.sent)) return;
    outgoing.read = offset;
    outgoing.stalledSinceMs = 0;
    outgoing.wake?.();
  }

  /** Tells the node what was dealt with. */
  #tell(channel: number): void {
    const incoming = this.#incoming[channel];
    if (incoming.told === incoming.dealtWith) return;
    incoming.told = incoming.dealtWith;
    this.#post(KIND.read, channel, incoming.told, NOTHING);
  }

  #post(kind: number, channel: number, offset: number, body: Uint8Array): boolean {
    const head = { kind, channel, senders: this.#mine, receivers: this.#theirs, offset };
    return this.#host.post(this.info.id, encodeMessage(head, body));
  }
}

/** The failure of a send on a link that has ended. */
export function linkEnded(): Error {
  return new Error("the link to the node has ended");
}
