/**
 * The door by itself: how many headers are awaited at once, and what becomes of those that nobody hands over.
 */
import assert from "node:assert/strict";
import { Door, type DoorRules } from "../../../lib/adapters/socket/door.ts";
import { MAX_PROXY_HEADERS } from "../../../lib/base/limits.ts";
import { settles, until } from "../../support/until.ts";

/** A connection of a proxy that never sends anything. */
class SilentConnection {
  readonly remoteAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  isClosed = false;
  #end: ((reason: Error) => void) | null = null;

  read(): Promise<number> {
    return new Promise((_, reject) => this.#end = reject);
  }

  close(): void {
    this.isClosed = true;
    this.#end?.(new Error("closed"));
  }
}

/** Accepts these, and then nothing more. */
function sourceOf(connections: readonly SilentConnection[]) {
  let next = 0;
  const accept = () =>
    next < connections.length
      ? Promise.resolve(connections[next++] as unknown as Deno.TcpConn)
      : new Promise<never>(() => {});
  return { address: "test", accept };
}

Deno.test("a connection that comes in the moment of the stop is not waited for", async () => {
  const stop = new AbortController();
  const connection = new SilentConnection();
  const accept = () => {
    stop.abort();
    return Promise.resolve(connection as unknown as Deno.TcpConn);
  };
  const door = new Door({
    welcomes: () => true,
    hasProxies: true,
    isProxy: () => true,
    headerTimeoutMs: 100_000,
    takePlace: () => true,
    givePlace: () => {},
    noHeader: () => {},
  });
  const arrivals = door.arrivals({ address: "test", accept }, stop.signal);
  assert((await settles(arrivals.next(), "the end")).done);
  assert(connection.isClosed);
});

Deno.test("so many headers are awaited, and a further one ends the connection that waits longest", async () => {
  let places = 0;
  let faults = 0;
  const rules: DoorRules = {
    welcomes: () => true,
    hasProxies: true,
    isProxy: () => true,
    headerTimeoutMs: 100_000,
    takePlace: () => ++places > 0,
    givePlace: () => places--,
    noHeader: () => faults++,
  };
  const stop = new AbortController();
  const connections = Array.from(
    { length: MAX_PROXY_HEADERS + 2 },
    () => new SilentConnection(),
  );
  let accepted = 0;
  const source = sourceOf(connections);
  const accept = () => {
    accepted++;
    return source.accept().catch(() => source.accept());
  };
  const arrivals = new Door(rules).arrivals({ address: "test", accept }, stop.signal);
  const first = arrivals.next();
  await until(() => accepted > connections.length, "all are accepted");
  await until(() => places === MAX_PROXY_HEADERS, "two had to go");
  assert.deepEqual(connections.map(({ isClosed }) => isClosed).indexOf(false), 2);
  assert(connections.slice(2).every(({ isClosed }) => !isClosed));
  stop.abort();
  // The listener's accept rejects when it is closed; here it is simply let go of.
  await until(() => connections.every(({ isClosed }) => isClosed), "all are closed");
  await until(() => places === 0, "no place is held");
  assert.equal(faults, 0, "who has sent nothing has only looked");
  await settles(Promise.race([first, Promise.resolve()]), "nothing arrives");
});
