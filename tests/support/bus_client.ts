/**
 * A client of the bus made of raw frames and generated classes, over any listener that carries the
 * delimited dialect: it reads all the time, or when told to, and keeps what it got.
 *
 * It is no client library. Every wait that could hang is turned into a failure by `settles`.
 */
import { handled } from "../../lib/base/detached.ts";
import { fromBinary } from "@bufbuild/protobuf";
import type { Event } from "../../lib/gen/parley/v1/event_pb.ts";
import type { ListenerKind } from "../../lib/ports/link.ts";
import { ServerMessageSchema } from "../../lib/gen/parley/v1/envelope_pb.ts";
import {
  type ClientMessageInit,
  contentOf,
  frame,
  helloMessage,
  join,
  type ServerMessage,
} from "./frames.ts";
import { ALL_KINDS, type PlainConnection, type TestServer } from "./server.ts";
import { settles } from "./until.ts";

/** The listeners that the tests of the bus run over: all that carry the delimited dialect. */
export const BUS_KINDS: readonly ListenerKind[] = ALL_KINDS.filter((kind) => kind !== "raw");

/** One of them. */
export type BusKind = ListenerKind;

const READ_BYTES = 256 * 1024;

/** One connection. */
export class BusClient implements AsyncDisposable {
  /** Everything that came and was not taken, in order. */
  readonly messages: ServerMessage[] = [];
  /** Why nothing more comes; null while it may. */
  ended: "end" | Error | null = null;
  readonly #stream: PlainConnection;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #partial: Uint8Array = new Uint8Array(0);
  #pump: Promise<void> | null = null;
  #watchers: { done: () => boolean; resolve: () => void }[] = [];
  #lastId = 0n;
  #closed = false;

  constructor(stream: PlainConnection) {
    this.#stream = stream;
  }

  /** Connects to a listener of a server, and starts to read unless told otherwise. */
  static async connect(
    server: TestServer,
    kind: BusKind,
    options: { reading?: boolean } = {},
  ): Promise<BusClient> {
    const client = new BusClient(await settles(server.connect(kind), `connect to ${kind}`));
    if (options.reading ?? true) client.startReading();
    return client;
  }

  /** Whether bytes are at hand that are no whole message. */
  get hasPartial(): boolean {
    return this.#partial.length > 0;
  }

  /** The events that came, in order. */
  get events(): Event[] {
    return this.messages.flatMap(({ message }) => message.case === "event" ? [message.value] : []);
  }

  /** Reads from now on until the connection ends. */
  startReading(): void {
    this.#pump ??= this.#readAll();
  }

  /** Sends messages, all of them in one write if the system takes it. */
  send(...messages: readonly ClientMessageInit[]): Promise<void> {
    return this.sendBytes(join(...messages.map((message) => frame(message))));
  }

  /** Sends bytes as they are, all of them, however long that takes. */
  async sendBytes(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#stream.write(bytes.subarray(sent));
    }
  }

  /** The next id of this client's requests. */
  nextId(): bigint {
    return ++this.#lastId;
  }

  /**
   * Sends a message with an id and gives what the server answers to it. A test that fails before it looks at the
   * answer is told of its own failure, and not of the answer that never came.
   */
  ask(message: ClientMessageInit): Promise<ServerMessage> {
    const answer = this.#ask(message);
    handled(answer);
    return answer;
  }

  async #ask(message: ClientMessageInit): Promise<ServerMessage> {
    const id = this.nextId();
    await this.send({ ...message, id });
    return await this.answerTo(id);
  }

  /** The same, and fails unless the answer is an acknowledgement; gives the number of receivers. */
  async acknowledged(message: ClientMessageInit): Promise<number> {
    return contentOf(await this.ask(message), "ack").receivers;
  }

  /** Waits for the answer with this id and takes it out of the messages. */
  async answerTo(id: bigint): Promise<ServerMessage> {
    const place = () => this.messages.findIndex((message) => message.id === id);
    await this.when(() => place() >= 0, `an answer with id ${id}`);
    return this.messages.splice(place(), 1)[0];
  }

  /** The name that the server gave this session. */
  async sessionId(): Promise<string> {
    return contentOf(await this.ask(helloMessage()), "welcome").sessionId;
  }

  /** Waits for so many events. */
  async whenEvents(count: number): Promise<Event[]> {
    let seen = 0;
    let looked = 0;
    await this.when(() => {
      for (; looked < this.messages.length; looked++) {
        if (this.messages[looked].message.case === "event") seen++;
      }
      return seen >= count;
    }, `${count} events`);
    return this.events;
  }

  /** Waits until `done` holds, looked at whenever something came; fails when the connection ends first. */
  async when(done: () => boolean, what: string): Promise<void> {
    if (done()) return;
    await settles(new Promise<void>((resolve) => this.#watchers.push({ done, resolve })), what);
    if (!done()) throw new Error(`${what}: the connection ended first (${this.ended})`);
  }

  /** Waits until `done` holds or the connection has ended, however long that takes. */
  whenAny(done: () => boolean): Promise<void> {
    if (done() || this.ended !== null) return Promise.resolve();
    return new Promise<void>((resolve) => this.#watchers.push({ done, resolve }));
  }

  /** Waits until the server has ended the connection, and gives how: "end" or an error. */
  async whenEnded(): Promise<"end" | Error> {
    this.startReading();
    await settles(this.#pump!, "the end of the connection");
    return this.ended!;
  }

  /** Finishes sending. */
  closeWrite(): Promise<void> {
    return this.#stream.closeWrite();
  }

  /** Ends the connection. With bytes of the server still unread, its peer sees a reset. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stream.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.#pump;
  }

  async #readAll(): Promise<void> {
    try {
      for (;;) {
        const count = await this.#stream.read(this.#buffer);
        if (count === null) break;
        this.#take(this.#buffer.subarray(0, count));
        this.#wake();
      }
      this.ended = "end";
    } catch (reason) {
      this.ended = reason instanceof Error ? reason : new Error(String(reason));
    }
    for (const watcher of this.#watchers.splice(0)) watcher.resolve();
  }

  /** Decodes the whole messages of what came, and keeps the rest. */
  #take(chunk: Uint8Array): void {
    const bytes = this.#partial.length === 0 ? chunk : join(this.#partial, chunk);
    let at = 0;
    for (;;) {
      let length = 0;
      let behind = at;
      for (let scale = 1; behind < bytes.length; scale *= 128) {
        const byte = bytes[behind++];
        length += (byte & 0x7f) * scale;
        if (byte < 0x80) break;
      }
      const whole = behind > at && bytes[behind - 1] < 0x80 && behind + length <= bytes.length;
      if (!whole) break;
      const body = bytes.slice(behind, behind + length);
      this.messages.push(fromBinary(ServerMessageSchema, body));
      at = behind + length;
    }
    this.#partial = bytes.slice(at);
  }

  #wake(): void {
    this.#watchers = this.#watchers.filter((watcher) => {
      if (!watcher.done()) return true;
      watcher.resolve();
      return false;
    });
  }
}

/** Registers a test for each kind of listener. */
export function busTest(name: string, run: (kind: BusKind) => Promise<void>): void {
  for (const kind of BUS_KINDS) Deno.test(`${name} (${kind})`, () => run(kind));
}

/** Disposes of clients when a test ends, also when it fails. */
export class Clients implements AsyncDisposable {
  readonly server: TestServer;
  readonly kind: BusKind;
  readonly #clients: BusClient[] = [];

  constructor(server: TestServer, kind: BusKind) {
    this.server = server;
    this.kind = kind;
  }

  /** Connects one more client. */
  async connect(options: { reading?: boolean } = {}): Promise<BusClient> {
    const client = await BusClient.connect(this.server, this.kind, options);
    this.#clients.push(client);
    return client;
  }

  /** Connects several. */
  several(count: number, options: { reading?: boolean } = {}): Promise<BusClient[]> {
    return Promise.all(Array.from({ length: count }, () => this.connect(options)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client[Symbol.asyncDispose]();
  }
}
