/**
 * The records between this node and another one: gathered in an outbox as for any connection, and read in their order.
 *
 * One channel carries both directions of both parts: what this node asks the other, and what it hosts for it. What is under
 * way is bounded by the credit of the sessions, so nothing is dropped. What was taken is told a moment later, together with
 * whatever else leaves: a message for each would cost more than the work.
 */
import { guard } from "../../base/defects.ts";
import { type Engine, type NodeInfo, WORK_CHANNEL } from "../../ports/engine.ts";
import { Outbox } from "../../wire/outbox.ts";
import type { TurnTaker } from "../connection/fair_turns.ts";
import type { ServerContext } from "../connection/server_context.ts";
import { CreditPool } from "./credit.ts";
import {
  HEAD_BYTES,
  numberBody,
  putHead,
  RECORD,
  type RecordKind,
  RecordReader,
} from "./records.ts";

/** So much is sent at a time. */
const PART_BYTES = 64 * 1024;
/** So many bytes that were taken are told at once, fewer after a moment. */
const TELL_BYTES = 16 * 1024;
const TELL_AFTER_MS = 5;
/** Taking a record costs as much as one small message for each so many bytes, as a power of two. */
const UNIT_BYTES_LOG2 = 12;

/** Takes what comes: the record or piece that `record` stands at, which is read at once, or until the promise settles. */
export type TakeRecord = (channel: WorkChannel, record: RecordReader) => Promise<void> | void;

/** The channel to one node, as long as the link to it is there. */
export class WorkChannel {
  readonly node: NodeInfo;
  /** What this node may have under way to the other: questions of its clients, and answers of its own sessions. */
  readonly asks = new CreditPool();
  readonly answers = new CreditPool();
  readonly #context: ServerContext;
  readonly #outbox: Outbox;
  readonly #record = new RecordReader();
  readonly #turn: TurnTaker;
  readonly #take: TakeRecord;
  readonly #endTurn: () => void;
  /** How far this node has come with the log, and how far it said it had. */
  readonly #position: () => number;
  #toldPosition = 0;
  #isOver = false;
  #flushing = false;
  /** What was taken and is not told yet, by kind of record and session. */
  readonly #untold = new Map<RecordKind, Map<number, number>>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    context: ServerContext,
    engine: Engine,
    node: NodeInfo,
    options: { take: TakeRecord; endTurn: () => void; position: () => number },
  ) {
    this.node = node;
    this.#context = context;
    this.#take = options.take;
    this.#endTurn = options.endTurn;
    this.#position = options.position;
    this.#turn = context.turns.join();
    this.#outbox = new Outbox(
      async (batch) => {
        for (let at = 0; at < batch.length; at += PART_BYTES) {
          await engine.send(node.id, WORK_CHANNEL, batch.subarray(at, at + PART_BYTES));
        }
      },
      context.pool,
      context.budget,
    );
  }

  /** Whether the link has ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Begins a record of `length` bytes, and gives the offset in `bytes` where its body is to be written, all of it at once. */
  begin(kind: RecordKind, session: number, length: number): number {
    const outbox = this.#outbox;
    outbox.reserve(HEAD_BYTES + length);
    const at = putHead(outbox.bytes, outbox.length, { kind, session, length });
    outbox.advance(HEAD_BYTES + length);
    this.#flushSoon();
    return at;
  }

  /** What `begin` has made room in. */
  get bytes(): Uint8Array {
    return this.#outbox.bytes;
  }

  /** Sends bytes for a session's client, behind the position of the log that they rest upon. */
  putAnswer(session: number, bytes: Uint8Array): void {
    const position = this.#position();
    if (position > this.#toldPosition) {
      this.#toldPosition = position;
      this.put(RECORD.position, 0, numberBody(position));
    }
    this.put(RECORD.answer, session, bytes);
  }

  /** Sends a record. */
  put(kind: RecordKind, session: number, body: Uint8Array): void {
    const at = this.begin(kind, session, body.length);
    this.#outbox.bytes.set(body, at);
  }

  /** Tells soon that bytes of a session were taken; `kind` says of what. */
  took(kind: RecordKind, session: number, bytes: number): void {
    let untold = this.#untold.get(kind);
    if (untold === undefined) this.#untold.set(kind, untold = new Map());
    const sum = (untold.get(session) ?? 0) + bytes;
    if (sum >= TELL_BYTES) {
      untold.delete(session);
      return this.put(kind, session, numberBody(sum));
    }
    untold.set(session, sum);
    this.#timer ??= setTimeout(
      () => guard("tell another node what was taken", () => this.#tell()),
      TELL_AFTER_MS,
    );
  }

  /** Deals with what has come. Rejects for what cannot be read: the link is to end. */
  async take(bytes: Uint8Array): Promise<void> {
    const record = this.#record;
    record.open(bytes);
    await this.#turn.admit();
    while (!this.#isOver && record.next()) {
      this.#context.turns.spend(1 + (record.end - record.start >>> UNIT_BYTES_LOG2));
      const taken = this.#take(this, record);
      if (taken === undefined) continue;
      this.#endTurn();
      await taken;
      await this.#turn.admit();
    }
    this.#endTurn();
  }

  /** The link has ended. */
  close(why: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#untold.clear();
    this.#outbox.fail(new Error(why));
  }

  #tell(): void {
    this.#timer = undefined;
    for (const [kind, untold] of this.#untold) {
      for (const [session, sum] of untold) this.put(kind, session, numberBody(sum));
      untold.clear();
    }
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      guard("send another node what is for it", () => this.#flush());
    });
  }

  #flush(): void {
    // What was taken is told with what leaves anyway.
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#tell();
    }
    this.#outbox.flush();
  }
}
