/**
 * The reading side of a session: reads, cuts into messages, dispatches them, and refuses what handlers refuse.
 *
 * One task a connection. It reads only while what waits to leave lies below the high-water mark, so a peer
 * that does not read its answers stops being read. Answers of one turn leave in one write; on a raw link each
 * answer is a write of its own. A peer that sends more than its share of a turn waits for the next one, and one that
 * sends more than its rates allow is not read for a moment.
 * Non-goals: how a session ends and what it says then (session).
 */
import { CloseReason, ErrorCode, ParleyError, protocolError } from "../../base/errors.ts";
import { MEMBER } from "../../logic/access/access.ts";
import { ConnectionRate, type Rates, type SharedRate } from "../../logic/access/rates.ts";
import type { Dialect } from "../../ports/link.ts";
import { FrameReader, type Framing } from "../../wire/frame_reader.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import { countRefusal } from "./counters.ts";
import type { TurnTaker } from "./fair_turns.ts";
import { type SlowReader, waitForReaders } from "./publisher_pause.ts";
import { errorReply } from "./reply.ts";
import type { Service } from "./service.ts";
import type { SessionFacts } from "./session_facts.ts";
import { refusalOf } from "./log.ts";

/** A message counts as one unit of work more for each so many bytes, as a power of two. */
const UNIT_BYTES_LOG2 = 10;

/** The longest single wait for a rate: whoever ends the session meanwhile is noticed after it at the latest. */
const MAX_WAIT_MS = 250;

/** The members that may hold back what is read behind them, as bits. */
const HOLDING = 1 << MEMBER.call | 1 << MEMBER.hello;

/** More messages than one dispatch can have. */
const ANY_NUMBER = 2 ** 30;

/**
 * Why a dispatch ended: all that was read is done, too much waits to leave, work of the session has to be done
 * before its next message, others are to have their turn, or no more messages may be done by now.
 */
type Stop = "done" | "full" | "held" | "turn" | "rate";

/** Reads for one session. */
export class ReadLoop {
  readonly #session: SessionFacts;
  readonly #service: Service;
  readonly #reader: FrameReader;
  readonly #turn: TurnTaker;
  readonly #isRaw: boolean;
  #highWaterBytes = 0;
  /** What the peer may send; null when there is no rate. */
  #rate: ConnectionRate | null = null;
  /** The rates that it is one of; undefined while nothing is read. */
  #rates: Rates | null | undefined = undefined;
  #userRate: SharedRate | null = null;
  /** Subscribers that the last events went to and that are behind. */
  #heldUpBy: readonly SlowReader[] = [];

  constructor(session: SessionFacts, dialect: Dialect, service: Service) {
    const { limits, turns } = session.context;
    this.#session = session;
    this.#service = service;
    this.#reader = new FrameReader(dialect, limits.maxFrameBytes, session.input);
    this.#turn = turns.join();
    this.#isRaw = dialect === "raw";
    this.takeLimits();
  }

  /** Goes by the limits that are in force now, but for the size of messages. */
  takeLimits(): void {
    const { limits, rates } = this.#session.context;
    this.#highWaterBytes = this.#isRaw ? 0 : limits.outboxHighWaterBytes;
    if (this.#rates === undefined) return;
    if (this.#rates !== rates || this.#userRate !== this.#session.userRate) this.#joinRates();
  }

  #joinRates(): void {
    const { context, link, userRate } = this.#session;
    this.#rate?.leave();
    this.#rates = context.rates;
    this.#userRate = userRate;
    if (link.isForwarded === true) return;
    this.#rate = context.rates?.join(link.address, context.clock.monotonicMs(), userRate) ??
      (userRate === null ? null : new ConnectionRate([userRate]));
  }

  /** The dialect of the framing that is in use by now. */
  get framing(): Framing {
    return this.#reader.framing;
  }

  /** How large a message may be from now on. */
  set maxFrameBytes(bytes: number) {
    this.#reader.maxFrameBytes = bytes;
  }

  /** Takes no more messages; what still comes is thrown away. */
  finish(): void {
    this.#reader.finish();
  }

  /** Reads and dispatches until the peer has finished sending. Rejects when the link fails. */
  async run(): Promise<void> {
    this.#joinRates();
    try {
      await this.#readAll();
    } finally {
      this.#reader.close();
      this.#rate?.leave();
      this.#rates = undefined;
    }
  }

  async #readAll(): Promise<void> {
    const session = this.#session;
    const { link, outbox, context } = session;
    const reader = this.#reader;
    const turn = this.#turn;
    for (;;) {
      const count = await link.read(reader.space());
      if (count === null) break;
      if (!turn.begin()) await turn.wait();
      if (session.state === "closing") {
        // Whatever still comes is thrown away: closing with unread input would reset the connection,
        // and the last word would be lost with it.
        continue;
      }
      context.counters.traffic.bytesIn += count;
      session.lastHeardMs = context.nowMs;
      session.pingedMs = 0;
      reader.filled(count);
      this.#rate?.read(count, context.clock.monotonicMs());
      for (let stop = this.#dispatch(); stop !== "done"; stop = this.#dispatch()) {
        if (stop === "full") await this.#relief();
        else if (stop === "held") await this.#release();
        else {
          if (stop === "rate") await this.#slowDown();
          if (this.#mustHoldUp) await this.#holdUp();
        }
        if (stop === "turn" || !turn.begin()) await turn.wait();
      }
      if (outbox.size > this.#highWaterBytes) await this.#relief();
      if (this.#mustHoldUp) await this.#holdUp();
      const rate = this.#rate;
      if (rate !== null && rate.pauseMs(context.clock.monotonicMs()) > 0) await this.#slowDown();
      turn.rest();
    }
    this.#endInput();
  }

  /** Dispatches whole messages; says why it stopped. */
  #dispatch(): Stop {
    const session = this.#session;
    const reader = this.#reader;
    const service = this.#service;
    const { outbox, context } = session;
    const { scan, turns, counters } = context;
    const rate = this.#rate;
    const before = counters.traffic.messagesIn;
    let left = rate === null ? ANY_NUMBER : rate.messages(context.clock.monotonicMs());
    try {
      while (session.holds === 0 && left-- > 0 && reader.next()) {
        counters.traffic.messagesIn++;
        scan.scan(reader.buffer, reader.messageStart, reader.messageEnd);
        // Only events gather in a run: whatever else is answered keeps its place behind them, and an event
        // that is acknowledged is alone in its run, so that its receivers can be counted.
        if (scan.member !== MEMBER.event || scan.idBytes > 0) service.flushRun();
        // Handing it out can end this very session, when it does not read what it publishes to itself.
        if (session.state === "closing") break;
        const mark = outbox.position;
        try {
          service.dispatch(session, reader.buffer, scan);
        } catch (reason) {
          outbox.rewind(mark);
          this.#refuse(reason, reader.buffer, scan);
        }
        turns.left -= 1 + (reader.messageEnd - reader.messageStart >>> UNIT_BYTES_LOG2);
        if (outbox.size > this.#highWaterBytes) return "full";
        // Only a call can be one too many, and only a Hello has everything behind it wait.
        if ((HOLDING >>> scan.member & 1) !== 0 && session.late.holdsReading) return "full";
        if (turns.left <= 0 && !this.#turn.goOn()) return "turn";
      }
    } catch (reason) {
      if (!(reason instanceof ParleyError)) throw reason;
      reader.finish();
      counters.ends.protocolErrors++;
      session.end(reason);
    } finally {
      if (rate !== null) rate.did(counters.traffic.messagesIn - before);
      reader.release();
      this.#heldUpBy = service.endTurn();
      outbox.flush();
    }
    if (left < 0 && session.state !== "closing") return "rate";
    return session.holds > 0 && session.state !== "closing" ? "held" : "done";
  }

  /** Answers a request that its handler refused, or that made the handler fail. */
  #refuse(reason: unknown, bytes: Uint8Array, scan: MessageScan): void {
    const session = this.#session;
    const error = refusalOf(session, scan.member, reason);
    if (error.closeReason !== CloseReason.UNSPECIFIED) throw error;
    countRefusal(session.context, error, session);
    session.answer(errorReply(error), bytes, scan);
  }

  /** Whether those that this session publishes to, memory or the store must recover before it is read on. */
  get #mustHoldUp(): boolean {
    return this.#heldUpBy.length > 0 || this.#session.context.budget.exhausted ||
      this.#storeIsBehind;
  }

  get #storeIsBehind(): boolean {
    return this.#service.isAheadOfStore(this.#session);
  }

  /** Lets those that this session publishes to catch up for a moment, and memory and store recover. */
  async #holdUp(): Promise<void> {
    const session = this.#session;
    const behind = this.#heldUpBy;
    this.#heldUpBy = [];
    if (!this.#service.publishes(session)) return;
    const { budget, counters } = session.context;
    session.waiting = session.heldUp = true;
    if (behind.length > 0) {
      counters.holds.forReaders++;
      await waitForReaders(behind);
    }
    if (budget.exhausted) counters.holds.forMemory++;
    await budget.whenFree();
    if (this.#storeIsBehind) counters.holds.forStore++;
    while (this.#storeIsBehind && !session.aborted) {
      // A disk can stand still for ever; the end of the session does not wait for it.
      await session.late.wait(this.#service.whenStoreIsReady());
    }
    session.waiting = session.heldUp = false;
    session.lastHeardMs = session.context.nowMs;
  }

  /** Lets what waits leave before more is read. */
  async #relief(): Promise<void> {
    const session = this.#session;
    const { outbox, late } = session;
    session.waiting = true;
    outbox.flush();
    await outbox.whenAtMost(this.#highWaterBytes >>> 1);
    session.heldUp = late.holdsReading;
    while (late.holdsReading && session.takesDeliveries) await late.wait();
    session.waiting = session.heldUp = false;
    session.lastHeardMs = session.context.nowMs;
    if (outbox.failure !== null) throw outbox.failure;
  }

  /** Waits for the work of this session that has to be done before its next message. */
  async #release(): Promise<void> {
    const session = this.#session;
    session.waiting = session.heldUp = true;
    while (session.holds > 0 && session.takesDeliveries) await session.late.wait();
    session.waiting = session.heldUp = false;
    session.lastHeardMs = session.context.nowMs;
    if (session.outbox.failure !== null) throw session.outbox.failure;
  }

  /** Waits until the rates allow more; ends a session that is over them for too long. */
  async #slowDown(): Promise<void> {
    const session = this.#session;
    const { clock, counters, limits } = session.context;
    counters.holds.forRate++;
    session.waiting = session.heldUp = true;
    // Limits may change meanwhile.
    for (let rate = this.#rate; rate !== null && session.takesDeliveries; rate = this.#rate) {
      const { rateCloseAfterMs: patienceMs } = limits;
      const nowMs = clock.monotonicMs();
      const pauseMs = rate.pauseMs(nowMs);
      if (pauseMs === 0) break;
      if (patienceMs > 0 && rate.overMs(nowMs) >= patienceMs) {
        counters.ends.rate++;
        session.end(tooFast(patienceMs));
        break;
      }
      let timer: ReturnType<typeof setTimeout> | undefined;
      const over = new Promise<void>((resolve) =>
        timer = setTimeout(resolve, Math.min(pauseMs, MAX_WAIT_MS))
      );
      await session.late.wait(over);
      clearTimeout(timer);
    }
    session.waiting = session.heldUp = false;
    session.lastHeardMs = session.context.nowMs;
    if (session.outbox.failure !== null) throw session.outbox.failure;
  }

  /** The peer has finished sending, perhaps within a message. */
  #endInput(): void {
    const session = this.#session;
    const unfinished = this.#reader.bufferedBytes;
    if (unfinished > 0 && session.state !== "closing") {
      session.context.counters.ends.protocolErrors++;
      session.end(protocolError(`cannot read a message that ends after ${unfinished} bytes`));
    }
    this.#reader.finish();
  }
}

function tooFast(patienceMs: number): ParleyError {
  return new ParleyError(
    ErrorCode.RESOURCE_EXHAUSTED,
    `the connection has sent more than its rates allow for ${patienceMs} ms`,
    { closeReason: CloseReason.RATE_LIMIT, retryable: true, limit: "rate" },
  );
}
