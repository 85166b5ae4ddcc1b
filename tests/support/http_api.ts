/**
 * A program without a client library: HTTP requests to a server, and a reader of server-sent events.
 */
import assert from "node:assert/strict";
import { settles } from "./until.ts";
import type { TestServer } from "./server.ts";

/** What a request says beside its path. */
export interface Asked {
  readonly method?: string;
  readonly body?: BodyInit;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

/** An answer, read to its end. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  /** The body as JSON. */
  // deno-lint-ignore no-explicit-any
  readonly json: any;
}

/** The URL of a path. */
export function urlOf(server: TestServer, path: string): string {
  return `http://127.0.0.1:${server.port("ws")}${path}`;
}

/** Asks, and reads the answer. The method is POST, but where another one is given. */
export async function ask(server: TestServer, path: string, asked: Asked = {}): Promise<Answered> {
  const { method = "POST", body = "", headers = {}, signal } = asked;
  const given = method === "GET" || method === "OPTIONS" ? undefined : body;
  // Every request has a connection of its own: no pool outlives the test.
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  try {
    const init = { method, body: given, headers, signal, client };
    const response = await settles(fetch(urlOf(server, path), init), `${method} ${path}`);
    const bytes = new Uint8Array(await settles(response.arrayBuffer(), "the body"));
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    const json = isJson ? JSON.parse(new TextDecoder().decode(bytes)) : undefined;
    return { status: response.status, headers: response.headers, bytes, json };
  } finally {
    client.close();
  }
}

/** Asks for what is refused; fails unless that is so, with this status and code. Gives the problem. */
export async function refused(
  server: TestServer,
  path: string,
  asked: Asked,
  [status, code]: readonly [number, string],
): Promise<Answered["json"]> {
  const answer = await ask(server, path, asked);
  assert.equal(answer.status, status, `${path}: ${new TextDecoder().decode(answer.bytes)}`);
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  assert.equal(answer.json.status, status);
  assert.equal(answer.json.code, code);
  assert.equal(typeof answer.json.detail, "string");
  return answer.json;
}

/** A block of a stream of events. */
export interface SentEvent {
  readonly event: string;
  readonly id: string | null;
  // deno-lint-ignore no-explicit-any
  readonly data: any;
}

/** A stream of events that is read. */
export class EventReader implements AsyncDisposable {
  /** The id that a browser would send back now. */
  lastId = "";
  readonly #connection: Deno.TcpConn;
  #text = "";

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Opens a stream; fails unless that is answered with 200. */
  static async open(
    server: TestServer,
    query: string,
    headers: Record<string, string> = {},
  ): Promise<EventReader> {
    const port = server.port("ws");
    const reader = new EventReader(await Deno.connect({ hostname: "127.0.0.1", port }));
    const lines = Object.entries({ Host: `127.0.0.1:${port}`, ...headers })
      .map(([name, value]) => `${name}: ${value}\r\n`);
    const request = `GET /v1/events?${query} HTTP/1.1\r\n${lines.join("")}\r\n`;
    await reader.#connection.write(new TextEncoder().encode(request));
    const head = await reader.#take("\r\n\r\n");
    assert.match(head, /^HTTP\/1\.1 200 /);
    assert.match(head, /content-type: text\/event-stream/i);
    return reader;
  }

  /** The next block that is an event, or null when the stream is over. */
  async next(): Promise<SentEvent | null> {
    for (;;) {
      const block = await this.#block();
      if (block === null) return null;
      const fields = new Map(
        block.split("\n").map((line) => {
          const colon = line.indexOf(":");
          return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
        }),
      );
      const id = fields.get("id") ?? null;
      if (id !== null) this.lastId = id;
      const data = fields.get("data");
      if (data === undefined) continue;
      return { event: fields.get("event") ?? "message", id, data: JSON.parse(data) };
    }
  }

  /** The data of so many events. */
  async take(count: number): Promise<SentEvent["data"][]> {
    const taken = [];
    while (taken.length < count) {
      const event = await this.next();
      assert(event !== null, "the stream goes on");
      assert.equal(event.event, "message");
      taken.push(event.data);
    }
    return taken;
  }

  close(): void {
    this.#connection.close();
  }

  closeWrite(): Promise<void> {
    return this.#connection.closeWrite();
  }

  [Symbol.asyncDispose](): Promise<void> {
    try {
      this.close();
    } catch {
      // It is closed already.
    }
    return Promise.resolve();
  }

  #chunks = "";
  #isOver = false;

  /** The next block of the stream, from within its chunks. */
  async #block(): Promise<string | null> {
    for (;;) {
      const end = this.#chunks.indexOf("\n\n");
      if (end >= 0) {
        const block = this.#chunks.slice(0, end);
        this.#chunks = this.#chunks.slice(end + 2);
        return block;
      }
      if (this.#isOver) return null;
      const size = parseInt(await this.#take("\r\n"), 16);
      if (!(size > 0)) this.#isOver = true;
      else this.#chunks += (await this.#bytes(size + 2)).slice(0, -2);
    }
  }

  /** What comes up to `end`. */
  async #take(end: string): Promise<string> {
    for (;;) {
      const at = this.#text.indexOf(end);
      if (at >= 0) {
        const taken = this.#text.slice(0, at);
        this.#text = this.#text.slice(at + end.length);
        return taken;
      }
      if (!await this.#read()) return "";
    }
  }

  async #bytes(count: number): Promise<string> {
    while (this.#text.length < count && await this.#read());
    const taken = this.#text.slice(0, count);
    this.#text = this.#text.slice(count);
    return taken;
  }

  async #read(): Promise<boolean> {
    const chunk = new Uint8Array(64 * 1024);
    const count = await settles(this.#connection.read(chunk), "the stream").catch(() => null);
    if (count === null) return false;
    // One character a byte: tests of streams send ASCII.
    this.#text += new TextDecoder("latin1").decode(chunk.subarray(0, count));
    return true;
  }
}
