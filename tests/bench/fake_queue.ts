/**
 * A queue that speaks just enough of the wire for the load generator, and misbehaves as it is told: to see
 * that the generator notices.
 */
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { frame, frameBytes } from "../../bench/load/dialect_parley.ts";
import { concat, writeAll } from "../../bench/load/target.ts";
import { closeSafely, FakeListener } from "./fake_listener.ts";

/** What it does with each job that is pushed: keeps it, gives somebody very many, or ends a consumer. */
export type Fate = (count: number) => "keep" | "flood" | "end";

/** Members of ClientMessage. */
const CLIENT = { hello: 4, job: 14, pull: 16, settle: 17 } as const;
/** Members of ServerMessage. */
const SERVER = { welcome: 4, ack: 5, job: 13, settled: 14 } as const;
const FLOOD_JOBS = 1000;
const NOTHING = new Uint8Array(0);

interface Puller {
  readonly connection: Deno.TcpConn;
  readonly prefetch: number;
  held: number;
}

/** Serves producers and consumers until it is disposed of. */
export class FakeQueue implements AsyncDisposable {
  /** Jobs that were pushed. */
  pushed = 0;
  /** Jobs that were settled. */
  settled = 0;
  /** The most jobs that one consumer held. */
  mostHeld = 0;
  /** Jobs that wait. */
  waiting = 0;
  readonly #listener: FakeListener;
  readonly #fate: Fate;
  readonly #pullers: Puller[] = [];
  #token = 0n;

  constructor(fate: Fate) {
    this.#fate = fate;
    this.#listener = new FakeListener((connection) =>
      this.#serve(connection).finally(() => this.#gone(connection))
    );
  }

  /** Where it listens. */
  get port(): number {
    return this.#listener.port;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#listener[Symbol.asyncDispose]();
  }

  async #serve(connection: Deno.TcpConn): Promise<void> {
    let bytes: Uint8Array = NOTHING;
    const buffer = new Uint8Array(256 * 1024);
    for (let read = await connection.read(buffer); read !== null;) {
      bytes = concat([bytes, buffer.subarray(0, read)]);
      const answers: Uint8Array[] = [];
      for (let length = frameBytes(bytes); length !== undefined; length = frameBytes(bytes)) {
        const message = new BinaryReader(new BinaryReader(bytes.slice(0, length)).bytes());
        bytes = bytes.subarray(length);
        answers.push(this.#answer(connection, message));
      }
      await writeAll(connection, concat(answers));
      await this.#deliver();
      read = await connection.read(buffer);
    }
  }

  #answer(connection: Deno.TcpConn, message: BinaryReader): Uint8Array {
    const [field] = message.tag();
    const body = new BinaryReader(message.bytes());
    message.tag();
    const id = message.uint32();
    switch (field) {
      case CLIENT.hello:
        return frame(SERVER.welcome, NOTHING, id);
      case CLIENT.job: {
        const fate = this.#fate(++this.pushed);
        if (fate === "end") closeSafely(this.#pullers[0].connection);
        else if (fate === "flood") this.#pullers[0].held -= FLOOD_JOBS;
        this.waiting += fate === "flood" ? FLOOD_JOBS : 1;
        return frame(SERVER.ack, NOTHING, id);
      }
      case CLIENT.pull:
        body.tag();
        body.skip(0);
        body.tag();
        body.skip(2);
        body.tag();
        this.#pullers.push({ connection, prefetch: body.uint32(), held: 0 });
        return frame(SERVER.ack, NOTHING, id);
      case CLIENT.settle: {
        body.tag();
        body.skip(0);
        body.tag();
        const jobs = body.bytes().length / 8;
        this.#pullers.find((each) => each.connection === connection)!.held -= jobs;
        this.settled += jobs;
        return frame(SERVER.settled, NOTHING, id);
      }
    }
    throw new Error(`the load generator sent field ${field}`);
  }

  /** Hands out what waits to those who have room. */
  async #deliver(): Promise<void> {
    for (const puller of this.#pullers) {
      const jobs: Uint8Array[] = [];
      while (this.waiting > 0 && puller.held < puller.prefetch) {
        this.waiting--;
        this.mostHeld = Math.max(this.mostHeld, ++puller.held);
        const job = new BinaryWriter().tag(16, 1).fixed64(++this.#token).finish();
        jobs.push(frame(SERVER.job, job, 0));
      }
      if (jobs.length > 0) await writeAll(puller.connection, concat(jobs));
    }
  }

  /** A consumer that ends gives its jobs back. */
  #gone(connection: Deno.TcpConn): void {
    const at = this.#pullers.findIndex((each) => each.connection === connection);
    if (at < 0) return;
    this.waiting += this.#pullers[at].held;
    this.#pullers.splice(at, 1);
  }
}
