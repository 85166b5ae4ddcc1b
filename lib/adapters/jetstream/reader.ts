/**
 * Reads the stream of a log in order, with a consumer that the servers forget when nobody asks for more.
 *
 * Invariants: sequences follow each other without a gap; an entry is taken before the next one is told. A consumer that
 * is lost is made anew behind what was taken. Where the stream no longer holds what comes next, or ends before what
 * was read, the reader ends and says so: it never goes on with something else.
 */
import { type ConsumerMessages, DeliverPolicy, type JetStreamClient } from "@nats-io/jetstream";
import { handled, settled } from "../../base/detached.ts";
import { LogError, type LogReader, type LogState, type LogTaker } from "../../ports/commit_log.ts";
import { PART_HEADER } from "./headers.ts";
import { PartJoiner } from "./parts.ts";

/** The bytes that are on their way to the reader at most, beside one message. */
const READ_AHEAD_BYTES = 8 * 1024 * 1024;
/** The pause before the stream is asked again, and how often it is asked while nothing comes. */
const PAUSE_MS = 250;
const LOOK_MS = 2000;
/** The time after which the servers forget a consumer whose reader is gone. */
const FORGOTTEN_MS = 60_000;

/** What is read, and who takes it. */
interface Reading {
  readonly after: number;
  readonly take: LogTaker;
}

/** Somebody who waits for the reader to come to a sequence. */
interface Waiter {
  readonly sequence: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** A reader of a stream. */
export class StreamReader implements LogReader {
  position: number;
  readonly ended: Promise<void>;
  readonly #client: JetStreamClient;
  readonly #stream: string;
  readonly #state: () => Promise<LogState>;
  readonly #take: LogTaker;
  readonly #joiner = new PartJoiner();
  #waiters: Waiter[] = [];
  #messages: ConsumerMessages | null = null;
  #isClosed = false;
  /** Ends a pause early. */
  #wake: () => void = () => {};

  /** `state` asks the stream what it holds. */
  constructor(
    client: JetStreamClient,
    { name }: { readonly name: string },
    state: () => Promise<LogState>,
    { after, take }: Reading,
  ) {
    this.#client = client;
    this.#stream = name;
    this.#state = state;
    this.#take = take;
    this.position = after;
    this.ended = this.#run();
    handled(this.ended);
  }

  reached(sequence: number): Promise<void> {
    if (sequence <= this.position) return Promise.resolve();
    const reached = new Promise<void>((resolve, reject) => {
      this.#waiters.push({ sequence, resolve, reject });
    });
    // Whoever comes when the reading is over is told at once.
    handled(this.ended.then(() => this.#endWaiters(closed()), (error) => this.#endWaiters(error)));
    return reached;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    const messages = this.#messages;
    if (messages !== null) await settled(messages.close(), "end a consumer of the log");
    await Promise.allSettled([this.ended]);
  }

  #endWaiters(error: unknown): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await this.#consume();
      } catch (error) {
        if (error instanceof TakeError) throw error.cause;
        if (error instanceof LogError && error.fault !== "unknown") throw error;
        // Servers that cannot be reached, or have no leader for the moment: they are asked again.
        await this.#pause(PAUSE_MS);
      }
    }
  }

  /** Reads with one consumer until that is lost, or is seen to have stopped. */
  async #consume(): Promise<void> {
    this.#check(await this.#state());
    const consumer = await this.#client.consumers.get(this.#stream, {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: this.position + 1,
      inactive_threshold: FORGOTTEN_MS * 1e6,
    });
    if (this.#isClosed) return;
    const messages = await consumer.consume({ max_bytes: READ_AHEAD_BYTES, idle_heartbeat: 1000 });
    this.#messages = messages;
    const looking = this.#look(messages);
    try {
      for await (const message of messages) {
        if (this.#isClosed) return;
        // After a consumer was lost, its successor may begin anywhere: nothing is told twice or left out.
        if (message.seq <= this.position) continue;
        if (message.seq !== this.position + 1) return;
        await this.#taken(message.seq, message.headers?.get(PART_HEADER) ?? "", message.data);
      }
    } finally {
      this.#messages = null;
      await settled(messages.close(), "end a consumer of the log");
      this.#wake();
      await looking;
    }
  }

  async #taken(sequence: number, part: string, data: Uint8Array): Promise<void> {
    try {
      // The client gives Buffers, whose methods are not quite those of other arrays of bytes.
      const plain = new Uint8Array(data.buffer, data.byteOffset, data.length);
      const bytes = this.#joiner.take(part === "" ? null : part, plain);
      if (bytes !== null) await this.#take({ sequence, bytes });
    } catch (error) {
      throw new TakeError("cannot take an entry of the log", { cause: error });
    }
    this.position = sequence;
    if (this.#waiters.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => {
      if (waiter.sequence > sequence) return true;
      waiter.resolve();
      return false;
    });
  }

  /** Looks now and then whether the stream has what `messages` does not give, and ends these if so. */
  async #look(messages: ConsumerMessages): Promise<void> {
    while (this.#messages === messages && !this.#isClosed) {
      const before = this.position;
      await this.#pause(LOOK_MS);
      if (this.#messages !== messages || this.#isClosed || this.position !== before) continue;
      const state = await this.#state().catch(() => null);
      if (state === null || this.position !== before || state.lastSequence === before) continue;
      return void messages.stop();
    }
  }

  #check({ firstSequence, lastSequence }: LogState): void {
    const { position } = this;
    if (firstSequence > position + 1) {
      throw new LogError(
        "trimmed",
        `the log begins at ${firstSequence}, and not at ${position + 1} any more`,
      );
    }
    if (lastSequence < position) {
      throw new LogError("lost", `the log ends at ${lastSequence}, and ${position} was read`);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isClosed) return resolve();
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The taker has failed; its error is the cause. */
class TakeError extends Error {}

function closed(): LogError {
  return new LogError("closed", "the reader of the log was closed");
}
