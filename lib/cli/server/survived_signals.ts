/**
 * Signals that end most processes and must not end a server: a terminal that was closed, and what tools for logs
 * send to have files opened again.
 *
 * They are named in the log. SIGHUP also has a server read its configuration again.
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
      () => this.#survived(signal),
    ] as const
  );
  /** What SIGHUP asks for, once there is a server. */
  #reload: (() => void) | null = null;

  constructor() {
    for (const [name, handler] of this.#handlers) Deno.addSignalListener(name, handler);
  }

  /** From now on SIGHUP calls `reload`. */
  onHangup(reload: () => void): void {
    this.#reload = reload;
  }

  #survived(signal: Deno.Signal): void {
    const isHangup = signal === "SIGHUP";
    if (isHangup && this.#reload !== null) {
      log.info("{signal}: reading the configuration again", { signal });
      this.#reload();
    } else log.info("{signal}: there is nothing to reload, the server goes on", { signal });
  }

  [Symbol.dispose](): void {
    for (const [name, handler] of this.#handlers) Deno.removeSignalListener(name, handler);
  }
}
