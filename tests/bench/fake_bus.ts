/**
 * A bus that speaks just enough of the wire for the load generator, and misbehaves as it is told: to see
 * that the generator notices.
 */
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { frame, frameBytes } from "../../bench/load/dialect_parley.ts";
import { concat } from "../../bench/load/target.ts";

/** What it does with each event after the first, which the generator learns from. */
export type Delivery = (event: Uint8Array, count: number) => Uint8Array | "end";

const ACK = 5;
const SUBSCRIBE = 5;

/** Serves one subscriber and one publisher until it is disposed of. */
export class FakeBus implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections: Deno.TcpConn[] = [];
  readonly #tasks: Promise<void>[] = [];
  readonly #accepting: Promise<void>;
  readonly #delivery: Delivery;
  #subscriber: Deno.TcpConn | null = null;
  #count = 0;

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
    this.#accepting = this.#accept();
  }

  /** Where it listens. */
  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    this.#connections.forEach(close);
    await Promise.all(this.#tasks);
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) {
      this.#connections.push(connection);
      this.#tasks.push(this.#serve(connection).catch(() => {}));
    }
  }

  async #serve(connection: Deno.TcpConn): Promise<void> {
    let bytes: Uint8Array = new Uint8Array(0);
    const buffer = new Uint8Array(256 * 1024);
    for (let read = await connection.read(buffer); read !== null;) {
      bytes = concat([bytes, buffer.subarray(0, read)]);
      const deliveries: Uint8Array[] = [];
      for (let length = frameBytes(bytes); length !== undefined; length = frameBytes(bytes)) {
        const one = bytes.slice(0, length);
        bytes = bytes.subarray(length);
        const field = new BinaryReader(new BinaryReader(one).bytes()).tag()[0];
        if (field === SUBSCRIBE) {
          this.#subscriber = connection;
          await write(connection, frame(ACK, new Uint8Array(0), 1));
          continue;
        }
        const delivery = this.#count++ === 0 ? one : this.#delivery(one, this.#count);
        if (delivery === "end") return close(this.#subscriber!);
        deliveries.push(delivery);
      }
      await write(this.#subscriber!, concat(deliveries));
      read = await connection.read(buffer);
    }
  }
}

async function write(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}
