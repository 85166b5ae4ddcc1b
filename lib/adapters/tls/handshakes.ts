/**
 * The handshakes that are under way on all listeners of a server, and what they are done with.
 *
 * A connection has its place among all connections before its handshake begins. Beside that there are at most
 * `most` handshakes at once: a further one ends the oldest, which is the one that most likely goes nowhere. Each has
 * a deadline. A failed handshake is what strangers do all day: it is logged at debug.
 */
import { logger } from "../../base/log.ts";
import { formatAddress } from "../socket/deno_link.ts";
import type { TlsConnection } from "./connection.ts";
import type { TlsCredentials } from "./credentials.ts";
import { type IdentityMap, identityOf } from "./identity.ts";

const log = logger("connection");

/** What handshakes need. */
interface HandshakesOptions {
  readonly credentials: TlsCredentials;
  /** May change, as `timeoutMs` may. */
  readonly identities: IdentityMap;
  readonly timeoutMs: number;
  readonly most: number;
}

/** Does handshakes. */
export class Handshakes {
  readonly #options: HandshakesOptions;
  /** From the oldest to the newest. */
  readonly #underWay = new Set<TlsConnection>();

  constructor(options: HandshakesOptions) {
    this.#options = options;
  }

  /** How many are under way. */
  get size(): number {
    return this.#underWay.size;
  }

  /** Does one, offering `protocol`. Says whether the connection is secure now; otherwise it is closed. Never rejects. */
  async run(connection: TlsConnection, protocol: string): Promise<boolean> {
    const { credentials: { context, clientCertificates }, timeoutMs, most } = this.#options;
    if (this.#underWay.size >= most) {
      for (const oldest of this.#underWay) {
        oldest.close();
        break;
      }
    }
    this.#underWay.add(connection);
    try {
      await connection.handshake({ context, clientCertificates, protocol, timeoutMs });
      return true;
    } catch (reason) {
      const { hostname, port } = connection.remoteAddr;
      log.debug("a TLS handshake failed: {reason}", {
        peer: formatAddress(hostname, port),
        reason: (reason as Error).message,
      });
      return false;
    } finally {
      this.#underWay.delete(connection);
    }
  }

  /** The identity that the certificate of a connection stands for; null for none. */
  identityOf({ certificate }: TlsConnection): string | null {
    return certificate === null ? null : identityOf(certificate, this.#options.identities);
  }
}
