/**
 * One connection from its first byte to its last: what it is, answers, and ends for a reason. How it is read
 * stands in read_loop.
 *
 * Ends: the peer finished sending (everything it asked is still answered), a last word (an Error with a
 * close reason, then a pause in which the peer can still read it), or abruptly. `run` never rejects.
 * Time-outs are not here but in sweep.
 */
import { isDefect } from "../../base/defects.ts";
import { detached } from "../../base/detached.ts";
import { CloseReason, ErrorCode, ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { RequestId } from "../../base/request_id.ts";
import { rightsOf, STRANGER } from "../../logic/access/access.ts";
import type { Identity } from "../../logic/access/accounts.ts";
import type { SharedRate } from "../../logic/access/rates.ts";
import { MAX_STRANGER_FRAME_BYTES } from "../../base/limits.ts";
import type { Dialect, Link } from "../../ports/link.ts";
import { beginMessage, copyBytes, putMessage } from "../../wire/frame_writer.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import type { InputAccount } from "../../wire/input_budget.ts";
import { Outbox } from "../../wire/outbox.ts";
import { countEnd } from "./counters.ts";
import { openInput } from "./input_watch.ts";
import { LateAnswers } from "./late_answers.ts";
import type { TurnTaker } from "./fair_turns.ts";
import { ReadLoop } from "./read_loop.ts";
import { encodeReply, encodeReplyWithId, errorReply, type Reply, shutdownNotice } from "./reply.ts";
import { takeLeave } from "./leave.ts";
import { noteAbruptEnd } from "./log.ts";
import { type ClientInfo, PeerSlots, type SessionState } from "./peer.ts";
import type { ServerContext } from "./server_context.ts";
import type { Service } from "./service.ts";
import type { SessionFacts } from "./session_facts.ts";

const log = logger("connection");

/** One connection and its state. */
export class Session implements SessionFacts {
  readonly context: ServerContext;
  readonly link: Link;
  readonly outbox: Outbox;
  readonly isNode = false;
  /** What waits of its input. */
  readonly input: InputAccount;
  /** Unique while the server runs; the `connection` of log lines. */
  readonly number: number;
  /** When it came, in milliseconds since 1970. */
  readonly cameMs: number;
  /** Why it ends, for the log. */
  endReason = "its peer closed it";
  /** Why the server ended it; UNSPECIFIED while it did not. */
  closeReason = CloseReason.UNSPECIFIED;
  /** What the client said of itself; null until its Hello. */
  client: ClientInfo | null = null;
  state: SessionState = "open";
  readonly slots = new PeerSlots();
  /** Its requests that are answered later, without those that others answer. */
  readonly late = new LateAnswers();
  /** Shared by its calls of the server's own methods: many calls get no more than one. */
  readonly callsTurn: TurnTaker;
  /** Whether it is not read for the sake of others, or of the server: its silence is not its own. */
  heldUp = false;
  /** Which members of ClientMessage it may send, as bits. */
  rights: number;
  /** Who it is; null where no users are configured. */
  identity: Identity | null = null;
  userRate: SharedRate | null = null;
  /** When the last byte came, by the context's coarse clock. */
  lastHeardMs: number;
  /** When a ping was sent that no byte has followed; 0 when there is none. */
  pingedMs = 0;
  /** Whether the peer has finished sending, and only waits for answers. */
  inputEnded = false;
  /** When a closing session is ended whatever its peer does. */
  closeAtMs = Infinity;
  /** Whether reading waits for the peer to take its answers. */
  waiting = false;
  holds = 0;
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
  readonly #dialect: Dialect;
  readonly #service: Service;

  constructor(context: ServerContext, link: Link, dialect: Dialect, service: Service) {
    this.context = context;
    this.#service = service;
    this.link = link;
    this.number = context.nextSession();
    this.cameMs = context.clock.wallMs();
    this.lastHeardMs = this.stalledSinceMs = this.lastTakenMs = context.nowMs;
    this.outbox = new Outbox((batch) => link.write(batch), context.pool, context.budget);
    this.input = openInput(this);
    this.#reading = new ReadLoop(this, dialect, service);
    this.callsTurn = context.turns.join();
    this.#oneAnswerAWrite = dialect === "raw";
    this.#dialect = dialect;
    this.rights = rightsOf(dialect);
    service.enter(this);
  }

  /** The session's name towards clients. */
  get sessionId(): string {
    return `${this.context.serverId}-${this.number}`;
  }

  /** Is that one from now on, and may do what that one may. */
  become(identity: Identity, rate: SharedRate | null): void {
    this.identity = identity;
    this.userRate = rate;
    this.rights = rightsOf(this.#dialect, identity);
    this.takeLimits();
  }

  /** Goes by the limits that are in force now. */
  takeLimits(): void {
    const { maxFrameBytes } = this.context.limits;
    this.#reading.maxFrameBytes = this.identity === STRANGER
      ? Math.min(MAX_STRANGER_FRAME_BYTES, maxFrameBytes)
      : maxFrameBytes;
    this.#reading.takeLimits();
  }

  /** Serves the connection until it ends. Never rejects. */
  async run(): Promise<void> {
    try {
      await this.#serve();
    } catch (reason) {
      if (this.state !== "closing" || isDefect(reason)) {
        this.endReason = noteAbruptEnd(this, reason);
      }
    } finally {
      this.state = "closed";
      await takeLeave(this, this.#service);
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
    return this.#waitsForAnswers || this.#service.isAnswering(this);
  }

  get #waitsForAnswers(): boolean {
    return this.late.awaited > 0 || this.#service.isAsking(this);
  }

  /** Says that a call of this session has come back, or another request that is answered later. */
  answered(): void {
    if (this.inputEnded ? !this.#waitsForAnswers : !this.late.holdsReading) this.late.wake();
  }

  /** Reads no further message of this session before `work`, which never rejects, is done, or the session ends. */
  hold(work: Promise<void>): void {
    this.holds++;
    detached(this.#releaseAfter(work), "hold back the messages of a connection");
  }

  async #releaseAfter(work: Promise<void>): Promise<void> {
    try {
      await work;
    } finally {
      this.holds--;
      // Whose input has ended waits for answers, and for nothing else.
      if (this.holds === 0 && !this.inputEnded) this.late.wake();
    }
  }

  /** Makes room for a message of `length` bytes; the caller fills `outbox.bytes` from the offset it gets. */
  begin(length: number): number {
    const counters = this.context.counters;
    counters.traffic.messagesOut++;
    counters.traffic.bytesOut += length;
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

  /** Has what was put into the outbox leave with the end of the turn. */
  touch(): void {
    this.#service.touch(this.outbox);
  }

  /** Ends the session with SLOW_CONSUMER when its outbox is over its limit; says whether it did. */
  endIfFull(): boolean {
    const { limits, budget, counters } = this.context;
    if (this.outbox.size <= Math.min(limits.maxOutboxBytes, budget.thresholdBytes)) return false;
    counters.ends.slow++;
    this.endUnread(
      new ParleyError(ErrorCode.RESOURCE_EXHAUSTED, "the connection does not read its answers", {
        closeReason: CloseReason.SLOW_CONSUMER,
        retryable: true,
        limit: "outbox_bytes",
      }),
    );
    return true;
  }

  /** Ends a session whose peer does not read: what waits is dropped, only the reason is still sent. */
  endUnread(error: ParleyError): void {
    if (this.state === "closing" || this.state === "closed") return;
    this.#service.stopEvents(this);
    if (this.outbox.keepUnsent) this.#service.handOnWaiting(this);
    this.outbox.dropWaiting();
    this.end(error);
    this.closeAtMs = this.context.nowMs + this.context.limits.lingerMs;
  }

  /**
   * Tells the client that the server stops, with the URLs of servers to connect to instead, and goes on answering until
   * the client is quiet.
   */
  drain(goTo: readonly string[] = []): void {
    if (this.state !== "open") return;
    this.state = "draining";
    this.lastHeardMs = this.context.nowMs;
    // A raw client reads one answer a request: a notice in between would be taken for one.
    if (this.#oneAnswerAWrite) return;
    this.link.leaveOut?.();
    this.send(errorReply(shutdownNotice(goTo)));
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
    this.closeReason = error.closeReason;
    countEnd(this.context, error, this);
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
    this.#service.stopWork(this);
    if (this.#waitsForAnswers && this.takesDeliveries) {
      this.inputEnded = true;
      await this.late.wait();
    }
    this.#stopTaking();
    this.outbox.flush();
    await this.outbox.whenAtMost(0);
  }

  #put(encoded: Uint8Array): void {
    this.context.counters.traffic.messagesOut++;
    this.context.counters.traffic.bytesOut += encoded.length;
    putMessage(this.outbox, this.#reading.framing, encoded);
  }

  /** Takes no more requests, and nothing more of others: no events, and no calls to answer. */
  #stopTaking(): void {
    this.state = "closing";
    this.#reading.finish();
    this.#service.stopEvents(this);
    this.#service.stopWork(this);
  }

  #closeWhenSent(): void {
    this.outbox.flush();
    detached(this.#closeWriteWhenSent(), "finish sending to a peer");
  }

  async #closeWriteWhenSent(): Promise<void> {
    await this.outbox.whenAtMost(0);
    this.closeAtMs = this.context.nowMs + this.context.limits.lingerMs;
    this.link.closeWrite();
  }
}

/** Whether a raw client, which reads one answer a request, is told: of what its own request did. */
function mayTellRaw(reason: CloseReason): boolean {
  return reason === CloseReason.PROTOCOL_ERROR || reason === CloseReason.SLOW_SENDER;
}
