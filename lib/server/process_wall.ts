/**
 * The last wall of a server's process: what nothing caught is logged and counted as a defect, and the process
 * lives.
 *
 * Without it an error that is thrown in a timer or an event, or a promise whose rejection nobody hears, would end
 * the process, and with it the service of everybody. It stands behind walls of their own for each connection,
 * message, batch and task, and nothing relies on it. Non-goal: commands of the command line, which end when they
 * fail.
 */
import { reportDefect } from "../base/defects.ts";

/** Stands until it is closed. */
export class ProcessWall implements Disposable {
  readonly #threw = (event: ErrorEvent): void => {
    event.preventDefault();
    reportDefect("finish what a timer or an event began", event.error);
  };
  readonly #rejected = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    reportDefect("finish what nobody waited for", event.reason);
  };

  constructor() {
    globalThis.addEventListener("error", this.#threw);
    globalThis.addEventListener("unhandledrejection", this.#rejected);
  }

  close(): void {
    globalThis.removeEventListener("error", this.#threw);
    globalThis.removeEventListener("unhandledrejection", this.#rejected);
  }

  /** The same as `close`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
