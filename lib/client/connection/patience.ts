/**
 * How long `connect` waits for a server that is not there yet, and when it tries again.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { invalidArgument } from "../program_error.ts";
import { type ConnectOptions, reconnectOf } from "../settings.ts";
import { Backoff } from "./backoff.ts";

/** What may pass by itself: nobody listens yet, or nobody answers yet. */
const MAY_PASS: readonly ErrorCode[] = [ErrorCode.UNAVAILABLE, ErrorCode.DEADLINE_EXCEEDED];

/** The attempts of one `connect`. */
export class Patience {
  readonly #deadlineMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #backoff: Backoff;

  /** Raises INVALID_ARGUMENT for a `wait` that is none. */
  constructor({ wait = false, signal, reconnect }: ConnectOptions) {
    const ms = wait === true ? Infinity : wait === false ? 0 : wait;
    if (typeof ms !== "number" || !(ms >= 0)) {
      throw invalidArgument(`cannot connect with wait ${wait}`, {
        accepted: "true, false, or a number of milliseconds from 0",
      });
    }
    this.#deadlineMs = performance.now() + ms;
    this.#signal = signal;
    this.#backoff = new Backoff({ ...reconnectOf(reconnect || {}), attempts: Infinity });
  }

  /** Resolves when it is time for another attempt after one that failed with `reason`; rejects with it when it is not. */
  async after(reason: unknown): Promise<void> {
    const leftMs = this.#deadlineMs - performance.now();
    const pauseMs = this.#backoff.next(Math.random());
    if (!mayPass(reason) || leftMs <= 0 || pauseMs === null || this.#signal?.aborted) throw reason;
    await pause(Math.min(pauseMs, leftMs), this.#signal);
  }
}

/** Whether another server, or the same one later, may take a client that one has not taken for `reason`. */
export function mayPass(reason: unknown): boolean {
  return reason instanceof ParleyError && MAY_PASS.includes(reason.code);
}

/** Waits; rejects with the signal's reason when it is aborted. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, ms);
    signal?.addEventListener("abort", aborted, { once: true });
  });
}
