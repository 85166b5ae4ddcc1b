/**
 * One connection from its first byte to its last: what it is, answers, and ends for a reason. How it is read
 * stands in read_loop.
 *
 * Ends: the peer finished sending (everything it asked is still answered), a last word (an Error with a
 * close reason, then a pause in which the peer can still read it), or abruptly. `run` never rejects.
 * Time-outs are not here but in session_sweep.
 */
import { isDefect } from "../../base/defects.ts";
import { detached } from "../../base/detached.ts";
import { CloseReason, ErrorCode, ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { RequestId } from "../../base/request_id.ts";
import { rightsOf } from "../../logic/access/access.ts";
import { CallParty } from "../../logic/calls/call_lists.ts";
import type { Dialect, Link } from "../../ports/link.ts";
import { beginMessage, copyBytes, putMessage } from "../../wire/frame_writer.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import type { InputAccount } from "../../wire/input_budget.ts";
import { Outbox } from "../../wire/outbox.ts";
import type { BusSubscription } from "../topics/bus_subscription.ts";
import { openInput } from "./input_watch.ts";
import { AckLine } from "./ack_line.ts";
import { LateAnswers } from "./late_answers.ts";
import { Publisher } from "../topics/publisher.ts";
import type { QueueConsumer } from "../queues/consumer.ts";
import type { TurnTaker } from "./fair_turns.ts";
import { ReadLoop } from "./read_loop.ts";
import { encodeReply, encodeReplyWithId, errorReply, type Reply, shutdownNotice } from "./reply.ts";
import type { SessionFeeds } from "../kept/feeds.ts";
import { takeLeave } from "./leave.ts";
import { noteAbruptEnd } from "./log.ts";
import type { SessionHost } from "./server_context.ts";

const log = logger("connection");

/** What a client said of itself in its Hello. */
export interface ClientInfo {
  readonly name: string;
  readonly library: string;
  readonly answersPings: boolean;
}

/**
 * Where a session stands: `open`, `draining` (told of the shutdown, still answering), `closing` (its last
 * word is said, input is thrown away), `closed`.
 */
export type SessionState = "open" | "draining" | "closing" | "closed";

/** One connection and its state. */
export class Session {
  readonly host: SessionHost;
  readonly link: Link;
  readonly outbox: Outbox;
  /** What waits of its input. */
  readonly input: InputAccount;
  /** Unique while the server runs; the `connection` of log lines. */
  readonly number: number;
  /** Why it ends, for the log. */
  endReason = "its peer closed it";
  /** What the client said of itself; null until its Hello. */
  client: ClientInfo | null = null;
  state: SessionState = "open";
  /** Its subscriptions by pattern, type and group; null while it has had none. */
  subscriptions: Map<string, BusSubscription> | null = null;
  /** Its subscriptions in groups when it left the bus. */
  shared: readonly BusSubscription[] = [];
  /** What it keeps to publish and call; null while it has done neither. */
  publisher: Publisher | null = null;
  /** How many events it missed, by topic, since it was last told; null when none. */
  missed: Map<string, number> | null = null;
  /** Its consumers of queues, by its own numbers; null while it has none. */
  pulls: Map<number, QueueConsumer> | null = null;
  /** The histories it reads; null while it has read none. */
  feeds: SessionFeeds | null = null;
  /** Its requests that are answered later, without those that others answer. */
  readonly late = new LateAnswers();
  /** The acknowledgements that it waits for. */
  readonly acks: AckLine = new AckLine(this);
  /** Shared by its calls of the server's own methods: many calls get no more than one. */
  readonly callsTurn: TurnTaker;
  /** Whether it is not read for the sake of others, or of the server: its silence is not its own. */
  heldUp = false;
  /** Its side of calls under way. */
  readonly party: CallParty<Session> = new CallParty<Session>(this);
  /** Which members of ClientMessage it may send, as bits. */
  readonly rights: number;
  /** When the last byte came, by the host's coarse clock. */
  lastHeardMs: number;
  /** When a ping was sent that no byte has followed; 0 when there is none. */
  pingedMs = 0;
  /** Whether the peer has finished sending, and only waits for answers. */
  inputEnded = false;
  /** When a closing session is ended whatever its peer does. */
  closeAtMs = Infinity;
  /** Whether reading waits for the peer to take its answers. */
  waiting = false;
  /** For the sweep: the progress of the write under way, and since when it stands still. */
  bytesWrittenSeen = 0;
  stalledSinceMs: number;
  /** Whether a write was under way when it was last looked at, and when anything was last seen to be taken. */
  writeWaited = false;
  lastTakenMs: number;
  /** How many of the link's signs of life are known, and when it is to be probed next. */
  signsSeen = 0;
  nextProbeMs = 0;

  #aborted = false;
  readonly #reading: ReadLoop;
  readonly #oneAnswerAWrite: boolean;

  constructor(host: SessionHost, link: Link, dialect: Dialect) {
    this.host = host;
    this.link = link;
    this.number = host.nextSession();
    this.lastHeardMs = this.stalledSinceMs = this.lastTakenMs = host.nowMs;
    this.outbox = new Outbox((batch) => link.write(batch), host.pool, host.budget);
    this.input = openInput(this);
    this.#reading = new ReadLoop(this, dialect);
    this.callsTurn = host.turns.join();
    this.#oneAnswerAWrite = dialect === "raw";
    this.rights = rightsOf(dialect);
  }

  /** The session's name towards clients. */
  get sessionId(): string {
    return `${this.host.serverId}-${this.number}`;
  }

  /** Serves the connection until it ends. Never rejects. */
  async run(): Promise<void> {
    try {
      await this.#serve();
    } catch (reason) {
      if (this.state !== "closing" || isDefect(reason)) noteAbruptEnd(this, reason);
    } finally {
      this.state = "closed";
      await takeLeave(this);
    }
  }

  /** Whether it was ended at once. */
  get aborted(): boolean {
    return this.#aborted;
  }

  /** Whether events, calls and answers of others may still be put into the outbox. */
  get takesDeliveries(): boolean {
    return (this.state === "open" || this.state === "draining") && this.outbox.failure === null;
  }

  /** Whether others wait for it, or it for others. */
  get hasCalls(): boolean {
    return this.#waitsForAnswers || this.party.answeringCount > 0;
  }

  get #waitsForAnswers(): boolean {
    return this.party.askedCount > 0 || this.late.awaited > 0;
  }

  /** What it keeps to publish and call; made with the first use. */
  asPublisher(): Publisher {
    return this.publisher ??= new Publisher(this.sessionId);
  }

  /** Says that a call of this session has come back, or another request that is answered later. */
  answered(): void {
    if (this.inputEnded ? !this.#waitsForAnswers : !this.late.tooManyCalls) this.late.wake();
  }

  /** Makes room for a message of `length` bytes; the caller fills `outbox.bytes` from the offset it gets. */
  begin(length: number): number {
    const counters = this.host.counters;
    counters.messagesOut++;
    counters.bytesOut += length;
    return beginMessage(this.outbox, this.#reading.framing, length);
  }

  /** Answers the request that `scan` found, with its id. */
  answer(reply: Reply, bytes: Uint8Array, scan: MessageScan): void {
    const encoded = encodeReply(reply);
    const at = this.begin(encoded.length + scan.idBytes);
    this.outbox.bytes.set(encoded, at);
    copyBytes(this.outbox.bytes, at + encoded.length, bytes, scan.idStart, scan.idEnd);
  }

  /** Sends a message that answers no request. It leaves with the next flush. */
  send(reply: Reply): void {
    this.#put(encodeReply(reply));
  }

  /** The same with the id of a request; it leaves with the next flush. */
  sendWithId(reply: Reply, id: RequestId): void {
    this.#put(encodeReplyWithId(reply, id));
  }

  /** Ends the session with SLOW_CONSUMER when its outbox is over its limit; says whether it did. */
  endIfFull(): boolean {
    const { limits, budget, counters } = this.host;
    if (this.outbox.size <= Math.min(limits.maxOutboxBytes, budget.thresholdBytes)) return false;
    counters.slowCloses++;
    this.endUnread(
      new ParleyError(ErrorCode.RESOURCE_EXHAUSTED, "the connection does not read its answers", {
        closeReason: CloseReason.SLOW_CONSUMER,
        retryable: true,
      }),
    );
    return true;
  }

  /** Ends a session whose peer does not read: what waits is dropped, only the reason is still sent. */
  endUnread(error: ParleyError): void {
    if (this.state === "closing" || this.state === "closed") return;
    this.host.bus.leave(this);
    if (this.outbox.keepUnsent) this.host.bus.handOnWaiting(this);
    this.outbox.rewind(0);
    this.end(error);
    this.closeAtMs = this.host.nowMs + this.host.limits.lingerMs;
  }

  /** Tells the client that the server stops, and goes on answering until the client is quiet. */
  drain(): void {
    if (this.state !== "open") return;
    this.state = "draining";
    this.lastHeardMs = this.host.nowMs;
    // A raw client reads one answer a request: a notice in between would be taken for one.
    if (this.#oneAnswerAWrite) return;
    this.send(errorReply(shutdownNotice()));
    this.outbox.flush();
  }

  /** Ends a drained session: nothing is read any more, what waits still leaves. */
  finish(): void {
    if (this.state === "closing" || this.state === "closed") return;
    this.#stopTaking();
    this.#closeWhenSent();
  }

  /** Says why the connection ends, and ends it. Does nothing when it is ending already. */
  end(error: ParleyError): void {
    if (this.state === "closing" || this.state === "closed") return;
    this.endReason = error.message;
    log.debug("connection ended by the server: {message}", {
      connection: this.number,
      peer: this.link.peer,
      code: error.codeName,
      reason: CloseReason[error.closeReason],
      message: error.message,
    });
    // First of all, so that nothing of others follows the last word.
    this.#stopTaking();
    if (!this.#oneAnswerAWrite || mayTellRaw(error.closeReason)) {
      this.send(errorReply(error));
    }
    this.#closeWhenSent();
  }

  /** Ends the connection at once. */
  abort(): void {
    if (this.state === "open" || this.state === "draining") this.state = "closing";
    this.#aborted = true;
    this.late.wake();
    this.link.close();
  }

  async #serve(): Promise<void> {
    await this.#reading.run();
    await this.#inputEnded();
  }

  /** The peer has finished sending: everything it asked for still leaves. */
  async #inputEnded(): Promise<void> {
    // It can answer no more, but calls that it asked still come back: it has only finished sending.
    this.host.calls.stopAnswering(this);
    this.host.queues?.leave(this);
    if (this.#waitsForAnswers && this.takesDeliveries) {
      this.inputEnded = true;
      await this.late.wait();
    }
    this.#stopTaking();
    this.outbox.flush();
    await this.outbox.whenAtMost(0);
  }

  #put(encoded: Uint8Array): void {
    this.host.counters.messagesOut++;
    this.host.counters.bytesOut += encoded.length;
    putMessage(this.outbox, this.#reading.framing, encoded);
  }

  /** Takes no more requests, and nothing more of others: no events, and no calls to answer. */
  #stopTaking(): void {
    this.state = "closing";
    this.#reading.finish();
    this.host.bus.leave(this);
    this.host.calls.stopAnswering(this);
    this.host.queues?.leave(this);
  }

  #closeWhenSent(): void {
    this.outbox.flush();
    detached(this.#closeWriteWhenSent(), "finish sending to a peer");
  }

  async #closeWriteWhenSent(): Promise<void> {
    await this.outbox.whenAtMost(0);
    this.closeAtMs = this.host.nowMs + this.host.limits.lingerMs;
    this.link.closeWrite();
  }
}

/** Whether a raw client, which reads one answer a request, is told: of what its own request did. */
function mayTellRaw(reason: CloseReason): boolean {
  return reason === CloseReason.PROTOCOL_ERROR || reason === CloseReason.SLOW_SENDER;
}
