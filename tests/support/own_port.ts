/**
 * A port for a test that stops a server and starts it again in the same place, or that wants nobody to
 * listen there.
 *
 * A port that the system handed out is anybody's again once it is closed. This one lies below those that
 * systems hand out, and stays the test's own by a listener on the same port of another loopback address,
 * where there is one.
 */
const FIRST = 10_000;
const COUNT = 20_000;

/** A port that nobody else takes until it is disposed of. */
export interface OwnPort extends Disposable {
  readonly port: number;
}

/** Finds a port where nobody listens on 127.0.0.1 and ::1, and keeps it for the caller. */
export function ownPort(): OwnPort {
  for (;;) {
    const port = FIRST + crypto.getRandomValues(new Uint32Array(1))[0] % COUNT;
    const guard = listenIfFree("127.0.0.2", port);
    if (guard === "taken") continue;
    const mine = ["127.0.0.1", "::1"].map((hostname) => listenIfFree(hostname, port));
    for (const listener of mine) if (listener instanceof Object) listener.close();
    if (!mine.includes("taken")) {
      return {
        port,
        [Symbol.dispose]: () => {
          if (guard !== "nowhere") guard.close();
        },
      };
    }
    if (guard !== "nowhere") guard.close();
  }
}

function listenIfFree(hostname: string, port: number): Deno.TcpListener | "taken" | "nowhere" {
  try {
    return Deno.listen({ hostname, port });
  } catch (error) {
    // Not every machine has that address.
    return error instanceof Deno.errors.AddrInUse ? "taken" : "nowhere";
  }
}
