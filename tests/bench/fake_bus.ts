/**
 * A bus that speaks just enough of the wire for the load generator, and misbehaves as it is told: to see
 * that the generator notices.
 */
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { frame, frameBytes } from "../../bench/load/dialect_parley.ts";
import { concat, writeAll } from "../../bench/load/target.ts";
import { closeSafely, FakeListener } from "./fake_listener.ts";

/** What it does with each event after the first, which the generator learns from. */
export type Delivery = (event: Uint8Array, count: number) => Uint8Array | "end";

const ACK = 5;
const SUBSCRIBE = 5;

/** Serves one subscriber and one publisher until it is disposed of. */
export class FakeBus implements AsyncDisposable {
  readonly #listener: FakeListener;
  readonly #delivery: Delivery;
  #subscriber: Deno.TcpConn | null = null;
  #count = 0;

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
    this.#listener = new FakeListener((connection) => this.#serve(connection));
  }

  /** Where it listens. */
  get port(): number {
    return this.#listener.port;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#listener[Symbol.asyncDispose]();
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
          await writeAll(connection, frame(ACK, new Uint8Array(0), 1));
          continue;
        }
        const delivery = this.#count++ === 0 ? one : this.#delivery(one, this.#count);
        if (delivery === "end") return closeSafely(this.#subscriber!);
        deliveries.push(delivery);
      }
      await writeAll(this.#subscriber!, concat(deliveries));
      read = await connection.read(buffer);
    }
  }
}
