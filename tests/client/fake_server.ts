/**
 * A server that does exactly what a test says, right or wrong: one script for each connection it takes.
 *
 * It speaks with the generated classes and protobuf's own framing; nothing of lib/wire is used. Scripts
 * that raise fail the test when the server is disposed; that their client went away is no failure.
 */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type ClientMessage,
  ClientMessageSchema,
  ServerMessageSchema,
} from "../../lib/gen/parley/v1/envelope_pb.ts";
import { ErrorCode } from "../../lib/base/errors.ts";
import { frame, join } from "../support/frames.ts";
import { isReset } from "../support/socket_client.ts";
import { settles } from "../support/until.ts";

/** What a server message is made of. */
export type ServerMessageInit = MessageInitShape<typeof ServerMessageSchema>;

/** What the Welcome of a fake server says unless the script says otherwise. */
export interface WelcomeInit {
  pingIntervalMs?: number;
  maxFrameBytes?: number;
}

/** One server message in its frame. */
export function serverFrame(message: ServerMessageInit): Uint8Array {
  return frame(toBinary(ServerMessageSchema, create(ServerMessageSchema, message)));
}

/** One connection, from the server's side. */
export class FakePeer {
  /** The number of the connection, from 0. */
  readonly number: number;
  readonly #connection: Deno.Conn;
  #waiting: Uint8Array = new Uint8Array(0);
  #closed = false;

  constructor(connection: Deno.Conn, number: number) {
    this.#connection = connection;
    this.number = number;
  }

  /** The next message of the client; null when it has closed. */
  async read(): Promise<ClientMessage | null> {
    for (;;) {
      const message = this.#take();
      if (message !== null) return message;
      const chunk = new Uint8Array(64 * 1024);
      const count = await settles(this.#connection.read(chunk), "a message of the client");
      if (count === null) return null;
      this.#waiting = join(this.#waiting, chunk.subarray(0, count));
    }
  }

  /** The next message, which has to be there. */
  async expect<C extends NonNullable<ClientMessage["message"]["case"]>>(
    kind: C,
  ): Promise<{ id: bigint; value: Extract<ClientMessage["message"], { case: C }>["value"] }> {
    const message = await this.read();
    if (message?.message.case !== kind) {
      throw new Error(`expected ${kind} of the client, got ${message?.message.case ?? "the end"}`);
    }
    // The case was compared just now; the compiler cannot carry that over to C.
    return { id: message.id, value: message.message.value as never };
  }

  /** Takes the Hello and answers it. */
  async welcome(init: WelcomeInit = {}): Promise<void> {
    const { id } = await this.expect("hello");
    await this.send({ message: welcome(init), id });
  }

  /** Answers echoes, additions and pings until the client closes. */
  async serve(): Promise<void> {
    for (let message = await this.read(); message !== null; message = await this.read()) {
      await this.answer(message);
    }
  }

  /** Answers one echo, addition or ping. */
  async answer({ message, id }: ClientMessage): Promise<void> {
    if (message.case === "echoMessage" || message.case === "ping") {
      const answer = message.case === "ping"
        ? { case: "pong" as const, value: { nonce: message.value.nonce } }
        : { case: "echoMessage" as const, value: { content: message.value.content } };
      await this.send({ message: answer, id });
    } else if (message.case === "addRequest") {
      const result = message.value.a + message.value.b;
      await this.send({ message: { case: "addResponse", value: { result } }, id });
    }
  }

  /** Sends messages in one write. */
  send(...messages: ServerMessageInit[]): Promise<void> {
    return this.sendBytes(join(...messages.map(serverFrame)));
  }

  /** Sends an error that ends the connection, or will. */
  sayWhy(
    closeReason: number,
    code: number = ErrorCode.UNAVAILABLE,
    message = "because",
  ): Promise<void> {
    return this.send({ message: { case: "error", value: { code, message, closeReason } } });
  }

  /** Sends bytes as they are. */
  async sendBytes(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      sent += await settles(this.#connection.write(bytes.subarray(sent)), "a write of the server");
    }
  }

  /** Ends the connection at once. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  #take(): ClientMessage | null {
    let length = 0;
    for (let index = 0; index < this.#waiting.length; index++) {
      length += (this.#waiting[index] & 0x7f) * 128 ** index;
      if (this.#waiting[index] >= 0x80) continue;
      const end = index + 1 + length;
      if (end > this.#waiting.length) return null;
      const message = fromBinary(ClientMessageSchema, this.#waiting.subarray(index + 1, end));
      this.#waiting = this.#waiting.subarray(end);
      return message;
    }
    return null;
  }
}

/** A Welcome. */
export function welcome(init: WelcomeInit = {}): ServerMessageInit["message"] {
  return {
    case: "welcome",
    value: {
      protocolVersion: 1,
      serverVersion: "0.0.0",
      sessionId: "fake",
      serverId: "fake",
      pingIntervalMs: init.pingIntervalMs ?? 20_000,
      limits: { maxFrameBytes: init.maxFrameBytes ?? 1 << 20 },
    },
  };
}

/** What to do with a connection. When it resolves, the connection is closed. */
export type Script = (peer: FakePeer) => Promise<void>;

/** Listens on a port the system hands out. */
export class FakeServer implements AsyncDisposable {
  /** Where to connect to. */
  readonly url: string;
  /** How many connections were taken. */
  taken = 0;
  readonly #listener: Deno.TcpListener;
  readonly #peers = new Set<FakePeer>();
  readonly #tasks: Promise<void>[] = [];
  readonly #failures: unknown[] = [];
  readonly #accepting: Promise<void>;

  constructor(script: Script, port = 0) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.#listener = listener;
    this.url = `parley://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
    this.#accepting = this.#accept(script);
  }

  /** The port it listens on. */
  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  /** Takes no more connections. */
  stopListening(): void {
    try {
      this.#listener.close();
    } catch {
      // Closed before.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopListening();
    for (const peer of this.#peers) peer.close();
    await this.#accepting;
    await Promise.all(this.#tasks);
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  async #accept(script: Script): Promise<void> {
    for await (const connection of this.#listener) {
      connection.setNoDelay(true);
      const peer = new FakePeer(connection, this.taken++);
      this.#peers.add(peer);
      this.#tasks.push(this.#run(script, peer));
    }
  }

  async #run(script: Script, peer: FakePeer): Promise<void> {
    try {
      await script(peer);
    } catch (reason) {
      const gone = isReset(reason) || reason instanceof Deno.errors.BadResource ||
        reason instanceof Deno.errors.Interrupted;
      if (!gone) this.#failures.push(reason);
    } finally {
      peer.close();
      this.#peers.delete(peer);
    }
  }
}
