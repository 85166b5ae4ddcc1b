/**
 * The two ends of a queue under load: connections that push, and connections that pull and settle.
 *
 * Each reads all the time and counts into the flow of its load; what it may do then it does at once. One
 * write of a connection is under way at a time, and what it writes is left alone until it has left.
 * A connection that fails says so to the load, and to nobody else.
 */
import type { ConsumerWire, Incoming, ProducerWire } from "./queue_wire.ts";
import type { QueueFlow } from "./queue_flow.ts";
import { repeated, type Setup, writeAll } from "./target.ts";

/** What connections share. */
export interface Shared {
  readonly flow: QueueFlow;
  /** Something was counted. */
  changed(): void;
  /** A connection cannot go on. */
  fail(reason: Error): void;
}

abstract class QueueConnection {
  protected readonly shared: Shared;
  readonly #setup: Setup;
  readonly #wire: Incoming;
  #writing: Promise<void> | null = null;
  #closed = false;

  constructor(setup: Setup, wire: Incoming, shared: Shared) {
    this.#setup = setup;
    this.#wire = wire;
    this.shared = shared;
  }

  /** Reads until it is closed or fails; never rejects. */
  async receive(): Promise<void> {
    try {
      this.#takeEarly();
      while (!this.#closed) {
        const count = await this.#setup.connection.read(this.#wire.space());
        if (this.#writing !== null) await this.#writing;
        if (this.#closed) return;
        if (count === null) throw new Error("the server ended a connection");
        this.came(this.#wire.filled(count));
      }
    } catch (error) {
      if (!this.#closed) this.shared.fail(error as Error);
    }
  }

  /** Ends it. */
  close(): void {
    this.#closed = true;
    try {
      this.#setup.connection.close();
    } catch {
      // The server was first.
    }
  }

  /** Does what it may do now. */
  abstract act(): void;

  /** So many jobs have come, or are confirmed. */
  protected abstract came(jobs: number): void;

  protected get isWriting(): boolean {
    return this.#writing !== null;
  }

  /** Writes; what may be done behind that is done then. */
  protected write(bytes: Uint8Array): void {
    this.#writing = writeAll(this.#setup.connection, bytes).then(() => {
      this.#writing = null;
      this.act();
    }).catch((error) => {
      if (!this.#closed) this.shared.fail(error);
    });
  }

  /** Takes what came while the connection was set up. */
  #takeEarly(): void {
    let bytes = this.#setup.bytes;
    while (bytes.length > 0) {
      const space = this.#wire.space();
      const part = bytes.subarray(0, space.length);
      space.set(part);
      bytes = bytes.subarray(part.length);
      this.came(this.#wire.filled(part.length));
    }
  }
}

/** Pushes as much as it may. */
export class Producer extends QueueConnection {
  readonly #window: number;
  readonly #jobBytes: number;
  readonly #jobs: Uint8Array;
  #unconfirmed = 0;

  /** `window` is how many jobs may be unconfirmed. */
  constructor(setup: Setup, wire: ProducerWire, window: number, shared: Shared) {
    super(setup, wire, shared);
    this.#window = window;
    this.#jobBytes = wire.job.length;
    this.#jobs = repeated(wire.job, window * wire.job.length);
  }

  act(): void {
    if (this.isWriting) return;
    const { flow } = this.shared;
    const jobs = flow.pushable(this.#unconfirmed, this.#window, performance.now());
    if (jobs === 0) return;
    this.#unconfirmed += jobs;
    flow.count("pushed", jobs);
    this.write(this.#jobs.subarray(0, jobs * this.#jobBytes));
  }

  protected came(jobs: number): void {
    this.#unconfirmed -= jobs;
    this.shared.flow.count("confirmed", jobs);
    this.shared.changed();
  }
}

/** Says of every job that it is done. */
export class Consumer extends QueueConnection {
  readonly #wire: ConsumerWire;
  readonly #prefetch: number;
  #held = 0;

  /** It may hold `prefetch` jobs, and fails when more come. */
  constructor(setup: Setup, wire: ConsumerWire, prefetch: number, shared: Shared) {
    super(setup, wire, shared);
    this.#wire = wire;
    this.#prefetch = prefetch;
  }

  act(): void {
    if (this.#held === 0 || this.isWriting || !this.shared.flow.settleable) return;
    const settled = this.#held;
    this.#held = 0;
    const { flow } = this.shared;
    flow.count("settled", settled);
    this.write(this.#wire.settle());
    flow.count("done", this.#wire.takeDone());
  }

  protected came(jobs: number): void {
    this.#held += jobs;
    if (this.#held > this.#prefetch) {
      throw new Error(`a consumer holds ${this.#held} jobs, and asked for ${this.#prefetch}`);
    }
    this.shared.flow.count("done", this.#wire.takeDone());
    this.shared.changed();
  }
}
