/**
 * A listener of a fake server: it serves each connection until it is disposed of, whatever goes wrong there.
 */

/** Listens on a free port of loopback. */
export class FakeListener implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections: Deno.TcpConn[] = [];
  readonly #tasks: Promise<void>[] = [];
  readonly #accepting: Promise<void>;

  /** `serve` has a connection until its promise settles. */
  constructor(serve: (connection: Deno.TcpConn) => Promise<void>) {
    this.#accepting = this.#accept(serve);
  }

  /** Where it listens. */
  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    this.#connections.forEach(closeSafely);
    await Promise.all(this.#tasks);
  }

  async #accept(serve: (connection: Deno.TcpConn) => Promise<void>): Promise<void> {
    for await (const connection of this.#listener) {
      // Small writes that wait for each other would take forty milliseconds each.
      connection.setNoDelay(true);
      this.#connections.push(connection);
      this.#tasks.push(serve(connection).catch(() => {}));
    }
  }
}

/** Closes a connection, also one that is closed already. */
export function closeSafely(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}
