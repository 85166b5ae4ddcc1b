/**
 * Signals that end most processes and must not end a server: a terminal that was closed, and what tools for logs
 * send to have files opened again.
 *
 * They are named in the log, and nothing else happens: there is nothing yet that a server would read again.
 * SIGQUIT stays what it is, the way to end a process that does not listen.
 */
import { logger } from "../../base/log.ts";

const log = logger("server");

const NAMES: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? []
  : ["SIGHUP", "SIGUSR1", "SIGUSR2"];

/** Lets the process live through these signals until it is closed. */
export class SurvivedSignals implements Disposable {
  readonly #handlers = NAMES.map((signal) =>
    [
      signal,
      () => log.info("{signal}: there is nothing to reload, the server goes on", { signal }),
    ] as const
  );

  constructor() {
    for (const [name, handler] of this.#handlers) Deno.addSignalListener(name, handler);
  }

  [Symbol.dispose](): void {
    for (const [name, handler] of this.#handlers) Deno.removeSignalListener(name, handler);
  }
}
