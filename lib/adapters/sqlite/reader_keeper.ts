/**
 * Keeps the store's reader: asks it, and starts another Worker when it dies.
 *
 * Reads change nothing, so those that a dead reader had in hand are asked again of the next one, once: nobody notices but
 * by the delay. A read that meets two deaths is refused, since it may be what they died of.
 */
import { reportDefect } from "../../base/defects.ts";
import { settled } from "../../base/detached.ts";
import type { ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { unavailable } from "../store/values.ts";
import { received } from "./errors.ts";
import type { ReaderCommand, ReaderReport, ReaderValue } from "./messages.ts";
import { RestartDelay, StoreWorker } from "./store_worker.ts";

const log = logger("server");

/** So often a read is asked for. */
const MAX_TRIES = 2;

/** A read that waits for its answer. */
interface Read {
  readonly command: ReaderCommand;
  readonly resolve: (value: never) => void;
  readonly reject: (error: ParleyError) => void;
  tries: number;
}

/** The reader of a store, whichever Worker it is. */
export class ReaderKeeper {
  /** How many readers took the place of a dead one. */
  restarts = 0;
  readonly #database: string;
  readonly #delay = new RestartDelay();
  readonly #reads = new Map<number, Read>();
  #worker: StoreWorker<ReaderReport> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastId = 0;
  #isClosing = false;
  /** Why nothing is read any more; null while it is. */
  #ended: ParleyError | null = null;

  /** Starts to read the database at this path, which is there. */
  constructor(database: string) {
    this.#database = database;
    this.#start();
  }

  /** Reads. Rejects with a ParleyError. */
  ask<Value>(make: (id: number) => ReaderCommand): Promise<Value> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    return new Promise<Value>((resolve, reject) => {
      const id = ++this.#lastId;
      const read = { command: make(id), resolve, reject, tries: 0 };
      this.#reads.set(id, read);
      this.#send(read);
    });
  }

  /** Closes the database. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#worker !== null) {
      await settled(this.ask((id) => ({ type: "close", id })), "close the store's reader");
    }
    this.end(unavailable("use the store", "it is closed"));
  }

  /** Reads nothing any more, for `error`. */
  end(error: ParleyError): void {
    this.#ended ??= error;
    clearTimeout(this.#timer);
    this.#worker?.close();
    this.#worker = null;
    for (const { reject } of this.#reads.values()) reject(error);
    this.#reads.clear();
  }

  /** Without a reader a read waits for the next one. */
  #send(read: Read): void {
    if (this.#worker === null) return;
    read.tries++;
    this.#worker.post(read.command);
  }

  #start(): void {
    this.#worker = new StoreWorker<ReaderReport>({ role: "reader", database: this.#database }, {
      take: ({ id, value, error }) => {
        this.#delay.worked();
        this.#settle(id, value, error === null ? null : received(error));
      },
      died: (error) => this.#died(error),
    });
  }

  #died(error: Error): void {
    reportDefect("go on in the store's reader", error);
    this.#worker = null;
    for (const [id, { tries }] of [...this.#reads]) {
      if (tries < MAX_TRIES) continue;
      this.#settle(id, null, unavailable("read", "the store's reader failed twice over it"));
    }
    if (this.#isClosing) this.end(unavailable("use the store", "it is closed"));
    if (this.#ended !== null) return;
    const delayMs = this.#delay.next();
    log.warning("the store's reader is started again: {reason}", {
      reason: error.message,
      delayMs,
    });
    this.#timer = setTimeout(() => {
      this.restarts++;
      this.#start();
      for (const read of this.#reads.values()) this.#send(read);
    }, delayMs);
  }

  #settle(id: number, value: ReaderValue, error: ParleyError | null): void {
    const read = this.#reads.get(id);
    this.#reads.delete(id);
    if (error === null) read?.resolve(value as never);
    else read?.reject(error);
  }
}
