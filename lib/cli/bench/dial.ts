/**
 * From the URL of a server to plain sockets, for load that does not go through the client library.
 *
 * Nothing is sent and nothing is read here; who opens connections closes them.
 */
import { ErrorCode, invalidArgument, ParleyError } from "../../base/errors.ts";
import { parseTarget } from "../../client/transport/url.ts";

const DIALS_AT_ONCE = 64;

/** Opens one connection; the promise rejects when that fails. */
type Dial = () => Promise<Deno.Conn>;

/** Says how to connect to a URL of the client library. Raises INVALID_ARGUMENT for anything else. */
export function dialer(server: string): Dial {
  const target = parseTarget(server);
  if (target.kind === "unix") {
    return () => Deno.connect({ transport: "unix", path: target.path });
  }
  if (target.kind === "tls") {
    throw invalidArgument(`cannot put load on ${server}: it is under TLS`, {
      accepted: "parley://host:port or unix:///path",
    });
  }
  return async () => {
    const connection = await Deno.connect({ hostname: target.hostname, port: target.port });
    connection.setNoDelay(true);
    return connection;
  };
}

/**
 * Opens `count` connections, a few at a time so that no backlog overflows. All or none: rejects with
 * UNAVAILABLE when one fails, and then none stays open.
 */
export async function dialAll(
  dial: Dial,
  count: number,
  onProgress?: (open: number) => void,
): Promise<Deno.Conn[]> {
  const links: Deno.Conn[] = [];
  let left = count;
  const dialSome = async () => {
    while (left > 0) {
      left--;
      try {
        links.push(await dial());
      } catch (error) {
        left = 0;
        throw error;
      }
      onProgress?.(links.length);
    }
  };
  const dials = Array.from({ length: Math.min(DIALS_AT_ONCE, count) }, dialSome);
  const failed = (await Promise.allSettled(dials)).find((each) => each.status === "rejected");
  if (failed === undefined) return links;
  links.forEach(hangUp);
  const action = `cannot open ${count} connections (${links.length} were opened)`;
  throw ParleyError.from(failed.reason, ErrorCode.UNAVAILABLE, action);
}

/** Closes a connection, also one that is closed already. */
export function hangUp(link: Deno.Conn): void {
  try {
    link.close();
  } catch {
    // It is closed already, which is what was wanted.
  }
}
