/**
 * A connection under TLS as a Link, with what a tcp link does.
 */
import { detached, mayFail } from "../../base/detached.ts";
import { WriteAbandoned } from "../../base/write_abandoned.ts";
import type { Link } from "../../ports/link.ts";
import { formatAddress } from "../socket/deno_link.ts";
import type { TlsConnection } from "./connection.ts";

/** One connection, after its handshake. */
export class TlsLink implements Link {
  readonly kind = "tls";
  readonly isAdmitted = true;
  readonly answersProbes = false;
  readonly signs = 0;
  readonly certificateIdentity: string | null;
  bytesWritten = 0;
  readonly #connection: TlsConnection;
  #closed = false;
  /** Rejects the latest write; without effect once that has settled. */
  #abandonWrite: ((reason: Error) => void) | null = null;

  /** `identity` is what the client's certificate stands for; null when it stands for nobody. */
  constructor(connection: TlsConnection, identity: string | null) {
    this.#connection = connection;
    this.certificateIdentity = identity;
  }

  get peer(): string {
    const { hostname, port } = this.#connection.remoteAddr;
    return formatAddress(hostname, port);
  }

  get address(): string {
    return this.#connection.remoteAddr.hostname;
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#connection.read(into);
  }

  write(batch: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#abandonWrite = reject;
      let done = 0;
      const wrote = (count: number): void => {
        done += count;
        this.bytesWritten += count;
        if (done === batch.length) resolve();
        // Closed, the rest of it would only be refused.
        else if (!this.#closed) write(batch.subarray(done));
      };
      const failed = (reason: Error): void => {
        this.bytesWritten += this.#connection.takeSentOfWrite();
        reject(reason);
      };
      const write = (rest: Uint8Array): void =>
        detached(this.#connection.write(rest).then(wrote, failed), "write to a socket");
      write(batch);
    });
  }

  probe(idleMs: number): void {
    if (!this.#closed) this.#connection.probe(idleMs);
  }

  closeWrite(): void {
    if (!this.#closed) mayFail(this.#connection.closeWrite(), "finish sending to a peer");
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { released } = this.#connection;
    this.bytesWritten += this.#connection.takeSentOfWrite();
    this.#abandonWrite?.(
      new WriteAbandoned("the connection was closed while writing", released),
    );
    this.#connection.close();
  }

  whenReleased(): Promise<void> {
    return this.#connection.released;
  }
}
