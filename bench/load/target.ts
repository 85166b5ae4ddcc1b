/**
 * What every load says of the server that it goes to, and the setting-up of a connection to it.
 *
 * While a connection is set up its answers are read and looked at; under load they are only counted.
 */
import { cpuSeconds } from "../harness/process_facts.ts";
import type { Dialect } from "../harness/subjects.ts";
import { joinBytes } from "../../lib/base/join_bytes.ts";
import { type Connection, indexOfText, writeAll } from "./connection.ts";
import { openTls } from "./tls_connection.ts";
import { openWebSocket } from "./websocket.ts";

export { type Connection, indexOfText, writeAll } from "./connection.ts";
export { joinBytes as concat } from "../../lib/base/join_bytes.ts";

/** The server. */
export interface Target {
  readonly dialect: Dialect;
  readonly port: number;
  /** Its process, whose time is taken. */
  readonly pid: number;
  /** Where it takes WebSockets, when connections are to be some. */
  readonly webSocketPort?: number;
  /** The authority to trust, when `port` is one of TLS. */
  readonly tls?: { readonly ca: string };
  /** What clients show to say who they are. */
  readonly token?: string;
  /** Further processes that do its work, whose time is taken, too. */
  readonly otherPids?: readonly number[];
  /** The servers that hold what JetStream keeps; one when it is left out. */
  readonly replicas?: number;
}

/** The seconds that all processes of a server have computed. */
export function serverSeconds({ pid, otherPids = [] }: Target): number {
  return [pid, ...otherPids].reduce((sum, each) => sum + cpuSeconds(each), 0);
}

const BUFFER_BYTES = 64 * 1024;

/** A connection while it is set up. */
export class Setup {
  readonly connection: Connection;
  /** What has come and was not taken yet. */
  bytes: Uint8Array = new Uint8Array(0);
  /** What the server may say unasked before an answer; it is skipped. */
  unasked: string | null = null;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** Connects. */
  static async open(target: Target): Promise<Setup> {
    if (target.webSocketPort !== undefined) {
      return new Setup(await openWebSocket(target.webSocketPort));
    }
    if (target.tls !== undefined) return new Setup(await openTls(target, target.tls.ca));
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: target.port });
    connection.setNoDelay(true);
    return new Setup(connection);
  }

  /** Writes all of `bytes`. */
  async write(bytes: Uint8Array): Promise<void> {
    await writeAll(this.connection, bytes);
  }

  /**
   * Reads until `whole` says how many bytes the answer has that has come whole, and takes them. Rejects
   * when the server ends the connection first; `what` says what it was that did not come.
   */
  async take(whole: (bytes: Uint8Array) => number | undefined, what: string): Promise<Uint8Array> {
    for (;;) {
      if (this.unasked !== null && indexOfText(this.bytes, this.unasked) === 0) {
        this.bytes = this.bytes.subarray(this.unasked.length);
      }
      const length = whole(this.bytes);
      if (length !== undefined) {
        const answer = this.bytes.subarray(0, length);
        this.bytes = this.bytes.subarray(length);
        return answer;
      }
      const buffer = new Uint8Array(BUFFER_BYTES);
      const count = await this.connection.read(buffer);
      if (count === null) {
        const said = new TextDecoder().decode(this.bytes.subarray(0, 200));
        throw new Error(`the server ended a connection that waited for ${what}: ${said}`);
      }
      this.bytes = joinBytes([this.bytes, buffer.subarray(0, count)]);
    }
  }
}

/** As many copies of `message` behind each other as `bytes` bytes hold, at least one. */
export function repeated(message: Uint8Array, bytes: number): Uint8Array {
  const count = Math.max(1, Math.floor(bytes / message.length));
  return joinBytes(Array.from({ length: count }, () => message));
}
