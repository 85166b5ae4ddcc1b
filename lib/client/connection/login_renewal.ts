/**
 * Renews the login of one connection before it ends: says Hello again with credentials that are asked for anew.
 *
 * The time is the server's, as its Welcome says how long the login lasts, so clocks that differ do no harm. What fails is
 * tried again while the login lasts, and told each time.
 */
import { detached } from "../../base/detached.ts";
import { ParleyError } from "../../base/errors.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { Credentials } from "./credentials.ts";
import type { Expirable } from "./deadline_queue.ts";
import type { DeadlineTimer } from "./deadline_timer.ts";

/** The share of its time after which a login is renewed, and that of what is left after which a failure is tried again. */
const RENEW_AFTER = 0.75;
const AGAIN_AFTER = 0.25;
/** The least time between two tries. */
const MIN_PAUSE_MS = 250;
/** The longest time that is waited for at once: what timers take. */
const MAX_WAIT_MS = 0x7fffffff;

/** What a renewal needs, and whom it tells. */
export interface RenewalOwner {
  readonly timer: DeadlineTimer;
  /** How long one Hello may take. */
  readonly timeoutMs: number;
  next(): Promise<Credentials>;
  failed(error: ParleyError): void;
}

/** The renewals of one connection. */
export class LoginRenewal {
  readonly #connection: ClientConnection;
  readonly #owner: RenewalOwner;
  /** When the login ends, in milliseconds of `performance.now()`. */
  #endsMs = Infinity;
  #waiting: (Expirable & { done: boolean }) | null = null;
  #stopped = false;

  /** The connection was welcomed. */
  constructor(connection: ClientConnection, owner: RenewalOwner) {
    this.#connection = connection;
    this.#owner = owner;
    this.#welcomed();
  }

  /** Renews nothing any more. */
  stop(): void {
    this.#stopped = true;
    if (this.#waiting !== null) this.#waiting.done = true;
  }

  #welcomed(): void {
    const leftMs = Number(this.#connection.welcome.loginEndsInMs);
    if (leftMs === 0) return;
    this.#endsMs = performance.now() + leftMs;
    this.#wait(leftMs * RENEW_AFTER);
  }

  #wait(ms: number): void {
    if (this.#stopped) return;
    const isWhole = ms <= MAX_WAIT_MS;
    const waiting: Expirable & { done: boolean } = {
      done: false,
      deadlineMs: 0,
      expire: () => {
        waiting.done = true;
        if (isWhole) detached(this.#renew(), "renew a login");
        else this.#wait(ms - MAX_WAIT_MS);
      },
    };
    this.#waiting = waiting;
    this.#owner.timer.add(waiting, Math.min(ms, MAX_WAIT_MS));
  }

  async #renew(): Promise<void> {
    const { timeoutMs } = this.#owner;
    try {
      const credentials = await this.#owner.next();
      if (this.#stopped || this.#connection.state !== "open") return;
      await this.#connection.hello(credentials, timeoutMs);
      this.#welcomed();
    } catch (thrown) {
      if (this.#stopped || this.#connection.state !== "open") return;
      this.#owner.failed(notRenewed(ParleyError.from(thrown)));
      const leftMs = this.#endsMs - performance.now();
      if (leftMs > MIN_PAUSE_MS) this.#wait(Math.max(MIN_PAUSE_MS, leftMs * AGAIN_AFTER));
    }
  }
}

function notRenewed(reason: ParleyError): ParleyError {
  const { code, message, retryable, accepted } = reason;
  return new ParleyError(code, `cannot renew the login: ${message}`, {
    retryable,
    accepted,
    cause: reason,
  });
}
