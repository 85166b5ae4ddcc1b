/**
 * Requests that wait: for a connection while there is none, or for their turn while every connection has
 * as much in flight as it may. First come, first served; a deadline or a signal ends the wait.
 *
 * This is where a client pushes back: callers that await their requests are slowed down. For callers that
 * do not await there is a bound in number and in bytes, past which requests are refused.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { LazyFifo } from "../lazy_fifo.ts";
import type { PendingRequest, RequestHolder } from "./pending_request.ts";

/** The requests of one client that are not sent yet. */
export class WaitingRequests implements RequestHolder {
  readonly waitsFor = "it waited for a connection with room and was never sent";
  readonly #fifo = new LazyFifo<PendingRequest>();
  readonly #maxRequests: number;
  readonly #maxBytes: number;
  #count = 0;
  #bytes = 0;
  #whenEmpty: (() => void) | null = null;

  constructor(maxRequests: number, maxBytes: number) {
    this.#maxRequests = maxRequests;
    this.#maxBytes = maxBytes;
  }

  /** How many wait. */
  get count(): number {
    return this.#count;
  }

  /** Takes a request in, or rejects it with RESOURCE_EXHAUSTED. */
  push(request: PendingRequest): void {
    if (this.#count >= this.#maxRequests || this.#bytes + request.body.length > this.#maxBytes) {
      request.reject(
        new ParleyError(
          ErrorCode.RESOURCE_EXHAUSTED,
          `cannot send a request: ${this.#count} requests of ${this.#bytes} bytes wait to be sent`,
          { retryable: true, accepted: "await answers before asking for more" },
        ),
      );
      return;
    }
    request.holder = this;
    this.#count++;
    this.#bytes += request.body.length;
    this.#fifo.push(request);
  }

  /** Lets the next one go; undefined when none waits. */
  shift(): PendingRequest | undefined {
    const request = this.#fifo.shift();
    if (request !== undefined) this.#left(request);
    return request;
  }

  /** Lets go of a request that is being settled. */
  forget(request: PendingRequest): void {
    this.#left(request);
  }

  /** Rejects everyone who waits. */
  rejectAll(reason: unknown): void {
    for (let request = this.shift(); request !== undefined; request = this.shift()) {
      request.reject(reason);
    }
  }

  /** Resolves when nobody waits. One caller at a time. */
  whenEmpty(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenEmpty = resolve);
  }

  #left(request: PendingRequest): void {
    request.holder = null;
    this.#count--;
    this.#bytes -= request.body.length;
    if (this.#count > 0 || this.#whenEmpty === null) return;
    this.#whenEmpty();
    this.#whenEmpty = null;
  }
}
