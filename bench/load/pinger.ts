/**
 * Echoes one after the other in even steps over one connection, whether those before are answered or not:
 * a server that pauses is asked on, and each question counts the time it waited.
 *
 * Times are those at which a question was due in this process, so that a write that waits counts, too.
 * Answers come in order and all have the same length; they are counted by their bytes.
 */
import { fields, frame, frameBytes } from "./dialect_parley.ts";
import { type Connection, Setup, type Target, writeAll } from "./target.ts";

/** One question and its answer. */
export interface RoundTrip {
  readonly sentMs: number;
  readonly tookMs: number;
}

const ECHO_FIELD = 1;
const BUFFER_BYTES = 64 * 1024;
const STALL_MS = 30_000;

/** Asks until it is stopped. */
export class Pinger {
  readonly #connection: Connection;
  readonly #question: Uint8Array;
  readonly #answerBytes: number;
  readonly #sentMs: number[] = [];
  readonly #trips: RoundTrip[] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #reading: Promise<void>;
  #writing: Promise<void> = Promise.resolve();
  #stopping = false;

  private constructor(setup: Setup, question: Uint8Array, answerBytes: number, everyMs: number) {
    this.#connection = setup.connection;
    this.#question = question;
    this.#answerBytes = answerBytes;
    this.#timer = setInterval(() => this.#ask(), everyMs);
    this.#reading = this.#read();
    // Who stops is told.
    this.#reading.catch(() => {});
  }

  /** Connects, and asks once to learn how long an answer is; then asks every `everyMs`. */
  static async start(target: Target, everyMs: number): Promise<Pinger> {
    const setup = await Setup.open(target);
    const question = frame(ECHO_FIELD, fields("ping"), 0);
    await setup.write(question);
    const answer = await setup.take(frameBytes, "an echo");
    return new Pinger(setup, question, answer.length, everyMs);
  }

  /** Asks once more, waits for all answers and gives all round trips. Rejects when one did not come. */
  async stop(): Promise<readonly RoundTrip[]> {
    clearInterval(this.#timer);
    this.#stopping = true;
    this.#ask();
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error("an echo was not answered")), STALL_MS);
    try {
      await Promise.race([Promise.all([this.#writing, this.#reading]), promise]);
    } finally {
      clearTimeout(timer);
      this.#connection.close();
    }
    return this.#trips;
  }

  #ask(): void {
    this.#sentMs.push(performance.now());
    this.#writing = this.#writing.then(() => writeAll(this.#connection, this.#question));
    this.#writing.catch(() => {});
  }

  /** Reads until it is stopping and all is answered. */
  async #read(): Promise<void> {
    const buffer = new Uint8Array(BUFFER_BYTES);
    let bytes = 0;
    while (!this.#stopping || this.#trips.length < this.#sentMs.length) {
      const count = await this.#connection.read(buffer);
      if (count === null) throw new Error("the server ended the connection of the pings");
      const nowMs = performance.now();
      bytes += count;
      while ((this.#trips.length + 1) * this.#answerBytes <= bytes) {
        const sentMs = this.#sentMs[this.#trips.length];
        this.#trips.push({ sentMs, tookMs: nowMs - sentMs });
      }
    }
  }
}
