/**
 * Another node of the cluster, as a peer of this server: to the bus it is a subscriber, to the calls one who answers and asks,
 * each for all that are connected there.
 *
 * What is for those goes into an outbox like that of any connection, as frames of ServerMessage: bounded, in order, events
 * of many topics in one piece, and dropped and counted when the node does not keep up. The node has no requests of its
 * own, so what would answer one never comes here.
 */
import { CloseReason, type ParleyError } from "../../base/errors.ts";
import type { RequestId } from "../../base/request_id.ts";
import { BUS_CHANNEL, type Engine, type NodeInfo } from "../../ports/engine.ts";
import { beginMessage, putMessage } from "../../wire/frame_writer.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import { Outbox } from "../../wire/outbox.ts";
import type { TurnTaker } from "../connection/fair_turns.ts";
import { LateAnswers } from "../connection/late_answers.ts";
import { type ClientInfo, type Peer, PeerSlots, type SessionState } from "../connection/peer.ts";
import { encodeReply, encodeReplyWithId, type Reply } from "../connection/reply.ts";
import type { ServerContext } from "../connection/server_context.ts";

/** So much is sent at a time: publishers wait only for those who are seen to make progress. */
const PART_BYTES = 64 * 1024;

/** The other end of one link. */
export class NodePeer implements Peer {
  readonly context: ServerContext;
  readonly isNode = true;
  readonly outbox: Outbox;
  readonly number = 0;
  readonly rights = 0;
  readonly identity = null;
  readonly client: ClientInfo | null = null;
  readonly late = new LateAnswers();
  readonly callsTurn: TurnTaker;
  readonly slots = new PeerSlots();
  readonly link: Peer["link"];
  state: SessionState = "open";
  endReason = "";
  closeReason = CloseReason.UNSPECIFIED;
  info: NodeInfo;
  readonly #touch: (outbox: Outbox) => void;
  readonly #unlink: (why: string) => void;
  #bytesWritten = 0;

  /** `touch` has an outbox flushed at the end of the turn. */
  constructor(
    context: ServerContext,
    engine: Engine,
    info: NodeInfo,
    touch: (outbox: Outbox) => void,
  ) {
    this.context = context;
    this.info = info;
    this.#touch = touch;
    this.#unlink = (why) => engine.unlink(info.id, why);
    this.callsTurn = context.turns.join();
    this.outbox = new Outbox(
      async (batch) => {
        for (let at = 0; at < batch.length; at += PART_BYTES) {
          const part = batch.subarray(at, at + PART_BYTES);
          // Whatever was posted may have arrived, so none of it is handed on to others.
          this.#bytesWritten += part.length;
          await engine.send(info.id, BUS_CHANNEL, part);
        }
      },
      context.pool,
      context.budget,
    );
    const written = () => this.#bytesWritten;
    this.link = {
      kind: "node",
      peer: info.name,
      address: "",
      isRelayed: false,
      get bytesWritten() {
        return written();
      },
    };
  }

  get sessionId(): string {
    return this.info.id;
  }

  get takesDeliveries(): boolean {
    return this.state === "open" && this.outbox.failure === null;
  }

  /** The link has ended. */
  gone(why: string): void {
    this.state = "closed";
    this.endReason = why;
    this.outbox.fail(new Error(why));
  }

  begin(length: number): number {
    return beginMessage(this.outbox, "delimited", length);
  }

  send(reply: Reply): void {
    this.put(encodeReply(reply));
  }

  sendWithId(reply: Reply, id: RequestId): void {
    this.put(encodeReplyWithId(reply, id));
  }

  /** Puts a whole message; it leaves with the end of the turn. */
  put(message: Uint8Array): void {
    putMessage(this.outbox, "delimited", message);
    this.touch();
  }

  touch(): void {
    this.#touch(this.outbox);
  }

  endIfFull(): boolean {
    const { limits, budget } = this.context;
    if (this.outbox.size <= Math.min(limits.maxOutboxBytes, budget.thresholdBytes)) return false;
    this.#unlink("it does not keep up with what it is sent");
    return true;
  }

  endUnread(error: ParleyError): void {
    this.end(error);
  }

  end({ message }: ParleyError): void {
    this.#unlink(message);
  }

  /** Answers to requests of connections; a node has none. */
  answer(reply: Reply, _bytes: Uint8Array, _scan: MessageScan): void {
    this.send(reply);
  }

  become(): void {}
  answered(): void {}

  async hold(work: Promise<void>): Promise<void> {
    await work;
  }
}
