/**
 * The receiving side of a connection under load: bytes are counted and thrown away.
 *
 * All receivers read into one buffer. A receiver that gets nothing for a long time while something is
 * waited for fails the load, as does one whose connection the server ends.
 */

import type { Connection } from "./target.ts";

const BUFFER_BYTES = 256 * 1024;
const STALL_MS = 10_000;

const buffer = new Uint8Array(BUFFER_BYTES);

/** Counts what comes on one connection. */
export class Receiver {
  /** What has come. */
  bytes = 0;
  /** For publishers: the bytes of the replies to what was published. */
  dueBytes = 0;
  readonly #connection: Connection;
  readonly #role: string;
  #waitingFor = Infinity;
  #waiters: { least: number; resolve: () => void; reject: (reason: Error) => void }[] = [];
  #failure: Error | null = null;
  #closed = false;

  constructor(connection: Connection, role: string) {
    this.#connection = connection;
    this.#role = role;
  }

  /** Resolves once `least` bytes have come. Rejects when they will not. */
  reached(least: number): Promise<void> {
    if (this.bytes >= least) return Promise.resolve();
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiters.push({ least, resolve, reject });
      this.#waitingFor = Math.min(this.#waitingFor, least);
    });
  }

  /** Counts until the connection ends. Never rejects; those who wait are told. */
  async receive(): Promise<void> {
    try {
      for (;;) {
        const count = await this.#connection.read(buffer);
        if (count === null) break;
        this.bytes += count;
        if (this.bytes >= this.#waitingFor) this.#wake();
      }
      this.fail("the server ended its connection");
    } catch (error) {
      if (!this.#closed) this.fail((error as Error).message);
    }
  }

  /** Says that nothing more will come. */
  fail(reason: string): void {
    this.#failure ??= new Error(`a ${this.#role} got ${this.bytes} bytes, then ${reason}`);
    for (const { reject } of this.#waiters) reject(this.#failure);
    this.#waiters = [];
  }

  /** Whether somebody waits for more. */
  get isAwaited(): boolean {
    return this.#waiters.length > 0;
  }

  /** Ends the connection. */
  close(): void {
    this.#closed = true;
    try {
      this.#connection.close();
    } catch {
      // The server was first.
    }
  }

  #wake(): void {
    const waiting = this.#waiters.filter(({ least, resolve }) => {
      if (this.bytes < least) return true;
      resolve();
      return false;
    });
    this.#waiters = waiting;
    this.#waitingFor = Math.min(Infinity, ...waiting.map(({ least }) => least));
  }
}

/** Lets all of them count, and fails those that are waited for in vain; until `stop` is called. */
export function receiveAll(receivers: readonly Receiver[]): { stop: () => Promise<void> } {
  const counting = receivers.map((each) => each.receive());
  let seen = receivers.map(({ bytes }) => bytes);
  const timer = setInterval(() => {
    const now = receivers.map(({ bytes }) => bytes);
    for (const [index, each] of receivers.entries()) {
      if (!each.isAwaited || now[index] !== seen[index]) continue;
      each.fail(`nothing for ${STALL_MS / 1000} s`);
    }
    seen = now;
  }, STALL_MS);
  return {
    async stop() {
      clearInterval(timer);
      for (const each of receivers) each.close();
      await Promise.all(counting);
    },
  };
}
