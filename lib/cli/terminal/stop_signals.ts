/**
 * Ctrl-C and its like, for commands that run until they are told to stop.
 *
 * The first signal is a request, the second ends the process at once with the exit code that shells expect.
 * Signals are listened for from the start on, so that none is lost while a command gets ready. A terminal that
 * closes ends a command in order, too, so that its programs end with it; without one, as under `nohup`, a hangup
 * has the effect that whoever started the command has chosen.
 */

/** A command was told to stop before it had done what it should: an end without words, with this exit code. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  /** What a shell says of a process that the signal ended. */
  readonly exitCode: number;

  constructor(exitCode: number) {
    super("interrupted");
    this.exitCode = exitCode;
  }
}

/** Listens until it is closed; `signal` is aborted with the first. */
export class StopSignals implements Disposable {
  readonly #handlers: readonly (readonly [Deno.Signal, () => void])[];
  readonly #controller = new AbortController();
  readonly #beforeExit: () => void;
  #exitCode = 0;

  /** `beforeExit` is called when a second signal ends the process; `hangup` is whether a closed terminal counts. */
  constructor(beforeExit: () => void = () => {}, hangup = hasTerminal()) {
    this.#beforeExit = beforeExit;
    this.#handlers = stopNames(hangup).map((name) => [name, () => this.#took(name)]);
    for (const [name, handler] of this.#handlers) Deno.addSignalListener(name, handler);
  }

  /** Aborted when the first signal comes; the reason is an Interrupted. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What a shell says of a process that this signal ended; 0 when none has come. */
  get exitCode(): number {
    return this.#exitCode;
  }

  /** Says what the first signal does, also one that has come already. */
  onFirst(stop: () => void): void {
    if (this.signal.aborted) stop();
    else this.signal.addEventListener("abort", stop, { once: true });
  }

  close(): void {
    for (const [name, handler] of this.#handlers) Deno.removeSignalListener(name, handler);
  }

  /** Stops listening, as `close` does. */
  [Symbol.dispose](): void {
    this.close();
  }

  #took(name: Deno.Signal): void {
    const again = this.#exitCode !== 0;
    this.#exitCode = EXIT_CODES[name] ?? 130;
    if (again) {
      this.#beforeExit();
      Deno.exit(this.#exitCode);
    }
    this.#controller.abort(new Interrupted(this.#exitCode));
  }
}

/** What shells say of processes that these signals ended. */
const EXIT_CODES: Partial<Record<Deno.Signal, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

function stopNames(hangup: boolean): Deno.Signal[] {
  if (Deno.build.os === "windows") return ["SIGINT", "SIGBREAK"];
  return ["SIGINT", "SIGTERM", ...hangup ? ["SIGHUP" as const] : []];
}

function hasTerminal(): boolean {
  return [Deno.stdin, Deno.stdout, Deno.stderr].some((stream) => stream.isTerminal());
}
