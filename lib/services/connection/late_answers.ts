/**
 * The requests of one session that are answered later: acknowledgements of what is being stored, and calls
 * of the server's own methods. Calls of other connections' methods are not among them.
 *
 * The session waits here for some of them to come back: before it reads on when there are too many calls,
 * before it ends when its peer has finished sending. Whoever ends it cuts the wait short.
 */

import { detached } from "../../base/detached.ts";

/** Calls of the server's own methods that one connection may have under way before it is read further. */
const MAX_CALLS = 64;

/** The answers that one session still owes its peer. */
export class LateAnswers {
  #awaited = 0;
  #calls = 0;
  #loggingIn = false;
  #resolve: (() => void) | null = null;

  /** The number of answers that are to come, those of calls included. */
  get awaited(): number {
    return this.#awaited;
  }

  /** The number of these answers that are of calls. */
  get calls(): number {
    return this.#calls;
  }

  /** An answer is to come; each is ended once. */
  begin(): void {
    this.#awaited++;
  }

  /** An answer that was to come is given, or nobody wants it any more. */
  end(): void {
    this.#awaited--;
  }

  /** One of the answers to come is that of a call of one of the server's own methods. */
  beginCall(): void {
    this.#calls++;
  }

  /** Says that a call of `beginCall` has come back. */
  endCall(): void {
    this.#calls--;
  }

  /** It is being found out who the peer is: until then nothing more is read. */
  beginLogin(): void {
    this.#loggingIn = true;
  }

  /** It is known who the peer is, or that nobody knows. */
  endLogin(): void {
    this.#loggingIn = false;
  }

  /** Whether nothing more is read: too many calls are under way, or it is not known yet who asks. */
  get holdsReading(): boolean {
    return this.#calls >= MAX_CALLS || this.#loggingIn;
  }

  /** Resolves when `wake` is called, or with `ready`. One may wait at a time. */
  wait(ready: Promise<void> | null = null): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      if (ready !== null) detached(ready.then(resolve), "wait for the store");
    });
  }

  /** Lets the one who waits look again. */
  wake(): void {
    this.#resolve?.();
    this.#resolve = null;
  }
}
