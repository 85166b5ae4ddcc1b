/**
 * A poll of the runtime's I/O driver, by a byte that goes through a connection of this process with itself.
 *
 * A read of a socket that has data resolves at once, and the loop that reads it goes on in microtasks: the
 * runtime never parks, so its driver never tells which other sockets have become readable. Neither a timer
 * of no time nor `setImmediate` changes that cheaply. The far end of this connection is known to be readable
 * only from the driver, so a read of it resolves after the driver has looked, at all sockets alike.
 *
 * Nobody else gets into the connection: the listener takes one connection and is closed, and what it took has
 * to come from the very port that was connected from. When the connection cannot be made, or breaks, polls
 * go on by a timer.
 */
import { logger } from "../../base/log.ts";
import { type IoPoll, TIMER_POLL } from "../../ports/io_poll.ts";

const log = logger("server");

/** Strangers that may come before our own connection does. */
const MAX_STRANGERS = 16;
const ONE = new Uint8Array(1);

/** Opens a poll. Never rejects: where there is no loopback, polls go by a timer. */
export async function openSocketPoll(): Promise<IoPoll> {
  try {
    return new SocketPoll(...await connectToSelf());
  } catch (reason) {
    log.warning("sockets are looked at by a timer: no connection over loopback ({reason})", {
      reason,
    });
    return TIMER_POLL;
  }
}

class SocketPoll implements IoPoll {
  readonly #near: Deno.TcpConn;
  readonly #far: Deno.TcpConn;
  readonly #into = new Uint8Array(64);
  #closed = false;

  constructor(near: Deno.TcpConn, far: Deno.TcpConn) {
    this.#near = near;
    this.#far = far;
  }

  async poll(): Promise<void> {
    if (this.#closed) return await TIMER_POLL.poll();
    try {
      await this.#near.write(ONE);
      if (await this.#far.read(this.#into) !== null) return;
      throw new Error("its own end was closed");
    } catch (reason) {
      // Nobody who is still there waits for a timer once the server is closed.
      if (this.#closed) return;
      log.warning("sockets are looked at by a timer: the connection broke ({reason})", { reason });
      this.close();
      await TIMER_POLL.poll();
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#near.close();
    this.#far.close();
  }
}

/** The two ends of a connection over loopback. */
async function connectToSelf(): Promise<[near: Deno.TcpConn, far: Deno.TcpConn]> {
  const hostname = "127.0.0.1";
  const listener = Deno.listen({ hostname, port: 0 });
  let near: Deno.TcpConn | undefined;
  try {
    near = await Deno.connect({ hostname, port: listener.addr.port });
    near.setNoDelay(true);
    const own = near.localAddr as Deno.NetAddr;
    for (let strangers = 0; strangers <= MAX_STRANGERS; strangers++) {
      const far = await listener.accept();
      const { hostname: from, port } = far.remoteAddr as Deno.NetAddr;
      if (from === own.hostname && port === own.port) return [near, far];
      far.close();
    }
    throw new Error(`more than ${MAX_STRANGERS} strangers connected`);
  } catch (reason) {
    near?.close();
    throw reason;
  } finally {
    listener.close();
  }
}
