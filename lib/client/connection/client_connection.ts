/**
 * One connection to a server, from its Hello to its end: sends requests, matches answers by id, answers
 * pings, and notices when the server is gone.
 *
 * What is sent in one turn leaves in one write. The read loop is one task; it resolves requests directly
 * and never waits for anything but bytes, so a server that answers is always read. Messages that answer
 * no request go to the handler table.
 *
 * States: `opening` until the Welcome, `open`, `draining` (no new requests; it ends when the last answer
 * is there), `closed`. The owner is told once of the draining and once of the end. Nothing here opens a
 * connection again; that is the keeper's part.
 */
import { create } from "@bufbuild/protobuf";
import { detached, whenOver } from "../../base/detached.ts";
import { CloseReason, ErrorCode, ParleyError } from "../../base/errors.ts";
import { PROTOCOL_VERSION, VERSION } from "../../base/version.ts";
import { type Welcome, WelcomeSchema } from "../../gen/parley/v1/session_pb.ts";
import type { BufferPool } from "../../wire/buffer_pool.ts";
import { FrameReader } from "../../wire/frame_reader.ts";
import { beginMessage, copyBytes } from "../../wire/frame_writer.ts";
import { ID_TAG } from "../../wire/message_scan.ts";
import { Outbox } from "../../wire/outbox.ts";
import type { OutboxBudget } from "../../wire/outbox_budget.ts";
import { putVarint53, varintSize } from "../../wire/varint.ts";
import { Incoming, Member, readError, readWelcome } from "./answers.ts";
import type { Credentials } from "./credentials.ts";
import type { DeadlineTimer } from "./deadline_timer.ts";
import type { HandlerTable } from "./message_handlers.ts";
import { PendingRequest, type RequestHolder } from "./pending_request.ts";
import { encodeMessage, encodeWithId, PING_REQUEST } from "./requests.ts";
import { MAX_INCOMING_BYTES, OUTBOX_HIGH_WATER_BYTES } from "../settings.ts";
import { SilenceWatch } from "./silence_watch.ts";
import type { Transport } from "../transport/transport.ts";
import type { RequestId } from "../../base/request_id.ts";

/** What a connection needs, and whom it tells. */
export interface ConnectionOwner {
  /** The server's URL, for messages. */
  readonly url: string;
  /** The name that the Hello gives. */
  readonly clientName: string;
  /** Requests in flight on one connection. */
  readonly maxInFlight: number;
  readonly timer: DeadlineTimer;
  readonly buffers: BufferPool;
  readonly budget: OutboxBudget;
  readonly handlers: HandlerTable<ClientConnection>;
  /** Told that there is room for more requests, at most once for each read or write. */
  hasRoom(): void;
  /** Told that the server refused something that nobody waits for an answer to. */
  refused(error: ParleyError): void;
  /** The server, or the client itself, wants no new requests on this connection. */
  draining(connection: ClientConnection, reason: ParleyError): void;
  /** The connection is over. */
  ended(connection: ClientConnection, reason: ParleyError): void;
}

/** When so many bytes wait, they are written without waiting for the end of the turn. */
const FLUSH_BYTES = 64 * 1024;

/** One connection to a server. */
export class ClientConnection implements RequestHolder {
  readonly waitsFor: string;
  /** What the server said of itself; before the Welcome, the largest message is not known. */
  welcome: Welcome = create(WelcomeSchema);
  state: "opening" | "open" | "draining" | "closed" = "opening";
  /** Why it takes no requests any more; null while it does. */
  leaveReason: ParleyError | null = null;
  /** Resolves when the connection is over and nothing of it is left. */
  readonly finished: Promise<void>;

  readonly #owner: ConnectionOwner;
  readonly #transport: Transport;
  readonly #outbox: Outbox;
  readonly #reader = new FrameReader("delimited", MAX_INCOMING_BYTES);
  readonly #incoming = new Incoming();
  readonly #inFlight = new Map<RequestId, PendingRequest>();
  readonly #flush = (): void => {
    this.#flushScheduled = false;
    this.#outbox.flush();
  };
  #watch: SilenceWatch | null = null;
  #writeUnderWay: Promise<void> = Promise.resolve();
  #nextId = 1;
  #flushScheduled = false;
  #roomScheduled = false;
  #awaitingRelief = false;
  /** Calls of the server that are not answered yet. */
  #held = 0;

  constructor(owner: ConnectionOwner, transport: Transport) {
    this.#owner = owner;
    this.#transport = transport;
    this.waitsFor = `${owner.url} has not answered it yet`;
    this.#outbox = new Outbox(
      (batch) => this.#writeUnderWay = transport.write(batch),
      owner.buffers,
      owner.budget,
    );
    this.finished = this.#run();
  }

  /** How many requests wait for their answers. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Whether another request may be sent now. */
  get ready(): boolean {
    return this.state === "open" && this.#inFlight.size < this.#owner.maxInFlight &&
      !this.#awaitingRelief;
  }

  /**
   * Says Hello and waits for the Welcome; on an open connection that renews the login. Rejects with the server's refusal,
   * or with why the connection ended.
   */
  hello(credentials: Credentials, timeoutMs: number): Promise<Welcome> {
    const body = encodeMessage({
      case: "hello",
      value: {
        protocolVersion: PROTOCOL_VERSION,
        clientName: this.#owner.clientName,
        library: `parley-ts/${VERSION}`,
        answersPings: true,
        ...credentials,
      },
    });
    return new Promise((resolve, reject) => {
      const request = new PendingRequest(
        body,
        // The state changes with the message, not a turn later: the next message may be a farewell.
        (incoming) => this.#opened(readWelcome(incoming)),
        timeoutMs,
      );
      this.#put(request.settles(resolve as (value: unknown) => void, reject));
      // An attempt to connect has a deadline as a whole.
      if (this.state === "open") this.#owner.timer.add(request, timeoutMs);
    });
  }

  /** Sends a request. The caller made sure that the connection is `ready`. */
  send(request: PendingRequest): void {
    const bytes = request.body.length + (request.wantsAnswer ? 1 + idSize(this.#nextId) : 0);
    const tooLarge = this.tooLarge(bytes);
    if (tooLarge !== null) return request.reject(tooLarge);
    if (request.wantsAnswer) this.#put(request);
    else {
      this.#putBody(request.body);
      request.resolve(undefined);
    }
    if (this.#outbox.size > OUTBOX_HIGH_WATER_BYTES) this.#awaitRelief();
  }

  /**
   * Sends an encoded ClientMessage that wants no answer, unless more waits to leave than may: then it is
   * dropped, and false is given; `whenRoom` tells when to try again.
   */
  post(body: Uint8Array): boolean {
    if (this.state === "closed") return false;
    if (this.#outbox.size > OUTBOX_HIGH_WATER_BYTES) {
      this.#awaitRelief();
      return false;
    }
    this.#putBody(body);
    return true;
  }

  /** Resolves when half of what may wait to leave has left, or nothing leaves any more. */
  whenRoom(): Promise<void> {
    return this.#outbox.whenAtMost(OUTBOX_HIGH_WATER_BYTES / 2);
  }

  /** The refusal of a message of that many bytes; null when the server takes it. */
  tooLarge(bytes: number): ParleyError | null {
    const most = this.welcome.limits?.maxFrameBytes ?? 0;
    if (most === 0 || bytes <= most) return null;
    return new ParleyError(
      ErrorCode.RESOURCE_EXHAUSTED,
      `cannot send a message of ${bytes} bytes to ${this.#owner.url}`,
      { accepted: `at most ${most} bytes` },
    );
  }

  /** A call of the server is being answered: a draining connection stays until `release`. */
  hold(): void {
    this.#held++;
  }

  /** The call is answered, or nobody waits for that any more. */
  release(): void {
    this.#held--;
    this.#endIfDrained();
  }

  /** Lets go of a request that is being settled; a late answer to it is passed over. */
  forget(request: PendingRequest): void {
    this.#inFlight.delete(request.id);
    // However much waits to leave: there are no more of these than requests in flight.
    if (request.cancels) this.#putBody(encodeWithId({ case: "cancel", value: {} }, request.id));
    if (this.state === "draining") return this.#endIfDrained();
    if (this.#roomScheduled) return;
    this.#roomScheduled = true;
    // Not at once: those who wait may be due in the same moment, and would be sent for nothing.
    queueMicrotask(() => {
      this.#roomScheduled = false;
      if (this.state === "open") this.#owner.hasRoom();
    });
  }

  /** Takes no new requests; ends for `reason` when the last one in flight is settled. */
  drain(reason: ParleyError): void {
    if (this.state === "closed" || this.state === "draining") return;
    this.state = "draining";
    this.leaveReason = reason;
    this.#owner.draining(this, reason);
    this.#endIfDrained();
  }

  /** Ends the connection at once; what is in flight rejects with `reason`. */
  end(reason: ParleyError): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.leaveReason ??= reason;
    this.#watch?.stop();
    this.#reader.finish();
    this.#transport.close();
    this.#outbox.fail(reason);
    const requests = [...this.#inFlight.values()];
    this.#inFlight.clear();
    for (const request of requests) request.reject(reason);
    this.#owner.ended(this, reason);
  }

  async #run(): Promise<void> {
    const reader = this.#reader;
    for (;;) {
      let count: number | null;
      try {
        count = await this.#transport.read(reader.space());
      } catch (reason) {
        this.end(this.#lost(reason instanceof Error ? reason.message : String(reason), reason));
        break;
      }
      if (count === null) {
        this.end(this.#inputEnded());
        break;
      }
      reader.filled(count);
      this.#watch?.heard();
      try {
        while (reader.next()) this.#take(reader);
      } catch (reason) {
        this.end(this.#notUnderstood(reason));
      }
      if (this.state === "closed") break;
      if (this.state === "open") this.#owner.hasRoom();
    }
    await whenOver(this.#writeUnderWay);
    await this.#transport.closed;
  }

  /** Does with one message what it asks for. */
  #take(reader: FrameReader): void {
    const incoming = this.#incoming;
    incoming.open(reader.buffer, reader.messageStart, reader.messageEnd);
    const member = incoming.scan.member;
    const handler = this.#owner.handlers[member];
    if (handler !== undefined) return handler(this, incoming);
    const request = this.#inFlight.get(incoming.id);
    if (member === Member.ERROR) return this.#takeError(request, readError(incoming), incoming.id);
    // Nobody waits for the answer any more: its deadline passed, or its signal was aborted.
    if (request === undefined) return;
    const result = request.read(incoming);
    this.#inFlight.delete(incoming.id);
    request.resolve(result);
    if (this.state === "draining") this.#endIfDrained();
  }

  /** An error refuses one request, or one that has no id, ends the connection, or does both. */
  #takeError(request: PendingRequest | undefined, error: ParleyError, id: RequestId): void {
    if (request !== undefined) {
      this.#inFlight.delete(request.id);
      request.reject(error);
    }
    if (error.closeReason === CloseReason.SHUTDOWN) this.drain(error);
    else if (error.closeReason !== CloseReason.UNSPECIFIED) this.end(error);
    else if (id === 0) this.#owner.refused(error);
    else if (this.state === "draining") this.#endIfDrained();
  }

  #opened(welcome: Welcome): Welcome {
    this.welcome = welcome;
    if (this.state !== "opening") return welcome;
    this.state = "open";
    this.#watch = new SilenceWatch(welcome.pingIntervalMs, this.#owner.timer, {
      ask: () => void this.post(PING_REQUEST),
      gone: (ms) => this.end(this.#lost(`nothing was heard from the server for ${ms} ms`)),
    });
    return welcome;
  }

  /** Puts a request into the outbox, and its id behind it. */
  #put(request: PendingRequest): void {
    const id = this.#nextId++;
    const body = request.body;
    const outbox = this.#outbox;
    const at = beginMessage(outbox, "delimited", body.length + 1 + idSize(id));
    const behind = copyBytes(outbox.bytes, at, body, 0, body.length);
    outbox.bytes[behind] = ID_TAG;
    putVarint53(outbox.bytes, behind + 1, id);
    this.#inFlight.set(id, request);
    request.sent(id, this);
    this.#scheduleFlush();
  }

  /** Puts a message without an id into the outbox. */
  #putBody(body: Uint8Array): void {
    const at = beginMessage(this.#outbox, "delimited", body.length);
    copyBytes(this.#outbox.bytes, at, body, 0, body.length);
    this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#outbox.waitingBytes >= FLUSH_BYTES) this.#outbox.flush();
    else if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      queueMicrotask(this.#flush);
    }
  }

  /** Takes no new requests until half of what may wait has left. */
  #awaitRelief(): void {
    if (this.#awaitingRelief) return;
    this.#awaitingRelief = true;
    const relieved = this.whenRoom().then(() => {
      this.#awaitingRelief = false;
      if (this.state === "open") this.#owner.hasRoom();
    });
    detached(relieved, "go on sending");
  }

  #endIfDrained(): void {
    if (this.state !== "draining" || this.#inFlight.size > 0 || this.#held > 0) return;
    const reason = this.leaveReason ?? this.#lost("it was drained");
    if (this.#outbox.size === 0 || this.#outbox.failure !== null) return this.end(reason);
    // Messages that want no answer may still wait to leave; meanwhile the server may hand over another call.
    this.#flush();
    const sent = this.#outbox.whenAtMost(0).then(() => this.#endIfDrained());
    detached(sent, "end a connection");
  }

  #inputEnded(): ParleyError {
    // Within the first message: whoever this is, it does not speak as a server that greets.
    if (this.state === "opening" && this.#reader.hasPartial) {
      return this.#notUnderstood(new Error("it ended within a message"));
    }
    return this.#lost("the server closed it");
  }

  #lost(why: string, cause?: unknown): ParleyError {
    const { url } = this.#owner;
    const message = this.state === "opening"
      ? `cannot connect to ${url}: lost the connection before the Welcome: ${why}`
      : `lost the connection to ${url}: ${why}; requests in flight may or may not have been carried out`;
    return new ParleyError(ErrorCode.UNAVAILABLE, message, { cause });
  }

  #notUnderstood(reason: unknown): ParleyError {
    const why = reason instanceof Error ? reason.message : String(reason);
    return new ParleyError(
      ErrorCode.INTERNAL,
      `cannot understand what ${this.#owner.url} sends; is it the tcp or unix listener of a Parley ` +
        `server? (${why})`,
      { cause: reason, closeReason: CloseReason.PROTOCOL_ERROR },
    );
  }
}

/** The bytes of an id's varint; ids are counted from 1 and stay below 2^53. */
function idSize(id: number): number {
  return id < 0x10000000 ? varintSize(id) : varintSize(Math.floor(id / 0x10000000)) + 4;
}
